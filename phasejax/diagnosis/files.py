"""Views, labels and groups from files: .npy, .npz, .csv and .parquet. Pickled Python objects are never loaded.

A source is a path, or a path and a part of it after a colon: `pairs.npz:x` is an array of an archive, and `pairs.csv:bill,wing`
are columns of a table. Without a part, an archive must hold one array, and a table gives all its columns of numbers.
"""

import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

SUFFIXES = (".npy", ".npz", ".csv", ".parquet")


class Column(NamedTuple):
    """Labels or groups: `values` (n,) or (n, q), and the rows `known` (n,) at which none of them is missing."""

    values: np.ndarray
    known: np.ndarray


def read_view(source: str) -> np.ndarray:
    """A view (n, d) of numbers. A parquet column of equally long lists counts as that many columns.

    **Raises:** `ValueError` naming the file and the mistake.
    """
    found = _read(source)
    if isinstance(found, np.ndarray):
        return found[:, None] if found.ndim == 1 else found
    return np.hstack([_numbers(source, column) for _, column in found.items()])


def read_column(source: str) -> Column:
    """Labels or groups, of numbers or of names; in a table, empty cells, NA and NaN are missing.

    **Raises:** `ValueError` naming the file and the mistake.
    """
    found = _read(source)
    if isinstance(found, np.ndarray):
        values = found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found
        if values.dtype.kind == "S":
            values = np.char.decode(values, "utf-8", "replace")
        missing = values == "" if values.dtype.kind == "U" else values != values
        return Column(values, ~np.asarray(missing).reshape(len(values), -1).any(axis=1))
    known = found.notna().all(axis=1).to_numpy()
    columns = [_filled(column) for _, column in found.items()]
    if len({column.dtype.kind in "OUb" for column in columns}) > 1:
        raise ValueError(f"{source} mixes columns of numbers and of names: choose one kind, as in FILE:column.")
    return Column(columns[0] if len(columns) == 1 else np.stack(columns, axis=1), known)


def _read(source: str) -> np.ndarray | pd.DataFrame:
    """The array or the chosen columns of a source."""
    path, part = _split(source)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path} is of no known kind: one of {', '.join(SUFFIXES)} is needed.")
    try:
        if path.suffix == ".npy":
            return _array(path, part)
        if path.suffix == ".npz":
            return _member(path, part)
        return _chosen(path, _table(path), part)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or 'it is damaged'}.") from error


def _split(source: str) -> tuple[Path, str | None]:
    path, colon, part = source.rpartition(":")
    if not colon or Path(source).exists():
        return Path(source), None
    return Path(path), part


def _array(path: Path, part: str | None) -> np.ndarray:
    if part is not None:
        raise ValueError(f"{path} holds one array: no part {part!r} can be chosen.")
    try:
        found = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} {_trouble(error)}.") from error
    if not isinstance(found, np.ndarray) or found.ndim == 0:
        raise ValueError(f"{path} holds no array with rows: save one row for each pair.")
    return found


def _member(path: Path, part: str | None) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = archive.files
            if part is None and len(names) != 1:
                raise ValueError(f"{path} holds {len(names)} arrays ({', '.join(names)}): choose one, as in {path.name}:NAME.")
            if part is not None and part not in names:
                raise ValueError(f"{path} holds no array {part!r}: it holds {', '.join(names)}.")
            found = archive[part or names[0]]
            if not isinstance(found, np.ndarray) or found.ndim == 0:
                raise TypeError("no array with rows")
            return found
    except (zlib.error, AttributeError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged, or no NumPy archive.") from error
    except ValueError as error:
        if str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path} {_trouble(error)}.") from error


def _trouble(error: Exception) -> str:
    if "pickle" in str(error).lower() and "Object arrays" in str(error):
        return "holds Python objects, which are never loaded: save an array of numbers or of text"
    return "is damaged, or no NumPy array"


def _table(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        try:
            return pd.read_parquet(path, engine="pyarrow")
        except ImportError as error:
            raise ValueError(f"{path} needs pyarrow: install it with pip install 'phasejax[data]'.") from error
        except ValueError as error:  # pyarrow's own errors are ValueErrors
            raise ValueError(f"{path} is damaged, or no parquet file.") from error
    try:
        first = pd.read_csv(path, header=None, nrows=1)
        # Numbers from the first row on: no header, unless they number the columns.
        bare = all(pd.api.types.is_numeric_dtype(kind) for kind in first.dtypes)
        bare = bare and not (first.shape[1] > 1 and np.array_equal(first.to_numpy()[0], np.arange(first.shape[1])))
        table = pd.read_csv(path, header=None if bare else 0, low_memory=False)
    except ValueError as error:  # pandas' parser errors and wrong encodings are ValueErrors
        raise ValueError(f"{path} is no table of comma-separated values in UTF-8.") from error
    unnamed = [name for name in table.columns if str(name).startswith("Unnamed: ")]  # an index that was written along
    return table.drop(columns=unnamed).rename(columns=str)


def _chosen(path: Path, table: pd.DataFrame, part: str | None) -> pd.DataFrame:
    if part is not None:
        names = [name.strip() for name in part.split(",")]
        absent = [name for name in names if name not in table.columns]
        if absent:
            known = ", ".join(map(str, table.columns[:12])) + (", …" if table.shape[1] > 12 else "")
            raise ValueError(f"{path} has no column {absent[0]!r}: it has {known}.")
        return table.loc[:, names]
    if table.shape[1] == 1:
        return table
    numbers = table.select_dtypes("number")
    if numbers.empty:
        raise ValueError(f"{path} has no column of numbers: choose columns by name, as in {path.name}:NAME.")
    return numbers


def _numbers(source: str, column: pd.Series) -> np.ndarray:
    """A column of a view as (n, 1), or (n, length) where its cells are lists."""
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
        return column.to_numpy(dtype=float, na_value=np.nan)[:, None]
    cells = column.to_list()
    if all(isinstance(cell, np.ndarray | list) for cell in cells) and len({len(cell) for cell in cells}) == 1:
        try:
            return np.array(cells, dtype=float)
        except (TypeError, ValueError):
            pass
    raise ValueError(f"{source}: column {column.name!r} does not hold numbers, or equally long lists of them.")


def _filled(column: pd.Series) -> np.ndarray:
    """Numbers as they are, names as objects with None where missing. Whole numbers stay whole next to missing ones."""
    if pd.api.types.is_bool_dtype(column.dtype) or not pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype(object).where(column.notna(), None).to_numpy(object)
    present = column.dropna().to_numpy()
    if np.isfinite(present).all() and (present == np.floor(present)).all() and column.isna().any():
        return column.fillna(0).to_numpy(np.int64)
    return column.to_numpy()

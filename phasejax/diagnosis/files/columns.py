"""Columns of a table as a view or as labels; every column that is not used is named."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pandas as pd

from phasejax.diagnosis.files.damage import BadFile

type Table = dict[str, pd.Series]
_LISTS = list | np.ndarray
_ROWS = "it numbers the rows"


def numbers(path: Path, table: Table, part: str | None, say: Callable[[str], None]) -> pd.DataFrame:
    """The chosen columns as a view (n, d). Without a choice: the one column of lists, or else all columns of numbers.

    **Raises:** `BadFile` for a column that was chosen and is not of numbers, and for numbers with something among them.
    """
    if part is not None:
        chosen, left_out = _columns(path, table, part), {}
    else:
        chosen, left_out = _columns_that_count(path, table)
    parts = {name: _numbers(path, table[name]) for name in chosen}
    names = [f"{name}[{i}]" if part.shape[1] > 1 else name for name, part in parts.items() for i in range(part.shape[1])]
    say(f"{path}: {_counted(chosen, len(names), left_out)}.")
    return pd.DataFrame(np.hstack(list(parts.values())), columns=names)


def labels(path: Path, table: Table, part: str | None, say: Callable[[str], None]) -> np.ndarray:
    """The chosen columns as labels (n,) or (n, q), None or NaN where missing. Without a choice: all that do not number rows.

    **Raises:** `BadFile` for names next to numbers, in one column of measurements or in two columns.
    """
    if part is not None:
        chosen, left_out = _columns(path, table, part), {}
    else:
        left_out = {name: _ROWS for name in table if _numbers_rows(table[name])} if len(table) > 1 else {}
        chosen = [name for name in table if name not in left_out]
    columns = [_labels(path, table[name]) for name in chosen]
    if len({_is_numeric(table[name]) for name in chosen}) > 1:
        one = f"choose one kind, as in {path.name}:{chosen[0]}"
        raise BadFile(f"{path} mixes columns of numbers and of names ({', '.join(chosen)}): {one}.")
    say(f"{path}: {_counted(chosen, len(chosen), left_out)}.")
    return columns[0] if len(columns) == 1 else np.stack(columns, axis=1)


def _columns(path: Path, table: Table, part: str) -> list[str]:
    """Names of the columns that a choice such as `bill, wing*` means, each once."""
    chosen: dict[str, None] = {}
    for wish in map(str.strip, part.split(",")):
        found = [wish] if wish in table else [name for name in table if fnmatchcase(name, wish)]
        if not found:
            known = ", ".join(list(table)[:12]) + (", …" if len(table) > 12 else "")
            raise BadFile(f"{path} has no column {wish!r}: it has {known}.")
        chosen |= dict.fromkeys(found)
    return list(chosen)


def _columns_that_count(path: Path, table: Table) -> tuple[list[str], dict[str, str]]:
    """The columns that are a view where none are chosen, and why each other one is left out."""
    lists = [name for name in table if _holds_lists(table[name])]
    if len(lists) > 1:
        raise BadFile(f"{path} holds lists in {', '.join(lists)}: choose one, as in {path.name}:{lists[0]}.")
    left_out = {name: _ROWS for name in table if _numbers_rows(table[name])}
    rest = [name for name in table if name not in left_out and name not in lists]
    chosen = [name for name in rest if _is_numeric(table[name]) or _measured(table[name])]
    left_out |= {name: "not numbers" for name in rest if name not in chosen}
    if lists:
        return lists, left_out | dict.fromkeys(chosen, "beside the lists")
    if not chosen:
        raise BadFile(f"{path} has no column of numbers: choose columns by name, as in {path.name}:NAME.")
    return chosen, left_out


def _numbers(path: Path, column: pd.Series) -> np.ndarray:
    """A column of a view as (n, 1), or (n, length) where its cells are lists."""
    if _is_numeric(column) or pd.api.types.is_bool_dtype(column.dtype):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        if np.isnan(values).any():
            row = int(np.isnan(values).argmax())
            raise BadFile(f"{path}: column {column.name!r} has no number in row {row}: finite numbers are needed.")
        return values[:, None]
    if _holds_lists(column):
        cells = column.to_list()
        lengths = np.array([len(cell) if isinstance(cell, _LISTS) else -1 for cell in cells])
        if (lengths != lengths[0]).any():
            row = int((lengths != lengths[0]).argmax())
            other = "nothing" if lengths[row] < 0 else f"{lengths[row]} numbers"
            raise BadFile(
                f"{path}: column {column.name!r} holds {lengths[0]} numbers in row 0 and {other} in row {row}: "
                "equally long lists are needed."
            )
        try:
            return np.array(cells, dtype=float)
        except (TypeError, ValueError) as error:
            raise BadFile(f"{path}: column {column.name!r} holds lists of something other than numbers.") from error
    values, odd = _among_numbers(column)
    if values.size and odd.size:
        raise BadFile(
            f"{path}: column {column.name!r} holds {column.iloc[odd[0]]!r} in row {odd[0]}, among numbers: "
            f"numbers are needed, or choose other columns, as in {path.name}:NAME."
        )
    raise BadFile(f"{path}: column {column.name!r} does not hold numbers, or equally long lists of them.")


def _labels(path: Path, column: pd.Series) -> np.ndarray:
    """Numbers as they are, names as objects with None where missing. Whole numbers stay whole next to missing ones."""
    if _holds_lists(column):
        return _numbers(path, column)
    if not _is_numeric(column):
        values, _ = _among_numbers(column)
        if _measured(column) and (values != np.floor(values)).any():  # whole numbers may be names, as in 1, 2, 2b
            _numbers(path, column)
        return column.astype(object).where(column.notna(), None).to_numpy(object)
    present = column.dropna().to_numpy(dtype=float)
    if column.isna().any() and np.isfinite(present).all() and (present == np.floor(present)).all():
        return np.array([None if pd.isna(value) else int(value) for value in column], dtype=object)
    return column.to_numpy()


def _is_numeric(column: pd.Series) -> bool:
    kind = column.dtype
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind) and kind.kind != "c"


def _holds_lists(column: pd.Series) -> bool:
    return column.dtype == object and len(column) > 0 and isinstance(column.iloc[0], _LISTS)


def _numbers_rows(column: pd.Series) -> bool:
    """Whether whole numbers count the rows up by 1."""
    return column.dtype.kind in "iu" and len(column) > 1 and bool((column.diff().iloc[1:] == 1).all())


def _measured(column: pd.Series) -> bool:
    """Whether a column of text holds numbers for the most part."""
    values, odd = _among_numbers(column)
    return 0 < values.size >= odd.size


def _among_numbers(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """The numbers that a column of text holds, and the rows with something else; none of both where it is not of text."""
    if pd.api.types.infer_dtype(column, skipna=True) not in ("string", "mixed", "mixed-integer"):
        return np.zeros(0), np.zeros(0, int)
    parsed = np.asarray(pd.to_numeric(column, errors="coerce"), float)
    return parsed[~np.isnan(parsed)], np.flatnonzero(np.isnan(parsed) & column.notna().to_numpy())


def _counted(chosen: list[str], width: int, left_out: dict[str, str]) -> str:
    """What was used of a table, and what was not."""
    shown = ", ".join(chosen[:12]) + (", …" if len(chosen) > 12 else "")
    used = (
        f"lists of {width} numbers in column {shown}" if width > len(chosen) else f"{width} column{'s' * (width > 1)} ({shown})"
    )
    unused = ", ".join(f"{name} ({why})" for name, why in left_out.items())
    return used + (f"; left out: {unused}" if unused else "")

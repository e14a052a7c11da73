"""Views, labels and groups from files of many kinds. Nothing in a file is ever executed: pickled objects are refused.

A source is a path, or a path and a part of it after a colon: an array of an archive (`pairs.npz:x`), columns of a table
(`pairs.csv:bill,wing*`, where * stands for anything), or an element of an HDF5 file (`cells.h5ad:obsm/X_pca`). Without a
part, an archive must hold one array; a table gives its one column of lists, or else all its columns of numbers.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from phasejax.diagnosis.files import arrays, columns, tables
from phasejax.diagnosis.files.damage import BadFile

ARRAYS = {
    ".npy": arrays.npy,
    ".npz": arrays.npz,
    ".safetensors": arrays.safetensors,
    ".h5": arrays.hdf5,
    ".hdf5": arrays.hdf5,
    ".h5ad": arrays.hdf5,
    ".h5mu": arrays.hdf5,
}
TABLES = {
    ".csv": tables.csv,
    ".tsv": tables.csv,
    ".csv.gz": tables.csv,
    ".tsv.gz": tables.csv,
    ".jsonl": tables.jsonl,
    ".parquet": tables.parquet,
    ".arrow": tables.arrow,
    ".feather": tables.arrow,
}
_TORCH = (".pt", ".pth", ".ckpt")
_PICKLES = (".pkl", ".pickle", ".joblib")

type Say = Callable[[str], None]


def read_view(source: str, *, say: Say = lambda sentence: None) -> np.ndarray:
    """A view (n, d). A column of equally long lists counts as that many columns. `say` hears what was used and left out.

    **Raises:** `BadFile`, a `ValueError`, naming the file and the mistake.
    """
    return np.asarray(read_named_view(source, say=say))


def read_named_view(source: str, *, say: Say = lambda sentence: None) -> np.ndarray | pd.DataFrame:
    """As `read_view`, and from a table with the names of its columns.

    **Raises:** `BadFile`, a `ValueError`, naming the file and the mistake.
    """
    path, part, found = _read(source)
    if isinstance(found, dict):
        return columns.numbers(path, found, part, say)
    say(f"{source}: an array of {' × '.join(map(str, found.shape))}.")
    return found[:, None] if found.ndim == 1 else found


def read_column(source: str, *, say: Say = lambda sentence: None) -> np.ndarray:
    """Labels or groups (n,) or (n, q), of numbers or of names. Missing ones are None, NaN or "".

    **Raises:** `BadFile`, a `ValueError`, naming the file and the mistake.
    """
    path, part, found = _read(source)
    if isinstance(found, dict):
        return columns.labels(path, found, part, say)
    say(f"{source}: an array of {' × '.join(map(str, found.shape))}.")
    return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found


def _read(source: str) -> tuple[Path, str | None, np.ndarray | columns.Table]:
    """The path, the part, and the array or the whole table of a source."""
    path, part = _split(source)
    ending = next((known for known in (*TABLES, *ARRAYS, *_TORCH, *_PICKLES) if path.name.lower().endswith(known)), None)
    if ending in _TORCH:
        convert = f"import numpy, torch; numpy.save('{path.stem}.npy', torch.load('{path.name}', weights_only=True).numpy())"
        raise BadFile(f'{path} may hold code, which is never run: convert it with python -c "{convert}".')
    if ending is None or ending in _PICKLES:
        raise BadFile(f"{path} is of no kind that is read: one of {', '.join((*ARRAYS, *TABLES))} is needed.")
    if path.exists() and not path.is_file():
        raise BadFile(f"{path} is no regular file: a file of one of the kinds {', '.join((*ARRAYS, *TABLES))} is needed.")
    try:
        found = ARRAYS[ending](path, part) if ending in ARRAYS else _table(path, TABLES[ending](path))
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror or 'it is damaged'}.") from error
    except ImportError as error:
        raise BadFile(f"{path} needs {error.name or error}: install it with pip install 'phasejax[data]'.") from error
    except MemoryError as error:
        raise BadFile(f"{path} takes more memory than there is.") from error
    if isinstance(found, np.ndarray) and (found.ndim == 0 or found.size == 0):
        raise BadFile(f"{path} holds no array with rows: save one row for each pair.")
    return path, part, found


def _table(path: Path, table: pd.DataFrame) -> columns.Table:
    """The columns by name."""
    named = {str(name): column for name, column in table.items()}
    if len(named) < table.shape[1]:
        raise BadFile(f"{path} has two columns of one name: rename one.")
    if table.empty:
        raise BadFile(f"{path} holds no rows: one for each pair is needed.")
    return named


def _split(source: str) -> tuple[Path, str | None]:
    """The path and the part: at the last colon that leaves the name of an existing file, else at the last colon."""
    if Path(source).exists() or ":" not in source:
        return Path(source), None
    colons = [place for place, letter in enumerate(source) if letter == ":"][::-1]
    colon = next((place for place in colons if Path(source[:place]).exists()), colons[0])
    return Path(source[:colon]), source[colon + 1 :]


__all__ = ["ARRAYS", "TABLES", "BadFile", "read_column", "read_named_view", "read_view"]

"""What the diagnostic refuses, each mistake in one sentence."""

import numpy as np

FEWEST_PAIRS = 30


def real_array(name: str, value) -> np.ndarray:
    """The value as an array of real numbers. **Raises:** `ValueError` for anything else, such as complex or object arrays."""
    value = np.asarray(value)
    if value.dtype.kind not in "fiub":
        raise ValueError(f"{name} is an array of type {value.dtype}: real numbers are needed.")
    return value


def view(name: str, value) -> np.ndarray:
    """A view (n, d) of at least 30 finite rows that are not all the same."""
    value = real_array(name, value)
    if value.ndim != 2 or 0 in value.shape:
        raise ValueError(f"{name} has shape {value.shape}: a matrix with one row for each pair is needed.")
    if len(value) < FEWEST_PAIRS:
        raise ValueError(f"{name} has {len(value)} rows: at least {FEWEST_PAIRS} pairs are needed.")
    rows = np.flatnonzero(~np.isfinite(value.sum(axis=1, dtype=np.float64)))  # no mask of the whole view
    if rows.size and (bad := np.argwhere(~np.isfinite(value[rows]))).size:
        row, column = rows[bad[0, 0]], bad[0, 1]
        raise ValueError(f"{name}[{row}, {column}] = {value[row, column]}: finite numbers are needed.")
    if not (value.max(axis=0) > value.min(axis=0)).any():
        raise ValueError(f"{name} is constant: all its rows are equal, so it holds no information.")
    return value


def same_rows(x: np.ndarray, y: np.ndarray) -> None:
    """Pairs need as many rows in x as in y."""
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows and y has {len(y)}: pairs need the same number.")


def group_codes(groups, n: int) -> np.ndarray:
    """Group of each row as a code 0, 1, … (n,); each row is its own group where no groups are given."""
    if groups is None:
        return np.arange(n)
    groups = np.asarray(groups)
    if groups.shape != (n,):
        raise ValueError(f"groups have shape {groups.shape}: ({n},) is needed, one for each pair.")
    names, codes = np.unique(groups.astype(str) if groups.dtype == object else groups, return_inverse=True)
    if names.size < 2:
        raise ValueError(f"one group ({names[0]}) holds every row: at least two groups are needed.")
    return codes

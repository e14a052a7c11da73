"""What the diagnostic refuses, each mistake in one sentence."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import ArrayLike

FEWEST_PAIRS = 30
type ViewLike = ArrayLike | pd.DataFrame


def array_of(name: str, value) -> np.ndarray:
    """The value as an array. What is missing stays so: masked entries become None, NaN among names stays a float.

    **Raises:** `ValueError` for rows of unequal length.
    """
    if isinstance(value, np.ma.MaskedArray):
        if not np.ma.is_masked(value):
            return value.data
        seen = value.data.astype(object)
        seen[np.ma.getmaskarray(value)] = None
        return seen
    if isinstance(getattr(value, "dtype", None), pd.api.extensions.ExtensionDtype):
        return np.asarray(value, dtype=object)  # whole numbers stay whole beside pandas' NA
    try:
        array = np.asarray(value)
        return np.array(value, dtype=object) if array.dtype.kind in "US" and isinstance(value, list | tuple) else array
    except ValueError as error:
        raise ValueError(f"{name} has rows of unequal length: a matrix with one row for each pair is needed.") from error


def missing_in(array: np.ndarray) -> np.ndarray:
    """Where an entry is missing: NaN, None, pandas' NA or NaT, or an empty string."""
    missing = pd.isna(array)
    if array.dtype == object or array.dtype.kind in "US":
        text = np.where(missing, "", array)
        missing |= (text == "") | (text == b"")
    return missing


def real_array(name: str, value) -> np.ndarray:
    """The value as an array of real numbers; bfloat16 and other short floats that NumPy lacks become float32.

    **Raises:** `ValueError` for anything else, such as complex numbers, names, or missing entries.
    """
    if isinstance(value, pd.DataFrame) and all(kind.kind in "fiub" for kind in value.dtypes):
        value = value.to_numpy(float, na_value=np.nan)
    value = array_of(name, value)
    if value.dtype == object and (lost := np.argwhere(pd.isna(value))).size:
        raise ValueError(f"{name}[{', '.join(map(str, lost[0]))}] is missing: finite numbers are needed.")
    if value.dtype.kind == "V" and value.dtype.names is None and value.dtype.name.startswith("void"):
        raise ValueError(
            f"{name} holds raw entries of {value.dtype.itemsize} bytes, as numpy.save leaves bfloat16: save it as float32."
        )
    if jnp.issubdtype(value.dtype, jnp.floating) and value.dtype.kind != "f":
        return value.astype(np.float32)
    if value.dtype.kind not in "fiub":
        raise ValueError(f"{name} is an array of type {value.dtype}: real numbers are needed.")
    return value


def view(name: str, value, fewest: int = FEWEST_PAIRS) -> np.ndarray:
    """A view (n, d) of at least `fewest` finite rows that are not all the same."""
    value = real_array(name, value)
    if value.ndim != 2 or 0 in value.shape:
        raise ValueError(f"{name} has shape {value.shape}: a matrix with one row for each pair is needed.")
    if len(value) < fewest:
        raise ValueError(f"{name} has {len(value)} rows: at least {fewest} pairs are needed.")
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
    groups = array_of("groups", groups)
    if groups.shape != (n,):
        raise ValueError(f"groups have shape {groups.shape}: ({n},) is needed, one for each pair.")
    if (lost := np.flatnonzero(missing_in(groups))).size:
        raise ValueError(f"groups[{lost[0]}] is missing: each pair needs a group.")
    names, codes = np.unique(groups.astype(str) if groups.dtype == object else groups, return_inverse=True)
    if names.size < 2:
        raise ValueError(f"one group ({names[0]}) holds every row: at least two groups are needed.")
    return codes


def names_of(name: str, value, columns: int) -> list[str]:
    """Names of a view's columns: those of a data frame, or x0, x1, … (y0, y1, …) by the `name` of the view."""
    own = getattr(value, "columns", None)
    return [f"{name}{i}" for i in range(columns)] if own is None else [str(column) for column in own]

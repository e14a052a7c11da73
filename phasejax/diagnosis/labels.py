"""Labels of any kind as a matrix of uncorrelated columns, and which rows carry one."""

from typing import NamedTuple

import numpy as np

from phasejax.diagnosis.checks import array_of, missing_in, real_array

MOST_COLUMNS = 32
_MOST_CLASSES = 50  # more distinct whole numbers than this are a quantity, not names
_FEWEST_LABELS = 10
_NAMES, _NUMBERS = str | bytes | bool | np.bool_, int | float | np.integer | np.floating


class Labels(NamedTuple):
    """`rows` (n_labelled,) are the labelled rows; `columns` (n_labelled, L) are centred, uncorrelated, of variance 1.

    `raw` (n_labelled, L') are the columns as given, one for each class of each column of classes.
    `kind` says how the labels were read: "continuous" or "classes".
    """

    rows: np.ndarray
    columns: np.ndarray
    raw: np.ndarray
    kind: str


def read_labels(labels, n: int, labelled=None) -> Labels:
    """Labels (n,) or (n, q) of n pairs.

    Floats are quantities. Strings, booleans and whole numbers of at most 50 distinct values are classes. NaN, None, pandas'
    NA, a masked entry and the empty string mean "no label", and so does False in the mask `labelled` (n,). More than 32
    independent columns are reduced to those 32 directions of label space that vary most.

    **Raises:** `ValueError` on a wrong length, complex or infinite labels, names mixed with numbers, fewer than 10 labels, or
    labels all equal.
    """
    labels = array_of("labels", labels)
    if labels.ndim not in (1, 2) or labels.shape[0] != n:
        raise ValueError(f"labels have shape {labels.shape}: ({n},) or ({n}, columns) is needed, one row for each pair.")
    table = labels.reshape(n, -1)
    missing = missing_in(table)
    classes = _are_classes(table, missing)
    if not classes:
        table = real_array("labels", np.where(missing, np.nan, table).astype(float) if table.dtype == object else table)
        table = table.astype(float)
    rows = _mask(labelled, n) & ~missing.any(axis=1)
    if not classes and np.isinf(table[rows]).any():
        row, column = np.argwhere(np.isinf(table) & rows[:, None])[0]
        raise ValueError(f"labels[{row}, {column}] is infinite: labels must be finite, or NaN where a row has none.")
    kept = np.flatnonzero(rows)
    if kept.size < _FEWEST_LABELS:
        raise ValueError(f"{kept.size} of {n} pairs are labelled: at least {_FEWEST_LABELS} labels are needed.")
    columns = np.hstack([_one_hot(column) for column in table[kept].T]) if classes else table[kept]
    return Labels(kept, _uncorrelated(columns), columns, "classes" if classes else "continuous")


def _mask(labelled, n: int) -> np.ndarray:
    if labelled is None:
        return np.ones(n, bool)
    labelled = np.asarray(labelled)
    if labelled.shape != (n,) or labelled.dtype != bool:
        raise ValueError(
            f"the mask of labelled rows is {labelled.dtype} of shape {labelled.shape}: booleans ({n},) are needed."
        )
    return labelled


def _are_classes(table: np.ndarray, missing: np.ndarray) -> bool:
    """Whether labels are names of classes rather than quantities.

    **Raises:** `ValueError` where names and numbers are mixed, or where a label is neither.
    """
    if table.dtype != object:
        few = table.dtype.kind in "iu" and table.shape[1] == 1 and np.unique(table).size <= _MOST_CLASSES
        return few or table.dtype.kind in "bUS"
    present = table[~missing]
    names, numbers = (np.array([isinstance(value, kinds) for value in present], bool) for kinds in (_NAMES, _NUMBERS))
    if not (names | numbers).all():
        value = present[int(np.argmin(names | numbers))]
        raise ValueError(f"labels hold {value!r}, a {type(value).__name__}: names, numbers or booleans are needed.")
    if names.any() and not names.all():
        name, number = present[int(np.argmax(names))], present[int(np.argmin(names))]
        raise ValueError(f"labels mix names and numbers ({name!r} and {number!r}): choose one kind.")
    if names.all():
        return True
    whole = all(isinstance(value, int | np.integer) for value in present)
    return whole and table.shape[1] == 1 and len(set(present)) <= _MOST_CLASSES


def _one_hot(column: np.ndarray) -> np.ndarray:
    _, codes = np.unique(column.astype(str), return_inverse=True)
    return np.eye(codes.max() + 1)[codes]


def _uncorrelated(columns: np.ndarray) -> np.ndarray:
    columns = columns - columns.mean(axis=0)
    scale = np.sqrt(np.mean(columns**2, axis=0))
    moving = scale > 1e-12 * np.maximum(np.abs(columns).max(axis=0, initial=0), 1e-300)
    if not moving.any():
        raise ValueError("the labels are all equal: labels that differ are needed to tell signal from nuisance.")
    u, sigma, _ = np.linalg.svd(columns[:, moving] / scale[moving], full_matrices=False)
    kept = (sigma > 1e-6 * sigma[0])[:MOST_COLUMNS].sum()
    return u[:, :kept] * np.sqrt(len(columns))

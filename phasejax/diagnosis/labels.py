"""Labels of any kind as a matrix of uncorrelated columns, and which rows carry one."""

from typing import NamedTuple

import numpy as np

from phasejax.diagnosis.checks import real_array

MOST_COLUMNS = 32
_MOST_CLASSES = 50  # more distinct whole numbers than this are a quantity, not names
_FEWEST_LABELS = 10


class Labels(NamedTuple):
    """`rows` (n_labelled,) are the labelled rows; `columns` (n_labelled, L) are centred, uncorrelated, of variance 1.

    `kind` says how the labels were read: "continuous" or "classes".
    """

    rows: np.ndarray
    columns: np.ndarray
    kind: str


def read_labels(labels, n: int, labelled=None) -> Labels:
    """Labels (n,) or (n, q) of n pairs.

    Floats are quantities. Strings, booleans and whole numbers of at most 50 distinct values are classes. NaN, None and the
    empty string mean "no label", and so does False in the mask `labelled` (n,). More than 32 independent columns are
    reduced to those 32 directions of label space that vary most.

    **Raises:** `ValueError` on a wrong length, complex or infinite labels, fewer than 10 of them, or labels all equal.
    """
    labels = np.asarray(labels)
    if labels.ndim not in (1, 2) or labels.shape[0] != n:
        raise ValueError(f"labels have shape {labels.shape}: ({n},) or ({n}, columns) is needed, one row for each pair.")
    table = labels.reshape(n, -1)
    rows = _mask(labelled, n)
    classes = _are_classes(table)
    if classes:
        missing = np.array([[_is_missing(value) for value in row] for row in table]) if table.dtype == object else table == ""
        missing = missing if table.dtype.kind in "OUS" else np.zeros(table.shape, bool)
        rows = rows & ~missing.any(axis=1)
    else:
        table = real_array("labels", table.astype(float) if table.dtype == object else table).astype(float)
        rows = rows & ~np.isnan(table).any(axis=1)
        if np.isinf(table[rows]).any():
            row, column = np.argwhere(np.isinf(table) & rows[:, None])[0]
            raise ValueError(f"labels[{row}, {column}] is infinite: labels must be finite, or NaN where a row has none.")
    kept = np.flatnonzero(rows)
    if kept.size < _FEWEST_LABELS:
        raise ValueError(f"{kept.size} of {n} pairs are labelled: at least {_FEWEST_LABELS} labels are needed.")
    columns = np.hstack([_one_hot(column) for column in table[kept].T]) if classes else table[kept]
    return Labels(kept, _uncorrelated(columns), "classes" if classes else "continuous")


def _mask(labelled, n: int) -> np.ndarray:
    if labelled is None:
        return np.ones(n, bool)
    labelled = np.asarray(labelled)
    if labelled.shape != (n,) or labelled.dtype != bool:
        raise ValueError(
            f"the mask of labelled rows is {labelled.dtype} of shape {labelled.shape}: booleans ({n},) are needed."
        )
    return labelled


def _are_classes(table: np.ndarray) -> bool:
    if table.dtype == object:
        present = [value for value in table.ravel() if not _is_missing(value)]
        if all(isinstance(value, int | np.integer) and not isinstance(value, bool) for value in present):
            return table.shape[1] == 1 and len(set(present)) <= _MOST_CLASSES
        return not all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in present)
    if table.dtype.kind in "iu":
        return table.shape[1] == 1 and np.unique(table).size <= _MOST_CLASSES
    return table.dtype.kind in "bUS"


def _is_missing(value) -> bool:
    return value is None or value == "" or value != value


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

"""Do rows, as the file orders them, look like a series?"""

import numpy as np
from jaxtyping import Float, Int

from phasejax.diagnosis.labels import Labels

_COMPONENTS = 8
_ROUNDS = 3  # of finding where one class follows another; the first begins halfway between labelled rows
_FEWEST = 30  # neighbours, without which nothing is said
_BEYOND_CHANCE = 4.5  # standard deviations; with 16 components and a handful of lengths, about 1 in 1000 by chance


def alone(groups: Int[np.ndarray, " n"]) -> bool:
    """Whether every row is a group of its own."""
    return np.bincount(groups).size == groups.size


def unexplained(scores: Float[np.ndarray, "n r"], labels: Labels, groups: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n c"]:
    """The leading columns of `scores` less what groups and labels explain: a file sorted by its labels is no series."""
    values = scores[:, :_COMPONENTS]
    if (sizes := np.bincount(groups)).size < len(values):
        sums = np.zeros((sizes.size, values.shape[1]))
        np.add.at(sums, groups, values)
        values = values - (sums / sizes[:, None])[groups]
    design = np.hstack([np.ones((len(values), 1)), _filled(labels, values)])
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


def _filled(labels: Labels, values: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n L"]:
    """Label columns of all rows, as they are where the file is sorted by them.

    Between two labelled rows quantities are interpolated, and one class follows the other from the row on for which the classes
    explain `values` best.
    """
    rows, order = labels.rows, np.arange(len(values))
    if labels.kind == "continuous":
        return np.stack([np.interp(order, rows, column) for column in labels.columns.T], axis=1)
    _, first, codes = np.unique(labels.raw, axis=0, return_index=True, return_inverse=True)
    gap = np.searchsorted(rows, order, side="right")  # rows from one labelled row up to the next share a number
    earlier, later = codes[np.maximum(gap - 1, 0)], codes[np.minimum(gap, rows.size - 1)]
    start = np.flatnonzero(np.diff(gap, prepend=-1))
    size = np.diff(start, append=order.size)
    belongs = np.where(order - start.repeat(size) < size.repeat(size) / 2, earlier, later)
    for _ in range(_ROUNDS):  # means of classes, then the rows from which they explain best
        means = np.stack([values[belongs == code].mean(axis=0) for code in range(first.size)])
        nearer = np.sum((values - means[later]) ** 2 - (values - means[earlier]) ** 2, axis=1)
        gain = np.cumsum(nearer)
        best = np.maximum.reduceat(gain, start).repeat(size)
        change = np.minimum.reduceat(np.where(gain == best, order, order.size), start).repeat(size)
        belongs = np.where(order <= change, earlier, later)
    return labels.columns[first[belongs]]


def autocorrelation(values: Float[np.ndarray, "n c"], groups: Int[np.ndarray, " n"]) -> tuple[float, bool]:
    """Largest lag-one autocorrelation of columns, and whether some of it is beyond chance.

    Means over 4, 16, 64, … rows are looked at too, as a slow drift hides in the noise of single rows.
    """
    first, serial, length = 0.0, False, 1
    while len(values) > _FEWEST and (length == 1 or alone(groups)):
        lagged, neighbours = _lagged(values, groups, 1)
        if neighbours < _FEWEST:
            break
        first = lagged if length == 1 else first
        serial = serial or lagged > _BEYOND_CHANCE / np.sqrt(neighbours)
        values, length = values[: len(values) // 4 * 4].reshape(-1, 4, values.shape[1]).mean(axis=1), 4 * length
    return first, serial


def alike_at(values: Float[np.ndarray, "n c"], groups: Int[np.ndarray, " n"], rows: Int[np.ndarray, " m"]) -> bool:
    """Whether `rows` (ascending) are alike from one to the next, at their median distance, beyond what their number hides."""
    lagged, neighbours = _lagged(values, groups, int(np.median(np.diff(rows))))
    return neighbours < _FEWEST or lagged > 1 / np.sqrt(rows.size)


def _lagged(values: Float[np.ndarray, "n c"], groups: Int[np.ndarray, " n"], lag: int) -> tuple[float, int]:
    """Largest autocorrelation of a column at a lag, and of how many pairs of rows, none from two groups."""
    joined = np.ones(len(values) - lag, bool) if alone(groups) else groups[lag : len(values)] == groups[: len(values) - lag]
    if not joined.any():
        return 0.0, 0
    deviation = values - values.mean(axis=0)
    variance = np.maximum(np.mean(deviation**2, axis=0), 1e-300)
    return float(np.max(np.mean((deviation[lag:] * deviation[:-lag])[joined], axis=0) / variance)), int(joined.sum())

"""Do rows, as the file orders them, look like a series?"""

import numpy as np
from jaxtyping import Float, Int

from phasejax.diagnosis.labels import Labels

_COMPONENTS = 8
_FEWEST = 30  # neighbours, without which nothing is said
_BEYOND_CHANCE = 4.5  # standard deviations; with 16 components and a handful of lengths, about 1 in 1000 by chance


def alone(groups: Int[np.ndarray, " n"]) -> bool:
    """Whether every row is a group of its own."""
    return np.bincount(groups).size == groups.size


def unexplained(scores: Float[np.ndarray, "n r"], labels: Labels, groups: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n c"]:
    """The leading columns of `scores` less what groups and labels explain: a file sorted by class is no series.

    Labels of the rows between are interpolated in file order, which is exact where a file is sorted by them.
    """
    values, rows = scores[:, :_COMPONENTS], labels.rows
    if (sizes := np.bincount(groups)).size < len(values):
        sums = np.zeros((sizes.size, values.shape[1]))
        np.add.at(sums, groups, values)
        values = values - (sums / sizes[:, None])[groups]
    between = [np.interp(np.arange(len(values)), rows, column) for column in labels.columns.T]
    design = np.stack([np.ones(len(values)), *between], axis=1)
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


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

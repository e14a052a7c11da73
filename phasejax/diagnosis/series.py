"""Do rows, as the file orders them, look like a series?"""

import numpy as np
from jaxtyping import Float, Int

from phasejax.diagnosis.labels import Labels

_COMPONENTS = 8
_FEWEST = 30  # neighbours, without which nothing is said
_BEYOND_CHANCE = 4.5  # standard deviations; with 16 components and a handful of lengths, about 1 in 1000 by chance
_STRETCHES = 40


def autocorrelation(scores: Float[np.ndarray, "n r"], labels: Labels, groups: Int[np.ndarray, " n"]) -> tuple[float, bool]:
    """Largest lag-one autocorrelation of the leading columns of `scores`, and whether some of it is beyond chance.

    What groups and labels explain is taken out first: a file sorted by class is no series. Means over 4, 16, 64, … rows are
    looked at too, as a slow drift hides in the noise of single rows.
    """
    values = scores[:, :_COMPONENTS]
    if (sizes := np.bincount(groups)).size < len(values):
        sums = np.zeros((sizes.size, values.shape[1]))
        np.add.at(sums, groups, values)
        values = values - (sums / sizes[:, None])[groups]
    if labels.rows.size > len(values) / 2:
        design = np.hstack([np.ones((labels.rows.size, 1)), labels.columns])
        values, groups = values[labels.rows], groups[labels.rows]
        values = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    alone = np.unique(groups).size == groups.size
    first, serial, length = 0.0, False, 1
    while len(values) > _FEWEST and (length == 1 or alone):
        joined = np.ones(len(values) - 1, bool) if alone else groups[1:] == groups[:-1]
        if joined.sum() < _FEWEST:
            break
        deviation = values - values.mean(axis=0)
        variance = np.maximum(np.mean(deviation**2, axis=0), 1e-300)
        lagged = np.mean((deviation[1:] * deviation[:-1])[joined], axis=0) / variance
        first = float(lagged.max()) if length == 1 else first
        serial = serial or bool(lagged.max() > _BEYOND_CHANCE / np.sqrt(joined.sum()))
        values, length = values[: len(values) // 4 * 4].reshape(-1, 4, values.shape[1]).mean(axis=1), 4 * length
    return first, serial


def stretches(n: int) -> Int[np.ndarray, " n"]:
    """Group codes of n rows of a series: 40 stretches of consecutive rows, so that folds seldom part neighbours."""
    return np.arange(n) * min(_STRETCHES, n) // n

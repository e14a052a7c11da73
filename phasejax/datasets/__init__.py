"""Real paired data that Python packages ship, read from the installed files; the packages themselves are never imported.

Each dataset is two standardised views of the same objects, labels, and the group of each row: animals of one nest, windows of
one subject and products of one name resemble each other, so that rows split at random flatter every evaluation. Install the
packages with `pip install 'phasejax[data]'`.
"""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np
from jaxtyping import Array, Int, Key

from phasejax.datasets.digits import digit_features, digit_halves
from phasejax.datasets.measured import galaxies, penguins, tumours, wines
from phasejax.datasets.paired import PairedData
from phasejax.datasets.sensors import activities, smartwatch
from phasejax.datasets.words import foods
from phasejax.folds import group_folds

__all__ = [
    "DATASETS",
    "PairedData",
    "activities",
    "digit_features",
    "digit_halves",
    "foods",
    "galaxies",
    "grouped_folds",
    "penguins",
    "smartwatch",
    "tumours",
    "wines",
]

DATASETS: dict[str, Callable[[], PairedData]] = {
    "penguins": penguins,
    "smartwatch": smartwatch,
    "foods": foods,
    "activities": activities,
    "digits fou-kar": partial(digit_features, "fou", "kar"),
    "digits mor-fou": partial(digit_features, "mor", "fou"),
    "digits zer-fac": partial(digit_features, "zer", "fac"),
    "digit halves": digit_halves,
    "tumours": tumours,
    "wines": wines,
    "galaxies": galaxies,
}


def grouped_folds(
    groups: np.ndarray, folds: int, *, key: Key[Array, ""]
) -> list[tuple[Int[np.ndarray, " train"], Int[np.ndarray, " test"]]]:
    """Train and test rows of each of `folds` splits. No group lies on both sides; each row is tested once.

    **Raises:** `ValueError` for fewer than two folds, or more folds than groups.
    """
    count = np.unique(groups).size
    if not 2 <= folds <= count:
        raise ValueError(f"folds = {folds} is not allowed: 2..{count} folds can be made of {count} groups.")
    fold = group_folds(groups, folds, np.random.default_rng(np.asarray(jax.random.key_data(key))))
    return [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(folds)]

"""Folds that keep groups together."""

import heapq

import numpy as np
from jaxtyping import Int, Shaped


def group_folds(groups: Shaped[np.ndarray, " n"], folds: int, rng: np.random.Generator) -> Int[np.ndarray, " n"]:
    """Fold 0, 1, … of each row, of about equal numbers of rows: no group is split.

    Groups are taken in random order, each into the fold that has the fewest rows so far. Fewer groups than folds make one
    fold each.
    """
    _, codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order = rng.permutation(sizes.size)
    fold_of = np.empty(sizes.size, int)
    if (sizes == sizes[0]).all():
        fold_of[order] = np.arange(sizes.size) % folds
    else:
        rows = [(0, fold) for fold in range(min(folds, sizes.size))]
        for group in order:
            count, fold = rows[0]
            fold_of[group] = fold
            heapq.heapreplace(rows, (count + int(sizes[group]), fold))
    return fold_of[codes]

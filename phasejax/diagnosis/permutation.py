"""Are two sets of columns related? A permutation test that respects groups and the order of rows.

Rows of one group, or neighbours in a series, are not free to change places. Within groups, rows are permuted, or moved round as
a whole where they are a series (a single series in three pieces); between groups, whole groups are. Each level is tested by
itself and the smaller p-value is doubled, so that a relation on either level is found and likeness within groups is never taken
for one.
"""

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

PERMUTATIONS = 399
_MOST_ROWS = 2048
_PIECES = 3  # more would break what neighbours share too often


def related(
    a: Float[np.ndarray, "n p"],
    b: Float[np.ndarray, "n q"],
    groups: Int[np.ndarray, " n"],
    rng: np.random.Generator,
    *,
    serial: bool = False,
) -> float:
    """The p-value of "a and b are unrelated", in (0, 1]; columns are uncorrelated, the loudest first.

    `groups` are codes 0, 1, …; `serial` rows (within a group, or all of them where each is its own group) keep their order.
    At most 2048 rows, of whole groups, are looked at. Where nothing can be permuted the p-value is 1.
    """
    rows = some_rows(groups, _MOST_ROWS, rng)
    a, b, groups = a[rows], b[rows], np.unique(groups[rows], return_inverse=True)[1]
    levels = [_p_value(*level) for level in _levels(a - a.mean(axis=0), b - b.mean(axis=0), groups, rng, serial)]
    return min(1.0, len(levels) * min(levels, default=1.0)) or 1.0


def some_rows(groups: Int[np.ndarray, " n"], most: int, rng: np.random.Generator) -> Int[np.ndarray, " m"]:
    """About `most` rows at most, in file order: whole groups, drawn at random; one group at least."""
    sizes = np.bincount(groups)
    order = rng.permutation(sizes.size)
    kept = np.zeros(sizes.size, bool)
    kept[order[: max(1, np.searchsorted(np.cumsum(sizes[order]), most, side="right"))]] = True
    return np.flatnonzero(kept[groups])


def excess(a: Float[np.ndarray, "n p"], arrangements: Iterator[Float[np.ndarray, "n q"]]) -> Float[np.ndarray, " R"]:
    """How far each arrangement of b stands out among all of them.

    Squared covariances of a and b are summed over the first 1, 2, 4, … columns of both: a relation among the loudest columns
    shows in short sums, one that is spread out in long ones. Each sum, made nearly normal by its cube root (Wilson & Hilferty
    1931), is standardised over the arrangements; the largest counts. All arrangements are treated alike, so that the rank
    of one of them is uniform where they are exchangeable.
    """
    squares = ((a.T @ b) ** 2 for b in arrangements)
    root = np.cbrt([(_first(square.shape[0]) @ square @ _first(square.shape[1]).T).ravel() for square in squares])
    spread = root.std(axis=0)
    return np.max((root - root.mean(axis=0)) / np.where(spread > 0, spread, 1), axis=1)


def _p_value(a, b, shuffles: Iterator[Int[np.ndarray, " n"]]) -> float:
    """Share of the arrangements, b as it stands among them, that stand out at least as far as b as it stands."""
    found = excess(a.astype(np.float32), (b[rows] for rows in shuffles))
    return float(np.mean(found >= found[0]))


def _levels(a, b, groups, rng, serial):
    """(a, b, shuffles) between groups, and within them where they have several rows; the first shuffle changes nothing."""
    sizes = np.bincount(groups)
    if sizes.max() == 1:
        yield a, b.astype(np.float32), _pieces(groups.size, rng) if serial else _permutations(groups * 0, rng)
        return
    mean_b = _group_sums(b, groups) / sizes[:, None]
    within_a = a - (_group_sums(a, groups) / sizes[:, None])[groups]
    within_b = b - mean_b[groups]
    if math.factorial(min(sizes.size, 10)) > PERMUTATIONS and np.ptp(mean_b, axis=0).any():
        yield _group_sums(a, groups), mean_b.astype(np.float32), _permutations(np.zeros(sizes.size, int), rng)
    if np.sum(within_b**2) > 1e-9 * np.sum(b**2) and np.sum(within_a**2) > 1e-9 * np.sum(a**2):
        yield within_a, within_b.astype(np.float32), (_rounds if serial else _permutations)(groups, rng)


def _permutations(groups: Int[np.ndarray, " n"], rng: np.random.Generator) -> Iterator[Int[np.ndarray, " n"]]:
    """Rows as they stand, then rows permuted within groups."""
    yield np.arange(groups.size)
    if not groups.any():  # one group
        yield from (rng.permutation(groups.size) for _ in range(PERMUTATIONS))
        return
    home = np.argsort(groups, kind="stable")
    for _ in range(PERMUTATIONS):
        rows = np.empty(groups.size, int)
        rows[home] = np.lexsort((rng.random(groups.size), groups))
        yield rows


def _rounds(groups: Int[np.ndarray, " n"], rng: np.random.Generator) -> Iterator[Int[np.ndarray, " n"]]:
    """Rows as they stand, then rows moved round within each group."""
    home, sizes = np.argsort(groups, kind="stable"), np.bincount(groups)
    start = np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = np.arange(groups.size) - start
    size = sizes[groups[home]]
    yield np.arange(groups.size)
    for _ in range(PERMUTATIONS):
        distance = np.repeat(rng.integers(0, sizes), sizes)
        rows = np.empty(groups.size, int)
        rows[home] = home[start + (place + distance) % size]
        yield rows


def _pieces(n: int, rng: np.random.Generator) -> Iterator[Int[np.ndarray, " n"]]:
    """Rows as they stand, then rows moved round, cut in three and put together in any order, each piece turned about or not:
    moved round alone, few rows would leave few arrangements."""
    rows = np.arange(n)
    yield rows
    orders = rng.permuted(np.tile(np.arange(_PIECES), (PERMUTATIONS, 1)), axis=1)
    turns = rng.choice([-1, 1], size=(PERMUTATIONS, _PIECES))
    for distance, order, turn in zip(rng.integers(0, n, PERMUTATIONS), orders, turns, strict=True):
        pieces = np.array_split(np.roll(rows, distance), _PIECES)
        yield np.concatenate([pieces[i][:: turn[i]] for i in order])


def _group_sums(values: Float[np.ndarray, "n p"], groups: Int[np.ndarray, " n"]) -> Float[np.ndarray, "G p"]:
    order = np.argsort(groups, kind="stable")
    return np.add.reduceat(values[order], np.flatnonzero(np.diff(groups[order], prepend=-1)), axis=0)


@lru_cache
def _first(size: int) -> Float[np.ndarray, "s size"]:
    """Rows that sum the first 1, 2, 4, … of `size` columns, and all of them."""
    ends = [2**i for i in range((size - 1).bit_length())] + [size]
    return np.tri(size, dtype=np.float32)[np.array(ends) - 1]

"""Tried on these pairs: encoders fitted on some groups, probed with the labels, scored on groups that they never saw.

Groups are cut into five folds, several times over. Outside a fold the encoders are fitted to all pairs and the probes to the
labels; in it they are scored. Everything is fitted from sums over blocks of rows, so that leaving a fold out is a subtraction.
"""

from collections import Counter
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from phasejax.diagnosis.probe import Sums, Targets, contributions, read_out, scored, sums_of, targets_of
from phasejax.diagnosis.sample import Sample
from phasejax.diagnosis.square import FULL, NONE, encoders
from phasejax.diagnosis.views import Blocks, View, padded_size
from phasejax.folds import group_folds

Objective = Literal["CA", "CP", "PLS", "whitened", "principal components", "whole view"]
Direction = Literal["x→y", "y→x"]

ALPHAS = (FULL, 0.1, 0.5, NONE)
DIMENSIONS = (1, 2, 3, 5, 8, 16)
_FOLDS = 5
_REPEATS, _ENOUGH_LABELS = 4, 1000  # one round of folds where there are more labels than that
_MOST_LABELS = 4096
_SHARED = 1 + _FOLDS / (_FOLDS - 1)  # variance of a mean over folds that share training rows, over that of independent ones
_FULL, _NONE = 0, len(ALPHAS) - 1
# Of each view: objective, direction, and the place in the square of (its own α, the other view's α).
_FITTED: tuple[tuple[tuple[Objective, Direction | None, int, int], ...], ...] = (
    (("CA", None, _FULL, _FULL), ("CP", "x→y", _FULL, _NONE), ("PLS", None, _NONE, _NONE)),
    (("CA", None, _FULL, _FULL), ("CP", "y→x", _FULL, _NONE), ("PLS", None, _NONE, _NONE)),
)


class Candidate(NamedTuple):
    """One encoder of one view.

    - `objective`: what it is fitted by; `direction` "x→y" or "y→x" for CP, which encodes its source.
    - `view`: the view that it encodes, "x" or "y".
    - `k`: its dimensions; `alpha`: how far its own view and the other one are left unwhitened, in [0, 1]: ε/(ε + s) with s
      the mean variance of a view's components. Of a "whitened" encoder they are the commonest choice over folds; NaN where
      nothing is whitened at all.
    """

    objective: Objective
    direction: Direction | None
    view: Literal["x", "y"]
    k: int
    alpha: tuple[float, float]


class Trial(NamedTuple):
    """Scores of C candidates on groups that they were not fitted to.

    - `candidates`: C of them; `score`, `error` (C,): balanced accuracy or R², and its standard error over groups.
    - `difference`, `difference_error` (C, C): score of the row less that of the column, and its standard error, paired by
      group. As the folds share training rows, standard errors are those of independent ones times 3/2 (Nadeau & Bengio 2003).
    - `smooth` (C,): the score to choose by, less noisy: a class counts half by the probability that the probe gives it;
      `noise` (C, C) is its covariance, rather too large.
    - `measure`: "balanced accuracy" or "R²"; `chance`: what an encoder that tells nothing scores.
    """

    candidates: tuple[Candidate, ...]
    score: Float[np.ndarray, " C"]
    error: Float[np.ndarray, " C"]
    difference: Float[np.ndarray, "C C"]
    difference_error: Float[np.ndarray, "C C"]
    smooth: Float[np.ndarray, " C"]
    noise: Float[np.ndarray, "C C"]
    measure: Literal["balanced accuracy", "R²"]
    chance: float

    def advised(
        self, objective: Objective | Literal["one view", "neither"], direction: str | None, view: str | None
    ) -> int | None:
        """Index of the candidate that is meant by an advice; None of "neither"."""
        if objective == "neither":
            return None
        encoder: Objective = "principal components" if objective == "one view" else objective
        return self.of(encoder, direction, view)

    def of(self, objective: Objective, direction: str | None = None, view: str | None = None) -> int:
        """Index of the best candidate of an objective (of a direction, of a view, where they are given)."""
        fitting = [
            i
            for i, c in enumerate(self.candidates)
            if c.objective == objective and direction in (None, c.direction) and view in (None, c.view)
        ]
        return max(fitting, key=lambda i: self.smooth[i])


class Choice(NamedTuple):
    """A place in the square, as indices of `ALPHAS` (own, other), and a number of dimensions."""

    own: int
    other: int
    k: int


@threadpool_limits.wrap(limits=1, user_api="blas")  # over matrices this small, threads wait for each other
def try_out(sample: Sample, blocks: Blocks, block: Int[np.ndarray, " n"], k: int, seed: int) -> Trial | None:
    """Scores of everything that can be fitted to a sample of pairs, with `k` dimensions or as many as the folds choose.

    `blocks` are its sums over each `block` (n,) of rows, which hold whole groups. None where all labels are in one block.
    """
    rng = np.random.default_rng(seed)
    labels = sample.labels
    kept = np.sort(rng.permutation(labels.rows.size)[:_MOST_LABELS])
    rows, targets = labels.rows[kept], targets_of(labels.raw[kept], labels.kind == "classes")
    block = block[rows]
    if np.unique(block).size < 2:
        return None
    views = [view.scores[rows] * np.sqrt(view.variances) for view in (sample.x, sample.y)]
    k = min(k, *(view.shape[1] for view in views))
    added, smooth, choices = [], [], []
    for _ in range(_REPEATS if rows.size <= _ENOUGH_LABELS else 1):
        fold = group_folds(block, _FOLDS, rng)
        added.append(np.zeros((2 * _CANDIDATES, rows.size)))
        smooth.append(np.zeros((2 * _CANDIDATES, rows.size)))
        for held_out in range(fold.max() + 1):
            train = ~np.isin(np.arange(len(blocks.pairs)), block[fold == held_out])
            fitted = encoders(_covariances(blocks, train, sample.x, sample.y), ALPHAS, max(k, *DIMENSIONS))
            chosen = []
            for side, (view, own) in enumerate(zip(views, fitted, strict=True)):
                places = slice(side * _CANDIDATES, (side + 1) * _CANDIDATES)
                part, smooth_part, choice = _one_fold(view, own, _FITTED[side], targets, fold, held_out, k)
                added[-1][places, fold == held_out] = part
                smooth[-1][places, fold == held_out] = smooth_part
                chosen.append(choice)
            choices.append(chosen)
    candidates = [c for side in (0, 1) for c in _candidates(side, k, views[side].shape[1], [two[side] for two in choices])]
    return _summary(tuple(candidates), np.mean(added, axis=0), np.mean(smooth, axis=0), targets, sample.groups[rows])


_CANDIDATES = len(_FITTED[0]) + 3


def _covariances(blocks: Blocks, train: np.ndarray, x: View, y: View):
    """(Σxx, Σxy, Σyy) of the views' components, in the views' own units, over the blocks to train on."""
    sums = blocks.pairs[train].sum(axis=0)
    n, mean = sums[0, 0], sums[0, 1:] / sums[0, 0]
    start = padded_size(x, y)
    kept = np.r_[: x.variances.size, start : start + y.variances.size]
    scale = np.sqrt(np.concatenate([x.variances, y.variances]))
    covariance = (sums[1:, 1:] / n - np.outer(mean, mean))[np.ix_(kept, kept)] * np.outer(scale, scale)
    r = x.variances.size
    return covariance[:r, :r], covariance[:r, r:], covariance[r:, r:]


def _one_fold(view, fitted, corners, targets: Targets, fold, held_out: int, k: int):
    """What each row of a fold adds to each candidate's score, and to its smooth score (6, rows), and the choice in the square.

    `fitted` (A, A, r, K) are the encoders of a view by own and other α.
    """
    features = view @ fitted.reshape(-1, *fitted.shape[2:])
    parts = [sums_of(features[:, fold == f], targets.values[fold == f]) for f in range(fold.max() + 1)]
    outside = Sums(*(np.sum(part, axis=0) for part in zip(*parts, strict=True))) - parts[held_out]
    inner = [(np.flatnonzero(fold == f), outside - part) for f, part in enumerate(parts) if f != held_out]

    def told(dimensions: int):
        """Smooth score (A²,) in the other folds, of encoders of so many dimensions."""
        for rows, sums in inner:
            fit = read_out(sums.leading(dimensions), targets.classes)
            yield contributions(features[:, rows, :dimensions], *fit, targets, rows, smooth=True).sum(axis=1)

    dimensions = [d for d in DIMENSIONS if d <= features.shape[2]]
    scores = np.array([sum(told(d)) for d in dimensions])
    best_d, best = np.unravel_index(scores.argmax(), scores.shape)
    choice = Choice(*divmod(int(best), len(ALPHAS)), dimensions[best_d])
    encoded = [features[own * len(ALPHAS) + other][:, :k] for _, _, own, other in corners]
    encoded += [features[best][:, : choice.k], view[:, :k], view]
    train, rows = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
    added = [], []
    for values in encoded:
        fit = read_out(sums_of(values[train], targets.values[train]), targets.classes)
        for smooth in (False, True):
            added[smooth].append(contributions(values[rows], *fit, targets, rows, smooth=smooth))
    return np.array(added[0]), np.array(added[1]), choice


def _candidates(side: int, k: int, columns: int, choices: list[Choice]) -> list[Candidate]:
    view: Literal["x", "y"] = "x" if side == 0 else "y"
    found = [
        Candidate(objective, direction, view, k, (ALPHAS[own], ALPHAS[other]))
        for objective, direction, own, other in _FITTED[side]
    ]
    commonest = Counter(choices).most_common(1)[0][0]
    found.append(Candidate("whitened", None, view, commonest.k, (ALPHAS[commonest.own], ALPHAS[commonest.other])))
    nothing = (np.nan, np.nan)
    return [
        *found,
        Candidate("principal components", None, view, k, nothing),
        Candidate("whole view", None, view, columns, nothing),
    ]


def _summary(
    candidates: tuple[Candidate, ...],
    added: Float[np.ndarray, "C m"],
    smooth: Float[np.ndarray, "C m"],
    targets: Targets,
    groups,
) -> Trial:
    """Scores and their standard errors from what each row adds, less the share of its class (of all rows, for R²)."""
    score, product = scored(added, targets, groups)
    standing = targets.base + smooth.sum(axis=1)
    noise = (product + scored(2 * smooth - added, targets, groups)[1]) / 2  # as if hits and probabilities erred together
    product = product * _SHARED
    variance = np.diag(product)
    return Trial(
        candidates,
        score,
        np.sqrt(variance),
        score[:, None] - score[None, :],
        np.sqrt(np.maximum(variance[:, None] + variance[None, :] - 2 * product, 0)),
        standing,
        noise * _SHARED,
        "balanced accuracy" if targets.classes else "R²",
        targets.chance,
    )

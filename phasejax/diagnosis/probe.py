"""What a linear read-out of few labels tells: class by linear discriminant, numbers by ridge regression.

Read-outs are fitted from sums over folds, so that leaving a fold out is a subtraction. A batch of encoders is read at once.
"""

from typing import NamedTuple

import numpy as np
import scipy.special
from jaxtyping import Float, Int, Shaped

_PENALTIES = np.logspace(-4, 2, 13)  # of the ridge regression, in units of the mean variance


class Targets(NamedTuple):
    """What is read out of m labelled rows, for a score that is `base` + Σ over rows of what a row contributes.

    - `values` (m, q): one column for each class, or number, of mean 0 and variance 1; `classes` which of both.
    - `weight` (m,): what a row counts for: 1/(classes × rows of its class), or 1/(rows × columns).
    - `base`: 0 for balanced accuracy, to which a hit adds its weight; 1 for R², from which a squared error takes it away.
    """

    values: Float[np.ndarray, "m q"]
    classes: bool
    weight: Float[np.ndarray, " m"]

    @property
    def base(self) -> float:
        return 0.0 if self.classes else 1.0

    @property
    def chance(self) -> float:
        return 1 / self.values.shape[1] if self.classes else 0.0


class Sums(NamedTuple):
    """Sums over rows, with leading batch axes: number, features, their squares, with the targets, of targets, their squares."""

    n: Float[np.ndarray, "*b"]
    f: Float[np.ndarray, "*b k"]
    ff: Float[np.ndarray, "*b k k"]
    ft: Float[np.ndarray, "*b k q"]
    t: Float[np.ndarray, "*b q"]
    tt: Float[np.ndarray, "*b"]

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(*(a - b for a, b in zip(self, other, strict=True)))

    def leading(self, k: int) -> "Sums":
        """Of the first k features."""
        return self._replace(f=self.f[..., :k], ff=self.ff[..., :k, :k], ft=self.ft[..., :k, :])


def targets_of(columns: Float[np.ndarray, "m L"], classes: bool) -> Targets:
    """Targets of label columns as they were given; of classes, rows of equal columns are one class."""
    if classes:
        _, codes, counts = np.unique(columns, axis=0, return_inverse=True, return_counts=True)
        return Targets(np.eye(counts.size)[codes], True, 1 / (counts.size * counts[codes]))
    columns = columns - columns.mean(axis=0)
    scale = np.sqrt(np.mean(columns**2, axis=0))
    values = columns[:, scale > 0] / scale[scale > 0]
    return Targets(values, False, np.full(len(values), 1 / values.size))


def sums_of(features: Float[np.ndarray, "B m k"], values: Float[np.ndarray, "m q"]) -> Sums:
    """Sums over the rows of each of a batch of features."""
    transposed, batch = features.swapaxes(-1, -2), features.shape[:-2]
    return Sums(
        np.full(batch, float(len(values))),
        features.sum(axis=-2),
        transposed @ features,
        transposed @ values,
        np.broadcast_to(values.sum(axis=0), (*batch, values.shape[1])),
        np.full(batch, np.sum(values**2)),
    )


def read_out(sums: Sums, classes: bool) -> tuple[Float[np.ndarray, "*b k q"], Float[np.ndarray, "*b q"]]:
    """Weights and offsets of the linear read-out fitted to the rows that were summed."""
    return _discriminant(sums) if classes else _ridge(sums)


def contributions(
    features: Float[np.ndarray, "*b m k"],
    weights: Float[np.ndarray, "*b k q"],
    offsets: Float[np.ndarray, "*b q"],
    targets: Targets,
    rows: Int[np.ndarray, " m"],
    *,
    smooth: bool = False,
) -> Float[np.ndarray, "*b m"]:
    """What each of `rows`, whose features these are, adds to the score.

    If `smooth`, a row adds the mean of its hit or miss and of the probability that the discriminant gives its class: hits alone
    are noisy, probabilities alone flatter encoders that make the discriminant sure of itself.
    """
    told = features @ weights + offsets[..., None, :]
    values, weight = targets.values[rows], targets.weight[rows]
    if not targets.classes:
        return -weight * np.sum((values - told) ** 2, axis=-1)
    hit = told.argmax(axis=-1) == values.argmax(axis=-1)
    if smooth:
        return weight * (hit + np.sum(scipy.special.softmax(told, axis=-1) * values, axis=-1)) / 2
    return weight * hit


def scored(
    added: Float[np.ndarray, "C m"], targets: Targets, groups: Shaped[np.ndarray, " m"]
) -> tuple[Float[np.ndarray, " C"], Float[np.ndarray, "C C"]]:
    """Scores from what each row adds, and their covariance over groups; what rows add is taken less the share of their class
    (of all rows, for R²). A class takes one degree of freedom from the rows, or groups of rows, that speak of it."""
    score = targets.base + added.sum(axis=1)
    share = targets.values if targets.classes else np.sum(targets.values**2, axis=1, keepdims=True)
    share = share * targets.weight[:, None]
    excess = added - (added @ (share > 0)) / share.sum(axis=0) @ share.T
    codes = np.unique(groups, return_inverse=True)[1]
    by_group = np.stack([np.bincount(codes, row) for row in excess])
    spoken = np.unique(np.stack([codes, share.argmax(axis=1)]), axis=1).shape[1]
    return score, by_group @ by_group.T * spoken / max(spoken - share.shape[1], 1)


def _discriminant(sums: Sums):
    """Linear discriminant with equal priors. Its covariance is shrunk towards a multiple of the identity by k/(k + n)."""
    k, present = sums.f.shape[-1], np.maximum(sums.t, 1e-9)
    means = sums.ft / present[..., None, :]
    within = sums.ff - means @ sums.ft.swapaxes(-1, -2)
    within = within / np.maximum(sums.n - np.sum(sums.t > 0.5, axis=-1), 1)[..., None, None]
    shrink = (k / (k + sums.n))[..., None, None]
    level = np.maximum(np.trace(within, axis1=-2, axis2=-1) / k, 1e-300)[..., None, None]
    weights = np.linalg.solve((1 - shrink) * within + shrink * level * np.eye(k), means)
    offsets = -0.5 * np.sum(weights * means, axis=-2)
    return weights, np.where(sums.t > 0.5, offsets, -np.inf)  # a class that was not seen is not told


def _ridge(sums: Sums):
    """Ridge regression, its penalty by generalised cross-validation (Golub, Heath & Wahba 1979)."""
    n = sums.n[..., None, None]
    mean, level = sums.f / n[..., 0], sums.t / n[..., 0]
    gram = sums.ff / n - mean[..., :, None] * mean[..., None, :]
    cross = sums.ft / n - mean[..., :, None] * level[..., None, :]
    total = sums.tt / sums.n - np.sum(level**2, axis=-1)
    values, vectors = np.linalg.eigh(gram)
    values = np.maximum(values, 0)
    scale = np.maximum(values.mean(axis=-1), 1e-300)
    rotated = vectors.swapaxes(-1, -2) @ cross
    power = np.sum(rotated**2, axis=-1)
    penalties = _PENALTIES * scale[..., None]
    shrunk = values[..., None, :] + penalties[..., :, None]
    residual = total[..., None] - np.sum(power[..., None, :] * (2 / shrunk - values[..., None, :] / shrunk**2), axis=-1)
    freedom = np.sum(values[..., None, :] / shrunk, axis=-1)
    criterion = residual / np.maximum(1 - (1 + freedom) / sums.n[..., None], 1e-3) ** 2
    best = np.take_along_axis(penalties, criterion.argmin(axis=-1)[..., None], axis=-1)
    weights = vectors @ (rotated / (values + best)[..., None])
    return weights, level - (mean[..., None, :] @ weights)[..., 0, :]

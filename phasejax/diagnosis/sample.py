"""From checked input to a sample: views on principal components, sizes in independent pairs, and notes of what was done."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from phasejax.diagnosis.labels import Labels
from phasejax.diagnosis.views import MOST_SPREAD, View, components_allowed, leading, principal_view, ridge_needed


class Sizes(NamedTuple):
    """Numbers of (independent) pairs, all and labelled, of kept and original dimensions, and of label columns, as floats."""

    n: Float[Array, ""]
    n_labelled: Float[Array, ""]
    r_x: Float[Array, ""]
    r_y: Float[Array, ""]
    d_x: Float[Array, ""]
    d_y: Float[Array, ""]
    columns: Float[Array, ""]

    def swap(self) -> "Sizes":
        return self._replace(r_x=self.r_y, r_y=self.r_x, d_x=self.d_y, d_y=self.d_x)


class Sample(NamedTuple):
    """Checked input, reduced; `columns` are those given, `notes` say what was done."""

    x: View
    y: View
    labels: Labels
    groups: np.ndarray
    sizes: Sizes
    ridge: float
    columns: tuple[int, int]
    notes: list[str]


def reduce_sample(x: np.ndarray, y: np.ndarray, labels: Labels, codes: np.ndarray) -> Sample:
    """Reduce checked views (n, d_x), (n, d_y) with their labels and group codes (n,)."""
    n, columns = len(x), (x.shape[1], y.shape[1])
    full_x, full_y = (principal_view(values, components_allowed(n, values.shape[1])) for values in (x, y))
    alike = design_effect(full_x.scores, full_y.scores, codes)
    n_effective = max(n / alike, 10.0)
    allowed = [components_allowed(n_effective, values.shape[1]) for values in (x, y)]
    views = leading(full_x, allowed[0]), leading(full_y, allowed[1])
    notes = []
    for name, view, d in zip("xy", views, columns, strict=True):
        kept, moving = view.variances.size, view.columns
        if moving < d:
            notes.append(f"{d - moving} of {name}'s {d} columns are constant and were left out.")
        if view.spread > MOST_SPREAD:
            notes.append(
                f"{name}'s columns differ in size by a factor of {view.spread:.1g}: each was brought to variance 1, and to "
                f"predict {name} is to predict it in these units."
            )
        if kept < view.rank:
            share = f"which hold {view.explained:.0%} of its variance"
            notes.append(f"{name} has {moving} columns: its first {kept} principal components were analysed, {share}.")
        elif view.rank < moving:
            notes.append(f"{name} has {moving} columns but rank {view.rank}: the others repeat what these say.")
    ridge = ridge_needed(n_effective, *views)
    if ridge > 0:
        notes.append(
            f"{n_effective:.0f} pairs are few for so many dimensions: whitening has a ridge ({ridge:.2g} mean variances)."
        )
    groups = np.unique(codes).size
    if groups < n and alike > 1.2:
        notes.append(f"Rows within a group are alike: {n} pairs count as about {n_effective:.0f} independent ones.")
    if groups < 10:
        notes.append(f"Only {groups} groups: how far the answer carries over to new groups is uncertain.")
    if labels.rows.size < 100:
        notes.append(f"Only {labels.rows.size} labelled pairs: signal and nuisance are hard to tell apart.")
    kept = (view.variances.size for view in views)
    labelled = labels.rows.size * n_effective / n
    numbers = (n_effective, labelled, *kept, views[0].columns, views[1].columns, labels.columns.shape[1])
    return Sample(*views, labels, codes, Sizes(*(jnp.asarray(float(v)) for v in numbers)), ridge, columns, notes)


def design_effect(x: np.ndarray, y: np.ndarray, codes: np.ndarray) -> float:
    """By what factor likeness within groups inflates the variance of a covariance of x and y: 1 + (m − 1) ρ_x ρ_y ≥ 1.

    m is the mean size of a row's group and ρ the mean intraclass correlation of the columns (Moulton 1986).
    """
    counts = np.bincount(codes)
    if counts.max() == 1:
        return 1.0
    size = float(np.sum(counts**2) / np.sum(counts))
    return max(1.0, 1 + (size - 1) * _intraclass(x, codes, counts) * _intraclass(y, codes, counts))


def _intraclass(scores: np.ndarray, codes: np.ndarray, counts: np.ndarray) -> float:
    """Mean intraclass correlation of columns of variance 1, in [0, 1], by analysis of variance."""
    n, groups = codes.size, counts.size
    means = np.zeros((groups, scores.shape[1]))
    np.add.at(means, codes, scores)
    means /= counts[:, None]
    between = np.sum(counts[:, None] * means**2, axis=0) / (groups - 1)
    within = (np.sum(scores**2, axis=0) - np.sum(counts[:, None] * means**2, axis=0)) / max(n - groups, 1)
    typical = (n - np.sum(counts**2) / n) / (groups - 1)
    return float(np.mean(np.clip((between - within) / (between + (typical - 1) * within), 0, 1)))

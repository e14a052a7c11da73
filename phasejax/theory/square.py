"""The whitening square: one family of objectives that holds alignment, prediction in both directions and PLS.

Regularised alignment keeps the top-k singular directions of (Σxx + ε_x I)^-½ Σxy (Σyy + ε_y I)^-½. A ridge is given in units of
its view's mean eigenvalue, from 0 (whitened) to ∞ (left alone): (0, 0) is CA, (0, ∞) is CP, (∞, 0) is CP from y to x, (∞, ∞) is
PLS. In canonical coordinates a ridge adds to every variance, so that the population's singular values are

    σ_i = κ_i²/√((κ_i²+γ^x_i+ε_x)(κ_i²+γ^y_i+ε_y)) on the signal,   η_j/√((γ̃^x_j+ε_x)(γ̃^y_j+ε_y)) on nuisance.

With homogeneous signal and nuisance Δ depends on a ridge through √((γ̃+ε)/(κ²+γ+ε)) alone, which is monotone: the best point is
a corner, and a side should be whitened iff its nuisance variance exceeds its signal variance. Otherwise it can lie inside.
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from phasejax import checks
from phasejax.spiked import SpikedModel
from phasejax.theory.numerics import Scalar
from phasejax.theory.overlap import overlaps, spread
from phasejax.theory.population import count_in_top_k, smallest_over_largest
from phasejax.theory.spectrum import Captured
from phasejax.theory.spectrum_square import captured_in_square, shrinkage

__all__ = [
    "Point",
    "SingularValues",
    "best_ridge",
    "critical_nu",
    "expected_distance",
    "expected_overlaps",
    "recovered",
    "separation",
    "singular_values",
    "validity",
    "widest_separation",
]

_GRID, _ZOOMS = 7, 5  # points a side; each grid is a third as wide as the one before, around its best point


class SingularValues(NamedTuple):
    """σ on the signal, (k,), and on paired nuisance, (m,), of views scaled to mean eigenvalue 1 and of (1−α)Σ + α in place of
    Σ + ε: finite and in proportion all over the square."""

    signal: Float[Array, " k"]
    nuisance: Float[Array, " m"]


class Point(NamedTuple):
    """A point of the square, ridges in [0, ∞], and the value there of what was asked."""

    ridge_x: Float[Array, ""]
    ridge_y: Float[Array, ""]
    value: Float[Array, ""]


def singular_values(model: SpikedModel, *, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0) -> SingularValues:
    """The population's singular values at a point of the square, α = ridge/(1 + ridge).

    **Raises:** `ValueError` for a negative ridge where it is known.
    """
    checks.ridges(ridge_x=ridge_x, ridge_y=ridge_y)
    return _singular_values(model, shrinkage(ridge_x), shrinkage(ridge_y))


def separation(model: SpikedModel, *, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0) -> Float[Array, ""]:
    """Δ = min signal / max nuisance in [0, ∞]: Δ_CA, Δ_CP and Δ_PLS at the corners, with their conventions."""
    return smallest_over_largest(*singular_values(model, ridge_x=ridge_x, ridge_y=ridge_y))


def recovered(model: SpikedModel, *, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0) -> Int[Array, ""]:
    """The exact number of signal directions in the population's top k, in 0..k; ties count against the signal."""
    return count_in_top_k(*singular_values(model, ridge_x=ridge_x, ridge_y=ridge_y))


def critical_nu(model: SpikedModel, *, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0) -> Float[Array, ""]:
    """The common nuisance correlation at which Δ = 1, all else fixed; the model's own η is ignored. +∞ without pairs."""
    m = model.eta.size
    full = jnp.sqrt(model.gamma_tilde_x[:m] * model.gamma_tilde_y[:m])
    return separation(eqx.tree_at(lambda m: m.eta, model, full), ridge_x=ridge_x, ridge_y=ridge_y)


def widest_separation(model: SpikedModel) -> Point:
    """The point of the square with the largest Δ, to about 2·10⁻³ in α: a corner when signal and nuisance are homogeneous."""
    return _widest_separation(model)


def expected_overlaps(model: SpikedModel, n: Scalar, *, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0) -> Float[Array, " k"]:
    """Predicted squared overlap of each signal direction with the encoder of x from n ≥ 1 pairs, in [0, 1].

    Any nuisance, d_x, d_y; `spectrum`, `mixing` and `overlap` hold the equations. n < d means the pseudo-inverse. On
    heterogeneous models, not looked at before, whose drawn distance is in .02–.9 the prediction was off by .005 (CA), .006 (CP)
    and .005 (ridges) on average from n = d_x + d_y on, by .017, .026 and .011 below, and nowhere by more than .1
    (`benchmarks/finite_sample.py`).

    **Raises:** `ValueError` for n < 1 or a negative ridge, where they are known.
    """
    return overlaps(_captured(model, n, ridge_x, ridge_y), model.k)


def expected_distance(model: SpikedModel, n: Scalar, *, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0) -> Float[Array, ""]:
    """Predicted distance 1 − (1/k)‖UᵀÛ‖²_F of the encoder of x, in [0, 1]; otherwise as `expected_overlaps`."""
    return 1 - jnp.mean(expected_overlaps(model, n, ridge_x=ridge_x, ridge_y=ridge_y))


def best_ridge(model: SpikedModel, n: Scalar) -> Point:
    """The point of the square with the smallest predicted distance from n ≥ 1 pairs, to about 2·10⁻³ in α, and that distance.

    **Raises:** `ValueError` for n < 1 where it is known.
    """
    checks.pairs(n)
    return _best_ridge(model, checks.single(n))


def _singular_values(model: SpikedModel, alpha_x: Array, alpha_y: Array) -> SingularValues:
    cross = jnp.concatenate([model.kappa**2, model.eta])

    def scale(variance, alpha):
        mean = jnp.mean(variance)
        return mean * ((1 - alpha) * variance[: cross.size] / mean + alpha)

    values = cross / jnp.sqrt(scale(model.variance_x, alpha_x) * scale(model.variance_y, alpha_y))
    return SingularValues(values[: model.k], values[model.k :])


def validity(model: SpikedModel, n: Scalar, *, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0) -> Float[Array, ""]:
    """By how much `expected_distance` may be off from n ≥ 1 pairs, in [0, 1]; `overlap.spread` has the reason.

    On the models of `expected_overlaps` the distance was off by .004 on average where this is below .01, by .010 and .013 up to
    .03 and .1, by .018 up to .15 and by .046 above: about a fifth of it where it is large. Nothing is predicted from n pairs,
    and so nothing judged, of principal components before alignment, nor, of several modalities, for incomplete graphs, SUMCOR
    and prediction from several sources.

    **Raises:** `ValueError` for n < 1 or a negative ridge, where they are known.
    """
    return spread(_captured(model, n, ridge_x, ridge_y), model.k)


def _captured(model: SpikedModel, n: Scalar, ridge_x: Scalar, ridge_y: Scalar) -> Captured:
    checks.ridges(ridge_x=ridge_x, ridge_y=ridge_y)
    checks.pairs(n)
    return captured_in_square(model, checks.single(n), shrinkage(ridge_x), shrinkage(ridge_y))


@jax.jit
def _widest_separation(model: SpikedModel) -> Point:
    found = _least(lambda a, b: -smallest_over_largest(*_singular_values(model, a, b)), model.kappa.dtype)
    return found._replace(value=-found.value)


@jax.jit
def _best_ridge(model: SpikedModel, n: Scalar) -> Point:
    return _least(lambda a, b: 1 - jnp.mean(overlaps(captured_in_square(model, n, a, b), model.k)), model.kappa.dtype)


def _least(loss: Callable[[Array, Array], Array], dtype: DTypeLike) -> Point:
    """The least loss over (α_x, α_y) in [0, 1]², by a grid that closes in on its best point."""
    offsets = jnp.linspace(-0.5, 0.5, _GRID, dtype=dtype)

    def close_in(zoom, best):
        points = jnp.clip(best[:2, None] + 3.0**-zoom * offsets[None, :], 0, 1)
        a, b = (axis.ravel() for axis in jnp.meshgrid(*points, indexing="ij"))
        losses = lax.map(lambda at: loss(*at), (a, b), batch_size=_GRID)
        first = jnp.argmin(losses)
        return jnp.stack([a[first], b[first], losses[first]])

    best = lax.fori_loop(0, _ZOOMS, close_in, jnp.array([0.5, 0.5, jnp.inf], dtype))
    ridge = best[:2] / (1 - best[:2])
    return Point(ridge[0], ridge[1], best[2])

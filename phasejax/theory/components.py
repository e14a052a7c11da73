"""Principal components before alignment: what the population keeps of a signal when each view is cut to `keep` of d components.

Canonical coordinates are the principal axes of each view, so a cut drops coordinates by their variance, whatever they share
with the other view: a quiet signal goes first, a quiet nuisance too. Equal variances at the cut count against the signal. What
a cut does to n pairs is not derived here.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from phasejax import checks
from phasejax.spiked import SpikedModel
from phasejax.theory import square
from phasejax.theory.numerics import Scalar
from phasejax.theory.population import count_in_top_k, smallest_over_largest
from phasejax.theory.square import SingularValues

__all__ = ["recovered", "separation", "singular_values"]


def singular_values(
    model: SpikedModel, keep_x: int, keep_y: int, *, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0
) -> SingularValues:
    """Those of `square.singular_values`, 0 where either side of a coordinate is dropped.

    **Raises:** `ValueError` unless 1 ≤ keep ≤ d, or for a negative ridge where it is known.
    """
    checks.whole("keep_x", keep_x, 1, model.d_x)
    checks.whole("keep_y", keep_y, 1, model.d_y)
    signal, nuisance = square.singular_values(model, ridge_x=ridge_x, ridge_y=ridge_y)
    kept = _kept(model.variance_x, model.k, keep_x)[: model.k + model.eta.size]
    kept &= _kept(model.variance_y, model.k, keep_y)[: kept.size]
    return SingularValues(jnp.where(kept[: model.k], signal, 0), jnp.where(kept[model.k :], nuisance, 0))


def separation(
    model: SpikedModel, keep_x: int, keep_y: int, *, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0
) -> Float[Array, ""]:
    """Δ = min signal / max nuisance of what is kept, in [0, ∞]; 0 where a signal is dropped."""
    return smallest_over_largest(*singular_values(model, keep_x, keep_y, ridge_x=ridge_x, ridge_y=ridge_y))


def recovered(model: SpikedModel, keep_x: int, keep_y: int, *, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0) -> Int[Array, ""]:
    """The exact number of signal directions in the top k, in 0..k."""
    return count_in_top_k(*singular_values(model, keep_x, keep_y, ridge_x=ridge_x, ridge_y=ridge_y))


def _kept(variance: Float[Array, " d"], k: int, keep: int) -> Bool[Array, " d"]:
    larger = jnp.sum(variance[None] > variance[:, None], axis=1)
    as_large = jnp.sum(variance[None] >= variance[:, None], axis=1) - 1
    return jnp.where(jnp.arange(variance.size) < k, as_large, larger) < keep

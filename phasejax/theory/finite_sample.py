"""The phase diagram of n pairs: which objective recovers the signal from a finite sample, and how many pairs it needs.

Predictions come from `spectrum`, whose equations hold for any nuisance, any d_x, d_y and any ridge, and contain `first_order`
as their limit n → ∞. n is the number of zero-mean pairs (for centred data use n − 1). A ridge is in units of its view's mean
eigenvalue; CA is regularised by both, CP by `ridge_x` alone: `square` holds the rest of the square.
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from phasejax import checks
from phasejax.recovery import LEVEL
from phasejax.spiked import SpikedModel
from phasejax.theory import square
from phasejax.theory.numerics import Scalar, rising_root
from phasejax.theory.objectives import PerObjective, Regime, regime_of
from phasejax.theory.overlap import overlaps, spread
from phasejax.theory.pencil import critical
from phasejax.theory.population import rho, tau
from phasejax.theory.spectrum_square import captured_in_square, shrinkage

__all__ = [
    "effective_critical_nu",
    "effective_separation",
    "expected_distance",
    "expected_overlaps",
    "regime",
    "samples_needed",
    "validity",
]

MOST_SAMPLES = 1e12  # beyond this a sample size counts as "never"
_TOLERANCE = 1e-7  # of the logarithm of a sample size, and of a correlation


def expected_distance(
    model: SpikedModel, n: Scalar, *, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0
) -> PerObjective[Float[Array, ""]]:
    """Predicted distance of CA's and CP's encoder from n ≥ 1 pairs, the mean over signal directions.

    **Raises:** `ValueError` for n < 1 or a negative ridge, where they are known.
    """
    expected = expected_overlaps(model, n, ridge_x=ridge_x, ridge_y=ridge_y)
    return jax.tree.map(lambda overlap: jnp.mean(1 - overlap), expected)


def expected_overlaps(
    model: SpikedModel, n: Scalar, *, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0
) -> PerObjective[Float[Array, " k"]]:
    """Predicted squared overlap of each signal direction with CA's and with CP's encoder from n ≥ 1 pairs, in [0, 1].

    **Raises:** `ValueError` for n < 1 or a negative ridge, where they are known.
    """
    return PerObjective(*(found.overlaps for found in _checked(model, n, ridge_x, ridge_y)))


def validity(model: SpikedModel, n: Scalar, *, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0) -> PerObjective[Float[Array, ""]]:
    """By how much `expected_distance` may be off for CA and for CP, in [0, 1], as `square.validity`.

    **Raises:** `ValueError` for n < 1 or a negative ridge, where they are known.
    """
    return PerObjective(*(found.validity for found in _checked(model, n, ridge_x, ridge_y)))


def effective_separation(model: SpikedModel, n: Scalar) -> PerObjective[Float[Array, ""]]:
    """Separation ratios for n ≥ 1 pairs, Δ_CA = min ρ_i/ρ_c and Δ_CP = min τ_i/τ_c,i: above 1 the whole signal stands out of
    the bulk of nuisance. They tend to the population's Δ as n grows; 0 where no signal could stand out, +∞ without nuisance.

    Standing out is detection: the direction may still be poor, and in CP a large target variance κ² + γ^y alone can lift a
    signal out of the bulk (Δ_CP above the population's, or +∞). `regime` asks for a distance instead.

    **Raises:** `ValueError` for n < 1 where n is known.
    """
    checks.pairs(n)
    threshold = critical(model, checks.single(n))
    return PerObjective(_smallest_ratio(rho(model), threshold.rho), _smallest_ratio(tau(model), threshold.tau))


def regime(
    model: SpikedModel, n: Scalar | None = None, *, level: Scalar = LEVEL, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0
) -> Regime | Int[Array, ""]:
    """Which objectives recover the signal.

    Without `n` the population's: an objective recovers iff its Δ > 1. For n ≥ 1 pairs an objective recovers iff the predicted
    distance of every signal direction is below `level`, which tends to the population's regime as n grows. Returns a `Regime`
    for concrete input; under `jit` or `vmap`, where an enum cannot exist, its integer code (int32).

    **Raises:** `ValueError` for n < 1, a level outside (0, 1] or a negative ridge, where they are known.
    """
    checks.ridges(ridge_x=ridge_x, ridge_y=ridge_y)
    if n is None:
        ca, cp = (square.separation(model, ridge_x=ridge_x, ridge_y=other) for other in (ridge_y, jnp.inf))
        return regime_of(PerObjective(ca > 1, cp > 1))
    checks.entries("level", level, lambda value: (value > 0) & (value <= 1), "in (0, 1]")
    expected = expected_overlaps(model, n, ridge_x=ridge_x, ridge_y=ridge_y)
    return regime_of(jax.tree.map(lambda overlap: jnp.max(1 - overlap) < level, expected))


def samples_needed(
    model: SpikedModel, *, level: Scalar = LEVEL, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0
) -> PerObjective[Float[Array, ""]]:
    """Number of pairs (not rounded) from which on the predicted distance is at most `level`; +∞ if 10¹² do not suffice.

    **Raises:** `ValueError` for a level outside (0, 1) or a negative ridge, where they are known.
    """
    checks.entries("level", level, lambda value: (value > 0) & (value < 1), "in (0, 1)")
    checks.ridges(ridge_x=ridge_x, ridge_y=ridge_y)
    return _samples_needed(model, *map(checks.single, (level, ridge_x, ridge_y)))


def effective_critical_nu(
    model: SpikedModel, n: Scalar, *, level: Scalar = LEVEL, ridge_x: Scalar = 0.0, ridge_y: Scalar = 0.0
) -> PerObjective[Float[Array, ""]]:
    """The common nuisance correlation at which the predicted distance from n ≥ 1 pairs reaches `level`, all else fixed.

    The model's own η is ignored. 0 where the level is exceeded without nuisance correlation, 1 where never.

    **Raises:** `ValueError` for n < 1, a level outside (0, 1] or a negative ridge, where they are known.
    """
    checks.pairs(n)
    checks.entries("level", level, lambda value: (value > 0) & (value <= 1), "in (0, 1]")
    checks.ridges(ridge_x=ridge_x, ridge_y=ridge_y)
    return _critical_nu(model, *map(checks.single, (n, level, ridge_x, ridge_y)))


class _Expected(NamedTuple):
    """Of an objective."""

    overlaps: Float[Array, " k"]
    validity: Float[Array, ""]


def _checked(model: SpikedModel, n: Scalar, ridge_x: Scalar, ridge_y: Scalar) -> PerObjective[_Expected]:
    checks.pairs(n)
    checks.ridges(ridge_x=ridge_x, ridge_y=ridge_y)
    return _expected(model, *map(checks.single, (n, ridge_x, ridge_y)))


@jax.jit
def _expected(model: SpikedModel, n: Scalar, ridge_x: Scalar, ridge_y: Scalar) -> PerObjective[_Expected]:
    def expected(*ridges):
        found = captured_in_square(model, n, *map(shrinkage, ridges))
        return _Expected(overlaps(found, model.k), spread(found, model.k))

    return _for_each(expected, ridge_x, ridge_y)


@jax.jit
def _samples_needed(model: SpikedModel, level: Scalar, ridge_x: Scalar, ridge_y: Scalar) -> PerObjective[Array]:
    most = jnp.log(jnp.asarray(MOST_SAMPLES, model.kappa.dtype))

    def needed(*ridges):
        def margin(log_n):
            lost = jnp.mean(_distances(model, jnp.exp(log_n), *ridges))
            return jnp.log(level / jnp.maximum(lost, jnp.finfo(lost.dtype).eps))

        log_n = rising_root(margin, jnp.zeros_like(most), most, tolerance=_TOLERANCE)
        return jnp.where(log_n < most, jnp.exp(log_n), jnp.inf)

    return _for_each(needed, ridge_x, ridge_y)


@jax.jit
def _critical_nu(model: SpikedModel, n: Scalar, level: Scalar, ridge_x: Scalar, ridge_y: Scalar) -> PerObjective[Array]:
    paired = model.eta.size
    largest = jnp.sqrt(model.gamma_tilde_x[:paired] * model.gamma_tilde_y[:paired])

    def critical_nu(*ridges):
        def excess(nu):
            return jnp.mean(_distances(eqx.tree_at(lambda m: m.eta, model, nu * largest), n, *ridges)) - level

        return rising_root(excess, jnp.zeros_like(model.kappa[0]), jnp.ones_like(model.kappa[0]), tolerance=_TOLERANCE)

    return _for_each(critical_nu, ridge_x, ridge_y)


def _for_each[T](function: Callable[[Array, Array], T], ridge_x: Scalar, ridge_y: Scalar) -> PerObjective[T]:
    """A function of the ridges where CA and CP stand in the square; one program for both, where a caller compiles it."""
    values = lax.map(lambda ridges: function(*ridges), (jnp.array([ridge_x, ridge_x]), jnp.array([ridge_y, jnp.inf])))
    return PerObjective(*(jax.tree.map(lambda leaf, i=i: leaf[i], values) for i in (0, 1)))


def _distances(model: SpikedModel, n: Scalar, ridge_x: Scalar, ridge_y: Scalar) -> Float[Array, " k"]:
    return 1 - square.expected_overlaps(model, n, ridge_x=ridge_x, ridge_y=ridge_y)


def _smallest_ratio(signal: Array, threshold: Array) -> Array:
    """min signal/threshold; +∞ at threshold 0, but 0 for a dead signal."""
    ratio = jnp.where(threshold > 0, signal / jnp.where(threshold > 0, threshold, 1), jnp.inf)
    return jnp.min(jnp.where(signal > 0, ratio, 0))

"""The phase diagram of n pairs: which objective recovers the signal from a finite sample, and how many pairs it needs.

Predictions come from `pencil`, whose equations hold for any nuisance and any d_x, d_y and contain `first_order` as
their limit n → ∞. n is the number of zero-mean pairs (for centred data use n − 1); an objective recovers the signal when its
predicted distance 1 − (1/k)‖UᵀÛ‖²_F is below a level. The weak spot is CP near its transition with fewer than about 20
nuisance coordinates, where the true transition is smeared and the prediction pessimistic.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Float, Int

from phasejax.spiked import SpikedModel
from phasejax.theory.numerics import Scalar, bisect
from phasejax.theory.objectives import PerObjective, Regime, regime_of
from phasejax.theory.pencil import critical, distances
from phasejax.theory.population import regime as population_regime
from phasejax.theory.population import rho, tau

__all__ = ["effective_critical_nu", "effective_separation", "expected_distance", "regime", "samples_needed"]

MOST_SAMPLES = 1e15  # beyond this a sample size counts as "never"


def expected_distance(model: SpikedModel, n: Scalar) -> PerObjective[Float[Array, ""]]:
    """Predicted distance of CA's and CP's encoder from n ≥ 1 pairs, the mean over signal directions.

    **Raises:** `ValueError` for n < 1 where n is known.
    """
    _check("n", n, lambda value: value >= 1, "≥ 1")
    return PerObjective(*map(jnp.mean, distances(model, n)))


def effective_separation(model: SpikedModel, n: Scalar) -> PerObjective[Float[Array, ""]]:
    """Separation ratios for n ≥ 1 pairs, Δ_CA = min ρ_i/ρ_c and Δ_CP = min τ_i/τ_c,i: above 1 the whole signal stands out of
    the bulk of nuisance. They tend to the population's Δ as n grows; 0 where no signal could stand out, +∞ without nuisance.

    Standing out is detection: the direction may still be poor, and in CP a large target variance κ² + γ^y alone can lift a
    signal out of the bulk (Δ_CP above the population's, or +∞). `regime` asks for a distance instead.

    **Raises:** `ValueError` for n < 1 where n is known.
    """
    _check("n", n, lambda value: value >= 1, "≥ 1")
    threshold = critical(model, n)
    return PerObjective(_smallest_ratio(rho(model), threshold.rho), _smallest_ratio(tau(model), threshold.tau))


def regime(model: SpikedModel, n: Scalar | None = None, *, level: Scalar = 0.5) -> Regime | Int[Array, ""]:
    """Which objectives recover the signal.

    Without `n` the population's: an objective recovers iff its Δ > 1. For n ≥ 1 pairs an objective recovers iff its predicted
    distance is below `level`. Returns a `Regime` for concrete input; under `jit` or `vmap`, where an enum cannot exist, its
    integer code (int32).

    **Raises:** `ValueError` for n < 1 or a level outside (0, 1], where they are known.
    """
    if n is None:
        return population_regime(model)
    _check("level", level, lambda value: 0 < value <= 1, "in (0, 1]")
    ca, cp = expected_distance(model, n)
    return regime_of(PerObjective(ca < level, cp < level))


def samples_needed(model: SpikedModel, *, level: Scalar = 0.5) -> PerObjective[Float[Array, ""]]:
    """Number of pairs (not rounded) from which on the predicted distance is at most `level`; +∞ if 10¹⁵ do not suffice.

    **Raises:** `ValueError` for a level outside (0, 1) where it is known.
    """
    _check("level", level, lambda value: 0 < value < 1, "in (0, 1)")
    return PerObjective(*(_samples_needed(model, level, objective) for objective in PerObjective._fields))


def effective_critical_nu(model: SpikedModel, n: Scalar, *, level: Scalar = 0.5) -> PerObjective[Float[Array, ""]]:
    """The common nuisance correlation at which the predicted distance from n ≥ 1 pairs reaches `level`, all else fixed.

    The model's own η is ignored. 0 where the level is exceeded without nuisance correlation, 1 where never.

    **Raises:** `ValueError` for n < 1 or a level outside (0, 1], where they are known.
    """
    _check("n", n, lambda value: value >= 1, "≥ 1")
    _check("level", level, lambda value: 0 < value <= 1, "in (0, 1]")
    return PerObjective(*(_critical_nu(model, n, level, objective) for objective in PerObjective._fields))


@partial(jax.jit, static_argnames="objective")
def _samples_needed(model: SpikedModel, level: Scalar, objective: str) -> Array:
    def suffices(log_n):
        return _distance(model, jnp.exp(log_n), objective) <= level

    most = jnp.log(jnp.asarray(MOST_SAMPLES, model.kappa.dtype))
    return jnp.where(suffices(most), jnp.exp(bisect(suffices, jnp.zeros_like(most), most)), jnp.inf)


@partial(jax.jit, static_argnames="objective")
def _critical_nu(model: SpikedModel, n: Scalar, level: Scalar, objective: str) -> Array:
    paired = model.eta.size
    largest = jnp.sqrt(model.gamma_tilde_x[:paired] * model.gamma_tilde_y[:paired])

    def reached(nu):
        return _distance(eqx.tree_at(lambda m: m.eta, model, nu * largest), n, objective) >= level

    zero = jnp.zeros_like(model.kappa[0])
    return jnp.where(reached(zero), 0, bisect(reached, zero, jnp.ones_like(zero)))


def _distance(model: SpikedModel, n: Scalar, objective: str) -> Array:
    return jnp.mean(getattr(distances(model, n), objective))


def _smallest_ratio(signal: Array, threshold: Array) -> Array:
    """min signal/threshold; +∞ at threshold 0, but 0 for a dead signal."""
    ratio = jnp.where(threshold > 0, signal / jnp.where(threshold > 0, threshold, 1), jnp.inf)
    return jnp.min(jnp.where(signal > 0, ratio, 0))


def _check(name: str, value: Scalar, allowed, description: str) -> None:
    if not isinstance(value, Tracer) and not allowed(value):
        raise ValueError(f"{name} = {value} is not allowed: {name} must be {description}.")

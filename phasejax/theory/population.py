"""Exact quantities of a `SpikedModel`: what alignment (CA) and prediction (CP) recover from infinite data.

CA ranks directions by the singular values of C = Σxx^-½ Σxy Σyy^-½ (ρ on the signal, ν on nuisance); CP by those of
A = Σyx Σxx^-½ (τ and ξ). An objective recovers the signal when the smallest signal value exceeds the largest nuisance value.
Source: arXiv 2606.11190, Proposition 3.1 and section 3.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from phasejax.spiked import SpikedModel
from phasejax.theory.objectives import PerObjective

__all__ = [
    "RecoveryCounts",
    "count_above_all",
    "count_in_top_k",
    "critical_kappa",
    "critical_nu",
    "nu",
    "pls_separation",
    "recovery_counts",
    "rho",
    "separation",
    "smallest_over_largest",
    "tau",
    "xi",
]


class RecoveryCounts(NamedTuple):
    """Signal directions in the top k, in 0..k: the paper's lower bounds r and the exact numbers."""

    bound: PerObjective[Int[Array, ""]]
    exact: PerObjective[Int[Array, ""]]


def rho(model: SpikedModel) -> Float[Array, " k"]:
    """Signal canonical correlations ρ_i = κ_i² / √((κ_i²+γ^x_i)(κ_i²+γ^y_i)), in [0, 1]."""
    power = model.kappa**2
    return power / jnp.sqrt((power + model.gamma_x) * (power + model.gamma_y))


def tau(model: SpikedModel) -> Float[Array, " k"]:
    """Signal singular values of A: τ_i = κ_i² / √(κ_i²+γ^x_i), in units of y."""
    power = model.kappa**2
    return power / jnp.sqrt(power + model.gamma_x)


def nu(model: SpikedModel) -> Float[Array, " m"]:
    """Nuisance canonical correlations ν_j = η_j / √(γ̃^x_j γ̃^y_j), in [0, 1]."""
    m = model.eta.size
    return model.eta / jnp.sqrt(model.gamma_tilde_x[:m] * model.gamma_tilde_y[:m])


def xi(model: SpikedModel) -> Float[Array, " m"]:
    """Nuisance singular values of A: ξ_j = η_j / √γ̃^x_j, in units of y."""
    return model.eta / jnp.sqrt(model.gamma_tilde_x[: model.eta.size])


def separation(model: SpikedModel) -> PerObjective[Float[Array, ""]]:
    """Separation ratios Δ_CA = min ρ / max ν and Δ_CP = min τ / max ξ in [0, ∞]; above 1 the whole signal is recovered.

    Without any correlated nuisance the ratio is +∞; if min ρ = 0 as well (a dead signal coordinate, κ_i = 0) the 0/0 is
    defined as 0, because that coordinate cannot be told from uncorrelated nuisance.
    """
    return PerObjective(smallest_over_largest(rho(model), nu(model)), smallest_over_largest(tau(model), xi(model)))


def pls_separation(model: SpikedModel) -> Float[Array, ""]:
    """Δ_PLS = min κ² / max η, what partial least squares (nothing whitened) separates by; conventions as in `separation`.

    With homogeneous coordinates each whitening multiplies the ratio by √(nuisance variance / signal variance):
    Δ_CP = Δ_PLS √(γ̃^x/(κ²+γ^x)) and Δ_CA = Δ_CP √(γ̃^y/(κ²+γ^y)).
    """
    return smallest_over_largest(model.kappa**2, model.eta)


def recovery_counts(model: SpikedModel) -> RecoveryCounts:
    """How many of the top k singular directions are signal.

    The paper's bound (Proposition 3.2) counts signals above every nuisance value: r_CA = #{i : ρ_i > max ν}. The exact
    number is #{i ≤ k : ρ_(i) > ν_(k+1−i)} with both sorted in descending order and ν_(j) = 0 past the end: a prefix of the
    signals stays in the top k as long as each beats the nuisance it competes with. Ties count against the signal, so both
    are guaranteed counts. CP likewise with τ and ξ.
    """
    values = (rho(model), nu(model)), (tau(model), xi(model))
    return RecoveryCounts(
        PerObjective(*(count_above_all(*pair) for pair in values)), PerObjective(*(count_in_top_k(*pair) for pair in values))
    )


def critical_nu(model: SpikedModel) -> PerObjective[Float[Array, ""]]:
    """The common nuisance correlation ν* at which Δ = 1, all else fixed: CA min ρ, CP min τ / max √γ̃^y.

    The model's own η is ignored; the objective recovers iff ν < ν*. A value above 1 means that no nuisance correlation can
    defeat it, +∞ that no coordinate is paired.
    """
    paired_y = model.gamma_tilde_y[: model.eta.size]
    return PerObjective(
        smallest_over_largest(rho(model), jnp.ones_like(paired_y)), smallest_over_largest(tau(model), jnp.sqrt(paired_y))
    )


def critical_kappa(model: SpikedModel) -> PerObjective[Float[Array, ""]]:
    """The common spike strength κ* at which Δ = 1, given the model's noise and nuisance; the inverse of `critical_nu`.

    With a = κ², coordinate i reaches ρ_i = ν = max ν where (1−ν²)a² − ν²(γ^x+γ^y)a − ν²γ^xγ^y = 0, and τ_i = ξ = max ξ where
    a² − ξ²a − ξ²γ^x = 0; the largest root over i decides. The model's own κ is ignored; +∞ for CA at ν = 1.
    """
    nu2 = jnp.max(nu(model), initial=0) ** 2
    xi2 = jnp.max(xi(model), initial=0) ** 2
    gamma_x, gamma_y = model.gamma_x, model.gamma_y
    # ν = η/√(γ̃x γ̃y) is 1 only up to rounding.
    below_one = jnp.where(1 - nu2 > 8 * jnp.finfo(nu2.dtype).eps, 1 - nu2, 0)
    power_ca = _positive_root(below_one, nu2 * (gamma_x + gamma_y), nu2 * gamma_x * gamma_y)
    power_cp = _positive_root(jnp.ones_like(xi2), xi2, xi2 * gamma_x)
    return PerObjective(jnp.sqrt(jnp.max(power_ca)), jnp.sqrt(jnp.max(power_cp)))


def smallest_over_largest(signal: Array, nuisance: Array) -> Array:
    """min(signal) / max(nuisance), +∞ for no nuisance, 0 for 0/0; gradients are finite."""
    smallest, largest = jnp.min(signal), jnp.max(nuisance, initial=0)
    without = jnp.where(smallest > 0, jnp.inf, 0)
    # The inner `where` keeps gradients finite.
    return jnp.where(largest > 0, smallest / jnp.where(largest > 0, largest, 1), without)


def count_above_all(signal: Array, nuisance: Array) -> Array:
    """#{i : signal_i > every nuisance value}."""
    return jnp.sum(signal > jnp.max(nuisance, initial=0), dtype=jnp.int32)


def count_in_top_k(signal: Array, nuisance: Array) -> Array:
    """#{i ≤ k : signal_(i) > nuisance_(k+1−i)}, both sorted in descending order, nuisance 0 past the end."""
    k = signal.size
    rivals = jnp.sort(jnp.pad(nuisance, (0, max(0, k - nuisance.size))), descending=True)[:k]
    return jnp.sum(jnp.sort(signal, descending=True) > rivals[::-1], dtype=jnp.int32)


def _positive_root(a: Array, b: Array, c: Array) -> Array:
    """The non-negative root of a z² − b z − c = 0 for b, c ≥ 0; +∞ where a ≤ 0."""
    return jnp.where(a > 0, (b + jnp.sqrt(b**2 + 4 * a * c)) / (2 * jnp.where(a > 0, a, 1)), jnp.inf)

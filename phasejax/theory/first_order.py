"""Many samples in a fixed dimension: the expected distance of CA and CP as a series in 1/n.

Perturbing Σxx⁻¹ Σxy Σyy⁻¹ Σyx (CA) and Σxx⁻¹ Σxy Σyx (CP) around the population, nuisance coordinate j leaks into signal i
with a mean square that depends on second moments only, so the first order holds for any law whose signal and nuisance are
independent. Distances are 1 − (1/k)‖UᵀÛ‖²_F for n zero-mean pairs (for centred data use n − 1).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from phasejax.spiked import SpikedModel
from phasejax.theory import square
from phasejax.theory.numerics import Scalar
from phasejax.theory.objectives import PerObjective
from phasejax.theory.pencil import noise_energy_ca, noise_energy_cp, pad, ratio_of_scales, targets
from phasejax.theory.population import nu, rho, separation, tau, xi

__all__ = ["first_order", "second_order", "validity"]


@jax.jit
def first_order(model: SpikedModel, n: Scalar) -> PerObjective[Float[Array, ""]]:
    """Expected distance to first order in 1/n, ≥ 0; +∞ for Δ ≤ 1, where the distance does not vanish as n grows.

        E1_CA = 1/(nk) Σ_ij h_ij (1−ρ_i²)(ρ_i²+ν_j²−2ρ_i²ν_j²)/(ρ_i²−ν_j²)²
        E1_CP = 1/(nk) Σ_ij h_ij [τ_i²(s_i−τ_i²) + ξ_j² γ̃^y_j]/(τ_i²−ξ_j²)²

    with h_ij = (κ_i²+γ^x_i)/γ̃^x_j and s_i = κ_i²+γ^y_i, over all nuisance coordinates of x: unpaired ones have ν = ξ = 0,
    and unpaired coordinates of y do not enter. Any nuisance, any d_x and d_y. It exceeds 1 for small n: see `validity`.
    """
    nu2, xi2 = (pad(values, model.gamma_tilde_x.size)[None, :] ** 2 for values in (nu(model), xi(model)))
    target = targets(model)[0][None, :]
    rho2, tau2 = rho(model)[:, None] ** 2, tau(model)[:, None] ** 2
    power_y = (model.kappa**2 + model.gamma_y)[:, None]
    h = ratio_of_scales(model)

    delta = separation(model)
    leak_ca = h * (1 - rho2) * (rho2 + nu2 - 2 * rho2 * nu2) / _gap(rho2, nu2) ** 2
    leak_cp = h * (tau2 * (power_y - tau2) + xi2 * target) / _gap(tau2, xi2) ** 2
    return PerObjective(
        jnp.where(delta.ca > 1, jnp.sum(leak_ca) / (n * model.k), jnp.inf),
        jnp.where(delta.cp > 1, jnp.sum(leak_cp) / (n * model.k), jnp.inf),
    )


@jax.jit
def second_order(model: SpikedModel, n: Scalar) -> PerObjective[Float[Array, ""]]:
    """The 1/n² term E2 of the distance, of either sign, for any nuisance and any d_x, d_y; NaN for Δ ≤ 1.

    The leading part, of order (d−k)²/n², taken from the equations of `pencil` by differentiating them twice at
    1/n = 0. Terms of order (d−k)/n² are left out, so E2 sharpens E1 when the nuisance is not a handful of coordinates.
    """
    delta = separation(model)
    terms = []
    for noise_energy, separated in ((noise_energy_ca, delta.ca > 1), (noise_energy_cp, delta.cp > 1)):

        def distance(weight, noise_energy=noise_energy):
            noise, signal, _ = noise_energy(model, weight)
            return jnp.mean(noise / (signal + noise))

        curvature = jax.jacfwd(jax.jacfwd(distance))(jnp.zeros_like(model.kappa[0]))
        terms.append(jnp.where(separated, curvature / (2 * n**2), jnp.nan))
    return PerObjective(*terms)


@jax.jit
def validity(model: SpikedModel, n: Scalar) -> PerObjective[Float[Array, ""]]:
    """|E1/E − 1| ≥ 0 with E the distance that `square.expected_distance` predicts: the relative error of `first_order`; +∞ for
    Δ ≤ 1.

    CA breaks near Δ = 1 only; CP also far from it when γ̃^y is large, because target noise enters CP at second order. Near
    Δ = 1 the series misleads about itself: E2/E1 can be small where signal and nuisance already compete.
    """
    predicted = (square.expected_distance(model, n, ridge_y=ridge) for ridge in (0.0, jnp.inf))
    terms = zip(first_order(model, n), predicted, strict=True)
    return PerObjective(*(jnp.where(jnp.isinf(e1), jnp.inf, _share(e1 - e, e)) for e1, e in terms))


def _gap(signal: Array, nuisance: Array) -> Array:
    """signal − nuisance, 1 at a tie: a tie has no first order, and its gradient must stay finite."""
    return jnp.where(signal == nuisance, 1, signal - nuisance)


def _share(part: Array, whole: Array) -> Array:
    """|part/whole|, 0 where there is nothing at all."""
    return jnp.where(whole == 0, 0, jnp.abs(part) / jnp.where(whole == 0, 1, whole))

"""Many samples, M modalities: the expected distance of alignment and of multi-source prediction, to first order in 1/n.

Perturbing the eigenproblem around the population, nuisance coordinate j leaks into the encoding of signal i through M×M
matrices only. Distances are 1 − (1/k)‖UᵀÛ‖²_F of one encoder, for n zero-mean tuples (for centred data use n − 1).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from phasejax import checks
from phasejax.multimodal.graph import complete
from phasejax.multimodal.model import MultimodalModel
from phasejax.multimodal.theory import delta_graph, delta_predict, normalised, signal_correlations, source_indices, tau
from phasejax.theory.numerics import Scalar


def first_order_maxvar(model: MultimodalModel, n: Scalar) -> Float[Array, " M"]:
    """Expected distance of each modality's MAXVAR encoder, ≥ 0; +∞ for Δ ≤ 1. M = 2 gives CA's first order on either side."""
    return first_order_graph(model, n, complete(model.modalities))


def first_order_graph(model: MultimodalModel, n: Scalar, adjacency: Float[Array, "M M"]) -> Float[Array, " M"]:
    """Expected distance of each modality's encoder under alignment on a connected graph, ≥ 0; +∞ for Δ ≤ 1.

        E1_m = 1/(nk) Σ_ij h_mij/u_im² [G (N_j ∘ F) G]_mm,   G = (λ_i I − 𝒩∘N_j)⁻¹,

    where (λ_i, u_i) is the top eigenpair of 𝒩 ∘ R_i, F = T R_i Tᵀ with T = (𝒩 − λ_i I) diag u_i, and
    h_mij = (κ_i²+γ_mi)/γ̃_mj.
    """
    coupling = normalised(adjacency)
    correlations = signal_correlations(model)
    values, vectors = jnp.linalg.eigh(coupling[None] * correlations)
    separated = delta_graph(model, adjacency) > 1

    def leak(value, u, correlation, nuisance):
        identity = jnp.eye(model.modalities)
        turn = (coupling - value * identity) * u[None, :]
        noise = nuisance * (turn @ correlation @ turn.T)
        resolvent = jnp.linalg.inv(jnp.where(separated, value * identity - coupling * nuisance, identity))
        return jnp.diag(resolvent @ noise @ resolvent) / u**2

    pairs = jax.vmap(jax.vmap(leak, (None, None, None, 0)), (0, 0, 0, None))
    leaks = pairs(values[:, -1], vectors[:, :, -1], correlations, model.nuisance)
    return _expected(model, jnp.arange(model.modalities), leaks, n, separated)


def first_order_predict(model: MultimodalModel, n: Scalar, *, target: int = -1) -> Float[Array, " sources"]:
    """Expected distance of each source's encoder when all others predict the target, ≥ 0; +∞ for Δ ≤ 1.

        E1_m = 1/(nk) Σ_ij h_mij/w_im² [H⁻¹ (τ_i⁴(s_i−τ_i²)N_j + τ_i²γ̃_j c_j c_jᵀ) H⁻¹]_mm,   H = τ_i² N_j − c_j c_jᵀ,

    with N_j the nuisance correlations among the sources, which must be regular, c_j their covariances with the target, γ̃_j its
    nuisance variance, s_i = κ_i²+γ_i its variance on signal i, and w_i the weights of the sources in the best prediction.
    """
    sources = source_indices(model, target)
    separated = delta_predict(model, target=target) > 1
    squares = tau(model, target=target) ** 2
    scale = jnp.sqrt(model.signal_variance[sources]).T
    among = signal_correlations(model)[:, sources[:, None], sources]
    weights = jnp.linalg.solve(among, (model.kappa[:, None] ** 2 / scale)[..., None])[..., 0]
    nuisance = model.nuisance[:, sources[:, None], sources]
    variance = model.nuisance_variance[target]
    across = jnp.sqrt(variance)[:, None] * model.nuisance[:, sources, target]
    residual = model.signal_variance[target] - squares

    def leak(square, residual_i, weight, nuisance_j, across_j, variance_j):
        predictable = jnp.outer(across_j, across_j)
        noise = square**2 * residual_i * nuisance_j + square * variance_j * predictable
        gap = jnp.where(separated, square * nuisance_j - predictable, jnp.eye(len(nuisance_j)))
        resolvent = jnp.linalg.inv(gap)
        return jnp.diag(resolvent @ noise @ resolvent) / weight**2

    pairs = jax.vmap(jax.vmap(leak, (None, None, None, 0, 0, 0)), (0, 0, 0, None, None, None))
    leaks = pairs(squares, residual, weights, nuisance, across, variance)
    return _expected(model, sources, leaks, n, separated)


def _expected(model: MultimodalModel, members: Array, leaks: Float[Array, "k m s"], n: Scalar, separated: Array) -> Array:
    """Leaks in whitened coordinates weighted by h_mij and averaged over signals, for the members that have encoders."""
    tilde = jnp.where(model.has_nuisance, model.nuisance_variance, jnp.inf)  # nothing leaks into what is not there
    h = model.signal_variance[members].T[:, None, :] / tilde[members].T[None, :, :]
    return jnp.where(separated, jnp.sum(h * leaks, axis=(0, 1)) / (checks.single(n) * model.k), jnp.inf)

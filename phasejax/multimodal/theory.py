"""Exact quantities of a `MultimodalModel`: what each way of using M modalities recovers from infinite data.

Canonical coordinates decouple, so every objective comes down to M×M matrices: the correlations R_i of signal coordinate i
across modalities (a_m a_n off the diagonal, a² = κ²/(κ²+γ)) and N_j of nuisance coordinate j.

- Alignment on a graph ranks coordinates by the eigenvalues of 𝒩 ∘ R_i and 𝒩 ∘ N_j, with 𝒩 = D^-½ A D^-½ the normalised
  adjacency and ∘ the entrywise product. MAXVAR, the generalised CCA by eigenvalues, is the complete graph.
- SUMCOR, the generalised CCA by the sum of correlations, keeps all components on the signal as long as no direction of
  nuisance adds more correlation than it costs.
- Prediction of one modality from all others ranks them by τ_i and ξ_j, as for one source.

An objective recovers the signal iff its Δ > 1. Of n tuples `first_order` and `high_dimensional` say what MAXVAR makes; for
the others there is no finite-sample theory here. Sources: Kettenring 1971 for the generalised CCAs; the rest is derived here.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from phasejax.multimodal.graph import check_adjacency, complete
from phasejax.multimodal.model import MultimodalModel
from phasejax.theory.population import count_in_top_k, smallest_over_largest

_NEWTON_STEPS = 40


def signal_correlations(model: MultimodalModel) -> Float[Array, "k M M"]:
    """R_i: 1 on the diagonal, a_m a_n = κ_i²/√((κ_i²+γ_mi)(κ_i²+γ_ni)) off it."""
    a = jnp.sqrt(model.quality).T
    return jnp.where(jnp.eye(model.modalities, dtype=bool), 1, a[:, :, None] * a[:, None, :])


def maxvar_eigenvalues(model: MultimodalModel) -> Float[Array, " k"]:
    """Largest eigenvalue λ_i of R_i, in [1, M]: the top root of Σ_m a_m²/(λ−1+a_m²) = 1. Alike modalities: 1 + (M−1)ρ_i."""
    return 1 + _secular_roots(model.quality.T)


def nuisance_eigenvalues(model: MultimodalModel) -> Float[Array, " m"]:
    """Largest eigenvalue of N_j, in [1, M]; 1 + (s−1)ν for nuisance equicorrelated in s modalities."""
    return 1 + jnp.linalg.eigvalsh(_off_diagonal(model.nuisance))[:, -1]


def delta_maxvar(model: MultimodalModel) -> Float[Array, ""]:
    """Separation ratio of MAXVAR, min_i (λ_max(R_i) − 1)/max_j (λ_max(N_j) − 1), in [0, ∞]; M = 2 gives Δ_CA.

    Alike modalities, nuisance shared by s of them: (M−1) min ρ / ((s−1) max ν). Conventions of 0/0 as in
    `phasejax.theory.separation`.
    """
    signal = _secular_roots(model.quality.T)
    return smallest_over_largest(signal, _cut(nuisance_eigenvalues(model) - 1))


def delta_graph(model: MultimodalModel, adjacency: Float[Array, "M M"]) -> Float[Array, ""]:
    """Separation ratio of alignment on a connected graph: the smallest signal value over its largest rival, in [0, ∞].

    A signal's value is λ_max(𝒩 ∘ R_i). Its rivals are λ_max(𝒩 ∘ N_j) and, if signals differ in strength, the second
    eigenvalues of the other signals: on sparse graphs a strong signal can fill two of the top k directions.

    **Raises:** `ValueError` on a bad adjacency.
    """
    signal, nuisance = _graph_values(model, adjacency)
    values = signal[:, -1]
    # The weakest signal's own second eigenvalue is below its first: no rival.
    others = signal[:, :-1].at[jnp.argmin(values)].set(0)
    return smallest_over_largest(values, _cut(jnp.concatenate([others.ravel(), nuisance.ravel()])))


def delta_sumcor(model: MultimodalModel) -> Float[Array, ""]:
    """Separation ratio of SUMCOR, 1/max_ij λ_max(D_i^-½ (N_j − I) D_i^-½) with D_i = diag_m(Σ_{n≠m} a_m a_n), in [0, ∞].

    Above 1 all components on signal i are the global maximum, below 1 they are not even a local one: turning modality m by
    θ_m towards nuisance j gains Σ N_mn sin θ_m sin θ_n and costs at least Σ_m D_m sin² θ_m. For k > 1 components at once
    the first half needs one signal that is the weakest in every modality (e.g. γ the same in all).
    """
    cost = jnp.sum(_off_diagonal(signal_correlations(model)), axis=-1)
    dead = jnp.any(cost == 0)
    scale = jnp.where(cost > 0, cost, 1) ** -0.5

    def gain(scale_i, nuisance_j):
        return jnp.linalg.eigvalsh(scale_i[:, None] * nuisance_j * scale_i[None, :])[-1]

    gains = jax.vmap(jax.vmap(gain, (None, 0)), (0, None))(scale, _off_diagonal(model.nuisance))
    return jnp.where(dead, 0, smallest_over_largest(jnp.ones_like(cost), _cut(gains.ravel())))


def tau(model: MultimodalModel, *, target: int = -1) -> Float[Array, " k"]:
    """Signal singular values of predicting the target from all others: τ_i² = κ_i² B/(1+B), B = Σ_m κ_i²/γ_mi.

    As for one source with the noise of the best average, 1/γ = Σ_m 1/γ_m: τ_i = κ_i²/√(κ_i²+γ).
    """
    gamma = model.gamma[source_indices(model, target)]
    noiseless = jnp.any(gamma == 0, axis=0)
    pooled = jnp.where(noiseless, 0, 1 / jnp.sum(1 / jnp.where(gamma == 0, 1, gamma), axis=0))
    power = model.kappa**2
    return power / jnp.sqrt(power + pooled)


def xi(model: MultimodalModel, *, target: int = -1) -> Float[Array, " m"]:
    """Nuisance singular values of predicting the target from all others: ξ_j² = γ̃_j rᵀ N⁻¹ r.

    N and r hold the correlations of nuisance j among the sources and between the sources and the target, γ̃ is the target's.
    """
    sources = source_indices(model, target)
    among = model.nuisance[:, sources[:, None], sources]
    across = model.nuisance[:, sources, target]

    def share(among_j, across_j):
        return across_j @ jnp.linalg.pinv(among_j, hermitian=True) @ across_j

    return jnp.sqrt(model.nuisance_variance[target] * jnp.maximum(jax.vmap(share)(among, across), 0))


def delta_predict(model: MultimodalModel, *, target: int = -1) -> Float[Array, ""]:
    """Separation ratio of multi-source prediction, min τ / max ξ, in [0, ∞]; M = 2 gives Δ_CP of (other → target)."""
    return smallest_over_largest(tau(model, target=target), xi(model, target=target))


def recovered_maxvar(model: MultimodalModel) -> Int[Array, ""]:
    """Number of signal directions among MAXVAR's top k, 0..k; ties count against the signal.

    As for two modalities (`phasejax.theory.recovery_counts`), with all eigenvalues of all N_j as rivals.
    """
    return recovered_graph(model, complete(model.modalities))


def recovered_graph(model: MultimodalModel, adjacency: Float[Array, "M M"]) -> Int[Array, ""]:
    """Number of signal directions among the top k of alignment on a connected graph; rivals as in `delta_graph`."""
    signal, nuisance = _graph_values(model, adjacency)
    return count_in_top_k(signal[:, -1], _cut(jnp.concatenate([signal[:, :-1].ravel(), nuisance.ravel()])))


def recovered_predict(model: MultimodalModel, *, target: int = -1) -> Int[Array, ""]:
    """Number of signal directions among the top k of multi-source prediction."""
    return count_in_top_k(tau(model, target=target), xi(model, target=target))


def normalised(adjacency: Float[Array, "M M"]) -> Float[Array, "M M"]:
    """𝒩 = D^-½ A D^-½ with D the degrees; its largest eigenvalue is 1."""
    scale = jnp.sum(adjacency, axis=0) ** -0.5
    return scale[:, None] * adjacency * scale[None, :]


def source_indices(model: MultimodalModel, target: int) -> Array:
    """Indices of all modalities but the target."""
    if not -model.modalities <= target < model.modalities:
        raise ValueError(f"target = {target} is not allowed: there are {model.modalities} modalities, counted from 0.")
    return jnp.delete(jnp.arange(model.modalities), target, assume_unique_indices=True)


def _graph_values(model: MultimodalModel, adjacency: Array) -> tuple[Float[Array, "k M"], Float[Array, "m M"]]:
    """Eigenvalues of 𝒩 ∘ R_i and of 𝒩 ∘ N_j, ascending."""
    check_adjacency(adjacency, model.modalities)
    coupling = normalised(adjacency)[None]
    return jnp.linalg.eigvalsh(coupling * signal_correlations(model)), jnp.linalg.eigvalsh(coupling * model.nuisance)


def _off_diagonal(matrices: Array) -> Array:
    return jnp.where(jnp.eye(matrices.shape[-1], dtype=bool), 0, matrices)


def _cut(eigenvalues: Array) -> Array:
    """An eigenvalue that is zero up to rounding, or negative, is no rival."""
    return jnp.where(eigenvalues > 64 * jnp.finfo(eigenvalues.dtype).eps, eigenvalues, 0)


@jax.jit
@jax.vmap
def _secular_roots(quality: Float[Array, " M"]) -> Array:
    """Of every signal the root μ ≥ 0 of h(μ) = Σ_m a_m²/(μ+a_m²) = 1, given a² (M,); 0 for a dead signal.

    Newton's method on 1/h, which is concave: from the left it converges monotonically, in one step for alike modalities.
    """
    dead = jnp.any(quality == 0)
    quality = jnp.where(dead, 1, quality)

    def step(_, mu):
        terms = quality / (mu + quality)
        h = jnp.sum(terms)
        return mu + h * (h - 1) / jnp.sum(terms / (mu + quality))

    start = (quality.size - 1) * jnp.min(quality)
    root = lax.stop_gradient(lax.fori_loop(0, _NEWTON_STEPS, step, start))
    return jnp.where(dead, 0, step(0, root))  # one differentiable step carries the derivative

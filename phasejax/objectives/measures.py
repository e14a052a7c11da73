"""Conflict measures: how far a multimodal InfoNCE gradient works against itself. Arrays over (M, B), loggable during training.

InfoNCE over all pairs pulls z_i^a towards the mean V of its positives and pushes it from a softmax mean Φ of everything:

    ∂L/∂z_i^a = 2/(MBT) (Φ_a,i − V_a,i).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from phasejax import checks
from phasejax.objectives.embeddings import as_embeddings, inner_products, pair_indices, safe_sqrt, unit_rows
from phasejax.objectives.hyperparameters import Modality, Positive


class Forces(NamedTuple):
    """The two parts of InfoNCE's gradient at every embedding.

    - `attraction`: V_a,i = 1/(M−1) Σ_{n≠a} z_i^n.
    - `repulsion`: Φ_a,i = 1/(M−1) Σ_{n≠a} ½[Σ_j π^{an}_ij z_j^n + Σ_k π^{na}_ki z_k^n], with π^{an}_ij = softmax_j S^{an}_ij.
    - `negatives`: Φ without its terms j = i and k = i.
    """

    attraction: Float[Array, "M B d"]
    repulsion: Float[Array, "M B d"]
    negatives: Float[Array, "M B d"]


class Conflict(NamedTuple):
    """Conflict at every embedding, (M, B) each.

    - `alignment_uniformity`: ζ = cos(V_tan, Φ_tan), F_tan = F − ⟨F, z⟩z; reconstruction. 0 where either part vanishes.
    - `against_negatives`: the same cosine without the j = i term in Φ.
    - `cancelled`: ⟨V, Φ⟩/‖V‖², the fraction of the attraction that the repulsion cancels; 0 where V vanishes.
    - `intra_alignment`: χ = 1 − ‖V‖, 0 at M = 2, towards 1 − √ρ as M grows when positives have cosine ρ; reconstruction.
    """

    alignment_uniformity: Float[Array, "M B"]
    against_negatives: Float[Array, "M B"]
    cancelled: Float[Array, "M B"]
    intra_alignment: Float[Array, "M B"]


def forces(z: Float[Array, "M B d"], *, temperature: Positive = 0.1) -> Forces:
    """V and Φ of `infonce` over all pairs, at unit rows.

    **Raises:** `ValueError` on a bad shape or temperature.
    """
    z = as_embeddings(z)
    checks.scales(temperature=temperature)
    modalities, size, _ = z.shape
    a, n = pair_indices(modalities)
    logits = inner_products(z[a], z[n]) / temperature
    # [i of a, j of n]: what z_i^a feels from z_j^n, and the other way round.
    weights = (jax.nn.softmax(logits, axis=-1) + jax.nn.softmax(logits, axis=-2)) / 2

    def gather(weights: Array) -> Array:
        total = jnp.zeros_like(z)
        with jax.default_matmul_precision("highest"):
            total = total.at[a].add(weights @ z[n])
            total = total.at[n].add(jnp.swapaxes(weights, -1, -2) @ z[a])
        return total / (modalities - 1)

    others = (jnp.sum(z, axis=0, keepdims=True) - z) / (modalities - 1)
    return Forces(others, gather(weights), gather(jnp.where(jnp.eye(size, dtype=bool), 0, weights)))


def conflict(z: Float[Array, "M B d"], *, temperature: Positive = 0.1) -> Conflict:
    """ζ, its variant against negatives only, the fraction cancelled, and χ, at unit rows.

    **Raises:** `ValueError` on a bad shape or temperature.
    """
    z = as_embeddings(z)
    attraction, repulsion, negatives = forces(z, temperature=temperature)
    tangent = _tangent(attraction, z)
    squared_norm = jnp.sum(attraction**2, axis=-1)
    vanishes = squared_norm == 0
    return Conflict(
        _cosine(tangent, _tangent(repulsion, z)),
        _cosine(tangent, _tangent(negatives, z)),
        jnp.where(vanishes, 0, jnp.sum(attraction * repulsion, axis=-1) / jnp.where(vanishes, 1, squared_norm)),
        1 - safe_sqrt(squared_norm),
    )


def modality_gap(z: Float[Array, "M B d"]) -> Float[Array, ""]:
    """Mean over pairs of modalities of the distance between their means, ‖z̄^m − z̄^n‖, in [0, 2] for unit rows.

    **Raises:** `ValueError` on a bad shape.
    """
    z = as_embeddings(z, tuples=1)
    a, n = pair_indices(z.shape[0])
    return jnp.mean(safe_sqrt(jnp.sum(jnp.mean(z[a] - z[n], axis=1) ** 2, axis=-1)))


def retrieval_at_1(z: Float[Array, "M B d"], *, query: Modality = 0, gallery: Modality = 1) -> Float[Array, ""]:
    """R@1: the share of rows whose own partner has a strictly larger inner product than every other row of the gallery.

    Strictly, so that a collapsed encoder retrieves nothing. A retrieval metric, not a recovery metric: shared nuisance
    identifies a tuple as well as shared signal does.

    **Raises:** `ValueError` on a bad shape or modality.
    """
    z = as_embeddings(z)
    checks.whole("query", query, 0, z.shape[0] - 1)
    checks.whole("gallery", gallery, 0, z.shape[0] - 1)
    scores = inner_products(z[query], z[gallery])
    own = jnp.diagonal(scores)
    best_other = jnp.max(jnp.where(jnp.eye(scores.shape[0], dtype=bool), -jnp.inf, scores), axis=1)
    return jnp.mean(own > best_other, dtype=z.dtype)


def _tangent(force: Array, z: Array) -> Array:
    return force - jnp.sum(force * z, axis=-1, keepdims=True) * z


def _cosine(u: Array, v: Array) -> Array:
    return jnp.sum(unit_rows(u) * unit_rows(v), axis=-1)

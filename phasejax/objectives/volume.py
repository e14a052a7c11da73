"""Volume contrast in the manner of GRAM: a tuple should span less volume than the same anchor with another tuple's partners."""

import jax
import jax.numpy as jnp
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float

from phasejax import checks
from phasejax.objectives.embeddings import as_embeddings, inner_products, pair_indices
from phasejax.objectives.hyperparameters import Modality, Positive


def volumes(z: Float[Array, "M B d"], *, anchor: Modality = 0, epsilon: Positive = 1e-4) -> Float[Array, "B B"]:
    """V_ij = √det(G + εI), G the Gram matrix of anchor row i with the other modalities' rows j.

    One Cholesky factor of the partners' Gram matrix H_j serves all anchors: det = det(H_j) · (1 + ε − g_ijᵀ H_j⁻¹ g_ij), whose
    second factor is at least ε, which rounding is not allowed to undercut.

    **Raises:** `ValueError` on a bad shape, anchor or epsilon.
    """
    z = as_embeddings(z)
    checks.scales(epsilon=epsilon)
    _, others = pair_indices(z.shape[0], anchor)
    partners = jnp.swapaxes(z[others], 0, 1)
    gram = inner_products(partners, partners) + epsilon * jnp.eye(others.size, dtype=z.dtype)[None]
    factor = jnp.linalg.cholesky(gram)
    cosines = jnp.einsum("jmd,id->jmi", partners, z[anchor], precision=jax.lax.Precision.HIGHEST)
    half = jax.lax.linalg.triangular_solve(factor, cosines, left_side=True, lower=True)
    own = jnp.sum(z[anchor] ** 2, axis=-1)
    height = jnp.maximum(own[None, :] + epsilon - jnp.sum(half**2, axis=1), epsilon)
    log_base = jnp.sum(jnp.log(jnp.diagonal(factor, axis1=1, axis2=2)), axis=1)
    return jnp.exp(log_base[:, None] + jnp.log(height) / 2).T


def volume_contrast(
    z: Float[Array, "M B d"], *, temperature: Positive = 0.1, anchor: Modality = 0, epsilon: Positive = 1e-4
) -> Float[Array, ""]:
    """InfoNCE both ways on minus the volumes, L = 1/B Σ_i [V_ii/T + ½ log Σ_j e^{−V_ij/T} + ½ log Σ_j e^{−V_ji/T}].

    A comparator in the manner of GRAM (Cicchetti et al. 2024), with ε in the determinant for a finite gradient.
    At M = 2 and ε = 0 the volume is the sine of the angle, so opposite vectors count as aligned. Reconstruction.

    **Arguments:** `z` unit rows; `temperature`, `epsilon` > 0, may be traced; `anchor` a modality.

    **Raises:** `ValueError` on a bad shape, value or anchor.
    """
    checks.scales(temperature=temperature)
    logits = -volumes(z, anchor=anchor, epsilon=epsilon) / temperature
    both_ways = (logsumexp(logits, axis=0) + logsumexp(logits, axis=1)) / 2
    return jnp.mean(both_ways - jnp.diagonal(logits))

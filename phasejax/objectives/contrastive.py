"""Contrastive objectives: each tuple's own partner against the other tuples of the batch. Both want unit rows."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float

from phasejax import checks
from phasejax.objectives.embeddings import as_embeddings, inner_products, pair_indices
from phasejax.objectives.hyperparameters import Anchor, Positive, Real


def infonce(z: Float[Array, "M B d"], *, temperature: Positive = 0.1, anchor: Anchor = None) -> Float[Array, ""]:
    """InfoNCE over all ordered pairs of modalities, or over those with an anchor:

        L = 1/(M(M−1)) Σ_{a≠n} 1/B Σ_i [ −S^{an}_ii + log Σ_j exp S^{an}_ij ],   S^{an} = Z^a Z^{nᵀ} / T.

    **Arguments:** `z` unit rows; `temperature` T > 0, may be traced; `anchor` a modality, or None for all pairs.

    **Raises:** `ValueError` on a bad shape, temperature or anchor.
    """
    z = as_embeddings(z)
    checks.scales(temperature=temperature)
    a, n = pair_indices(z.shape[0], anchor)
    logits = inner_products(z[a], z[n]) / temperature
    own = jnp.diagonal(logits, axis1=-2, axis2=-1)
    both_ways = (logsumexp(logits, axis=-1) + logsumexp(logits, axis=-2)) / 2
    return jnp.mean(both_ways - own)


def siglip(
    z: Float[Array, "M B d"], *, temperature: Positive = 0.1, bias: Real = -10.0, anchor: Anchor = None
) -> Float[Array, ""]:
    """SigLIP (Zhai et al. 2023), the mean over pairs of modalities (a, n) of

        −1/B Σ_ij log σ(±(⟨z_i^a, z_j^n⟩/T + b)),   + where i = j, − elsewhere.

    **Arguments:** `z` unit rows; `temperature` T > 0; `bias` b, −10 as published; both may be traced, hence learned.
    `anchor` as in `infonce`.

    **Raises:** `ValueError` on a bad shape, temperature, bias or anchor.
    """
    z = as_embeddings(z)
    checks.scales(temperature=temperature)
    checks.entries("bias", bias, np.isfinite, "finite")
    a, n = pair_indices(z.shape[0], anchor)
    logits = inner_products(z[a], z[n]) / temperature + bias
    sign = 2 * jnp.eye(z.shape[1], dtype=z.dtype) - 1
    return -jnp.mean(jnp.sum(jax.nn.log_sigmoid(sign[None] * logits), axis=-1))

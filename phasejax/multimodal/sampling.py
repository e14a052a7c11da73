"""Finite samples of a `MultimodalModel`: all covariance blocks at once, straight from their Wishart law."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Key

from phasejax import checks
from phasejax.multimodal.model import MultimodalModel, symmetric_roots
from phasejax.simulation.wishart import bartlett


def sample_covariance(model: MultimodalModel, n: ArrayLike, *, key: Key[Array, ""]) -> Float[Array, "M M d d"]:
    """Sample covariance blocks of n zero-mean Gaussian M-tuples (divided by n), in canonical coordinates.

    n·S = T R Rᵀ Tᵀ with R Bartlett's triangular factor and T Tᵀ the population covariance, so the cost does not depend on
    n, which may be a traced array. For n < M d the draw is the singular Wishart of rank n, exact as well.

    **Arguments:** `n` integer ≥ 1; `key` a typed key.

    **Raises:** `ValueError` for n < 1 where n is known.
    """
    checks.entries("n", n, lambda v: v >= 1, "a number of tuples ≥ 1")
    return _drawn(model, jnp.asarray(n, model.kappa.dtype), key)


@jax.jit
def _drawn(model: MultimodalModel, n: Float[Array, ""], key: Key[Array, ""]) -> Float[Array, "M M d d"]:
    modalities, d = model.modalities, model.d
    lane_key = jax.random.bits(key, (2, 1), "uint32")
    rest = (modalities - 1) * d
    r11, r21, r22 = (block[..., 0] for block in bartlett(lane_key, n[None], d, rest, dtype=n.dtype))
    factor = jnp.block([[r11, jnp.zeros((d, rest), n.dtype)], [r21, r22]]).reshape(modalities, d, modalities * d)
    with jax.default_matmul_precision("highest"):
        root = jnp.einsum("cmn,ncq->mcq", symmetric_roots(model.coordinate_covariances()), factor)
        return jnp.einsum("mcq,neq->mnce", root, root) / n

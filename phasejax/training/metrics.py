"""What trained encoders recovered of the signal, for embeddings at least as wide as the signal too."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from phasejax.recovery import squared_overlap


def leading_rows(weight: Float[Array, "width d"], covariance: Float[Array, "d d"], k: int) -> Float[Array, "k d"]:
    """A linear encoder and then the k leading principal components of its embedding: V_kᵀ W, (min(k, width), d).

    V_k holds the top eigenvectors of the embedding's covariance W Σ Wᵀ. At width k the row space is that of W. An objective
    that whitens its embedding makes all components alike and the choice arbitrary: give its encoder width k.
    """
    with jax.default_matmul_precision("highest"):
        _, vectors = jnp.linalg.eigh(weight @ covariance @ weight.T)
        return vectors[:, ::-1][:, :k].T @ weight


def signal_overlap(weight: Float[Array, "width d"], covariance: Float[Array, "d d"], k: int) -> Float[Array, " k"]:
    """Squared overlap, in [0, 1], of each of the first k coordinates with the row space of `leading_rows`.

    One minus its mean is `recovery.subspace_distance`; the square root of that is ‖P_Û − P_U‖_F/√(2k) for width ≥ k.
    """
    truth = jnp.eye(weight.shape[1], k, dtype=weight.dtype)
    return squared_overlap(leading_rows(weight, covariance, k), truth)


def probe_r2(z: Float[Array, "n width"], targets: Float[Array, "n t"]) -> Float[Array, ""]:
    """R² of a linear probe: least squares with intercept on the first half of the rows, judged on the second half.

    Averaged over targets. 1 is perfect; 0 or less is no better than the mean.
    """
    half = z.shape[0] // 2
    features = jnp.concatenate([z, jnp.ones((z.shape[0], 1), z.dtype)], axis=1)
    coefficients = jnp.linalg.lstsq(features[:half], targets[:half])[0]
    held_out = targets[half:]
    error = jnp.sum((held_out - features[half:] @ coefficients) ** 2, axis=0)
    return jnp.mean(1 - error / jnp.sum((held_out - jnp.mean(held_out, axis=0, keepdims=True)) ** 2, axis=0))

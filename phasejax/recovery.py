"""What an encoder recovered: how its row space meets the true signal subspace.

An encoder is (k, d); the truth is a (d, r) matrix with orthonormal columns, by default the first k canonical coordinates.
Only row spaces count: any invertible recombination of encoder rows gives the same answers.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from phasejax.spiked import Covariance

__all__ = [
    "LEVEL",
    "PUBLISHED_THRESHOLD",
    "crossing",
    "mean_squared_error",
    "principal_angles",
    "projector_distance",
    "recovered_count",
    "squared_overlap",
    "subspace_distance",
]

PUBLISHED_THRESHOLD = 0.8
LEVEL = 0.5
"""A signal is recovered where its distance is below this: more of it is in the encoder's row space than not."""


def squared_overlap(encoder: Float[Array, "k d"], basis: Float[Array, "d r"] | None = None) -> Float[Array, " r"]:
    """Squared overlap ‖P_Û u_i‖² of each true direction u_i with the encoder's row space, in [0, 1]."""
    return jnp.sum(_cosines(encoder, basis) ** 2, axis=1)


def subspace_distance(encoder: Float[Array, "k d"], basis: Float[Array, "d r"] | None = None) -> Float[Array, ""]:
    """Subspace distance 1 − (1/r)‖UᵀÛ‖²_F, in [0, 1]: the mean squared sine of the principal angles."""
    return jnp.mean(jnp.sum(_sines(encoder, basis) ** 2, axis=0))


def projector_distance(encoder: Float[Array, "k d"], basis: Float[Array, "d r"] | None = None) -> Float[Array, ""]:
    """The paper's ‖P_Û − P_U‖_F / √(2k), in [0, 1]: the square root of `subspace_distance` for a rank-k encoder."""
    return jnp.sqrt(subspace_distance(encoder, basis))


def principal_angles(encoder: Float[Array, "k d"], basis: Float[Array, "d r"] | None = None) -> Float[Array, " min_k_r"]:
    """Principal angles in radians, ascending, in [0, π/2].

    Small angles come from their sines and large ones from their cosines, so both ends are accurate (Björck & Golub 1973).
    """
    cosines = jnp.linalg.svd(_cosines(encoder, basis), compute_uv=False)
    sines = jnp.linalg.svd(_sines(encoder, basis), compute_uv=False)[::-1][: cosines.size]
    return jnp.where(cosines**2 > 0.5, jnp.arcsin(jnp.clip(sines, 0, 1)), jnp.arccos(jnp.clip(cosines, 0, 1)))


def recovered_count(overlap: Float[Array, " r"], threshold: float = PUBLISHED_THRESHOLD) -> Int[Array, ""]:
    """Number of true directions whose squared overlap exceeds the threshold (0.8 as published)."""
    return jnp.sum(overlap > threshold, dtype=jnp.int32)


def crossing(x: Float[np.ndarray, " m"], distance: Float[np.ndarray, " m"], *, level: float = LEVEL) -> float:
    """The x, ascending, at which a curve of distances first exceeds a level, by linear interpolation.

    The first x where it does so from the start, +∞ where it never does.
    """
    above = np.flatnonzero(np.asarray(distance) > level)
    if not above.size:
        return np.inf
    around = slice(max(above[0] - 1, 0), above[0] + 1)
    return float(np.interp(level, distance[around], x[around]))


def mean_squared_error(coefficients: Float[Array, "d_y d_x"], cov: Covariance) -> Float[Array, ""]:
    """Mean squared error E‖y − Bx‖² = tr(Σyy − 2BΣxy + BΣxxBᵀ) of a linear prediction, under the covariances of (x, y).

    With `SpikedModel.signal_covariance` in place of the covariances of (x, y) it is the error against the signal alone.
    """
    return jnp.trace(cov.yy) - 2 * jnp.sum(coefficients * cov.xy.T) + jnp.sum((coefficients @ cov.xx) * coefficients)


def _row_space(encoder: Array) -> Array:
    """(d, k) orthonormal basis of the row space; columns beyond the numerical rank are zero, so they recover nothing."""
    u, sigma, _ = jnp.linalg.svd(encoder.T, full_matrices=False)
    return jnp.where(sigma > max(encoder.shape) * jnp.finfo(encoder.dtype).eps * sigma[0], u, 0)


def _truth(encoder: Array, basis: Array | None) -> Array:
    k, d = encoder.shape
    return jnp.eye(d, k, dtype=encoder.dtype) if basis is None else basis


def _cosines(encoder: Array, basis: Array | None) -> Array:
    """UᵀÛ, (r, k)."""
    return _truth(encoder, basis).T @ _row_space(encoder)


def _sines(encoder: Array, basis: Array | None) -> Array:
    """(I − P_Û) U, (d, r): its singular values are the sines of the principal angles."""
    u, estimate = _truth(encoder, basis), _row_space(encoder)
    return u - estimate @ (estimate.T @ u)

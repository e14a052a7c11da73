"""Linear encoders from a covariance triple: alignment (CA), prediction (CP), both at once, partial least squares; and a probe.

Each solver whitens what its objective whitens (both sides, the source, neither) and keeps the top k singular directions.
They read covariances alone and know nothing of the theory they are compared with.
"""

from enum import IntEnum
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float, Int

from phasejax.spiked import Covariance


class Status(IntEnum):
    """How a solve went."""

    OK = 0
    RANK_DEFICIENT = 1  # fewer than k nonzero singular values, or a singular covariance was whitened on its support
    NONFINITE = 2  # the covariances hold NaN or infinity


class Solution(eqx.Module):
    """The result of a linear solver.

    - `encoder_x`: (k, d_x), `encoder_y`: (k, d_y); rows in descending order of singular value.
    - `singular_values`: (min(d_x, d_y),) of the whitened cross-covariance, descending.
    - `rank`: number of singular values above the relative cut-off.
    - `rank_x`, `rank_y`: rank of each whitener; below the dimension when a covariance was singular, and never for a side that
      the objective leaves alone.
    - `status`: a `Status` code.
    """

    encoder_x: Float[Array, "k d_x"]
    encoder_y: Float[Array, "k d_y"]
    singular_values: Float[Array, " d_min"]
    rank: Int[Array, ""]
    rank_x: Int[Array, ""]
    rank_y: Int[Array, ""]
    status: Int[Array, ""]

    @property
    def coefficients(self) -> Float[Array, "d_y d_x"]:
        """Σ_i σ_i v_iᵀ w_i over encoder rows w (x) and v (y); of `predict`, the rank-k regression matrix."""
        k = self.encoder_x.shape[0]
        return self.encoder_y.T @ (self.singular_values[:k, None] * self.encoder_x)


def align(cov: Covariance, k: int, *, ridge: ArrayLike = 0.0) -> Solution:
    """CA: canonical correlation analysis, the top-k singular directions of Σxx^-½ Σxy Σyy^-½.

    Encoders are normalised to encoder Σ encoderᵀ = I; singular values are the canonical correlations.

    **Arguments:** `cov` covariance triple; `k` in 1..min(d_x, d_y); `ridge` ≥ 0 added to each covariance in units of its
    mean eigenvalue, so that rescaling a view changes nothing.

    **Raises:** `ValueError` on a bad k, mismatched shapes, or (outside `jit`) non-finite covariances.
    """
    _check(cov, k)
    return _solve(cov, k, inverse_square_root(cov.xx, ridge), inverse_square_root(cov.yy, ridge))


def predict(cov: Covariance, k: int, *, ridge: ArrayLike = 0.0) -> Solution:
    """CP: reduced-rank regression of y on x, the top-k singular directions of Σxx^-½ Σxy.

    `encoder_x` is whitened on the source, `encoder_y` holds the orthonormal target directions; `Solution.coefficients` is
    the regression matrix. Arguments and errors as in `align`.
    """
    _check(cov, k)
    return _solve(cov, k, inverse_square_root(cov.xx, ridge), _identity(cov.yy))


def pls(cov: Covariance, k: int) -> Solution:
    """Partial least squares (by SVD): the top-k singular directions of Σxy, nothing whitened. Errors as in `align`."""
    _check(cov, k)
    return _solve(cov, k, _identity(cov.xx), _identity(cov.yy))


def joint(cov: Covariance, k: int, *, weight: ArrayLike, ridge: ArrayLike = 0.0) -> Solution:
    """Prediction plus λ times alignment, with encoder Σxx encoderᵀ = I imposed: the top k of AᵀA + λ CCᵀ, λ = `weight`.

    They are the left singular directions of Σxx^-½ Σxy [I, √λ Σyy^-½]. `encoder_y` is the alignment head encoder_x Σxy Σyy⁻¹,
    the decoder is `probe(cov, encoder_x)`; singular values are √(τ² + λρ²) in the population. λ = 0 is CP, λ → ∞ is CA.
    Σyy is whitened whatever λ is, so that a singular one shows in the status even at λ = 0.

    **Raises:** `ValueError` for a negative or non-finite weight (outside `jit`); otherwise as `align`.
    """
    _check(cov, k)
    if not isinstance(weight, Tracer) and not (np.all(np.isfinite(np.asarray(weight))) and np.all(np.asarray(weight) >= 0)):
        raise ValueError(f"weight = {weight} is not allowed: the weight of alignment must be finite and ≥ 0.")
    left, right = inverse_square_root(cov.xx, ridge), inverse_square_root(cov.yy, ridge)
    both = Whitener(jnp.hstack([_identity(cov.yy).matrix, jnp.sqrt(weight) * right.matrix]), right.rank)
    solution = _solve(cov, k, left, both)
    head = solution.encoder_x @ cov.xy @ right.matrix @ right.matrix
    values = solution.singular_values[: min(cov.xy.shape)]  # the rest is 0: the rank is that of Σxy
    return eqx.tree_at(lambda s: (s.encoder_y, s.singular_values), solution, (head, values))


def probe(cov: Covariance, encoder: Float[Array, "k d_x"]) -> Float[Array, "d_y d_x"]:
    """Coefficients of the least-squares prediction of y from the encoded source: Σyx Wᵀ (W Σxx Wᵀ)⁺ W."""
    encoded = encoder @ cov.xx @ encoder.T
    return cov.xy.T @ encoder.T @ jnp.linalg.pinv(encoded, hermitian=True) @ encoder


class Whitener(NamedTuple):
    """A matrix applied to one side of the cross-covariance, and the rank of the covariance it whitens."""

    matrix: Array
    rank: Array


def _solve(cov: Covariance, k: int, left: Whitener, right: Whitener) -> Solution:
    u, sigma, vt = jnp.linalg.svd(left.matrix @ cov.xy @ right.matrix, full_matrices=False)
    cutoff = max(cov.xy.shape) * jnp.finfo(sigma.dtype).eps
    rank = jnp.sum(sigma > cutoff * sigma[0], dtype=jnp.int32)
    deficient = (rank < k) | (left.rank < cov.xx.shape[0]) | (right.rank < cov.yy.shape[0])
    status = jnp.where(deficient, Status.RANK_DEFICIENT, Status.OK)
    finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(block)) for block in (*cov, sigma)]))
    status = jnp.where(finite, status, Status.NONFINITE).astype(jnp.int32)
    return Solution(u[:, :k].T @ left.matrix, vt[:k] @ right.matrix.T, sigma, rank, left.rank, right.rank, status)


def _identity(s: Array) -> Whitener:
    return Whitener(jnp.eye(s.shape[0], dtype=s.dtype), jnp.asarray(s.shape[0], jnp.int32))


def inverse_square_root(s: Array, ridge: ArrayLike) -> Whitener:
    """(S + ridge·mean eigenvalue·I)^-½ on the numerical support of S, and its rank."""
    size = s.shape[0]
    mean = jnp.trace(s) / size
    scale = jnp.where(mean == 0, 1, mean)  # a zero covariance has rank 0
    values, vectors = jnp.linalg.eigh(s / scale + ridge * jnp.eye(size, dtype=s.dtype))
    kept = values > size * jnp.finfo(s.dtype).eps * values[-1]
    inverse_root = jnp.where(kept, 1 / jnp.sqrt(jnp.where(kept, values, 1)), 0)
    return Whitener((vectors * inverse_root) @ vectors.T / jnp.sqrt(scale), jnp.sum(kept, dtype=jnp.int32))


def _check(cov: Covariance, k: int) -> None:
    d_x, d_y = cov.xy.shape
    if cov.xx.shape != (d_x, d_x) or cov.yy.shape != (d_y, d_y):
        raise ValueError(f"covariances have shapes xx {cov.xx.shape}, xy {cov.xy.shape}, yy {cov.yy.shape}: they do not fit.")
    if not 1 <= k <= min(d_x, d_y):
        raise ValueError(f"k = {k} is not allowed: the number of directions must satisfy 1 ≤ k ≤ {min(d_x, d_y)}.")
    if not any(isinstance(block, Tracer) for block in cov):
        for name, block in zip(cov._fields, cov, strict=True):
            if not np.all(np.isfinite(np.asarray(block))):  # NumPy: inside jit, jnp would trace even what is known
                raise ValueError(f"the covariance block {name} holds NaN or infinity: finite values are needed.")

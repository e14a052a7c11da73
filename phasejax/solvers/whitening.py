"""Whitening one view by its covariance, whatever the units of its columns."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int


class Whitener(NamedTuple):
    """A matrix W applied to one side of the cross-covariance.

    `rank` is that of the covariance S it whitens; rows of W beyond it are 0. `error` is ‖W S Wᵀ − I‖_F on the support of S:
    canonical correlations are known to about that relative accuracy.
    """

    matrix: Float[Array, "r d"]
    rank: Int[Array, ""]
    error: Float[Array, ""]


def whitener(s: Float[Array, "d d"], ridge: ArrayLike = 0.0) -> Whitener:
    """W with W (S + ridge·mean eigenvalue·I) Wᵀ = I on the numerical support of S, its rows in the range of S.

    Columns are brought to variance 1 first, so that the rank does not depend on their units. A column whose deviation is below
    ε times the largest is what rounding leaves of a constant, and counts as one.
    """
    size, eps = s.shape[0], jnp.finfo(s.dtype).eps
    with jax.default_matmul_precision("highest"):
        s = s + ridge * jnp.trace(s) / size * jnp.eye(size, dtype=s.dtype)
        variance = jnp.diag(s)
        largest = jnp.max(variance)
        alive = variance > eps**2 * largest
        unit = 1 / jnp.sqrt(jnp.where(alive, variance, jnp.where(largest > 0, largest, 1)))
        inverse = jnp.where(alive, unit, 0)
        values, vectors = jnp.linalg.eigh(inverse[:, None] * s * inverse[None, :])
        kept = values > size * eps * values[-1]
        root = jnp.where(kept, 1 / jnp.sqrt(jnp.where(kept, values, 1)), 0)
        matrix = root[:, None] * vectors.T * inverse[None, :]
        # The null space of S is spanned by the dropped columns of diag(unit) V, which come first: the rest of Q is its range.
        q = jnp.where(kept, jnp.linalg.qr(unit[:, None] * vectors)[0], 0)
        matrix = jnp.where(jnp.all(kept), matrix, matrix @ q @ q.T)
        error = jnp.linalg.norm(matrix @ s @ matrix.T - jnp.diag(kept.astype(s.dtype)))
    return Whitener(matrix, jnp.sum(kept, dtype=jnp.int32), error)


def unwhitened(s: Float[Array, "d d"]) -> Whitener:
    """The identity, for a side that the objective leaves alone."""
    return Whitener(jnp.eye(s.shape[0], dtype=s.dtype), jnp.asarray(s.shape[0], jnp.int32), jnp.zeros((), s.dtype))

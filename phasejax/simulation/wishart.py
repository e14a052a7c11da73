"""The Wishart law by its triangular factor (Bartlett 1933), many draws at a time, one a lane."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike, DTypeLike

from phasejax.simulation.draws import checked_dtype, chi, normals
from phasejax.simulation.fusion import settled
from phasejax.spiked import CholeskyDiagonals, Covariance


class BartlettFactor(NamedTuple):
    """Blocks of the lower triangular R with R Rᵀ ~ Wishart(I, n); the block above the diagonal is zero."""

    r11: Array  # (d_x, d_x, L)
    r21: Array  # (d_y, d_x, L)
    r22: Array  # (d_y, d_y, L)


def bartlett(keys: Array, n: Array, d_x: int, d_y: int, *, dtype: DTypeLike = jnp.float32) -> BartlettFactor:
    """Factor R of n times the sample covariance of n standard normal vectors of length p = d_x + d_y; n is (L,).

    Bartlett: R_ii ~ χ with n − i degrees of freedom (i = 0 … p − 1), standard normals below the diagonal. For n < p
    the matrix is singular and R is trapezoidal: the same entries in the first n columns, zeros in the others, which
    is the triangular factor of n < p samples. So the draw is exact for every integer n ≥ 1, and any real n > p − 1.
    """
    p = d_x + d_y
    n = n.astype(checked_dtype(dtype))
    index = jnp.arange(p)[:, None]
    degrees = n[None, :] - index.astype(dtype)
    diagonal = chi(keys, degrees)
    below = normals(keys, p * (p - 1) // 2, dtype=dtype)
    # Where each normal goes is static: one gather of whole rows of lanes fills a triangle, without scatter.
    place = np.zeros((p, p), int)
    place[np.tril_indices(p, -1)] = np.arange(len(below))

    def block(rows, columns):
        i, j = index[rows, None], index[None, columns]
        entries = jnp.where(i == j, diagonal[columns], below[place[rows, columns]])
        return jnp.where((i < j) | (degrees[None, columns] <= 0), 0, entries)

    x, y = slice(0, d_x), slice(d_x, p)
    return BartlettFactor(*settled((block(x, x), block(y, x), block(y, y))))


def covariance_from_bartlett(cholesky: CholeskyDiagonals, factor: BartlettFactor, n: ArrayLike) -> Covariance:
    """The covariance triple T R Rᵀ Tᵀ / n for one Bartlett factor R, blocks (d_x, d_x), (d_y, d_x), (d_y, d_y)."""
    a, _, c = cholesky
    left_x = a[:, None] * factor.r11
    left_y = cross_factor(cholesky, factor)
    right_y = c[:, None] * factor.r22
    with jax.default_matmul_precision("highest"):
        return Covariance(left_x @ left_x.T / n, left_x @ left_y.T / n, (left_y @ left_y.T + right_y @ right_y.T) / n)


def cross_factor(cholesky: CholeskyDiagonals, factor: BartlettFactor) -> Array:
    """diag(c) R21 + diag(b) R11, the rows of T R that belong to y and the columns that belong to x: (d_y, d_x).

    Everything may carry a last axis of lanes.
    """
    paired = cholesky.b.shape[0]
    shared = cholesky.b[:, None] * factor.r11[:paired]
    below = ((0, factor.r21.shape[0] - paired),) + ((0, 0),) * (shared.ndim - 1)
    return cholesky.c[:, None] * factor.r21 + jnp.pad(shared, below)

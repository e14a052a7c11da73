"""The equations of `spectrum` for alignment and prediction at once, whose pencil holds y twice.

The joint objective of weight λ solves A w = z Sxx w with A = Sxy (p + a Syy⁻¹) Syx, views scaled to mean eigenvalue 1, where
p : a = 1 : λ/(mean eigenvalue of y) and p + a = 1. Of the data (X, Y, Y) its pencil has

    K = [[−z, √p, √a], [√p, 0, 0], [√a, 0, −1]],   R = diag(0, −1, 0).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Inexact

from phasejax.spiked import SpikedModel
from phasejax.theory.numerics import Scalar
from phasejax.theory.spectrum import FLOOR, Captured, Coordinates, bound, captured, coordinates, mean_inverse

__all__ = ["captured_jointly"]

_X, _Y, _AGAIN = range(3)


@jax.jit
def captured_jointly(model: SpikedModel, n: Scalar, lam: Scalar) -> Captured:
    """The shares of all coordinates of x in the top k directions of n ≥ d_x + d_y pairs, at a weight λ in [0, ∞)."""
    at = coordinates(model)
    align = 1 - 1 / (1 + jnp.asarray(lam, model.kappa.dtype) / jnp.mean(model.variance_y))
    floor = jnp.full_like(align, FLOOR)
    largest = bound(at.xx, model.d_x, n, floor) * ((1 - align) * bound(at.yy, model.d_y, n, jnp.ones_like(align)) + align)
    pencil = _Joint(at, n, align, largest, mean_inverse(at, n, floor))
    return captured(pencil, model.d_x, model.k, model.k)


class _Joint(NamedTuple):
    """A `Pencil`; L is (3, 3)."""

    at: Coordinates
    n: Scalar
    align: Array  # a
    largest: Array
    inverse: Array

    def values(self) -> Array:
        xx, yy = (jnp.where(v > 0, v, 1) for v in self.at[:2])
        return self.at.xy**2 / xx * (1 - self.align + self.align / yy)

    def as_complex(self) -> "_Joint":
        dtype = lax.complex(self.largest, self.largest).dtype
        xx, yy, xy, n, align = (jnp.asarray(v, dtype) for v in (*self.at[:3], self.n, self.align))
        return self._replace(at=self.at._replace(xx=xx, yy=yy, xy=xy), n=n, align=align)

    def bare(self, z: Array) -> Complex[Array, "3 3"]:
        predicting, aligning = jnp.sqrt(1 - self.align), jnp.sqrt(self.align)
        blocks = jnp.zeros((3, 3), z.dtype).at[_X].set(jnp.stack([-z, predicting, aligning]))
        return blocks.at[:, _X].set(blocks[_X]).at[_AGAIN, _AGAIN].set(-1)

    def corrected(self, z: Array, matrix: Array) -> Array:
        resolvent, g = self._noise(matrix)
        k = self.bare(z)
        dressed = _inverse(jnp.eye(3, dtype=z.dtype) + k @ g) @ k
        covariance = self.covariance
        response = jnp.einsum("jab,jac,jbd,jcd->abcd", covariance, resolvent, resolvent, covariance) / self.n
        slope = jnp.einsum("pa,abcd,bq->pqcd", dressed, response, dressed).reshape(9, 9)
        slope = lax.stop_gradient(jnp.eye(9, dtype=z.dtype) - slope)
        return matrix + jnp.linalg.solve(slope, (dressed - matrix).ravel()).reshape(3, 3)

    def held(self, z: Array, matrix: Array) -> tuple[Array, Array]:
        resolvent, g = self._noise(matrix)
        sample = _inverse(jnp.eye(3, dtype=z.dtype) + g @ self.bare(z))[_X]  # diagonal of Sxx G
        share = jnp.einsum("a,ja->j", sample, (self.covariance * resolvent)[:, :, _X])
        return share, jnp.where(self.at.has_x, resolvent[:, _X, _X], 0)

    def blocks(self, z: Array, matrix: Array) -> tuple[Array, Array]:
        return matrix, self._noise(matrix)[0]

    @property
    def covariance(self) -> Inexact[Array, "D 3 3"]:
        xx, yy, xy = self.at[:3]
        return jnp.stack([jnp.stack(row, axis=-1) for row in ((xx, xy, xy), (xy, yy, yy), (xy, yy, yy))], axis=1)

    def _noise(self, matrix: Array) -> tuple[Array, Array]:
        """The G_j, (D, 3, 3), and g, (3, 3); a side that lacks a coordinate has an arbitrary G there, and no covariance."""
        covariance = self.covariance
        lacking = jnp.stack([~self.at.has_x, jnp.zeros_like(self.at.has_y), ~self.at.has_y], axis=-1)
        fixed = jnp.where(lacking, 1, jnp.array([[0, -1, 0]])).astype(matrix.dtype)
        resolvent = _inverse(matrix[None] * covariance + fixed[:, :, None] * jnp.eye(3, dtype=matrix.dtype)[None])
        return resolvent, jnp.sum(covariance * resolvent, axis=0) / self.n


def _inverse(matrix: Complex[Array, "*B 3 3"]) -> Complex[Array, "*B 3 3"]:
    """By cofactors, without a call to LAPACK."""
    a, b, c = (matrix[..., i] for i in range(3))
    rows = jnp.stack([jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)], axis=-2)
    return rows / jnp.sum(a * rows[..., 0, :], axis=-1)[..., None, None]

"""The equations of `spectrum` anywhere in the whitening square.

Regularised alignment solves A w = z N w with N = (1−α_x) Sxx + α_x I and A = Sxy ((1−α_y) Syy + α_y I)⁻¹ Syx, views scaled to
mean eigenvalue 1 and α = ridge/(1 + ridge): (0, 0) is CA, (0, 1) is CP, (1, 1) is PLS. Its pencil has two blocks,

    K = [[−z(1−α_x), 1], [1, −(1−α_y)]],   R = diag(−z α_x, −α_y).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from phasejax.spiked import SpikedModel
from phasejax.theory.numerics import Scalar
from phasejax.theory.spectrum import FLOOR, Captured, Coordinates, bound, captured, coordinates, mean_inverse

__all__ = ["captured_in_square", "shrinkage"]


def shrinkage(ridge: Scalar) -> Array:
    """α = ridge/(1 + ridge) in [0, 1] for a ridge in [0, ∞], in units of the view's mean eigenvalue."""
    return 1 - 1 / (1 + jnp.asarray(ridge, float))


@jax.jit
def captured_in_square(model: SpikedModel, n: Scalar, alpha_x: Scalar, alpha_y: Scalar) -> Captured:
    """The shares of all coordinates of x in the top k directions of n > 0 pairs.

    Without a ridge, n < d_x + d_y leaves several sample correlations of 1: the top k are k of these at random.
    """
    tied = jnp.minimum(n, model.d_x) + jnp.minimum(n, model.d_y) - n
    places = jnp.maximum(model.k, jnp.where(jnp.maximum(alpha_x, alpha_y) < FLOOR, tied, 0))
    return captured(_pencil(model, n, alpha_x, alpha_y), model.d_x, model.k, places)


class _Square(NamedTuple):
    """A `Pencil`; L is packed as (3,): xx, yy, xy."""

    at: Coordinates
    n: Scalar
    alpha: tuple[Array, Array]
    largest: Array
    inverse: Array

    @property
    def covariance(self) -> Array:
        return _blocks(jnp.stack(self.at[:3]))

    def values(self) -> Array:
        alpha_x, alpha_y = self.alpha
        return self.at.xy**2 / (((1 - alpha_x) * self.at.xx + alpha_x) * ((1 - alpha_y) * self.at.yy + alpha_y))

    def as_complex(self) -> "_Square":
        dtype = lax.complex(self.largest, self.largest).dtype
        xx, yy, xy, n, *alpha = (jnp.asarray(v, dtype) for v in (*self.at[:3], self.n, *self.alpha))
        return self._replace(at=self.at._replace(xx=xx, yy=yy, xy=xy), n=n, alpha=tuple(alpha))

    def bare(self, z: Array) -> Array:
        alpha_x, alpha_y = self.alpha
        return jnp.stack([-z * (1 - alpha_x), alpha_y - 1, jnp.ones_like(z)])

    def corrected(self, z: Array, matrix: Array) -> Array:
        resolvent, g = self._noise(z, matrix)
        k_xx, k_yy, _ = self.bare(z)
        a, b, c, d = 1 + k_xx * g[0] + g[2], k_xx * g[2] + g[1], g[0] + k_yy * g[2], 1 + g[2] + k_yy * g[1]
        dressed = jnp.stack([d * k_xx - b, a * k_yy - c, d - b * k_yy]) / (a * d - b * c)
        slope = lax.stop_gradient(jnp.eye(3, dtype=z.dtype) - _congruence(dressed) @ self._response(resolvent))
        return matrix + _solve(slope, dressed - matrix)

    def held(self, z: Array, matrix: Array) -> tuple[Array, Array]:
        alpha_x, _ = self.alpha
        resolvent, g = self._noise(z, matrix)
        k_xx, k_yy, _ = self.bare(z)
        a, b, c, d = 1 + g[0] * k_xx + g[2], g[0] + g[2] * k_yy, g[2] * k_xx + g[1], 1 + g[2] + g[1] * k_yy
        sample = (d * self.at.xx * resolvent[0] - b * self.at.xy * resolvent[2]) / (a * d - b * c)  # diagonal of Sxx G
        return (1 - alpha_x) * sample + alpha_x * resolvent[0], resolvent[0]

    def blocks(self, z: Array, matrix: Array) -> tuple[Array, Array]:
        return _blocks(matrix), _blocks(self._noise(z, matrix)[0])

    def _response(self, resolvent: Array) -> Array:
        """What a change of L changes in −g: (1/n) Σ_j Cov_j (G_j · G_j) Cov_j as a map of (3,), (3, 3)."""
        (xx, yy, xy), (v_xx, v_yy, v_xy) = resolvent, self.at[:3]
        weights = jnp.stack([v_xx * v_xx, v_xx * v_yy, v_xx * v_xy, v_yy * v_yy, v_yy * v_xy, v_xy * v_xy]) / self.n
        products = jnp.stack([xx * xx, xy * xy, xx * xy, yy * yy, yy * xy, xx * yy + xy * xy])
        a, b, c, d, e, f = jnp.sum(weights * products, axis=-1)
        return jnp.stack([jnp.stack(row) for row in ([a, b, 2 * c], [b, d, 2 * e], [c, e, f])])

    def _noise(self, z: Array, matrix: Array) -> tuple[Array, Array]:
        """The G_j, (3, D), and g, (3,): xx, yy, xy."""
        at, n, (alpha_x, alpha_y), _, _ = self
        xx = jnp.where(at.has_x, matrix[0] * at.xx - z * alpha_x, 1)
        yy = jnp.where(at.has_y, matrix[1] * at.yy - alpha_y, 1)
        xy = matrix[2] * at.xy
        inverse = _reciprocal(xx * yy - xy**2)
        resolvent = jnp.stack([jnp.where(at.has_x, yy * inverse, 0), jnp.where(at.has_y, xx * inverse, 0), -xy * inverse])
        return resolvent, jnp.sum(jnp.stack(at[:3]) * resolvent, axis=1) / n


def _pencil(model: SpikedModel, n: Scalar, alpha_x: Scalar, alpha_y: Scalar) -> _Square:
    at = coordinates(model)
    # Where n < d_x, directions without samples have a 1/α_x in N⁻¹ that must leave float32 its digits.
    floors = jnp.where(n < model.d_x, 10 * FLOOR, FLOOR), FLOOR
    alpha_x, alpha_y = (
        jnp.clip(jnp.asarray(a, model.kappa.dtype), floor, 1) for a, floor in zip((alpha_x, alpha_y), floors, strict=True)
    )
    largest = bound(at.xx, model.d_x, n, alpha_x) * bound(at.yy, model.d_y, n, alpha_y)
    return _Square(at, n, (alpha_x, alpha_y), largest, mean_inverse(at, n, alpha_x))


def _blocks(packed: Array) -> Array:
    """Symmetric matrices (…, 2, 2) of their entries (3, …): xx, yy, xy."""
    xx, yy, xy = packed
    return jnp.stack([jnp.stack([xx, xy], axis=-1), jnp.stack([xy, yy], axis=-1)], axis=-2)


def _reciprocal(value: Array) -> Array:
    """1/value, unguarded against overflow: values here are of moderate size."""
    square = value.real**2 + value.imag**2
    return lax.complex(value.real / square, -value.imag / square)


def _congruence(t: Array) -> Array:
    """The map E → T E T of symmetric 2×2 matrices given as (3, …): xx, yy, xy; (3, 3, …)."""
    xx, yy, xy = t
    rows = [xx * xx, xy * xy, 2 * xx * xy], [xy * xy, yy * yy, 2 * xy * yy], [xx * xy, xy * yy, xx * yy + xy * xy]
    return jnp.stack([jnp.stack(row) for row in rows])


def _solve(matrix: Array, right: Array) -> Array:
    """A 3×3 system by Cramer's rule, without a call to LAPACK."""
    a, b, c = matrix.T
    cofactors = jnp.stack([jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)])
    return cofactors @ right / (a @ cofactors[0])

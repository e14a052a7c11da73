"""What the top k sample directions are made of: every coordinate's share in them, anywhere in the whitening square.

Regularised alignment solves A w = z N w with N = (1−α_x) Sxx + α_x I and A = Sxy ((1−α_y) Syy + α_y I)⁻¹ Syx, views scaled to
mean eigenvalue 1 and α = ridge/(1 + ridge): (0, 0) is CA, (0, 1) is CP, (1, 1) is PLS. Its resolvent is the xx block of the
inverse of the pencil Dᵀ(K ⊗ I)D/n + R of the data D = (X, Y), with

    K = [[−z(1−α_x), 1], [1, −(1−α_y)]],   R = diag(−z α_x, −α_y).

Let every coordinate be M coordinates, the samples M n, the directions M k. As M → ∞ the resolvent becomes block-diagonal in
canonical coordinates, G_j = (L ∘ Cov_j + R)⁻¹, with one 2×2 matrix

    L⁻¹ = K⁻¹ + g,   g_ab = (1/n) Σ_j Cov_j[ab] G_j[ab]   over signal and nuisance alike,

and the top directions are those beyond the z* that has k of them above it. A coordinate alone then is a blob of the spectrum
of the width that a sample gives it, and blobs that overlap share their directions: what stands out, what is buried, what
competes for the k-th place and what leaks are one thing. M = 1 is predicted by the limit. Derived by a Gaussian deterministic
equivalent and checked against simulation; it is not a proof.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Complex, Float, Inexact

from phasejax.spiked import SpikedModel
from phasejax.theory.numerics import Scalar, bisect
from phasejax.theory.pencil import pad

__all__ = ["Captured", "captured", "overlaps", "shrinkage"]

_STEP = 0.7  # of the logarithmic grid from the largest value down to the real axis
_SPAN = (1e3, 1e-7)  # its ends, in units of the largest value
_NEWTON_STEPS = 3  # per point of the grid
_SEARCH_STEPS = 40  # for z*, by halves and false positions in turn
_FLOOR = 1e-5  # a ridge this small stands for none, and for the pseudo-inverse where n < d
_SHARING_STEPS = 100


class Captured(NamedTuple):
    """What the top k sample directions hold of each coordinate of x.

    `share`: diagonal of the projector onto them along the rest (oblique), in [0, 1], sum k. `energy`: Σ w², their squared
    entries for directions with w N w = 1.
    """

    share: Float[Array, " d_x"]
    energy: Float[Array, " d_x"]


class _Coordinates(NamedTuple):
    """Variances and covariance, (D,) with D = max(d_x, d_y), of views scaled to mean variance 1; a side's lack is masked."""

    xx: Inexact[Array, " D"]
    yy: Inexact[Array, " D"]
    xy: Inexact[Array, " D"]
    has_x: Bool[np.ndarray, " D"]
    has_y: Bool[np.ndarray, " D"]


class _Resolvent(NamedTuple):
    """Entries of G_j, (D,) each, and L as (3,): xx, yy, xy."""

    xx: Complex[Array, " D"]
    yy: Complex[Array, " D"]
    xy: Complex[Array, " D"]


def shrinkage(ridge: Scalar) -> Array:
    """α = ridge/(1 + ridge) in [0, 1] for a ridge in [0, ∞], in units of the view's mean eigenvalue."""
    return 1 - 1 / (1 + jnp.asarray(ridge, float))


@jax.jit
def captured(model: SpikedModel, n: Scalar, alpha_x: Scalar, alpha_y: Scalar) -> Captured:
    """The shares of all coordinates of x in the top k directions of n > 0 pairs.

    Without a ridge, n < d_x + d_y leaves several sample correlations of 1: the top k are k of these at random.
    """
    tied = jnp.minimum(n, model.d_x) + jnp.minimum(n, model.d_y) - n
    places = jnp.maximum(model.k, jnp.where(jnp.maximum(alpha_x, alpha_y) < _FLOOR, tied, 0))
    at = _coordinates(model)
    alpha_x, alpha_y = (jnp.clip(jnp.asarray(a, model.kappa.dtype), _FLOOR, 1) for a in (alpha_x, alpha_y))
    largest = _bound(at.xx, model.d_x, n, alpha_x) * _bound(at.yy, model.d_y, n, alpha_y)
    inverse = _mean_inverse(at, n, alpha_x)
    above = partial(_above, at, n, alpha_x, alpha_y, largest, inverse)

    def narrow(state):
        step, low, high, below, beyond = state
        more, fewer = jnp.sum(below.share), jnp.sum(beyond.share)
        ahead = jnp.where(step % 2 == 0, 0.5, jnp.clip((more - places) / (more - fewer), 0.02, 0.98))
        middle = low + ahead * (high - low)
        found = above(middle)
        more = jnp.sum(found.share) > places
        pick = partial(jnp.where, more)
        return step + 1, pick(middle, low), pick(high, middle), _choose(more, found, below), _choose(more, beyond, found)

    def open_(state):
        step, _, _, below, beyond = state
        near = jnp.minimum(jnp.sum(below.share) - places, places - jnp.sum(beyond.share))
        return (step < _SEARCH_STEPS) & (near > 1e-5 * places)

    everything = Captured(jnp.asarray(at.has_x, inverse.dtype), inverse)
    nothing = Captured(jnp.zeros_like(inverse), jnp.zeros_like(inverse))
    start = (0, jnp.zeros_like(largest), largest, everything, nothing)
    _, _, _, below, beyond = lax.while_loop(open_, narrow, start)
    more, fewer = jnp.sum(below.share), jnp.sum(beyond.share)
    t = jnp.clip((places - fewer) / jnp.maximum(more - fewer, 1e-12), 0, 1)
    return jax.tree.map(lambda b, f: (t * b + (1 - t) * f)[: model.d_x] * model.k / places, below, beyond)


def overlaps(found: Captured, k: int) -> Float[Array, " k"]:
    """Squared overlap of each signal direction with the top k directions, in [0, 1].

    What the signals miss of their places, 1 − f_i, is what nuisance holds, f_j. With one tangent entry of variance s_ij for
    each pair, spread over the pairs in proportion and scaled from the directions' coordinates to the original ones,

        overlap_i = 1/(1 + Σ_j s_ij p_j),   p_j = 1/(1 + Σ_i s_ij overlap_i):

    a nuisance coordinate takes one place at most, whatever leaks into it.
    """
    tiny = jnp.finfo(found.share.dtype).eps
    share = jnp.clip(found.share, tiny, 1 - tiny)
    scale = jnp.maximum(found.energy, 0) / share
    missing, held = 1 - share[:k], share[k:]
    flow = missing[:, None] * held[None, :] / jnp.maximum(jnp.sum(held), tiny)
    tangent = flow / (share[:k, None] * (1 - held)[None, :]) * scale[None, k:] / jnp.maximum(scale[:k, None], tiny)

    def step(_, state):
        overlap, free = state
        overlap = 1 / (1 + tangent @ free)
        return overlap, (free + 1 / (1 + overlap @ tangent)) / 2

    return lax.fori_loop(0, _SHARING_STEPS, step, (share[:k], 1 - held))[0]


def _choose(condition: Array, first: Captured, second: Captured) -> Captured:
    return jax.tree.map(partial(jnp.where, condition), first, second)


def _coordinates(model: SpikedModel) -> _Coordinates:
    x, y = model.variance_x, model.variance_y
    xy = jnp.concatenate([model.kappa**2, model.eta]) / jnp.sqrt(jnp.mean(x) * jnp.mean(y))
    size = max(model.d_x, model.d_y)
    xx, yy, xy = (pad(values, size) for values in (x / jnp.mean(x), y / jnp.mean(y), xy))
    return _Coordinates(xx, yy, xy, np.arange(size) < model.d_x, np.arange(size) < model.d_y)


def _bound(variance: Array, d: int, n: Scalar, alpha: Array) -> Array:
    """Largest value of S/((1−α)S + α), S a sample covariance of these variances."""
    largest = jnp.max(variance) * (1 + jnp.sqrt(d / n)) ** 2
    return largest / ((1 - alpha) * largest + alpha)


def _mean_inverse(at: _Coordinates, n: Scalar, alpha: Array) -> Array:
    """Diagonal of ((1−α) Sxx + α)⁻¹ in the limit, (D,): 1/((1−α) l σ_j² + α) with l (1 + (1−α) Σ_j σ_j²/(…)/n) = 1."""

    def entries(level):
        return jnp.where(at.has_x, 1 / ((1 - alpha) * level * at.xx + alpha), 0)

    def enough(level):
        return level * (1 + (1 - alpha) * jnp.sum(at.xx * entries(level)) / n) >= 1

    return entries(bisect(enough, jnp.zeros_like(alpha), jnp.ones_like(alpha)))


def _above(at: _Coordinates, n: Scalar, alpha_x: Array, alpha_y: Array, largest: Array, inverse: Array, x: Array) -> Captured:
    """What directions with a value above x hold: ½ of everything, and 1/π times the integral of Re along the line x + iy."""
    grid = jnp.exp(jnp.arange(np.log(_SPAN[0]), np.log(_SPAN[1]), -_STEP)).astype(x.dtype)
    dtype = lax.complex(x, x).dtype
    n, alpha_x, alpha_y, xx, yy, xy = (jnp.asarray(v, dtype) for v in (n, alpha_x, alpha_y, at.xx, at.yy, at.xy))
    at = at._replace(xx=xx, yy=yy, xy=xy)

    def descend(matrix, y):
        z = lax.complex(x, largest * y)
        k_xx, k_yy = -z * (1 - alpha_x), -(1 - alpha_y)

        def dressed(matrix):
            g, _ = _noise(at, n, z, alpha_x, alpha_y, matrix)
            a, b, c, d = 1 + k_xx * g[0] + g[2], k_xx * g[2] + g[1], g[0] + k_yy * g[2], 1 + g[2] + k_yy * g[1]
            return jnp.stack([d * k_xx - b, a * k_yy - c, d - b * k_yy]) / (a * d - b * c)  # (1 + K g)⁻¹ K

        def correct(_, matrix):
            slope = jnp.eye(3, dtype=dtype) - jax.jacfwd(dressed, holomorphic=True)(matrix)
            return matrix + jnp.linalg.solve(slope, dressed(matrix) - matrix)

        matrix = lax.fori_loop(0, _NEWTON_STEPS, correct, matrix)
        g, resolvent = _noise(at, n, z, alpha_x, alpha_y, matrix)
        a, b, c, d = 1 + g[0] * k_xx + g[2], g[0] + g[2] * k_yy, g[2] * k_xx + g[1], 1 + g[2] + g[1] * k_yy
        sample = (d * at.xx * resolvent.xx - b * at.xy * resolvent.xy) / (a * d - b * c)  # diagonal of Sxx G
        share = (1 - alpha_x) * sample + alpha_x * resolvent.xx
        return matrix, (y * share.real, y * largest * resolvent.xx.real)

    z = lax.complex(x, largest * grid[0])
    bare = jnp.stack([-z * (1 - alpha_x), -(1 - alpha_y) + 0 * z, 1 + 0 * z])
    _, (share, energy) = lax.scan(descend, bare, grid)
    # Beyond the grid the integrand falls like 1/y: a geometric series.
    weight = jnp.full_like(grid, _STEP / np.pi).at[0].multiply(1 / (1 - np.exp(-_STEP)))
    return Captured(jnp.where(at.has_x, 0.5 + largest * (weight @ share), 0), inverse / 2 + weight @ energy)


def _noise(at: _Coordinates, n: Scalar, z: Array, alpha_x: Array, alpha_y: Array, matrix: Array) -> tuple[Array, _Resolvent]:
    """g as (3,): xx, yy, xy; and the G_j."""
    xx = jnp.where(at.has_x, matrix[0] * at.xx - z * alpha_x, 1)
    yy = jnp.where(at.has_y, matrix[1] * at.yy - alpha_y, 1)
    xy = matrix[2] * at.xy
    determinant = xx * yy - xy**2
    own_x, own_y = jnp.where(at.has_x, yy / determinant, 0), jnp.where(at.has_y, xx / determinant, 0)
    resolvent = _Resolvent(own_x, own_y, -xy / determinant)
    sums = [jnp.sum(cov * entries) for cov, entries in zip((at.xx, at.yy, at.xy), resolvent, strict=True)]
    return jnp.stack(sums) / n, resolvent

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

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Inexact

from phasejax.spiked import SpikedModel
from phasejax.theory.numerics import Scalar, bisect, implicit
from phasejax.theory.pencil import pad

__all__ = ["Captured", "captured", "overlaps", "shrinkage"]

_POINTS = 30  # of the logarithmic grid from far above the values down to the real axis
_TOP, _BOTTOM = 1e2, 1e-4  # its ends in units of the largest value, the lower one over √n: below the width of any blob
_NEWTON_STEPS = np.array([12] + [2] * (_POINTS - 1), np.int32)  # at each point of the grid
_SEARCH_STEPS = 40  # at most, for z*
_TOLERANCE = 1e-5  # of the number of places, before the density settles the rest
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


class _Pencil(NamedTuple):
    """The equations: coordinates, n, (α_x, α_y), an upper bound of z and the diagonal of N⁻¹ in the limit, (D,).

    Real, or complex where it is solved: types are changed by hand.
    """

    at: _Coordinates
    n: Scalar
    alpha: tuple[Array, Array]
    largest: Array
    inverse: Array


class _Beyond(NamedTuple):
    """What directions with a value above x hold, and by how much it falls per unit of x."""

    held: Captured
    density: Captured


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
    pencil = _pencil(model, n, alpha_x, alpha_y)
    found = _beyond(pencil, *_search(*lax.stop_gradient((pencil, places))))
    # z* is known to a tolerance: what the count is off by lies at z*, where the density says whose it is.
    density = jnp.sum(found.density.share)
    excess = (jnp.sum(found.held.share) - places) / jnp.where(density > 0, density, 1)
    return jax.tree.map(lambda h, d: ((h - excess * d) * model.k / places)[: model.d_x], *found)


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


class _State(NamedTuple):
    """Of the search: the next x, the last x and the solutions there, the bracket."""

    step: int | Array
    next: Array
    last: Array
    solutions: Array
    low: Array
    high: Array
    close: Array


def _search(pencil: _Pencil, places: Array) -> tuple[Array, Array]:
    """z* and the solutions L along its line, from halfway between two values of the population: Newton's method on the count,
    which falls with x, inside a bracket that is halved where a step would leave it."""

    def narrow(state):
        x = state.next
        solutions = _solutions(pencil, x)
        found = _beyond(pencil, x, solutions)
        excess = jnp.sum(found.held.share) - places
        low, high = jnp.where(excess > 0, x, state.low), jnp.where(excess > 0, state.high, x)
        ahead = x + excess / jnp.sum(found.density.share)
        ahead = jnp.where((ahead > low) & (ahead < high), ahead, (low + high) / 2)
        return _State(state.step + 1, ahead, x, solutions, low, high, jnp.abs(excess) <= _TOLERANCE * places)

    def unsettled(state):
        return ~state.close & (state.step < _SEARCH_STEPS)

    top = pencil.largest
    start = jnp.clip(_halfway(pencil, places), 1e-3 * top, 0.9 * top)
    nothing = jnp.zeros((_POINTS, 3), lax.complex(top, top).dtype)
    found = lax.while_loop(unsettled, narrow, _State(0, start, start, nothing, 0 * top, top, jnp.zeros((), bool)))
    return found.last, found.solutions


def _halfway(pencil: _Pencil, places: Array) -> Array:
    """Between the population's last value in the top places and the next, 0 past the end."""
    at, (alpha_x, alpha_y) = pencil.at, pencil.alpha
    values = at.xy**2 / (((1 - alpha_x) * at.xx + alpha_x) * ((1 - alpha_y) * at.yy + alpha_y))
    ordered = jnp.pad(jnp.sort(values, descending=True), (0, 1))
    last = jnp.asarray(places - 1, int)
    return (ordered[last] + ordered[last + 1]) / 2


def _coordinates(model: SpikedModel) -> _Coordinates:
    x, y = model.variance_x, model.variance_y
    xy = jnp.concatenate([model.kappa**2, model.eta]) / jnp.sqrt(jnp.mean(x) * jnp.mean(y))
    size = max(model.d_x, model.d_y)
    xx, yy, xy = (pad(values, size) for values in (x / jnp.mean(x), y / jnp.mean(y), xy))
    return _Coordinates(xx, yy, xy, np.arange(size) < model.d_x, np.arange(size) < model.d_y)


def _pencil(model: SpikedModel, n: Scalar, alpha_x: Scalar, alpha_y: Scalar) -> _Pencil:
    at = _coordinates(model)
    alpha_x, alpha_y = (jnp.clip(jnp.asarray(a, model.kappa.dtype), _FLOOR, 1) for a in (alpha_x, alpha_y))
    largest = _bound(at.xx, model.d_x, n, alpha_x) * _bound(at.yy, model.d_y, n, alpha_y)
    return _Pencil(at, n, (alpha_x, alpha_y), largest, _mean_inverse(at, n, alpha_x))


def _bound(variance: Array, d: int, n: Scalar, alpha: Array) -> Array:
    """Largest value of S/((1−α)S + α), S a sample covariance of these variances."""
    largest = jnp.max(variance) * (1 + jnp.sqrt(d / n)) ** 2
    return largest / ((1 - alpha) * largest + alpha)


def _mean_inverse(at: _Coordinates, n: Scalar, alpha: Array) -> Array:
    """Diagonal of ((1−α) Sxx + α)⁻¹ in the limit, (D,): 1/((1−α) l σ_j² + α) with l (1 + (1−α) Σ_j σ_j²/(…)/n) = 1."""

    def entries(level):
        return jnp.where(at.has_x, 1 / ((1 - alpha) * level * at.xx + alpha), 0)

    def excess(level):
        return level * (1 + (1 - alpha) * jnp.sum(at.xx * entries(level)) / n) - 1

    found = bisect(lambda level: excess(level) >= 0, jnp.zeros_like(alpha), jnp.ones_like(alpha))
    return entries(implicit(excess, found))


def _line(pencil: _Pencil, x: Array) -> tuple[Array, Array]:
    """x + iy on the grid, and the weights of an integral over y."""
    step = (math.log(_TOP / _BOTTOM) + jnp.log(jnp.asarray(pencil.n, x.dtype)) / 2) / (_POINTS - 1)
    height = pencil.largest * _TOP * jnp.exp(-step * jnp.arange(_POINTS, dtype=x.dtype))
    # Beyond either end of the grid the terms fall like e^−step: a geometric series.
    weight = (height * step).at[jnp.array([0, -1])].divide(1 - jnp.exp(-step))
    return lax.complex(jnp.broadcast_to(x, height.shape), height), weight


def _solutions(pencil: _Pencil, x: Array) -> Array:
    """L at each point of the line, (points, 3), every one from the one before."""
    z, _ = _line(pencil, x)
    pencil = _as_complex(pencil)

    def descend(matrix, point):
        z, steps = point
        matrix = lax.fori_loop(0, steps, lambda _, m: _corrected(pencil, z, m), matrix)
        return matrix, matrix

    return lax.scan(descend, _bare(pencil, z[0]), (z, _NEWTON_STEPS))[1]


def _beyond(pencil: _Pencil, x: Array, solutions: Array) -> _Beyond:
    """½ of everything, and 1/π times the integral of Re along the line x + iy; the density is Im/π at its end."""
    z, weight = _line(lax.stop_gradient(pencil), x)
    share, energy = jax.vmap(partial(_held, _as_complex(pencil)))(z, solutions)
    beyond = [weight @ values.real / math.pi for values in (share, energy)]
    held = Captured(jnp.where(pencil.at.has_x, 0.5 + beyond[0], 0), pencil.inverse / 2 + beyond[1])
    return _Beyond(held, Captured(share[-1].imag / math.pi, energy[-1].imag / math.pi))


def _as_complex(pencil: _Pencil) -> _Pencil:
    dtype = lax.complex(pencil.largest, pencil.largest).dtype
    xx, yy, xy, n, *alpha = (jnp.asarray(v, dtype) for v in (*pencil.at[:3], pencil.n, *pencil.alpha))
    return pencil._replace(at=pencil.at._replace(xx=xx, yy=yy, xy=xy), n=n, alpha=tuple(alpha))


def _bare(pencil: _Pencil, z: Array) -> Array:
    """K as (3,): xx, yy, xy."""
    alpha_x, alpha_y = pencil.alpha
    return jnp.stack([-z * (1 - alpha_x), alpha_y - 1, jnp.ones_like(z)])


def _corrected(pencil: _Pencil, z: Array, matrix: Array) -> Array:
    """One step of Newton's method on L = (1 + K g(L))⁻¹ K, L as (3,). Its slope is not differentiated: at the solution the
    step has the solution's derivative."""
    resolvent, g = _noise(pencil, z, matrix)
    k_xx, k_yy, _ = _bare(pencil, z)
    a, b, c, d = 1 + k_xx * g[0] + g[2], k_xx * g[2] + g[1], g[0] + k_yy * g[2], 1 + g[2] + k_yy * g[1]
    dressed = jnp.stack([d * k_xx - b, a * k_yy - c, d - b * k_yy]) / (a * d - b * c)
    variance = jnp.stack(pencil.at[:3])
    response = jnp.sum(variance[:, None] * _congruence(resolvent) * variance[None], axis=-1) / pencil.n
    slope = lax.stop_gradient(jnp.eye(3, dtype=z.dtype) - _congruence(dressed) @ response)
    return matrix + _solve(slope, dressed - matrix)


def _held(pencil: _Pencil, z: Array, matrix: Array) -> tuple[Array, Array]:
    """Resolvents whose residues are the shares and the energies, (D,) each."""
    alpha_x, _ = pencil.alpha
    resolvent, g = _noise(pencil, z, _corrected(pencil, z, matrix))
    k_xx, k_yy, _ = _bare(pencil, z)
    a, b, c, d = 1 + g[0] * k_xx + g[2], g[0] + g[2] * k_yy, g[2] * k_xx + g[1], 1 + g[2] + g[1] * k_yy
    sample = (d * pencil.at.xx * resolvent[0] - b * pencil.at.xy * resolvent[2]) / (a * d - b * c)  # diagonal of Sxx G
    return (1 - alpha_x) * sample + alpha_x * resolvent[0], resolvent[0]


def _noise(pencil: _Pencil, z: Array, matrix: Array) -> tuple[Array, Array]:
    """The G_j, (3, D), and g, (3,): xx, yy, xy."""
    at, n, (alpha_x, alpha_y), _, _ = pencil
    xx = jnp.where(at.has_x, matrix[0] * at.xx - z * alpha_x, 1)
    yy = jnp.where(at.has_y, matrix[1] * at.yy - alpha_y, 1)
    xy = matrix[2] * at.xy
    inverse = _reciprocal(xx * yy - xy**2)
    resolvent = jnp.stack([jnp.where(at.has_x, yy * inverse, 0), jnp.where(at.has_y, xx * inverse, 0), -xy * inverse])
    return resolvent, jnp.sum(jnp.stack(at[:3]) * resolvent, axis=1) / n


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

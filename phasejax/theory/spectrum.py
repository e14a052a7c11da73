"""What the top k sample directions are made of: every coordinate's share in them.

A method solves A w = z N w, with A and N made of sample covariances. Its resolvent is the xx block of the inverse of a pencil
Dᵀ(K ⊗ I)D/n + R of B blocks of data, D = (X, Y, …); `spectrum_square` and `spectrum_joint` say which. Let every coordinate be M
coordinates, the samples M n, the directions M k. As M → ∞ the resolvent becomes block-diagonal in canonical coordinates,
G_j = (L ∘ Cov_j + R)⁻¹, with one B×B matrix

    L⁻¹ = K⁻¹ + g,   g_ab = (1/n) Σ_j Cov_j[ab] G_j[ab]   over signal and nuisance alike,

and the top directions are those beyond the z* that has k of them above it. A coordinate alone then is a blob of the spectrum
of the width that a sample gives it, and blobs that overlap share their directions: what stands out, what is buried, what
competes for the k-th place and what leaks are one thing. M = 1 is predicted by the limit. Derived by a Gaussian deterministic
equivalent and checked against simulation; it is not a proof.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Complex, Float, Inexact

from phasejax.spiked import SpikedModel
from phasejax.theory.mixing import mean_squares
from phasejax.theory.numerics import Scalar, bisect, implicit
from phasejax.theory.pencil import pad

__all__ = [
    "FLOOR",
    "Captured",
    "Coordinates",
    "Pencil",
    "bound",
    "captured",
    "coordinates",
    "mean_inverse",
]

_POINTS = 30  # of the logarithmic grid from far above the values down to the real axis
_TOP, _BOTTOM = 1e2, 1e-4  # its ends in units of the largest value, the lower one over √n: below the width of any blob
_NEWTON_STEPS = np.array([12] + [3] * (_POINTS - 1), np.int32)  # at each point of the grid
_EVERY = 2  # of the points does for second moments
_SEARCH_STEPS = 40  # at most, for z*
_TOLERANCE = 1e-5  # of the number of places, before the density settles the rest
FLOOR = 1e-5
"""A shrinkage this small stands for none, and for the pseudo-inverse where n < d."""


class Captured(NamedTuple):
    """What the top k sample directions hold of each coordinate of x.

    `share`: diagonal of the projector onto them along the rest (oblique), in [0, 1], sum k. `energy`: Σ w², their squared
    entries for directions with w N w = 1. `entries`: mean squares of the projector's entries between each signal and every
    coordinate; i = j stands for another copy of i.
    """

    share: Float[Array, " d_x"]
    energy: Float[Array, " d_x"]
    entries: Float[Array, "k d_x"]


class Coordinates(NamedTuple):
    """Variances and covariance, (D,) with D = max(d_x, d_y), of views scaled to mean variance 1; a side's lack is masked."""

    xx: Inexact[Array, " D"]
    yy: Inexact[Array, " D"]
    xy: Inexact[Array, " D"]
    has_x: Bool[Array | np.ndarray, " D"]
    has_y: Bool[Array | np.ndarray, " D"]


@runtime_checkable
class Pencil(Protocol):
    """The equations of a method: what is known of them, and Newton's step towards their solution L, packed as it likes."""

    @property
    def at(self) -> Coordinates: ...

    @property
    def n(self) -> Scalar: ...

    @property
    def largest(self) -> Array:
        """An upper bound of z."""
        ...

    @property
    def inverse(self) -> Array:
        """The diagonal of N⁻¹ in the limit, (D,)."""
        ...

    @property
    def covariance(self) -> Array:
        """Of every coordinate's blocks, (D, B, B); x is block 0."""
        ...

    def values(self) -> Array:
        """The population's z of every coordinate, (D,)."""
        ...

    def as_complex(self) -> "Pencil":
        """With complex numbers: types are changed by hand."""
        ...

    def bare(self, z: Array) -> Array:
        """L far above the values: K."""
        ...

    def corrected(self, z: Array, matrix: Array) -> Array:
        """One step of Newton's method on L = (1 + K g(L))⁻¹ K. Its slope is not differentiated: at the solution the step has
        the solution's derivative."""
        ...

    def held(self, z: Array, matrix: Array) -> tuple[Array, Array]:
        """Resolvents whose residues are the shares and the energies, (D,) each, 0 where x has no such coordinate."""
        ...

    def blocks(self, z: Array, matrix: Array) -> tuple[Array, Array]:
        """L, (B, B), and the G_j, (D, B, B)."""
        ...


class _Held(NamedTuple):
    """Shares and energies of all coordinates, (D,) each."""

    share: Array
    energy: Array


class _Beyond(NamedTuple):
    """What directions with a value above x hold, and by how much it falls per unit of x."""

    held: _Held
    density: _Held


class _Last(NamedTuple):
    """Where the search looked last: x, the solutions along its line, and what lies beyond."""

    x: Array
    solutions: Array
    found: _Beyond


def captured(pencil: Pencil, d_x: int, k: int, places: Scalar) -> Captured:
    """The shares of all coordinates of x in k of the top `places` directions, which of them left to chance."""
    return _captured(pencil, jnp.asarray(places, pencil.largest.dtype), d_x, k)


@partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def _captured(pencil: Pencil, places: Array, d_x: int, k: int) -> Captured:
    """As the search leaves it: what only derivatives need is compiled where they are asked for."""
    last = _search(pencil, places)
    return _settled(pencil, places, d_x, k, last, lambda _, every: last.solutions[every - 1 :: every])


@_captured.defjvp
def _captured_jvp(d_x: int, k: int, primals: tuple, tangents: tuple) -> tuple[Captured, Captured]:
    """One step more of Newton's method brings the derivatives of the solutions."""
    last = _search(*lax.stop_gradient(primals))

    def differentiable(pencil, places):
        def corrected(x, every):
            z, _ = _line(lax.stop_gradient(pencil), x, every)
            return jax.vmap(pencil.as_complex().corrected)(z, last.solutions[every - 1 :: every])

        found = _beyond(pencil, last.x, corrected(last.x, 1))
        return _settled(pencil, places, d_x, k, last._replace(found=found), corrected)

    return jax.jvp(differentiable, primals, tangents)


def _settled(
    pencil: Pencil, places: Array, d_x: int, k: int, last: _Last, solutions: Callable[[Array, int], Array]
) -> Captured:
    """From where the search ended, near z*. `solutions` of every so many points of the line of x, with what derivatives they
    need."""
    x, _, found = last
    # z* is known to a tolerance: what the count is off by lies at z*, where the density says whose it is.
    density = jnp.sum(found.density.share)
    excess = (jnp.sum(found.held.share) - places) / jnp.where(density > 0, density, 1)
    chosen = k / places
    share, energy = jax.tree.map(lambda h, d: ((h - excess * d) * chosen)[:d_x], *found)
    x = x + excess - lax.stop_gradient(excess)  # the density also says how z* moves with the model
    squares = _squares(pencil, x, solutions(x, _EVERY), k)[:, :d_x]
    scale = jnp.maximum(share, 0) / jnp.where(energy > 0, energy, jnp.inf)
    entries = scale[:k, None] * scale[None, :] * squares
    by_chance = share[:k, None] * share[None, :] / k
    return Captured(share, energy, chosen**2 * entries + (1 - chosen) * by_chance)


class _State(NamedTuple):
    """Of the search: the next x, the last, the bracket."""

    step: int | Array
    next: Array
    last: _Last
    low: Array
    high: Array
    close: Array


def _search(pencil: Pencil, places: Array) -> _Last:
    """z* and the solutions L along its line, from halfway between two values of the population: Newton's method on the count,
    which falls with x, inside a bracket that is halved where a step would leave it."""

    def look(x):
        solutions = _solutions(pencil, x)
        return _Last(x, solutions, _beyond(pencil, x, solutions))

    def narrow(state):
        x, last = state.next, look(state.next)
        excess = jnp.sum(last.found.held.share) - places
        low, high = jnp.where(excess > 0, x, state.low), jnp.where(excess > 0, state.high, x)
        ahead = x + excess / jnp.sum(last.found.density.share)
        ahead = jnp.where((ahead > low) & (ahead < high), ahead, (low + high) / 2)
        close = jnp.abs(excess) <= _TOLERANCE * places
        return _State(state.step + 1, ahead, last, low, high, close)

    def unsettled(state):
        return ~state.close & (state.step < _SEARCH_STEPS)

    top = pencil.largest
    start = jnp.clip(_halfway(pencil, places), 1e-3 * top, 0.9 * top)
    nowhere = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(look, start))
    return lax.while_loop(unsettled, narrow, _State(0, start, nowhere, 0 * top, top, jnp.zeros((), bool))).last


def _halfway(pencil: Pencil, places: Array) -> Array:
    """Between the population's last value in the top places and the next, 0 past the end."""
    ordered = jnp.pad(jnp.sort(pencil.values(), descending=True), (0, 1))
    last = jnp.asarray(places - 1, int)
    return (ordered[last] + ordered[last + 1]) / 2


def coordinates(model: SpikedModel) -> Coordinates:
    x, y = model.variance_x, model.variance_y
    xy = jnp.concatenate([model.kappa**2, model.eta]) / jnp.sqrt(jnp.mean(x) * jnp.mean(y))
    size = max(model.d_x, model.d_y)
    xx, yy, xy = (pad(values, size) for values in (x / jnp.mean(x), y / jnp.mean(y), xy))
    return Coordinates(xx, yy, xy, np.arange(size) < model.d_x, np.arange(size) < model.d_y)


def bound(variance: Array, d: int, n: Scalar, alpha: Array) -> Array:
    """Largest value of S/((1−α)S + α), S a sample covariance of these variances."""
    largest = jnp.max(variance) * (1 + jnp.sqrt(d / n)) ** 2
    return largest / ((1 - alpha) * largest + alpha)


def mean_inverse(at: Coordinates, n: Scalar, alpha: Array) -> Array:
    """Diagonal of ((1−α) Sxx + α)⁻¹ in the limit, (D,): 1/((1−α) l σ_j² + α) with l (1 + (1−α) Σ_j σ_j²/(…)/n) = 1."""

    def entries(level):
        return jnp.where(at.has_x, 1 / ((1 - alpha) * level * at.xx + alpha), 0)

    def excess(level):
        return level * (1 + (1 - alpha) * jnp.sum(at.xx * entries(level)) / n) - 1

    found = bisect(lambda level: excess(level) >= 0, jnp.zeros_like(alpha), jnp.ones_like(alpha))
    return entries(implicit(excess, found))


def _line(pencil: Pencil, x: Array, every: int = 1) -> tuple[Complex[Array, " points"], Float[Array, " points"]]:
    """x + iy on the grid, or on every second point of it and so on, and the weights of an integral over y."""
    step = (math.log(_TOP / _BOTTOM) + jnp.log(jnp.asarray(pencil.n, x.dtype)) / 2) / (_POINTS - 1)
    height = (pencil.largest * _TOP * jnp.exp(-step * jnp.arange(_POINTS, dtype=x.dtype)))[every - 1 :: every]
    # Beyond either end of the grid the terms fall like e^−step: a geometric series.
    weight = (height * every * step).at[jnp.array([0, -1])].divide(1 - jnp.exp(-every * step))
    return lax.complex(jnp.broadcast_to(x, height.shape), height), weight


def _solutions(pencil: Pencil, x: Array) -> Array:
    """L at each point of the line, points leading, every one from the one before."""
    z, _ = _line(pencil, x)
    pencil = pencil.as_complex()

    def descend(matrix, point):
        z, steps = point
        matrix = lax.fori_loop(0, steps, lambda _, m: pencil.corrected(z, m), matrix)
        return matrix, matrix

    return lax.scan(descend, pencil.bare(z[0]), (z, _NEWTON_STEPS))[1]


def _beyond(pencil: Pencil, x: Array, solutions: Array) -> _Beyond:
    """1/π times the integral of Re along the line x + iy, of the resolvents less what they are far away, which gives nothing
    beyond x: −1/z and −N⁻¹/z. Directions of 0 have all of N⁻¹ where n < d_x, and would drown the rest. The density is Im/π at
    the line's end."""
    z, weight = _line(lax.stop_gradient(pencil), x)
    share, energy = jax.vmap(pencil.as_complex().held)(z, solutions)
    far = (1 / z).real[:, None]
    beyond = [weight @ values / math.pi for values in (share.real + far, energy.real + far * pencil.inverse[None])]
    held = _Held(jnp.where(pencil.at.has_x, beyond[0], 0), beyond[1])
    return _Beyond(held, _Held(share[-1].imag / math.pi, energy[-1].imag / math.pi))


def _squares(pencil: Pencil, x: Array, solutions: Array, k: int) -> Array:
    z, weight = _line(lax.stop_gradient(pencil), x, _EVERY)
    pencil = pencil.as_complex()
    middle, resolvent = jax.vmap(pencil.blocks)(z, solutions)
    return mean_squares(z, weight, middle, resolvent, pencil.covariance, pencil.n, k)

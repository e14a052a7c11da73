"""Leading eigenvectors of many symmetric matrices: of tridiagonal ones with a lane for each, and of full ones through them.

Block Lanczos on thin products was tried in its place. Where no gap follows the k-th value it needs 26 steps of 8 columns at
d = 512 to come as close, and takes 36 ms of a core for a matrix where this takes 10, at d = 1024 194 where this takes 70.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from phasejax.simulation.fusion import settled
from phasejax.simulation.lanes import following, gram_schmidt, stretching

_SECTIONS = 8  # of an interval that holds an eigenvalue, told apart by one pass over the matrix
_BLOCK = 32  # reflections applied at a time


@stretching
def top_eigenvectors(a: Array, k: int) -> Array:
    """Orthonormal eigenvectors of the k largest eigenvalues of a positive semidefinite A: (L, d, d) → (L, d, k), descending.

    The platform's reduction to tridiagonal form, then k vectors alone: on a CPU less than half of the work of all d. A space
    set apart by a gap g·λ₁ is right to a few eps/g, as it is by `eigh`.
    """
    # A is its own transpose, which lies in memory as LAPACK wants it. Of its triangles the upper is reduced faster.
    packed, diagonal, off, tau = lax.linalg.tridiagonal(jnp.swapaxes(a, 1, 2), lower=False)
    diagonal, off = diagonal.T, jnp.pad(off.T, ((0, 1), (0, 0)))
    bound = jnp.max(jnp.abs(diagonal) + jnp.abs(off) + jnp.abs(jnp.roll(off, 1, axis=0)), axis=0)  # Gershgorin
    scale = jnp.where(bound > 0, bound, 1)
    diagonal, off = settled((diagonal / scale, off / scale))
    vectors = inverse_iteration(diagonal, off, top_eigenvalues(diagonal, off, k))
    return _back(packed, tau, jnp.moveaxis(vectors, -1, 0))


@stretching
def top_eigenvalues(diagonal: Array, off: Array, k: int) -> Array:
    """The k largest eigenvalues (k, L), descending, of tridiagonal matrices with spectrum in [0, 1], to a few eps.

    `diagonal` and `off` are (n, L), the last of `off` 0. Sturm: of the pivots of T − λ as many are positive as there are
    eigenvalues above λ; each pass tells in which of so many sections of its interval an eigenvalue lies.
    """
    squares = jnp.concatenate([jnp.zeros_like(off[:1]), off[:-1] ** 2])
    rank = jnp.arange(k, dtype=jnp.int32)[:, None, None]
    fractions = (jnp.arange(1, _SECTIONS, dtype=diagonal.dtype) / _SECTIONS)[:, None]
    guard = 1024 * float(jnp.finfo(diagonal.dtype).tiny)

    def count_above(points):
        def step(state, row):
            pivot, count = state
            d, e2 = row
            pivot = d - points - e2 / pivot
            pivot = jnp.where(jnp.abs(pivot) < guard, -guard, pivot)
            return (pivot, count + (pivot > 0).astype(jnp.int32)), None

        start = jnp.ones_like(points), jnp.zeros(points.shape, jnp.int32)
        return lax.scan(step, start, (diagonal, squares), unroll=8)[0][1]

    def narrow(_, interval):
        low, width = interval
        passed = jnp.sum(count_above(low[:, None] + width * fractions) > rank, axis=1, dtype=low.dtype)
        width = width / _SECTIONS
        return settled((low + width * passed, width))

    passes = -(-(jnp.finfo(diagonal.dtype).nmant + 2) // int(np.log2(_SECTIONS)))
    low = jnp.zeros_like(diagonal, shape=(k, diagonal.shape[1]))
    low, width = lax.fori_loop(0, passes, narrow, (low, jnp.ones((), low.dtype)))
    return low + width / 2


@stretching
def inverse_iteration(diagonal: Array, off: Array, values: Array, stride: int = 1) -> Array:
    """Eigenvectors of tridiagonal matrices of norm at most 1 for some of their eigenvalues.

    `diagonal` and `off` are (n, L), the last of `off` 0; `values` (k, L), descending. Returns every stride-th entry of the
    vectors, (n/stride, k, L), orthonormal as such. Each value starts from a pseudo-random vector of its own, and Gram–Schmidt
    keeps those of equal values apart.
    """
    # The shift stands off by more than the rounding error of the value. Otherwise chance lets one vector of a cluster grow so
    # much more than the others that Gram–Schmidt, having removed it, is left with noise.
    shift = settled(values + 8 * jnp.finfo(values.dtype).eps)
    start = np.random.default_rng(0).uniform(-1, 1, (diagonal.shape[0], values.shape[0], 1))
    x = jnp.asarray(start, diagonal.dtype) + jnp.zeros_like(shift)
    rows = _eliminate(diagonal[:, None], off[:, None], shift)

    def improve(_, x):
        return gram_schmidt(_substitute(rows, x), stride)

    return gram_schmidt(lax.fori_loop(0, 3, improve, x)[::stride])


class _Elimination(NamedTuple):
    """Gaussian elimination with partial pivoting of T − shift, row by row, each field (n, k, L)."""

    swap: Array  # whether the row below came first
    factor: Array  # of this row, taken from the next
    inverse_pivot: Array
    first: Array  # entries right of the pivot
    second: Array


def _eliminate(diagonal: Array, off: Array, shift: Array) -> _Elimination:
    """For T symmetric tridiagonal with diagonals (n, 1, L), the last off-diagonal 0; shift is (k, L).

    Pivots are held away from zero, as inverse iteration wants: only the direction of a solution means anything then.
    """
    floor = jnp.finfo(shift.dtype).eps

    def step(row, below):
        head, tail = row
        coupling, next_head, next_tail = below
        next_head = next_head - shift
        swap = jnp.abs(coupling) > jnp.abs(head)
        pivot = jnp.where(swap, coupling, head)
        inverse = 1 / jnp.where(jnp.abs(pivot) < floor, floor, pivot)
        factor = jnp.where(swap, head, coupling) * inverse
        first = jnp.where(swap, next_head, tail)
        second = jnp.where(swap, next_tail, 0)
        head = jnp.where(swap, tail, next_head) - factor * first
        tail = jnp.where(swap, 0, next_tail) - factor * second
        return settled(((head, tail), _Elimination(swap, factor, inverse, first, second)))

    start = (diagonal[0] - shift, off[0] + jnp.zeros_like(shift))
    return lax.scan(step, start, (off, following(diagonal), following(off)))[1]


def _substitute(rows: _Elimination, b: Array) -> Array:
    """A multiple of (T − shift)⁻¹ b for b (n, k, L)."""
    limit = 1 / jnp.finfo(b.dtype).eps ** 2  # small pivots in a chain could overflow; a clipped vector is one to go on from

    def forward(rhs, row):
        swap, factor, next_rhs = row
        value = jnp.where(swap, next_rhs, rhs)
        return settled((jnp.where(swap, rhs, next_rhs) - factor * value, value))

    def backward(known, row):
        elimination, value = row
        x = value - elimination.first * known[0] - elimination.second * known[1]
        x = jnp.clip(x * elimination.inverse_pivot, -limit, limit)
        return settled(((x, known[0]), x))

    values = lax.scan(forward, b[0], (rows.swap, rows.factor, following(b)))[1]
    zero = jnp.zeros_like(b[0])
    return lax.scan(backward, (zero, zero), (rows, values), reverse=True)[1]


def _back(packed: Array, tau: Array, z: Array) -> Array:
    """… H₁ H₀ Z for Z (L, d, k), with the reflections H_j = I − τ_j v_j v_jᵀ as `lax.linalg.tridiagonal` packs them in the
    upper triangle: v_j is 1 at row j, has its other entries above it and in the next column of `packed`.

    As many at a time as a block holds are I − V S Vᵀ, with S⁻¹ the lower triangle of VᵀV, its diagonal replaced by the 1/τ.
    """
    last = packed.shape[-1] - 1
    for start in range(0, last, _BLOCK):
        stop = min(start + _BLOCK, last)
        row, column, scale = jnp.arange(stop)[:, None], jnp.arange(start, stop), tau[:, start:stop]
        v = jnp.where(row < column, packed[:, :stop, start + 1 : stop + 1], (row == column).astype(z.dtype))
        v = jnp.where(scale[:, None] != 0, v, 0)
        gram = jnp.swapaxes(v, 1, 2) @ v
        s_inverse = jnp.tril(gram, -1) + jnp.eye(stop - start, dtype=z.dtype) / jnp.where(scale != 0, scale, 1)[:, None]
        along = lax.linalg.triangular_solve(s_inverse, jnp.swapaxes(v, 1, 2) @ z[:, :stop], left_side=True, lower=True)
        z = z.at[:, :stop].add(-v @ along)
    return z

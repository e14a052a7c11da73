"""Linear algebra with the batch as the last axis.

An array of shape (rows, cols, L) holds L independent problems, its *lanes*. Every step is element-wise over the
lanes and does a fixed amount of work, so that it becomes one vector instruction over lanes on a CPU and one thread
per lane on a GPU. Lanes never mix: what one holds, even NaN, cannot reach another.

Two habits shape the code. Sums over a leading axis are written as trees of slices, because XLA's own reduction does
not vectorise over the last axis. And `settled` stands between steps, each of which has several readers.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from phasejax.simulation.fusion import settled

_STAGES = 4  # static shrinkings of the active block; more save arithmetic, fewer save compile time
_UNROLLED = 64  # terms of a sum that are written out; more take longer to compile than they save


def solve_lower(lower: Array, b: Array) -> Array:
    """X with L X = B, by forward substitution: lower (p, p, L) holds L, b (p, q, L) → (p, q, L).

    What stands above the diagonal of `lower` is not used, but must be finite.
    """
    x = jnp.zeros_like(b)
    for start, stop in _stages(lower.shape[0]):

        def fill_row(i, x, stop=stop):
            # The rows of x from i on are still zero, so the sum needs no mask.
            known = _dot(_at(lower, i)[:stop, None], x[:stop])
            row = settled((_at(b, i) - known) / _at(_at(lower, i), i))
            return lax.dynamic_update_index_in_dim(x, row, i, axis=0)

        x = lax.fori_loop(start, stop, fill_row, x)
    return x


def solve_lower_transpose(lower: Array, b: Array) -> Array:
    """X with Lᵀ X = B: lower (p, p, L) holds L, b (p, q, L) → (p, q, L).

    In the reverse order of rows and columns Lᵀ is lower triangular, and `solve_lower` does it.
    """
    flipped = settled((lower.swapaxes(0, 1)[::-1, ::-1], b[::-1]))
    return solve_lower(*flipped)[::-1]


def squared_overlaps(w: Array) -> Array:
    """diag(W (WᵀW)⁻¹ Wᵀ): w (d, k, L) of full column rank → (d, L) in [0, 1].

    It is the squared length of each coordinate direction after projection onto the column space of W; together they are k.
    """
    basis = _gram_schmidt(_gram_schmidt(w))  # twice is enough (Kahan–Parlett)
    return _fold(jnp.add, [basis[:, j] ** 2 for j in range(w.shape[1])])


def top_right_singular_vectors(a: Array, k: int) -> tuple[Array, Array]:
    """The k largest singular values and their right vectors: a (p, q, L), 1 ≤ k ≤ q → (k, L) descending, (q, k, L).

    Golub–Kahan bidiagonalisation, bisection on Fernando–Parlett counts, and inverse iteration on the Golub–Kahan
    tridiagonal. Values are right to a few eps·σ₁. The vectors are orthonormal whatever the spectrum; inside a cluster
    they are some orthonormal basis of its space, and a space set apart by a gap g·σ₁ is right to a few eps/g (in a
    crowd of values with g below about 100 eps, where that says little, some lanes are ten to a hundred times worse).
    """
    p, q, _ = a.shape
    largest = jnp.max(jnp.abs(a), axis=(0, 1))
    scale = jnp.where(largest >= jnp.finfo(a.dtype).tiny, largest, 1)
    a = settled(jnp.pad(a / scale, ((0, max(q - p, 0)), (0, 0), (0, 0))))
    diagonal, superdiagonal, reflectors = _bidiagonalise(a)

    # ‖B‖ ≤ √(‖B‖₁‖B‖_∞); dividing by such a bound puts the singular values in [0, 1]. It is at least 1 but for zero.
    across = jnp.abs(diagonal) + jnp.abs(superdiagonal)
    down = jnp.abs(diagonal) + jnp.abs(jnp.roll(superdiagonal, 1, axis=0))
    bound = jnp.maximum(1, jnp.maximum(jnp.max(across, axis=0), jnp.max(down, axis=0)))
    diagonal, superdiagonal = settled((diagonal / bound, superdiagonal / bound))

    sigma = _bisect(diagonal, superdiagonal, k)
    z = _inverse_iteration(diagonal, superdiagonal, sigma)
    # Not `scale`, so that the values of a zero matrix are zero.
    return sigma * (bound * largest), _reflect(reflectors, z)


def _bidiagonalise(a: Array) -> tuple[Array, Array, Array]:
    """Householder bidiagonalisation (Golub–Kahan) of a (p, q, L), p ≥ q.

    Returns the diagonal (q, L), the superdiagonal (q, L) with a zero last, and the right reflectors (q, q, L): row j
    is v_j of H_j = I − v_j v_jᵀ, and A H_0 H_1 … = Q B for some orthogonal Q.
    """
    pieces = []
    q = a.shape[1]
    for start, stop in _stages(q):
        a, (d, e, v) = lax.scan(_bidiagonal_step, a, jnp.arange(stop - start))
        a = a[stop - start :, stop - start :]
        pieces.append((d, e, jnp.pad(v, ((0, 0), (start, 0), (0, 0)))))
    diagonal, superdiagonal, reflectors = (jnp.concatenate(parts) for parts in zip(*pieces, strict=True))
    return diagonal, superdiagonal, reflectors


def _bidiagonal_step(a: Array, j: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    """Clear column j below the diagonal and row j right of the superdiagonal, in one update A − u wᵀ − y vᵀ."""
    u, d = _reflector(_at(a, j, axis=1), j)
    w = settled(_dot(u[:, None], a))
    v, e = _reflector(_at(a, j) - _at(u, j) * w, j + 1)
    overlap = settled(_dot(w, v))
    image = _fold(jnp.add, [a[:, i] * v[i] for i in range(a.shape[1])])
    y = settled(image - u * overlap)
    a = settled(a - u[:, None] * w - y[:, None] * v)
    return a, (d, e, v)


def _reflector(x: Array, j: Array) -> tuple[Array, Array]:
    """Householder: u (n, L) with ‖u‖² = 2 such that (I − u uᵀ) x keeps x[:j], puts ∓‖x[j:]‖ at j and zeros after.

    Returns u and the new entry j. Where x[j:] is empty or too small to be squared, it counts as zero and u = 0.
    """
    too_small = jnp.finfo(x.dtype).tiny / jnp.finfo(x.dtype).eps
    index = jnp.arange(x.shape[0])[:, None]
    x = settled(jnp.where(index >= j, x, 0))
    square = settled(_dot(x, x))
    head = _at(x, j)
    norm = jnp.sqrt(square)
    entry = jnp.where(square > too_small, jnp.where(head > 0, -norm, norm), 0)
    weight = jnp.where(square > too_small, lax.rsqrt(norm * (norm + jnp.abs(head))), 0)
    entry, weight = settled((entry, weight))
    u = jnp.where(index == j, x - entry, x) * weight
    return settled((u, entry))


def _reflect(reflectors: Array, z: Array) -> Array:
    """H_0 H_1 … Z for z (q, k, L): the last reflector acts first."""

    def step(z, v):
        along = settled(_dot(v[:, None], z))
        return settled(z - v[:, None] * along), None

    return lax.scan(step, z, reflectors, reverse=True)[0]


def _bisect(diagonal: Array, superdiagonal: Array, k: int) -> Array:
    """The k largest singular values (k, L), descending, of a bidiagonal matrix with all of them in [0, 1]."""
    d2, e2 = settled((diagonal**2, superdiagonal**2))
    rank = jnp.arange(k, dtype=jnp.int32)[:, None]

    def halve(_, interval):
        low, width = interval
        middle = low + width / 2
        is_above = _count_above(d2, e2, middle) > rank
        return settled((jnp.where(is_above, middle, low), width / 2))

    low = jnp.zeros_like(diagonal, shape=(k, diagonal.shape[1]))
    low, width = lax.fori_loop(0, jnp.finfo(low.dtype).nmant + 2, halve, (low, jnp.ones((), low.dtype)))
    return low + width / 2


def _count_above(d2: Array, e2: Array, sigma: Array) -> Array:
    """How many singular values of the bidiagonal with squared entries d2, e2 (q, L) exceed sigma (k, L).

    Signs of the pivots of BᵀB − σ² in a twisted factorisation, by the differential qd transforms of Fernando and
    Parlett: they never form BᵀB and so keep small values. Starting from both ends halves the chain of dependences.
    """
    q = d2.shape[0]
    shift = sigma * sigma
    # A pivot is zero or far larger than this, since it is a difference of numbers not much smaller than σ².
    guard = 1024 * float(jnp.finfo(d2.dtype).tiny)
    count = 0
    forward = -shift
    for i in range(q // 2):
        pivot = d2[i] + forward + guard
        forward = e2[i] * (forward / pivot) - shift
        count = count + (pivot > 0).astype(jnp.int32)
    backward = d2[q - 1] - shift
    for i in range(q - 2, q // 2 - 1, -1):
        pivot = e2[i] + backward + guard
        backward = d2[i] * (backward / pivot) - shift
        count = count + (pivot > 0).astype(jnp.int32)
    return count + (forward + (backward + shift) > 0).astype(jnp.int32)


def _inverse_iteration(diagonal: Array, superdiagonal: Array, sigma: Array) -> Array:
    """Right singular vectors (q, k, L) of a bidiagonal matrix of norm at most 1, for its singular values sigma (k, L).

    The Golub–Kahan matrix, tridiagonal with zero diagonal and off-diagonals d₀ e₀ d₁ e₁ …, has at σ the eigenvector
    v₀ u₀ v₁ u₁ …. Each σ starts from a pseudo-random vector of its own, and Gram–Schmidt on the v keeps those of equal
    σ apart.
    """
    q, lanes = diagonal.shape
    off = jnp.stack([diagonal, superdiagonal], axis=1).reshape(2 * q, 1, lanes)
    # The shift stands off by more than the rounding error of σ. Otherwise chance lets one vector of a cluster grow so
    # much more than the others that Gram–Schmidt, having removed it, is left with noise.
    shift = settled(sigma + 8 * jnp.finfo(sigma.dtype).eps)
    start = np.random.default_rng(0).uniform(-1, 1, (2 * q, sigma.shape[0], 1))
    x = jnp.asarray(start, diagonal.dtype) + jnp.zeros_like(shift)

    rows = _eliminate(off, shift)

    def improve(_, x):
        return _gram_schmidt(_substitute(rows, x), stride=2)

    return _gram_schmidt(lax.fori_loop(0, 3, improve, x)[::2])


class _Elimination(NamedTuple):
    """Gaussian elimination with partial pivoting of T − shift, row by row, each field (n, k, L)."""

    swap: Array  # whether the row below came first
    factor: Array  # of this row, taken from the next
    inverse_pivot: Array
    first: Array  # entries right of the pivot
    second: Array


def _eliminate(off: Array, shift: Array) -> _Elimination:
    """For T symmetric tridiagonal with zero diagonal and off-diagonals off (n, 1, L), the last one 0; shift is (k, L).

    Pivots are held away from zero, as inverse iteration wants: only the direction of a solution means anything then.
    """
    floor = jnp.finfo(shift.dtype).eps

    def step(row, below):
        head, tail = row
        coupling, next_tail = below
        swap = jnp.abs(coupling) > jnp.abs(head)
        pivot = jnp.where(swap, coupling, head)
        inverse = 1 / jnp.where(jnp.abs(pivot) < floor, floor, pivot)
        factor = jnp.where(swap, head, coupling) * inverse
        first = jnp.where(swap, -shift, tail)
        second = jnp.where(swap, next_tail, 0)
        head = jnp.where(swap, tail, -shift) - factor * first
        tail = jnp.where(swap, 0, next_tail) - factor * second
        return settled(((head, tail), _Elimination(swap, factor, inverse, first, second)))

    return lax.scan(step, (-shift, off[0] + jnp.zeros_like(shift)), (off, _next(off)))[1]


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

    values = lax.scan(forward, b[0], (rows.swap, rows.factor, _next(b)))[1]
    zero = jnp.zeros_like(b[0])
    return lax.scan(backward, (zero, zero), (rows, values), reverse=True)[1]


def _gram_schmidt(x: Array, stride: int = 1) -> Array:
    """Modified Gram–Schmidt on the columns of x (n, k, L), in order; inner products read every stride-th row only."""
    largest = jnp.max(jnp.abs(x[::stride]), axis=0)
    x = settled(x / jnp.where(largest > 0, largest, 1))
    index = jnp.arange(x.shape[1])[:, None]

    def finish_column(j, x):
        column = _at(x, j, axis=1)
        square = settled(_dot(column, column, stride))
        column = settled(column * jnp.where(square > 0, lax.rsqrt(square), 0))[:, None]
        along = settled(_dot(column, x, stride))
        return settled(jnp.where(index == j, column, x - column * jnp.where(index > j, along, 0)))

    return lax.fori_loop(0, x.shape[1], finish_column, x)


def _stages(n: int) -> list[tuple[int, int]]:
    """0 … n cut into at most `_STAGES` runs: a rolled loop within a run, and a smaller static shape after each."""
    length = -(-n // _STAGES)
    return [(start, min(start + length, n)) for start in range(0, n, length)]


def _next(x: Array) -> Array:
    """x[i + 1] in the place of x[i], and zero in the last."""
    return jnp.concatenate([x[1:], jnp.zeros_like(x[:1])])


def _at(x: Array, i: Array, axis: int = 0) -> Array:
    """x[i] along an axis, for a traced i; past the end it is the last."""
    return lax.dynamic_index_in_dim(x, i, axis, keepdims=False)


def _dot(x: Array, y: Array, stride: int = 1) -> Array:
    """Σᵢ x[i]·y[i] over every stride-th i of the leading axis, with broadcasting of the others."""
    if x.shape[0] > _UNROLLED * stride:
        return jnp.sum(x[::stride] * y[::stride], axis=0)
    return _fold(jnp.add, [x[i] * y[i] for i in range(0, x.shape[0], stride)])


def _fold(combine: Callable[[Array, Array], Array], terms: list[Array]) -> Array:
    """The terms combined pairwise, as a balanced tree: short dependency chains and small rounding errors."""
    while len(terms) > 1:
        pairs = [combine(x, y) for x, y in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[2 * len(pairs) :]
    return terms[0]

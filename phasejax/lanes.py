"""Linear algebra with the batch as the last axis.

An array of shape (rows, cols, L) holds L independent problems, its *lanes*. Every step is element-wise over the
lanes and does a fixed amount of work, so that it becomes one vector instruction over lanes on a CPU and one thread
per lane on a GPU. Lanes never mix: what one holds, even NaN, cannot reach another.

Two habits shape the code. Sums over a leading axis are written as trees of slices, because XLA's own reduction does
not vectorise over the last axis. And `optimization_barrier` stands between steps, because XLA otherwise fuses a step
into each of its consumers and computes it again for every element they read.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

_STAGES = 4  # static shrinkings of the active block; more save arithmetic, fewer save compile time
_UNROLL = 4
_SOLVES = 2


def solve_lower(l: Array, b: Array) -> Array:
    """X with L X = B, by forward substitution: l (p, p, L) lower triangular, b (p, q, L) → (p, q, L).

    What stands above the diagonal of `l` is not used, but must be finite.
    """
    p = l.shape[0]
    inverse_diagonal = 1 / _diagonal(l)
    x = jnp.zeros_like(b)
    for start, stop in _stages(p):

        def row(i, x, stop=stop):
            # Rows of x from i on are still zero, so the sum needs no mask.
            known = _sum([l[i, j] * x[j] for j in range(stop)])
            return lax.optimization_barrier(x.at[i].set((b[i] - known) * inverse_diagonal[i]))

        x = lax.fori_loop(start, stop, row, x)
    return x


def solve_lower_transpose(l: Array, b: Array) -> Array:
    """X with Lᵀ X = B: l (p, p, L) lower triangular, b (p, q, L) → (p, q, L).

    Reversing the order of rows and columns makes Lᵀ lower triangular.
    """
    reversed_l, reversed_b = lax.optimization_barrier((l.swapaxes(0, 1)[::-1, ::-1], b[::-1]))
    return solve_lower(reversed_l, reversed_b)[::-1]


def squared_overlaps(w: Array, rows: int) -> Array:
    """diag(W (WᵀW)⁻¹ Wᵀ) on the first `rows` coordinates: w (d, k, L) of full column rank → (rows, L) in [0, 1].

    It is the squared length of each coordinate direction after projection onto the column space of W.
    """
    largest = jnp.max(jnp.abs(w), axis=0)
    basis = w / jnp.where(largest > 0, largest, 1)
    for _ in range(2):  # twice is enough (Kahan–Parlett)
        basis = _gram_schmidt(basis)
    return _sum([basis[:rows, j] ** 2 for j in range(w.shape[1])])


def top_right_singular_vectors(a: Array, k: int) -> tuple[Array, Array]:
    """The k largest singular values and their right vectors: a (p, q, L), 1 ≤ k ≤ q → (k, L) descending, (q, k, L).

    Golub–Kahan bidiagonalisation, bisection on Fernando–Parlett counts, and inverse iteration on the Golub–Kahan
    tridiagonal. Values are right to a few eps·σ₁. The vectors are orthonormal whatever the spectrum; inside a cluster
    they are some orthonormal basis of its space, and a space set apart by a gap g·σ₁ is right to a few eps/g.
    """
    p, q, _ = a.shape
    largest = jnp.max(jnp.abs(a), axis=(0, 1))
    scale = jnp.where(largest >= jnp.finfo(a.dtype).tiny, largest, 1)
    a = lax.optimization_barrier(jnp.pad(a / scale, ((0, max(q - p, 0)), (0, 0), (0, 0))))
    diagonal, superdiagonal, reflectors = _bidiagonalise(a)

    # ‖B‖ ≤ √(‖B‖₁‖B‖_∞); dividing by such a bound puts the singular values in [0, 1]. It is at least 1 but for zero.
    across = jnp.abs(diagonal) + jnp.abs(superdiagonal)
    down = jnp.abs(diagonal) + jnp.abs(jnp.roll(superdiagonal, 1, axis=0))
    bound = jnp.maximum(1, jnp.maximum(jnp.max(across, axis=0), jnp.max(down, axis=0)))
    diagonal, superdiagonal = lax.optimization_barrier((diagonal / bound, superdiagonal / bound))

    sigma = _bisect(diagonal, superdiagonal, k)
    z = _inverse_iteration(diagonal, superdiagonal, sigma)
    return sigma * (bound * scale), _reflect(reflectors, z)


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
    return tuple(jnp.concatenate(parts) for parts in zip(*pieces))


def _bidiagonal_step(a: Array, j: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    """Clear column j below the diagonal and row j right of the superdiagonal, in one update A − u wᵀ − y vᵀ."""
    u, d = _reflector(a[:, j], j)
    w = lax.optimization_barrier(_sum([a[i] * u[i] for i in range(a.shape[0])]))
    v, e = _reflector(a[j] - u[j] * w, j + 1)
    overlap = lax.optimization_barrier(_dot(w, v))
    y = lax.optimization_barrier(_sum([a[:, i] * v[i] for i in range(a.shape[1])]) - u * overlap)
    a = lax.optimization_barrier(a - u[:, None] * w - y[:, None] * v)
    return a, (d, e, v)


def _reflector(x: Array, j: Array) -> tuple[Array, Array]:
    """Householder: u (n, L) with ‖u‖² = 2 such that (I − u uᵀ) x keeps x[:j], puts ∓‖x[j:]‖ at j and zeros after.

    Returns u and the new entry j. Where x[j:] is too small to be squared it counts as zero and u = 0.
    """
    tiny = jnp.finfo(x.dtype).tiny / jnp.finfo(x.dtype).eps
    index = jnp.arange(x.shape[0])[:, None]
    x = lax.optimization_barrier(jnp.where(index >= j, x, 0))
    square = _dot(x, x)
    norm = jnp.sqrt(square)
    head = _sum([jnp.where(i == j, x[i], 0) for i in range(x.shape[0])])
    entry = jnp.where(square > tiny, jnp.where(head > 0, -norm, norm), 0)
    weight = jnp.where(square > tiny, lax.rsqrt(norm * (norm + jnp.abs(head))), 0)
    entry, weight = lax.optimization_barrier((entry, weight))
    u = jnp.where(index == j, x - entry, x) * weight
    return lax.optimization_barrier((u, entry))


def _reflect(reflectors: Array, z: Array) -> Array:
    """H_0 H_1 … Z for z (q, k, L): the last reflector acts first."""

    def step(z, v):
        along = lax.optimization_barrier(_sum([v[i] * z[i] for i in range(z.shape[0])]))
        return lax.optimization_barrier(z - v[:, None] * along), None

    return lax.scan(step, z, reflectors, reverse=True)[0]


def _bisect(diagonal: Array, superdiagonal: Array, k: int) -> Array:
    """The k largest singular values (k, L), descending, of a bidiagonal matrix with all of them in [0, 1]."""
    dtype = diagonal.dtype
    d2, e2 = lax.optimization_barrier((diagonal**2, superdiagonal**2))
    rank = jnp.arange(k)[:, None]

    def halve(_, interval):
        low, high = interval
        middle = (low + high) / 2
        above = lax.optimization_barrier(_count_above(d2, e2, middle))
        low, high = jnp.where(above > rank, middle, low), jnp.where(above > rank, high, middle)
        return lax.optimization_barrier((low, high))

    shape = (k, diagonal.shape[1])
    steps = jnp.finfo(dtype).nmant + 2
    start = jnp.zeros(shape, dtype) + 0 * d2[0], jnp.ones(shape, dtype) + 0 * d2[0]
    low, high = lax.fori_loop(0, steps, halve, start)
    return (low + high) / 2


def _count_above(d2: Array, e2: Array, sigma: Array) -> Array:
    """How many singular values of the bidiagonal with squared entries d2, e2 (q, L) are at least sigma (k, L).

    Signs of the pivots of BᵀB − σ² by the differential stationary qd transform (Fernando–Parlett), which never forms
    BᵀB and so keeps small values.
    """
    floor = float(jnp.finfo(d2.dtype).tiny) ** 0.75
    shift = sigma * sigma
    carry = -shift
    count = jnp.zeros(sigma.shape, d2.dtype)
    for i in range(d2.shape[0]):
        pivot = d2[i] + carry
        pivot = jnp.where(jnp.abs(pivot) < floor, floor, pivot)
        count = count + jnp.where(pivot > 0, 1, 0).astype(d2.dtype)
        carry = e2[i] * (carry / pivot) - shift
    return count


def _inverse_iteration(diagonal: Array, superdiagonal: Array, sigma: Array) -> Array:
    """Right singular vectors (q, k, L) of a bidiagonal matrix of norm at most 1, for its singular values sigma (k, L).

    The Golub–Kahan matrix, tridiagonal with zero diagonal and off-diagonals d₀ e₀ d₁ e₁ …, has at σ the eigenvector
    v₀ u₀ v₁ u₁ …. Each σ starts from a pseudo-random vector of its own, and Gram–Schmidt on the v keeps those of equal
    σ apart.
    """
    q, lanes = diagonal.shape
    off = jnp.stack([diagonal, superdiagonal], axis=1).reshape(2 * q, 1, lanes)
    start = np.random.default_rng(0).uniform(-1, 1, (2 * q, sigma.shape[0], 1))
    x = jnp.asarray(start, diagonal.dtype) + 0 * sigma

    def improve(_, x):
        return _gram_schmidt(_solve_shifted(off, sigma, x), stride=2)

    x = lax.fori_loop(0, _SOLVES, improve, x)
    return _gram_schmidt(x, stride=2)[::2]


def _solve_shifted(off: Array, shift: Array, b: Array) -> Array:
    """A multiple of (T − shift)⁻¹ b: T symmetric tridiagonal, zero diagonal, off-diagonals off (n, 1, L), last one 0.

    shift is (k, L) and b (n, k, L). Gaussian elimination with partial pivoting, pivots held away from zero as in
    inverse iteration; only the direction of a column means anything then.
    """
    floor = jnp.finfo(b.dtype).eps

    def eliminate(row, below):
        head, tail, rhs = row
        coupling, next_tail, next_rhs = below
        swap = jnp.abs(coupling) > jnp.abs(head)
        pivot = jnp.where(swap, coupling, head)
        pivot = jnp.where(jnp.abs(pivot) < floor, floor, pivot)
        factor = jnp.where(swap, head, coupling) / pivot
        first = jnp.where(swap, -shift, tail)
        second = jnp.where(swap, next_tail, 0)
        value = jnp.where(swap, next_rhs, rhs)
        head = jnp.where(swap, tail, -shift) - factor * first
        tail = jnp.where(swap, 0, next_tail) - factor * second
        rhs = jnp.where(swap, rhs, next_rhs) - factor * value
        return lax.optimization_barrier(((head, tail, rhs), (1 / pivot, first, second, value)))

    def substitute(known, row):
        inverse, first, second, value = row
        limit = 1 / floor**2
        x = jnp.clip((value - first * known[0] - second * known[1]) * inverse, -limit, limit)
        return lax.optimization_barrier(((x, known[0]), x))

    after = jnp.concatenate([off[1:], 0 * off[:1]]), jnp.concatenate([b[1:], 0 * b[:1]])
    row = -shift, off[0] + 0 * shift, b[0]
    _, rows = lax.scan(eliminate, row, (off, *after), unroll=_UNROLL)
    return lax.scan(substitute, (0 * shift, 0 * shift), rows, reverse=True, unroll=_UNROLL)[1]


def _gram_schmidt(x: Array, stride: int = 1) -> Array:
    """Modified Gram–Schmidt on the columns of x (n, k, L), in order; inner products read every stride-th row only."""
    rows = range(0, x.shape[0], stride)
    largest = _fold(jnp.maximum, [jnp.abs(x[i]) for i in rows])
    x = lax.optimization_barrier(x / jnp.where(largest > 0, largest, 1))
    index = jnp.arange(x.shape[1])[:, None]

    def column(j, x):
        square = lax.optimization_barrier(_sum([x[i, j] ** 2 for i in rows]))
        w = lax.optimization_barrier(x[:, j] * jnp.where(square > 0, lax.rsqrt(square), 0))
        along = lax.optimization_barrier(_sum([w[i] * x[i] for i in rows]))
        rest = x - w[:, None] * jnp.where(index > j, along, 0)
        return lax.optimization_barrier(jnp.where(index == j, w[:, None], rest))

    return lax.fori_loop(0, x.shape[1], column, x)


def _stages(n: int) -> list[tuple[int, int]]:
    """0 … n cut into at most `_STAGES` runs: a rolled loop within a run, and a smaller static shape after each."""
    length = -(-n // _STAGES)
    return [(start, min(start + length, n)) for start in range(0, n, length)]


def _diagonal(l: Array) -> Array:
    return jnp.stack([l[i, i] for i in range(l.shape[0])])


def _dot(x: Array, y: Array) -> Array:
    """Σᵢ x[i]·y[i] over the leading axis."""
    return _sum([x[i] * y[i] for i in range(x.shape[0])])


def _sum(terms: list[Array]) -> Array:
    return _fold(jnp.add, terms)


def _fold(combine: Callable[[Array, Array], Array], terms: list[Array]) -> Array:
    """The terms combined pairwise, as a balanced tree: short dependency chains and small rounding errors."""
    while len(terms) > 1:
        pairs = [combine(x, y) for x, y in zip(terms[::2], terms[1::2])]
        terms = pairs + terms[2 * len(pairs) :]
    return terms[0]

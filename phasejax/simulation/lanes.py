"""Linear algebra with the batch as the last axis.

An array of shape (rows, cols, L) holds L independent problems, its *lanes*. Every step is element-wise over the
lanes and does a fixed amount of work, so that it becomes one vector instruction over lanes on a CPU and one thread
per lane on a GPU. Lanes never mix: what one holds, even NaN, cannot reach another.

Two habits shape the code. Sums over a leading axis are written as trees of slices, because XLA's own reduction does
not vectorise over the last axis. And `settled` stands between steps, each of which has several readers.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array, lax

from phasejax.simulation.fusion import settled

stretching = jax.numpy_rank_promotion("allow")
"""For what works on lanes: with these last, what all rows or columns share lacks leading axes and is stretched along them."""

_STAGES, _SHORTEST = 6, 5  # static shrinkings of the active block, and their least size; more save arithmetic, fewer compiling
_WRITTEN = 4  # the same where every sum is written out
_UNROLLED = 64  # terms of a sum that are written out; more take longer to compile than they save


@stretching
def solve_lower(lower: Array, b: Array) -> Array:
    """X with L X = B, by forward substitution: lower (p, p, L) holds L, b (p, q, L) → (p, q, L).

    What stands above the diagonal of `lower` is not used, but must be finite.
    """
    x = jnp.zeros_like(b)
    for start, stop in stages(lower.shape[0]):

        def fill_row(i, x, stop=stop):
            # The rows of x from i on are still zero, so the sum needs no mask.
            known = dot(at(lower, i)[:stop, None], x[:stop])
            row = settled((at(b, i) - known) / at(at(lower, i), i))
            return lax.dynamic_update_index_in_dim(x, row, i, axis=0)

        x = lax.fori_loop(start, stop, fill_row, x)
    return x


@stretching
def solve_lower_transpose(lower: Array, b: Array) -> Array:
    """X with Lᵀ X = B: lower (p, p, L) holds L, b (p, q, L) → (p, q, L).

    In the reverse order of rows and columns Lᵀ is lower triangular, and `solve_lower` does it.
    """
    flipped = settled((lower.swapaxes(0, 1)[::-1, ::-1], b[::-1]))
    return solve_lower(*flipped)[::-1]


@stretching
def cholesky(s: Array) -> Array:
    """Lower triangular C with C Cᵀ = S, from the upper triangle of a positive definite S: (p, p, L) → (p, p, L).

    Where S is not positive definite, C is not finite. Written out: the turns of a loop would cost more than what they do.
    """
    columns = []  # each from its diagonal entry on
    for j in range(len(s)):
        column = s[j, j:]
        if columns:
            column = column - fold(jnp.add, [c[j - i, None] * c[j - i :] for i, c in enumerate(columns)])
        columns.append(settled(column * lax.rsqrt(column[0])))
    return jnp.stack([jnp.pad(c, ((j, 0), (0, 0))) for j, c in enumerate(columns)], axis=1)


@stretching
def lower_times(lower: Array, b: Array) -> Array:
    """C Bᵀ: lower (p, p, L) holds C, b (q, p, L) → (p, q, L)."""
    c, b = lower.swapaxes(0, 1), b.swapaxes(0, 1)
    rows = [settled(dot(c[:stop, start:stop, None], b[:stop, None])) for start, stop in stages(len(lower), _WRITTEN)]
    return jnp.concatenate(rows)


@stretching
def gram(a: Array) -> Array:
    """The upper triangle, at least, of A Aᵀ: a (p, q, L) → (p, p, L)."""
    return _upper_gram(a, lambda _: a.shape[1])


@stretching
def lower_gram(lower: Array) -> Array:
    """The upper triangle, at least, of C Cᵀ: lower (p, p, L) holds C → (p, p, L)."""
    return _upper_gram(lower, lambda stop: stop)


def _upper_gram(a: Array, terms: Callable[[int], int]) -> Array:
    """By stages of rows: so many terms have the sums of those that end before a row."""
    a, size = a.swapaxes(0, 1), len(a)
    rows = [
        settled(dot(a[: terms(stop), start:stop, None], a[: terms(stop), None, start:]))
        for start, stop in stages(size, _WRITTEN)
    ]
    return jnp.concatenate([jnp.pad(row, ((0, 0), (size - row.shape[1], 0), (0, 0))) for row in rows])


@stretching
def squared_overlaps(w: Array) -> Array:
    """diag(W (WᵀW)⁻¹ Wᵀ): w (d, k, L) of full column rank → (d, L) in [0, 1].

    It is the squared length of each coordinate direction after projection onto the column space of W; together they are k.
    """
    basis = gram_schmidt(gram_schmidt(w))  # twice is enough (Kahan–Parlett)
    return fold(jnp.add, [basis[:, j] ** 2 for j in range(w.shape[1])])


@stretching
def gram_schmidt(x: Array, stride: int = 1) -> Array:
    """Modified Gram–Schmidt on the columns of x (n, k, L), in order; inner products read every stride-th row only."""
    largest = jnp.max(jnp.abs(x[::stride]), axis=0)
    x = settled(x / jnp.where(largest > 0, largest, 1))
    index = jnp.arange(x.shape[1])[:, None]

    def finish_column(j, x):
        column = at(x, j, axis=1)
        square = settled(dot(column, column, stride))
        column = settled(column * jnp.where(square > 0, lax.rsqrt(square), 0))[:, None]
        along = settled(dot(column, x, stride))
        return settled(jnp.where(index == j, column, x - column * jnp.where(index > j, along, 0)))

    return lax.fori_loop(0, x.shape[1], finish_column, x)


def stages(n: int, most: int = _STAGES) -> list[tuple[int, int]]:
    """0 … n cut into so many runs at most, none but the last shorter than `_SHORTEST`: a rolled loop within a run, and a
    smaller static shape after each.
    """
    length = max(_SHORTEST, -(-n // most))
    return [(start, min(start + length, n)) for start in range(0, n, length)]


def following(x: Array) -> Array:
    """x[i + 1] in the place of x[i], and zero in the last."""
    return jnp.concatenate([x[1:], jnp.zeros_like(x[:1])])


def at(x: Array, i: Array, axis: int = 0) -> Array:
    """x[i] along an axis, for a traced i; past the end it is the last."""
    return lax.dynamic_index_in_dim(x, i, axis, keepdims=False)


def dot(x: Array, y: Array, stride: int = 1) -> Array:
    """Σᵢ x[i]·y[i] over every stride-th i of the leading axis, with broadcasting of the others."""
    if x.shape[0] > _UNROLLED * stride:
        return jnp.sum(x[::stride] * y[::stride], axis=0)
    return fold(jnp.add, [x[i] * y[i] for i in range(0, x.shape[0], stride)])


def fold(combine: Callable[[Array, Array], Array], terms: list[Array]) -> Array:
    """The terms combined pairwise, as a balanced tree: short dependency chains and small rounding errors."""
    while len(terms) > 1:
        pairs = [combine(x, y) for x, y in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[2 * len(pairs) :]
    return terms[0]

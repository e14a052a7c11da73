"""The largest singular values and right vectors of many small matrices, one a lane."""

import jax.numpy as jnp
from jax import Array, lax

from phasejax.simulation.fusion import settled
from phasejax.simulation.lanes import at, dot, fold, stages, stretching
from phasejax.simulation.tridiagonal import inverse_iteration


@stretching
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
    z = _right_vectors(diagonal, superdiagonal, sigma)
    # Not `scale`, so that the values of a zero matrix are zero.
    return sigma * (bound * largest), _reflect(reflectors, z)


def _bidiagonalise(a: Array) -> tuple[Array, Array, Array]:
    """Householder bidiagonalisation (Golub–Kahan) of a (p, q, L), p ≥ q.

    Returns the diagonal (q, L), the superdiagonal (q, L) with a zero last, and the right reflectors (q, q, L): row j
    is v_j of H_j = I − v_j v_jᵀ, and A H_0 H_1 … = Q B for some orthogonal Q.
    """
    pieces = []
    q = a.shape[1]
    for start, stop in stages(q):
        a, (d, e, v) = lax.scan(_bidiagonal_step, a, jnp.arange(stop - start))
        a = a[stop - start :, stop - start :]
        pieces.append((d, e, jnp.pad(v, ((0, 0), (start, 0), (0, 0)))))
    diagonal, superdiagonal, reflectors = (jnp.concatenate(parts) for parts in zip(*pieces, strict=True))
    return diagonal, superdiagonal, reflectors


def _bidiagonal_step(a: Array, j: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    """Clear column j below the diagonal and row j right of the superdiagonal, in one update A − u wᵀ − y vᵀ."""
    u, d = _reflector(at(a, j, axis=1), j)
    w = settled(dot(u[:, None], a))
    v, e = _reflector(at(a, j) - at(u, j) * w, j + 1)
    overlap = settled(dot(w, v))
    image = fold(jnp.add, [a[:, i] * v[i] for i in range(a.shape[1])])
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
    square = settled(dot(x, x))
    head = at(x, j)
    norm = jnp.sqrt(square)
    entry = jnp.where(square > too_small, jnp.where(head > 0, -norm, norm), 0)
    weight = jnp.where(square > too_small, lax.rsqrt(norm * (norm + jnp.abs(head))), 0)
    entry, weight = settled((entry, weight))
    u = jnp.where(index == j, x - entry, x) * weight
    return settled((u, entry))


def _reflect(reflectors: Array, z: Array) -> Array:
    """H_0 H_1 … Z for z (q, k, L): the last reflector acts first."""

    def step(z, v):
        along = settled(dot(v[:, None], z))
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


def _right_vectors(diagonal: Array, superdiagonal: Array, sigma: Array) -> Array:
    """Right singular vectors (q, k, L) of a bidiagonal matrix of norm at most 1, for its singular values sigma (k, L).

    The Golub–Kahan matrix, tridiagonal with zero diagonal and off-diagonals d₀ e₀ d₁ e₁ …, has at σ the eigenvector
    v₀ u₀ v₁ u₁ …, of which the v are kept orthogonal.
    """
    q, lanes = diagonal.shape
    off = jnp.stack([diagonal, superdiagonal], axis=1).reshape(2 * q, lanes)
    return inverse_iteration(jnp.zeros_like(off), off, sigma, stride=2)

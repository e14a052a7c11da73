"""One Monte-Carlo trial, many at a time: a Bartlett factor in, what CA and CP recovered of the signal out.

A formulation is one way to compute the same; the batch is always the last axis. `reference` goes the long way round
through covariances and the general solvers. The others use the structure of the draw: with n·S = T R Rᵀ Tᵀ, T the population
factor (a, b, c) and R = [[R11, 0], [R21, R22]], the Cholesky factor of n·Sxx is C_x = diag(a) R11, and with
G = diag(c) R21 + diag(b) R11

- CP: Syx Sxx^-½ has the right singular vectors V of G in the Cholesky basis;
- CA: (Syy^-½) Syx Sxx^-½ has those of F = R22⁻¹ diag(c)⁻¹ G, because CᵀC = FᵀF (I + FᵀF)⁻¹;
- either encoder's row space is C_x⁻ᵀ V_k.

Under a ridge the sums are formed after all: C_x is the factor of n(Sxx + ε_x I), G = n·Syx C_x⁻ᵀ, and F = C_y⁻¹ G. A lane whose
ridges are zero keeps its factors as above, bit for bit.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from phasejax import recovery, solvers
from phasejax.simulation import lanes
from phasejax.simulation.cell import Ridges
from phasejax.simulation.fusion import settled
from phasejax.simulation.singular import top_right_singular_vectors
from phasejax.simulation.statistics import Recovered
from phasejax.simulation.tridiagonal import top_eigenvectors
from phasejax.simulation.wishart import BartlettFactor, covariance_from_bartlett, cross_factor
from phasejax.solvers import Status
from phasejax.spiked import CholeskyDiagonals


class Trials(NamedTuple):
    """Outcome of L trials: what each encoder recovered, overlaps (k, L) and distances (L,), and a `Status` code a trial."""

    ca: Recovered
    cp: Recovered
    status: Int[Array, " L"]


Formulation = Callable[[CholeskyDiagonals, BartlettFactor, Float[Array, " L"], int, Ridges | None], Trials]
"""Of ridges there are (L,) on either view, or none at all."""


def reference(
    cholesky: CholeskyDiagonals, factor: BartlettFactor, n: Float[Array, " L"], k: int, ridges: Ridges | None = None
) -> Trials:
    """Through sample covariances, the solvers and recovery metrics; right for every n ≥ 1, singular covariances included."""

    def one(cholesky, factor, n, ridges):
        cov = covariance_from_bartlett(cholesky, factor, n)
        if ridges is None:
            ca, cp = solvers.align(cov, k), solvers.predict(cov, k)
        else:
            ca, cp = solvers.whiten(cov, k, ridge_x=ridges.x, ridge_y=ridges.y), solvers.predict(cov, k, ridge=ridges.x)
        of_ca, of_cp = (
            Recovered(recovery.squared_overlap(s.encoder_x), recovery.subspace_distance(s.encoder_x)) for s in (ca, cp)
        )
        return Trials(of_ca, of_cp, jnp.maximum(ca.status, cp.status))

    return jax.vmap(one, in_axes=-1, out_axes=-1)(cholesky, factor, n, ridges)


class _Algebra(NamedTuple):
    """What the structure needs of linear algebra, on matrices with lanes last; C is lower triangular."""

    gram: Callable[[Array], Array]  # A Aᵀ, its upper triangle at least
    lower_gram: Callable[[Array], Array]  # C Cᵀ, likewise
    lower_times: Callable[[Array, Array], Array]  # C Bᵀ
    cholesky: Callable[[Array], Array]  # C of S = C Cᵀ, from the upper triangle of S
    solve: Callable[[Array, Array], Array]  # C⁻¹ B
    solve_transpose: Callable[[Array, Array], Array]  # C⁻ᵀ B
    leading: Callable[[Array, Array, int], Array]  # k right singular vectors of A, then k of B, (p, q, L) each → (q, 2k, L)
    floor: float  # the power of ε that c is kept above


def _whole(leading: Callable[[Array, int], Array]) -> _Algebra:
    """The platform's own, on whole matrices; `leading` takes their squares, lanes first: of the signals it loses
    ε/c² to nuisance of correlation near 1, which a floor of ε^¼ balances with the c² that it moves."""

    def solve(transpose: bool):
        return partial(jax.lax.linalg.triangular_solve, left_side=True, lower=True, transpose_a=transpose)

    every = partial(jax.vmap, in_axes=-1, out_axes=-1)
    return _Algebra(
        gram=every(lambda a: a @ a.T),
        lower_gram=every(lambda c: c @ c.T),
        lower_times=every(lambda c, b: c @ b.T),
        cholesky=every(partial(jnp.linalg.cholesky, symmetrize_input=False)),
        solve=every(solve(transpose=False)),
        solve_transpose=every(solve(transpose=True)),
        leading=lambda a, b, k: _side_by_side(jnp.moveaxis(leading(_grams(a, b), k), 0, -1)),
        floor=0.25,
    )


def _grams(a: Array, b: Array) -> Array:
    """AᵀA, then BᵀB, lanes first: (p, q, L) each → (2L, q, q).

    From Aᵀ, which in memory is what LAPACK leaves of a solution; moved by itself, it is not copied on the way.
    """
    transposed = jnp.concatenate([jnp.moveaxis(x, (1, 0), (1, 2)) for x in (a, b)])
    return transposed @ jnp.swapaxes(transposed, 1, 2)


def _side_by_side(v: Array) -> Array:
    """(q, k, 2L) → (q, 2k, L): the second half of the lanes beside the first."""
    return jnp.concatenate(jnp.split(v, 2, axis=-1), axis=1)


_LANES = _Algebra(
    lanes.gram,
    lanes.lower_gram,
    lanes.lower_times,
    lanes.cholesky,
    lanes.solve_lower,
    lanes.solve_lower_transpose,
    lambda a, b, k: _side_by_side(top_right_singular_vectors(jnp.concatenate([a, b], axis=-1), k)[1]),
    floor=0.5,
)
_EIGH = _whole(lambda gram, k: jnp.linalg.eigh(gram)[1][..., -k:])
_TRIDIAGONAL = _whole(top_eigenvectors)


def batch_last(
    cholesky: CholeskyDiagonals, factor: BartlettFactor, n: Float[Array, " L"], k: int, ridges: Ridges | None = None
) -> Trials:
    """Structured, with one SIMD lane or GPU thread a trial; needs n ≥ d_x + d_y. Fast where a trial fits in cache."""
    return _structured(_LANES, cholesky, factor, k, ridges)


def batch_first(
    cholesky: CholeskyDiagonals, factor: BartlettFactor, n: Float[Array, " L"], k: int, ridges: Ridges | None = None
) -> Trials:
    """Structured, with the platform's own batched eigh on Gram matrices; needs n ≥ d_x + d_y. For large d on accelerators."""
    return _structured(_EIGH, cholesky, factor, k, ridges)


def tridiagonal(
    cholesky: CholeskyDiagonals, factor: BartlettFactor, n: Float[Array, " L"], k: int, ridges: Ridges | None = None
) -> Trials:
    """Structured, with k eigenvectors of Gram matrices by way of tridiagonal ones; needs n ≥ d_x + d_y. For large d on CPUs."""
    return _structured(_TRIDIAGONAL, cholesky, factor, k, ridges)


def choose(platform: str, dimensions: tuple[int, int], smallest_n: int) -> Formulation:
    """The formulation measured to be fastest (`benchmarks/kernel.py`) among those valid at the smallest sample size.

    **Arguments:** `platform` as JAX names it; `dimensions` (d_x, d_y).
    """
    if smallest_n < sum(dimensions):
        return reference
    if max(dimensions) <= 64:
        return batch_last
    return tridiagonal if platform == "cpu" else batch_first


class _Root(NamedTuple):
    """A factor diag(scale) · lower of n times the covariance of a view, with its ridge."""

    scale: Float[Array, "d L"]
    lower: Float[Array, "d d L"]


class _Factors(NamedTuple):
    """C_x, C_y or what stands for it in F, and G."""

    x: _Root
    y: _Root
    cross: Float[Array, "d_y d_x L"]


@lanes.stretching
def _structured(
    algebra: _Algebra, cholesky: CholeskyDiagonals, factor: BartlettFactor, k: int, ridges: Ridges | None
) -> Trials:
    c = _floored(cholesky, algebra.floor)
    factors = _Factors(_Root(cholesky.a, factor.r11), _Root(c, factor.r22), settled(cross_factor(cholesky, factor)))
    with jax.default_matmul_precision("highest"):
        if ridges is not None:
            factors = _ridged(algebra, factors, ridges)
        x, y, cross = factors
        whitened = algebra.solve(y.lower, cross / y.scale[:, None])
        v = algebra.leading(whitened, cross, k)
        return _judged(algebra.solve_transpose(x.lower, v) / x.scale[:, None])


def _ridged(algebra: _Algebra, plain: _Factors, ridges: Ridges) -> _Factors:
    """The factors under ridges, from those without."""
    left, right, cross = settled((plain.x.scale[:, None] * plain.x.lower, plain.y.scale[:, None] * plain.y.lower, plain.cross))
    x = algebra.cholesky(_with_ridge(algebra.lower_gram(left), ridges.x))
    y = algebra.cholesky(_with_ridge(algebra.gram(cross) + algebra.lower_gram(right), ridges.y))
    whitened = algebra.solve(x, algebra.lower_times(left, cross)).swapaxes(0, 1)
    on_x, on_either = ridges.x > 0, (ridges.x > 0) | (ridges.y > 0)
    return settled(
        _Factors(
            _Root(jnp.where(on_x, 1, plain.x.scale), jnp.where(on_x, x, plain.x.lower)),
            _Root(jnp.where(on_either, 1, plain.y.scale), jnp.where(on_either, y, plain.y.lower)),
            jnp.where(on_x, whitened, cross),
        )
    )


def _with_ridge(s: Float[Array, "d d L"], ridge: Float[Array, " L"]) -> Array:
    """S with `ridge` mean eigenvalues on its diagonal."""
    return settled(s + ridge * jnp.trace(s) / len(s) * jnp.eye(len(s), dtype=s.dtype)[..., None])


def _floored(cholesky: CholeskyDiagonals, power: float) -> Array:
    """c kept above a power of ε times its row's standard deviation: G / c stays finite where ν is next to 1."""
    paired = cholesky.b.shape[0]
    b = jnp.pad(cholesky.b, ((0, cholesky.c.shape[0] - paired), (0, 0)))
    return jnp.maximum(cholesky.c, jnp.finfo(b.dtype).eps ** power * jnp.sqrt(b**2 + cholesky.c**2))


def _judged(w: Float[Array, "d columns L"]) -> Trials:
    """What encoders recovered whose row spaces are the column spaces of the halves of W, CA's and CP's.

    The first k coordinates are the signal; the squares that a basis has on the others are k times its subspace distance.
    """
    k = w.shape[1] // 2
    on_coordinates = lanes.squared_overlaps(jnp.concatenate(jnp.split(w, 2, axis=1), axis=-1))
    found = Recovered(on_coordinates[:k], jnp.sum(on_coordinates[k:], axis=0) / k)
    ca, cp = (Recovered(*half) for half in zip(*(jnp.split(x, 2, axis=-1) for x in found), strict=True))
    finite = jnp.isfinite(ca.distance + cp.distance)
    return Trials(ca, cp, jnp.where(finite, Status.OK, Status.NONFINITE).astype(jnp.int32))

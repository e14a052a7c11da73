"""One Monte-Carlo trial, many at a time: a Bartlett factor in, what CA and CP recovered of the signal out.

A formulation is one way to compute the same; the batch is always the last axis. `reference` goes the long way round
through covariances and the general solvers. The others use the structure of the draw: with n·S = T R Rᵀ Tᵀ, T the population
factor (a, b, c) and R = [[R11, 0], [R21, R22]], the Cholesky factor of n·Sxx is diag(a) R11, and with
G = diag(c) R21 + diag(b) R11

- CP: Syx Sxx^-½ has the right singular vectors V of G in the Cholesky basis;
- CA: (Syy^-½) Syx Sxx^-½ has those of F = R22⁻¹ diag(c)⁻¹ G, because CᵀC = FᵀF (I + FᵀF)⁻¹;
- either encoder's row space is diag(a)⁻¹ R11⁻ᵀ V_k.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from phasejax import recovery, solvers
from phasejax.simulation.lanes import solve_lower, solve_lower_transpose, squared_overlaps
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


Formulation = Callable[[CholeskyDiagonals, BartlettFactor, Float[Array, " L"], int], Trials]


def reference(cholesky: CholeskyDiagonals, factor: BartlettFactor, n: Float[Array, " L"], k: int) -> Trials:
    """Through sample covariances, the solvers and recovery metrics; right for every n ≥ 1, singular covariances included."""

    def one(cholesky, factor, n):
        cov = covariance_from_bartlett(cholesky, factor, n)
        ca, cp = solvers.align(cov, k), solvers.predict(cov, k)
        of_ca, of_cp = (
            Recovered(recovery.squared_overlap(s.encoder_x), recovery.subspace_distance(s.encoder_x)) for s in (ca, cp)
        )
        return Trials(of_ca, of_cp, jnp.maximum(ca.status, cp.status))

    return jax.vmap(one, in_axes=-1, out_axes=-1)(cholesky, factor, n)


def batch_last(cholesky: CholeskyDiagonals, factor: BartlettFactor, n: Float[Array, " L"], k: int) -> Trials:
    """Structured, with one SIMD lane or GPU thread a trial; needs n ≥ d_x + d_y. Fast where a trial fits in cache."""
    cross = cross_factor(cholesky, factor)
    whitened = solve_lower(factor.r22, cross / _floored(cholesky)[:, None])
    _, v = top_right_singular_vectors(jnp.concatenate([whitened, cross], axis=-1), k)
    r11 = jnp.concatenate([factor.r11, factor.r11], axis=-1)
    a = jnp.concatenate([cholesky.a, cholesky.a], axis=-1)
    return _judged(solve_lower_transpose(r11, v) / a[:, None])


def batch_first(cholesky: CholeskyDiagonals, factor: BartlettFactor, n: Float[Array, " L"], k: int) -> Trials:
    """Structured, with the platform's own batched eigh on Gram matrices; needs n ≥ d_x + d_y. For large d on accelerators."""
    return _whole_matrices(lambda f: jnp.linalg.eigh(jnp.swapaxes(f, 1, 2) @ f)[1][..., -k:], cholesky, factor)


def tridiagonal(cholesky: CholeskyDiagonals, factor: BartlettFactor, n: Float[Array, " L"], k: int) -> Trials:
    """Structured, with k eigenvectors of Gram matrices by way of tridiagonal ones; needs n ≥ d_x + d_y. For large d on CPUs."""
    return _whole_matrices(lambda f: top_eigenvectors(jnp.swapaxes(f, 1, 2) @ f, k), cholesky, factor)


def choose(platform: str, dimensions: tuple[int, int], smallest_n: int) -> Formulation:
    """The formulation measured to be fastest (`benchmarks/kernel.py`) among those valid at the smallest sample size.

    **Arguments:** `platform` as JAX names it; `dimensions` (d_x, d_y).
    """
    if smallest_n < sum(dimensions):
        return reference
    if max(dimensions) <= 64:
        return batch_last
    return tridiagonal if platform == "cpu" else batch_first


def _whole_matrices(leading: Callable[[Array], Array], cholesky: CholeskyDiagonals, factor: BartlettFactor) -> Trials:
    """From the leading right singular vectors of F and G, (2L, d_y, d_x) → (2L, d_x, k)."""
    r11, r22, cross, c, a = (
        jnp.moveaxis(x, -1, 0) for x in (factor.r11, factor.r22, cross_factor(cholesky, factor), _floored(cholesky), cholesky.a)
    )
    with jax.default_matmul_precision("highest"):
        whitened = jax.lax.linalg.triangular_solve(r22, cross / c[..., None], left_side=True, lower=True)
        top = leading(jnp.concatenate([whitened, cross]))
        r11, a = jnp.concatenate([r11, r11]), jnp.concatenate([a, a])
        w = jax.lax.linalg.triangular_solve(r11, top, left_side=True, lower=True, transpose_a=True) / a[..., None]
    return _judged(jnp.moveaxis(w, 0, -1))


def _floored(cholesky: CholeskyDiagonals) -> Array:
    """c kept above √ε of its row's standard deviation, which is ν one rounding step below 1: G / c then stays finite."""
    paired = cholesky.b.shape[0]
    b = jnp.pad(cholesky.b, ((0, cholesky.c.shape[0] - paired), (0, 0)))
    return jnp.maximum(cholesky.c, jnp.sqrt(jnp.finfo(b.dtype).eps * (b**2 + cholesky.c**2)))


def _judged(w: Float[Array, "d k lanes"]) -> Trials:
    """What encoders recovered, those of CA in the first half of the lanes, whose row spaces are the column spaces of W.

    The first k coordinates are the signal; the squares that a basis has on the others are k times its subspace distance.
    """
    k = w.shape[1]
    on_coordinates = squared_overlaps(w)
    found = Recovered(on_coordinates[:k], jnp.sum(on_coordinates[k:], axis=0) / k)
    ca, cp = (Recovered(*half) for half in zip(*(jnp.split(x, 2, axis=-1) for x in found), strict=True))
    finite = jnp.isfinite(ca.distance + cp.distance)
    return Trials(ca, cp, jnp.where(finite, Status.OK, Status.NONFINITE).astype(jnp.int32))

"""Second moments of what `spectrum` has on average: who mixes with whom among the top k sample directions.

Let R = Σ w wᵀ over the top k directions, with w N w = 1. Its entries are residues of the resolvent G, and the mean of two
resolvents between coordinates i ≠ j at two points z₁ and z₂ is a ladder of the limit's own rungs,

    ⟨G_ij(z₁) G_ji(z₂)⟩ = (1/n) v_iᵀ (Λ⁻¹ − Π)⁻¹ v_j,   Λ = L(z₁) ⊗ L(z₂),   Π = (1/n) Σ_l C_l (G_l(z₁) ⊗ G_l(z₂)) C_l,

of B² × B² matrices, C_l the diagonal matrix of the entries of Cov_l, and v_j the first row of (G_j(z₁) ⊗ G_j(z₂)) C_j. Both
points run along the line of `spectrum`.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float

from phasejax.theory.numerics import Scalar

__all__ = ["mean_squares"]


def mean_squares(
    z: Complex[Array, " points"],
    weight: Float[Array, " points"],
    middle: Complex[Array, "points B B"],
    resolvent: Complex[Array, "points D B B"],
    covariance: Complex[Array, "D B B"],
    n: Scalar,
    k: int,
) -> Float[Array, "k D"]:
    """Mean squares of the entries R_ij between each signal and every coordinate, of block 0; i = j is another copy of i.

    `weight`: of an integral over the imaginary part of z, whose points come down from far above all values; `middle`: L.
    """
    points, _, b, _ = resolvent.shape
    # What a resolvent is far away, ∝ 1/z, gives nothing beyond the line's x; above and below it the imaginary parts cancel.
    far = weight @ (1 / z).real
    weight = lax.complex(weight.at[0].add(-far * z[0].real), jnp.zeros_like(weight).at[0].set(-far * z[0].imag))
    weights, middles, resolvents = (jnp.concatenate([v, v.conj()]) for v in (weight, middle, resolvent))  # z₂ on either side
    first = jnp.einsum("jac,pjab,jbd->pjacbd", covariance, resolvent, covariance)  # the order matters: five times as fast
    rungs = jnp.einsum("pjacbd,qjcd->pqbdac", first, resolvents) / n
    of_x, of_xs = resolvent[:, :, 0], resolvents[:, :, 0]
    ends = jnp.einsum("pib,qid,ibd->pqbdi", of_x[:, :k], of_xs[:, :k], covariance[:k])
    # (Λ⁻¹ − Π)⁻¹ = (1 − Λ Π)⁻¹ Λ, without an inverse of L; Λ meets Π and the ends at once.
    size = b * b
    both = jnp.concatenate([rungs.reshape(*ends.shape[:4], size), ends], axis=-1)
    both = jnp.einsum("pab,qcd,pqbdi->pqaci", middle, middles, both).reshape(points, 2 * points, size, size + k)
    ladder = jnp.linalg.solve(jnp.eye(size, dtype=both.dtype)[None, None] - both[..., :size], both[..., size:])
    ladder = (ladder * jnp.outer(weight, weights)[..., None, None]).reshape(ends.shape)
    squares = jnp.einsum("pqbdi,pjb,qjd,jbd->ij", ladder, of_x, of_xs, covariance)
    return (squares / n).real / (2 * jnp.pi**2)

"""Objectives that align features and keep them apart by second moments: VICReg, cross-correlation, Deep CCA. Rows as given."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from phasejax import checks
from phasejax.objectives.embeddings import as_embeddings, centered, pair_indices, safe_sqrt, whitened
from phasejax.objectives.hyperparameters import Nonnegative


def vicreg(
    z: Float[Array, "M B d"],
    *,
    lam_inv: Nonnegative = 25.0,
    lam_var: Nonnegative = 25.0,
    lam_cov: Nonnegative = 1.0,
    epsilon: Nonnegative = 1e-4,
) -> Float[Array, ""]:
    """VICReg (Bardes et al. 2022, normalised as in its published code), averaged over pairs of modalities (a, n):

        lam_inv · mean (z^a − z^n)²
        + lam_var · ½ Σ_{m∈{a,n}} mean_j max(0, 1 − √(S^m_jj + ε))
        + lam_cov · Σ_{m∈{a,n}} Σ_{j≠l} (S^m_jl)² / d

    with S^m the covariance of Z^m over the batch (divided by B − 1).

    **Arguments:** weights ≥ 0, `epsilon` ≥ 0; all may be traced.

    **Raises:** `ValueError` on a bad shape or weight.
    """
    z = as_embeddings(z)
    checks.nonnegative(lam_inv=lam_inv, lam_var=lam_var, lam_cov=lam_cov, epsilon=epsilon)
    a, n = pair_indices(z.shape[0])
    d = z.shape[2]
    rows = centered(z)
    with jax.default_matmul_precision("highest"):
        covariance = jnp.swapaxes(rows, 1, 2) @ rows / (z.shape[1] - 1)
    variance = jnp.diagonal(covariance, axis1=1, axis2=2)
    hinge = jnp.mean(jnp.maximum(0, 1 - safe_sqrt(variance + epsilon)))
    off_diagonal = jnp.where(jnp.eye(d, dtype=bool), 0, covariance)
    redundancy = 2 * jnp.mean(jnp.sum(off_diagonal**2, axis=(1, 2))) / d
    return jnp.mean((z[a] - z[n]) ** 2) * lam_inv + hinge * lam_var + redundancy * lam_cov


def cross_correlation(z: Float[Array, "M B d"], *, lam: Nonnegative = 0.005, epsilon: Nonnegative = 1e-5) -> Float[Array, ""]:
    """Cross-correlation towards the identity, as in Barlow Twins (Zbontar et al. 2021), averaged over pairs of modalities:

        Σ_j (1 − C_jj)² + λ Σ_{j≠l} C_jl²,   C = correlation of the features of Z^a with those of Z^n.

    **Arguments:** `lam` λ ≥ 0; `epsilon` ≥ 0, added to each feature's variance (divided by B) in units of the modality's mean
    variance, so that the loss ignores the scale of a modality; both may be traced.

    **Raises:** `ValueError` on a bad shape or value.
    """
    z = as_embeddings(z)
    checks.nonnegative(lam=lam, epsilon=epsilon)
    a, n = pair_indices(z.shape[0])
    rows = centered(z)
    variance = jnp.mean(rows**2, axis=1, keepdims=True)
    variance = variance + epsilon * jnp.mean(variance, axis=2, keepdims=True)
    rows = rows / jnp.sqrt(jnp.where(variance > 0, variance, 1))  # a constant feature is 0 already
    with jax.default_matmul_precision("highest"):
        correlation = jnp.swapaxes(rows[a], 1, 2) @ rows[n] / z.shape[1]
    off_diagonal = jnp.where(jnp.eye(z.shape[2], dtype=bool), 0, correlation)
    own = jnp.diagonal(correlation, axis1=1, axis2=2)
    return jnp.mean(jnp.sum((1 - own) ** 2, axis=1) + lam * jnp.sum(off_diagonal**2, axis=(1, 2)))


def deep_cca(z: Float[Array, "M B d"], *, ridge: Nonnegative = 1e-4) -> Float[Array, ""]:
    """Deep CCA (Andrew et al. 2013): minus the sum of all canonical correlations, averaged over pairs of modalities.

    The sum is the nuclear norm of T = L_a⁻¹ S_an L_n⁻ᵀ, with L Cholesky factors of the ridged covariances. No singular
    vector is ever differentiated, so equal correlations do no harm; where correlations vanish the gradient is the least
    subgradient.

    **Arguments:** `ridge` ≥ 0, added to each covariance in units of its mean eigenvalue, may be traced; 0 needs
    covariances of full rank (B > d).

    **Raises:** `ValueError` on a bad shape or ridge.
    """
    z = as_embeddings(z)
    checks.nonnegative(ridge=ridge)
    a, n = pair_indices(z.shape[0])
    rows = whitened(z, ridge)
    with jax.default_matmul_precision("highest"):
        t = jnp.swapaxes(rows[a], 1, 2) @ rows[n] / z.shape[1]
    return -jnp.mean(jax.vmap(nuclear_norm)(t))


@jax.custom_jvp
def nuclear_norm(t: Float[Array, "m n"]) -> Float[Array, ""]:
    """Sum of singular values, with derivative U Vᵀ over the singular values that are not numerically zero."""
    return jnp.sum(jnp.linalg.svd(t, compute_uv=False))


@nuclear_norm.defjvp
def _nuclear_norm_jvp(primals, tangents):
    (t,), (dt,) = primals, tangents
    u, sigma, vt = jnp.linalg.svd(t, full_matrices=False)
    kept = sigma > max(t.shape) * jnp.finfo(t.dtype).eps * sigma[0]
    with jax.default_matmul_precision("highest"):
        gradient = jnp.where(kept, u, 0) @ vt
    return jnp.sum(sigma), jnp.sum(gradient * dt)

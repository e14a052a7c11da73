"""Alignment and prediction at once: the top-k of AᵀA + λ CCᵀ, between CP (λ = 0) and CA (λ → ∞).

Profiling the decoder B = Σyx Wᵀ and the alignment head V = W Σxy Σyy⁻¹ out of the prediction loss plus λ times the alignment
loss, with W Σxx Wᵀ = I imposed, leaves −tr W' (AᵀA + λ CCᵀ) W'ᵀ in whitened coordinates W' = W Σxx^½. Its eigenvalues are
τ_i² + λ ρ_i² on the signal and ξ_j² + λ ν_j² on nuisance. Without the constraint W → εW shrinks the alignment loss to
nothing, and the infimum is that of CP for every λ.

n pairs move a window far: in the published setting infinitely many recover from λ = .95 on, 5000 are at distance .4 there and
need λ ≈ 5 for .1. `joint_expected_distance` says so, from `spectrum_joint`.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from phasejax import checks
from phasejax.spiked import SpikedModel
from phasejax.theory.numerics import Scalar
from phasejax.theory.overlap import overlaps
from phasejax.theory.population import count_in_top_k, nu, rho, smallest_over_largest, tau, xi
from phasejax.theory.spectrum_joint import captured_jointly

__all__ = [
    "JointEigenvalues",
    "Window",
    "joint_count",
    "joint_eigenvalues",
    "joint_expected_distance",
    "joint_expected_overlaps",
    "joint_separation",
    "joint_window",
]


class JointEigenvalues(NamedTuple):
    """Eigenvalues of AᵀA + λ CCᵀ: (k,) on the signal, (m,) on paired nuisance."""

    signal: Float[Array, " k"]
    nuisance: Float[Array, " m"]


class Window(NamedTuple):
    """The open interval of weights λ at which the joint objective recovers the whole signal; empty where low ≥ high.

    λ = 0 is CP itself and belongs to the recovering weights iff Δ_CP > 1, in which case `low` is 0.
    """

    low: Float[Array, ""]
    high: Float[Array, ""]


def joint_eigenvalues(model: SpikedModel, lam: Scalar) -> JointEigenvalues:
    """τ² + λ ρ² and ξ² + λ ν² for λ = `lam` ≥ 0, in units of y²."""
    lam = checks.single(lam)
    return JointEigenvalues(tau(model) ** 2 + lam * rho(model) ** 2, xi(model) ** 2 + lam * nu(model) ** 2)


def joint_separation(model: SpikedModel, lam: Scalar) -> Float[Array, ""]:
    """The separation ratio √(min signal / max nuisance eigenvalue), in [0, ∞]: Δ_CP at λ = 0, Δ_CA as λ → ∞."""
    return jnp.sqrt(smallest_over_largest(*joint_eigenvalues(model, lam)))


def joint_count(model: SpikedModel, lam: Scalar) -> Int[Array, ""]:
    """The exact number of signal directions in the top k, in 0..k; ties count against the signal."""
    return count_in_top_k(*joint_eigenvalues(model, lam))


def joint_window(model: SpikedModel) -> Window:
    """The weights λ at which the joint objective recovers the whole signal.

        low  = max(0, max_{ρ_i > ν_j} (ξ_j² − τ_i²)/(ρ_i² − ν_j²)),
        high = min_{ρ_i < ν_j} (τ_i² − ξ_j²)/(ν_j² − ρ_i²),

    and nothing recovers when some nuisance beats a signal in both (ξ ≥ τ and ν ≥ ρ). A window can be open where CA and CP
    both fail, if signal or nuisance is heterogeneous. A dead signal coordinate (κ = 0) leaves it empty.
    """
    # The zero stands for uncorrelated nuisance, which a dead signal cannot be told from.
    nu2, xi2 = (jnp.append(values, 0)[None, :] ** 2 for values in (nu(model), xi(model)))
    aligned = rho(model)[:, None] ** 2 - nu2
    predicted = tau(model)[:, None] ** 2 - xi2
    slope = jnp.where(aligned == 0, 1, aligned)
    crossing = -predicted / slope
    tied = jnp.where(predicted > 0, jnp.inf, 0)
    return Window(
        jnp.max(jnp.where(aligned > 0, crossing, 0), initial=0),
        jnp.min(jnp.where(aligned < 0, crossing, jnp.where(aligned == 0, tied, jnp.inf))),
    )


def joint_expected_overlaps(model: SpikedModel, n: Scalar, lam: Scalar) -> Float[Array, " k"]:
    """Predicted squared overlap of each signal direction with the joint encoder of n ≥ d_x + d_y pairs, in [0, 1], λ = `lam`.

    λ = 0 is CP and λ → ∞ CA, as `square.expected_overlaps` has them.

    **Raises:** `ValueError` for fewer pairs, where several sample correlations are 1 whatever the data, or a λ that is negative
    or not finite, where they are known.
    """
    checks.entries("n", n, lambda value: value >= model.d_x + model.d_y, f"≥ d_x + d_y = {model.d_x + model.d_y}")
    checks.nonnegative(lam=lam)
    return overlaps(captured_jointly(model, checks.single(n), checks.single(lam)), model.k)


def joint_expected_distance(model: SpikedModel, n: Scalar, lam: Scalar) -> Float[Array, ""]:
    """Predicted distance 1 − (1/k)‖UᵀÛ‖²_F of the joint encoder, in [0, 1]; otherwise as `joint_expected_overlaps`."""
    return 1 - jnp.mean(joint_expected_overlaps(model, n, lam))

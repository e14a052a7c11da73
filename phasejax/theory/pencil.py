"""Finite samples when the dimension grows with n: what CA and CP lose to noise, and where they lose everything.

The sample problem of either objective is a pencil M(z) = Dᵀ(K(z) ⊗ I)D/n + R in the data D = (X, Y). In the limit
d/n → c its resolvent is block-diagonal in canonical coordinates, G_j = (L ∘ Cov_j + R_j)⁻¹, with one 2×2 matrix
L⁻¹ = K⁻¹ + g, g_ab = (1/n) Σ_j Cov_j[ab] G_j[ab] over the nuisance. A signal i stands out of the bulk at the z where
det(L ∘ Cov_i + R_i) = 0. Two invariants of L turn this matrix equation into a scalar one:

- CA (K = [[−z, 1], [1, −1]], R = 0): t² = L₁₁L₂₂/L₁₂², so that det_i = 0 reads t = ρ_i and z(t²) is explicit;
- CP (K = [[−z, 1], [1, 0]], R = diag(0, −1)): y = −L₁₁/L₁₂² and r = L₂₂ y, so that det_i = 0 reads y = τ_i² + r s_i,
  where r solves one concave equation. Here s_i = κ_i² + γ^y_i.

The nuisance energy of the signal's sample vector is the response of z to a tilt of the nuisance x-blocks divided by the
response to a tilt of the signal's own. Distances are 1 − (1/k)‖UᵀÛ‖²_F for n zero-mean pairs (for centred data use n − 1).
The limit is derived by a Gaussian deterministic equivalent and checked against simulation; it is not a proof.
`homogeneous` solves the same equations by hand.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from phasejax.spiked import SpikedModel
from phasejax.theory.numerics import Scalar, bisect
from phasejax.theory.objectives import PerObjective
from phasejax.theory.population import nu, rho, tau, xi

__all__ = [
    "Critical",
    "NoiseEnergy",
    "critical",
    "distances",
    "noise_energy_ca",
    "noise_energy_cp",
    "pad",
    "ratio_of_scales",
    "targets",
]

_NEWTON_STEPS = 60  # quadratic away from the transition, one bit a step at it


class NoiseEnergy(NamedTuple):
    """Nuisance energy of each signal's sample vector relative to its signal energy, as a quotient `noise` / `signal`.

    `signal` ≤ 0 or `noise` < 0 means that the signal does not stand out of the bulk. `rank` counts the signals and nuisance
    above it.
    """

    noise: Float[Array, " k"]
    signal: Float[Array, " k"]
    rank: Int[Array, " k"]


class Critical(NamedTuple):
    """The smallest values that stand out of the bulk: ρ_c (the same for every signal) and τ_c of each signal."""

    rho: Float[Array, ""]
    tau: Float[Array, " k"]


@jax.jit
def distances(model: SpikedModel, n: Scalar) -> PerObjective[Float[Array, " k"]]:
    """Predicted distance 1 − overlap of each signal direction, (k,) in [0, 1] per objective; n > 0 pairs.

    Any nuisance, any d_x and d_y:

    energy/(1 + energy) for a signal that stands out of the bulk and is among the k largest sample values, 1 otherwise.
    """
    return PerObjective(
        *(_saturate(energy, model.k) for energy in (noise_energy_ca(model, 1 / n), noise_energy_cp(model, 1 / n)))
    )


@jax.jit
def critical(model: SpikedModel, n: Scalar) -> Critical:
    """Detection thresholds of n pairs; +∞ where n is too small for any signal (n ≤ d − k), 0 where there is no nuisance."""
    if model.gamma_tilde_x.size == 0:
        return Critical(jnp.zeros_like(model.kappa[0]), jnp.zeros_like(model.kappa))
    return Critical(_critical_rho(model, 1 / n), _critical_tau(model, 1 / n))


def noise_energy_ca(model: SpikedModel, weight: Scalar) -> NoiseEnergy:
    """CA's relative nuisance energy Σ_j h_ij ω_ij, h_ij = (κ_i² + γ^x_i)/γ̃^x_j, with `weight` = 1/n ≥ 0 per coordinate."""
    size_x, size_y = model.gamma_tilde_x.size, model.gamma_tilde_y.size
    nu2 = jnp.minimum(pad(nu(model), size_x) ** 2, 1)
    untilted = jnp.ones_like(nu2)
    rho2 = jnp.clip(rho(model) ** 2, jnp.finfo(nu2.dtype).eps, 1)  # a dead signal stays finite, and lost
    enough = weight * (size_x + size_y) < 1  # otherwise some sample correlations are 1 whatever the signal

    def one(t2, index):
        own, tilt = jax.grad(_log_outlier_ca, argnums=(0, 1))(t2, untilted, nu2, size_y, weight)
        lost, rank = _ranking(rho2, nu2, index)
        noise = -jnp.sum(jnp.where(lost, ratio_of_scales(model)[index] * tilt, 0))
        return NoiseEnergy(noise, jnp.where(enough, t2 * own, -1), rank)

    return jax.vmap(one)(rho2, jnp.arange(model.k))


def noise_energy_cp(model: SpikedModel, weight: Scalar) -> NoiseEnergy:
    """CP's relative nuisance energy, as `noise_energy_ca`."""
    xi2 = pad(xi(model), model.gamma_tilde_x.size) ** 2
    untilted = jnp.ones_like(xi2)
    target, target_own = targets(model)
    tau2, power_y = tau(model) ** 2, model.kappa**2 + model.gamma_y

    def one(tau2_i, s, index):
        def equation(r):
            return _curve_cp(r, tau2_i + r * s, untilted, xi2, target, weight)

        r, found = _root(equation, weight * xi2.size)
        y = tau2_i + r * s
        f = jax.grad(_curve_cp, argnums=(0, 1, 2))(r, y, untilted, xi2, target, weight)
        z = jax.grad(_outlier_cp, argnums=(0, 1, 2))(r, y, untilted, xi2, target, target_own, weight)
        slope = f[0] + s * f[1]
        response = (z[0] + s * z[1]) * f[2] - slope * z[2]
        own = tau2_i * (f[0] * z[1] - z[0] * f[1])
        lost, rank = _ranking(tau2 + r * power_y, xi2 + r * target, index)
        enough = weight * xi2.size < 1
        noise = jnp.sum(jnp.where(lost, ratio_of_scales(model)[index] * response, 0))
        return NoiseEnergy(noise, jnp.where(found & enough, own, -1), rank)

    return jax.vmap(one)(tau2, power_y, jnp.arange(model.k))


def _saturate(energy: NoiseEnergy, k: int) -> Array:
    """noise/(signal + noise) where the signal stands out and ranks below k, else 1."""
    rounding = jnp.sqrt(jnp.finfo(energy.noise.dtype).eps) * energy.signal  # a noiseless signal has noise 0 up to this
    seen = (energy.signal > 0) & (energy.noise >= -rounding) & (energy.rank < k)
    signal = jnp.where(seen, energy.signal, 1)
    noise = jnp.where(seen, jnp.maximum(energy.noise, 0), 1)
    return jnp.where(seen, noise / (signal + noise), 1)


def _log_outlier_ca(t2: Array, tilt: Array, nu2: Array, size_y: int, weight: Scalar) -> Array:
    """Log of the squared sample canonical correlation at t² = ρ², log z, for nuisance x-blocks tilted by `tilt` (m_x,)."""
    gap = _nonzero(t2 * tilt - nu2)
    paired = min(nu2.size, size_y)
    g_xx = jnp.sum(1 / gap)
    g_yy = jnp.sum((tilt / gap)[:paired]) + (size_y - paired) / t2
    g_xy = jnp.sum(nu2 / gap)
    factors = 1 + (1 - t2) * weight * jnp.stack([g_xx, g_yy, g_xy])
    return jnp.log(t2) + jnp.log(jnp.abs(factors)) @ jnp.array([1.0, 1.0, -2.0], factors.dtype)


def _curve_cp(r: Array, y: Array, tilt: Array, xi2: Array, target: Array, weight: Scalar) -> Array:
    """r/(1+r) − (1/n) Σ_j (y − r t_j)/(tilt_j (y − r t_j) − ξ_j²), zero on the curve of admissible (r, y); t_j is `target`."""
    level = y - r * target
    return r / (1 + r) - weight * jnp.sum(level / _nonzero(tilt * level - xi2))


def _outlier_cp(r: Array, y: Array, tilt: Array, xi2: Array, target: Array, target_own: Array, weight: Scalar) -> Array:
    """Squared sample singular value at (r, y); `target` (m_x,) are paired γ̃^y padded by zeros, `target_own` the unpaired."""
    paired = jnp.sum(target * tilt / _nonzero(tilt * (y - r * target) - xi2))
    return y / (1 + r) + weight * y * (paired + jnp.sum(target_own / _nonzero(y - r * target_own)))


def _nonzero(gap: Array) -> Array:
    """An exact tie of signal and nuisance becomes a tiny gap: finite with finite gradients, and lost all the same."""
    return gap + jnp.where(gap == 0, jnp.finfo(gap.dtype).eps, 0)


def _root(equation: Callable[[Array], Array], scale: Scalar) -> tuple[Array, Array]:
    """Smallest root of a concave function that is −O(scale) at 0, by Newton's method from the left, and whether it exists."""

    def step(_, r):
        value, slope = jax.value_and_grad(equation)(r)
        return r - value / jnp.where(slope == 0, 1, slope)

    r = lax.stop_gradient(lax.fori_loop(0, _NEWTON_STEPS, step, jnp.zeros(())))
    value, slope = jax.value_and_grad(equation)(r)
    found = (slope > 0) & (r > -1) & (jnp.abs(value) <= jnp.sqrt(jnp.finfo(r.dtype).eps) * scale)
    r = jnp.where(found, r, 0)
    return step(0, step(0, r)), found  # two differentiable steps carry the root's first three derivatives


def _critical_rho(model: SpikedModel, weight: Scalar) -> Array:
    """ρ above which the outlier moves with ρ; beyond 1 it is the analytic continuation, a signal that no ρ ≤ 1 reaches."""
    nu2 = pad(nu(model), model.gamma_tilde_x.size) ** 2
    largest = jnp.max(nu2)

    def moves(log_excess):
        own = jax.grad(_log_outlier_ca)(
            largest + jnp.exp(log_excess), jnp.ones_like(nu2), nu2, model.gamma_tilde_y.size, weight
        )
        return own > 0

    log_excess = bisect(moves, -60.0, 60.0)
    largest_size = max(model.gamma_tilde_x.size, model.gamma_tilde_y.size)
    return jnp.where(weight * largest_size < 1, jnp.sqrt(largest + jnp.exp(log_excess)), jnp.inf)


def _critical_tau(model: SpikedModel, weight: Scalar) -> Array:
    """τ_c of each signal: the point of the curve where z is smallest (the bulk edge), read along y = τ² + r s_i.

    The curve is walked by the excess of q = y − r max γ̃^y over the ξ² that bounds it, in which its r is unique. Every
    y − r γ̃^y_j − ξ_j² is summed from that excess, since a loud target cancels y to the last digit.
    """
    xi2 = pad(xi(model), model.gamma_tilde_x.size) ** 2
    target, target_own = targets(model)
    steepest = jnp.max(model.gamma_tilde_y, initial=0)
    lowest = jnp.max(jnp.where(target == steepest, xi2, 0))
    smallest_share = weight * model.gamma_tilde_x.size

    def gaps(r, excess):
        return excess + (lowest - xi2) + r * (steepest - target)

    def curve(r, excess):
        return r / (1 + r) - weight * jnp.sum(1 + xi2 / gaps(r, excess))

    def value(r, excess):
        own = excess + lowest + r * (steepest - target_own)
        noise = jnp.sum(target / gaps(r, excess)) + jnp.sum(target_own / own)
        return (excess + lowest + r * steepest) * (1 / (1 + r) + weight * noise)

    def point(log_excess):
        excess = jnp.maximum(steepest, 1) * jnp.exp(log_excess)

        def beyond(share):
            r = share / (1 - share)
            return jnp.all(gaps(r, excess) > 0) & (curve(r, excess) > 0)

        share = bisect(beyond, jnp.minimum(smallest_share, 1), 1.0)
        return share / (1 - share), excess

    def outside(log_excess):
        r, excess = point(log_excess)
        f, z = (jax.grad(function, argnums=(0, 1))(r, excess) for function in (curve, value))
        # Deep in the bulk r diverges, beyond what its share of 1 resolves.
        resolved = r * 4 * jnp.finfo(r.dtype).eps < 1
        return resolved & (f[0] * z[1] - z[0] * f[1] > 0)

    r, excess = point(bisect(outside, -60.0, 60.0))
    edge = jnp.sqrt(jnp.maximum(excess + lowest + r * (steepest - model.kappa**2 - model.gamma_y), 0))
    return jnp.where(smallest_share < 1, edge, jnp.inf)


def targets(model: SpikedModel) -> tuple[Array, Array]:
    """γ̃^y of the y-coordinate paired with each nuisance x, 0 where there is none, (m_x,); and of unpaired y."""
    paired = model.eta.size
    return pad(model.gamma_tilde_y[:paired], model.gamma_tilde_x.size), model.gamma_tilde_y[paired:]


def pad(values: Array, size: int) -> Array:
    """A vector with zeros appended up to a size."""
    return jnp.pad(values, (0, size - values.size))


def ratio_of_scales(model: SpikedModel) -> Array:
    """h_ij = (κ_i² + γ^x_i)/γ̃^x_j, (k, m_x): energy in whitened coordinates becomes energy in the original ones."""
    return (model.kappa**2 + model.gamma_x)[:, None] / model.gamma_tilde_x[None, :]


def _ranking(signal: Array, nuisance: Array, index: Array) -> tuple[Array, Array]:
    """Which nuisance lies outside the top k, (m_x,), and the number of values ahead of signal `index`.

    Energy that leaks into nuisance inside the top k is not lost: the k sample vectors span it together. A cluster of equal
    nuisance values is inside only as a whole; equal signals rank in order, and a nuisance tie counts against the signal.
    """
    k, own = signal.size, signal[index]
    ahead = jnp.sum(signal > own) + jnp.sum((signal == own) & (jnp.arange(k) < index)) + jnp.sum(nuisance >= own)
    if nuisance.size == 0:
        return jnp.ones_like(nuisance, bool), ahead
    first_outside = lax.top_k(jnp.concatenate([signal, nuisance]), k + 1)[0][k]
    slack = 1 + 64 * jnp.finfo(nuisance.dtype).eps  # equal up to rounding is one cluster
    return nuisance <= slack * first_outside, ahead

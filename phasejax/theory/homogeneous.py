"""Homogeneous nuisance and d_x = d_y, c = (d − k)/n: the equations of `pencil` solved by hand.

Every function takes scalars or arrays that broadcast. `t` is γ̃^y, `s` is κ² + γ^y, `h` is (κ² + γ^x)/γ̃^x. The polynomials
cancel when c is small: `pencil.distances` does not, and is what predictions are made with.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from phasejax.recovery import LEVEL
from phasejax.theory.numerics import Scalar

__all__ = [
    "ca_edge",
    "ca_nu_c",
    "ca_nu_star",
    "ca_omega",
    "ca_outlier",
    "ca_rho_c",
    "cp_edge",
    "cp_m",
    "cp_m_c",
    "cp_omega",
    "cp_outlier",
    "cp_tau_c",
    "distance_of",
]

_NEWTON_STEPS = 60  # quadratic away from the transition, one bit a step at it


def ca_outlier(rho: Scalar, nu: Scalar, c: Scalar) -> Array:
    """Sample canonical correlation of a detected signal: ρ[(ρ²−ν²) + c(1−ρ²)] / [(ρ²−ν²) + cν²(1−ρ²)], in (0, 1]."""
    x, y = _square(rho), _square(nu)
    return rho * (x - y + c * (1 - x)) / (x - y + c * y * (1 - x))


def ca_omega(rho: Scalar, nu: Scalar, c: Scalar) -> Array:
    """Nuisance energy relative to signal energy, in whitened coordinates; ≥ 0, +∞ below the threshold `ca_rho_c`."""
    x, y = _square(rho), _square(nu)
    quadratic, linear, constant = _ca_discriminant(y, c)
    excess = (quadratic * x + linear) * x + constant
    seen = jnp.asarray(rho > ca_rho_c(nu, c))
    omega = c * (1 - x) * (x + y - 2 * x * y - c * y * (1 - x)) / jnp.where(seen, excess, 1)
    return jnp.where(seen, omega, jnp.inf)


def ca_rho_c(nu: Scalar, c: Scalar) -> Array:
    """Smallest detected ρ; c/(1−c) under the root at ν = 0. Above 1 no signal is detected; +∞ for c ≥ 1."""
    quadratic, linear, constant = _ca_discriminant(_square(nu), c)
    proper = jnp.asarray(quadratic > 0)
    quadratic = jnp.where(proper, quadratic, 1)
    x = (-linear + jnp.sqrt(jnp.maximum(linear**2 - 4 * quadratic * constant, 0))) / (2 * quadratic)
    return jnp.where(proper, jnp.sqrt(x), jnp.inf)


def ca_nu_c(rho: Scalar, c: Scalar) -> Array:
    """Largest ν at which ρ is detected, the inverse of `ca_rho_c`; 0 where ρ is not detected even at ν = 0."""
    x = _square(rho)
    a, b = (1 - c) * x + c, c * x + 1 - c
    y = _smaller_root(b - 2 * c * x, -(a * b + x - 4 * c * x), (a - 2 * c) * x)
    return jnp.sqrt(jnp.maximum(y, 0))


def ca_edge(nu: Scalar, c: Scalar) -> Array:
    """Upper edge of the bulk of sample canonical correlations, in [ν, 1]: the outlier at the threshold."""
    return ca_outlier(jnp.minimum(ca_rho_c(nu, c), 1), nu, c)


def ca_nu_star(rho: Scalar, h: Scalar, c: Scalar, *, level: Scalar = LEVEL) -> Array:
    """The ν at which a signal's CA distance reaches `level` in (0, 1); 0 where it is above already without nuisance."""
    x, scale = _square(rho), h * (1 - level) / level * c * (1 - _square(rho))
    linear = -2 * x - c * (1 + x**2 - 6 * x) + c**2 * (1 - x) ** 2 - scale * (1 - 2 * x - c * (1 - x))
    y = _smaller_root(1 - c * (1 + x), linear, x**2 - c * (x**2 + x) - scale * x)
    return jnp.sqrt(jnp.maximum(y, 0))


def cp_m(tau: Scalar, xi: Scalar, s: Scalar, t: Scalar, c: Scalar) -> Array:
    """The outlier's parameter m > 0, 1/(τ²−ξ²) at c = 0: the smaller positive root; NaN where there is none."""
    quadratic = c * (t - s) * _square(xi)
    linear = _square(xi) + c * (t - s) - (1 - c) * _square(tau)
    root = 2 / (jnp.sqrt(linear**2 - 4 * quadratic) - linear)
    return jnp.where(root > 0, root, jnp.nan)


def cp_m_c(xi: Scalar, t: Scalar, c: Scalar) -> Array:
    """m at the bulk edge, the positive root of P(m) = c²tξ⁴m³ + cξ²(2t−ξ²)m² + c(t−2ξ²)m − 1; c > 0.

    P is convex for m > 0 since ξ² ≤ t, so Newton's method from a point above the root descends to it.
    """
    x = _square(xi)

    def step(_, m):
        slope = (3 * c**2 * t * x**2 * m + 2 * c * x * (2 * t - x)) * m + c * (t - 2 * x)
        return m - _cp_discriminant(m, x, t, c) / slope

    start = 1 / jnp.maximum(x * jnp.sqrt(c), c * (t - 2 * x))
    return lax.fori_loop(0, _NEWTON_STEPS, step, start)


def cp_outlier(m: Scalar, xi: Scalar, t: Scalar, c: Scalar) -> Array:
    """Squared sample singular value at m: (1+ctm)²(1+mξ²) / (m(1+cξ²m)); `cp_m` gives a signal's m, `cp_m_c` the edge's."""
    x = _square(xi)
    return (1 + c * t * m) ** 2 * (1 + m * x) / (m * (1 + c * x * m))


def cp_edge(xi: Scalar, t: Scalar, c: Scalar) -> Array:
    """Upper edge of the bulk of squared sample singular values."""
    return cp_outlier(cp_m_c(xi, t, c), xi, t, c)


def cp_tau_c(xi: Scalar, s: Scalar, t: Scalar, c: Scalar) -> Array:
    """Smallest detected τ for a signal of target variance s; +∞ for c ≥ 1, 0 where s alone lifts it above the bulk."""
    m = cp_m_c(xi, t, c)
    proper = jnp.asarray(c < 1)
    square = (1 + m * _square(xi)) * (1 + c * m * (t - s)) / (m * jnp.where(proper, 1 - c, 1))
    return jnp.where(proper, jnp.sqrt(jnp.maximum(square, 0)), jnp.inf)


def cp_omega(tau: Scalar, xi: Scalar, s: Scalar, t: Scalar, c: Scalar) -> Array:
    """Nuisance energy relative to signal energy, in whitened source coordinates; ≥ 0, +∞ where m ≥ m_c."""
    x, tau2 = _square(xi), _square(tau)
    m = cp_m(tau, xi, s, t, c)
    seen = m < cp_m_c(xi, t, c)
    m = jnp.where(seen, m, 1)
    noise = (
        c**2 * m**2 * x * t * (m**2 * x * ((c - 2) * tau2 + x) + 2 * m * x + 1)
        + c * m**2 * tau2 * (m * x * (x - 2 * t) + x - t)
        + m**2 * x * (tau2 - x)
        + m * (tau2 - 2 * x)
        - 1
    )
    return jnp.where(seen, noise / (m * tau2 * (1 - c) * jnp.where(seen, _cp_discriminant(m, x, t, c), -1)), jnp.inf)


def distance_of(omega: Scalar, h: Scalar) -> Array:
    """Distance hω/(1 + hω) of a signal, in [0, 1]; 1 at ω = +∞."""
    seen = jnp.isfinite(omega)
    energy = h * jnp.where(seen, omega, 0)
    return jnp.where(seen, energy / (1 + energy), 1)


def _ca_discriminant(y: Array, c: Scalar) -> tuple[Array, Array, Array]:
    """Coefficients of D(x), the denominator of ω_CA as a quadratic in x = ρ²; its larger root is the threshold."""
    linear = -(c + 2 * y + 2 * c**2 * y + c * y**2 - 6 * c * y)
    return (1 - c) * (1 - c * y), linear, y * (1 - c) * (y - c)


def _cp_discriminant(m: Array, x: Array, t: Scalar, c: Scalar) -> Array:
    """P(m), negative exactly where a signal with this m is detected; x = ξ²."""
    return ((c**2 * t * x**2 * m + c * x * (2 * t - x)) * m + c * (t - 2 * x)) * m - 1


def _smaller_root(a: Array, b: Array, constant: Array) -> Array:
    """Smaller root of a y² + b y + constant = 0 for a > 0, b < 0, in the form that does not cancel."""
    return 2 * constant / (-b + jnp.sqrt(jnp.maximum(b**2 - 4 * a * constant, 0)))


def _square(value: Scalar) -> Array:
    return jnp.square(jnp.asarray(value))

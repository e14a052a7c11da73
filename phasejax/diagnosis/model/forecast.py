"""How many pairs would be enough: the level from the belief about these pairs, the shape of the curve from theory.

The closed forms for homogeneous nuisance (`theory.homogeneous`) say how the distance falls as n grows at a given Δ. They
are read at the n at which they predict the distance expected of these pairs, which absorbs what the plug-in gets wrong.
"""

import jax
import numpy as np

from phasejax.diagnosis.model.components import Components, Evidence
from phasejax.diagnosis.result import Spectrum
from phasejax.recovery import LEVEL, crossing
from phasejax.theory.finite_sample import MOST_SAMPLES
from phasejax.theory.homogeneous import ca_omega, cp_omega, distance_of

_curve_ca = jax.jit(lambda rho, nu, scale, c: distance_of(ca_omega(rho, nu, c), scale))
_curve_cp = jax.jit(lambda tau, xi, power, target, scale, c: distance_of(cp_omega(tau, xi, power, target, c), scale))


def forecast_ca(e: Evidence, spectrum: Spectrum, delta: float, distance: float) -> float:
    """Pairs at which CA's expected distance is ½, given the `distance` expected of a fit to these pairs."""
    weakest, scale = _weakest(spectrum, e.ca)
    rho = max(float(spectrum.debiased[weakest]), 0.05)
    return pairs_needed_ca(delta, rho, scale, int(e.sizes.r_x), float(e.sizes.n), distance)


def forecast_cp(e: Evidence, spectrum: Spectrum, delta: float, distance: float) -> float:
    """As `forecast_ca`, for CP from the source of the evidence to its target."""
    weakest, scale = _weakest(spectrum, e.cp)
    variance = e.cp.variance_y[: spectrum.is_signal.size]
    power, target = float(variance[weakest]), float(np.median(variance))
    tau = max(float(spectrum.debiased[weakest]), 0.05 * power**0.5)
    return pairs_needed_cp(delta, tau, power, target, scale, int(e.sizes.r_x), float(e.sizes.n), distance)


def _weakest(spectrum: Spectrum, c: Components) -> tuple[int, float]:
    """Index of the weakest signal component, and (κ²+γ^x)/γ̃^x: mean signal variance over median variance."""
    variance = c.variance_x[: spectrum.is_signal.size]
    scale = float(np.mean(variance[spectrum.is_signal]) / np.median(variance))
    return int(np.flatnonzero(spectrum.is_signal)[-1]), scale


def pairs_needed_ca(delta: float, rho: float, scale: float, d: int, n: float, distance: float) -> float:
    """Pairs at which CA's expected distance is ½, given that n pairs have an expected `distance` in (0, 1).

    `rho` is the weakest signal correlation, ρ/Δ the nuisance's; `scale` = (κ²+γ^x)/γ̃^x; d the dimension of the view. +∞ for
    Δ ≤ 1 unless n is enough.
    """
    rho = min(rho, 0.99)
    nu = min(rho / max(delta, 1e-6), 1.0)
    return _needed(lambda c: _curve_ca(rho, nu, scale, c), delta, d, n, distance)


def pairs_needed_cp(
    delta: float, tau: float, power: float, target: float, scale: float, d: int, n: float, distance: float
) -> float:
    """As `pairs_needed_ca` for CP: `tau` is the weakest signal value, `power` = κ²+γ^y ≥ τ², `target` = γ̃^y of the nuisance."""
    xi = tau / max(delta, 1e-6)
    power, target = max(power, 1.01 * tau**2), max(target, 1.01 * xi**2)
    return _needed(lambda c: _curve_cp(tau, xi, power, target, scale, c), delta, d, n, distance)


def _needed(curve, delta: float, d: int, n: float, distance: float) -> float:
    pairs = np.geomspace(d + 2, MOST_SAMPLES, 600)
    expected = np.nan_to_num(np.asarray(curve(d / pairs)), nan=1.0) if delta > 1 else np.ones(pairs.size)
    expected = np.minimum.accumulate(expected)
    if expected[-1] > LEVEL:  # no curve to follow: it is enough, or never will be
        return float(n) if distance <= LEVEL else np.inf
    enough = _crossing(pairs, expected, LEVEL)
    here = _crossing(pairs, expected, float(np.clip(distance, 0.02, 0.97)))
    return float(n * enough / here)


def _crossing(pairs: np.ndarray, expected: np.ndarray, level: float) -> float:
    """The pairs at which the falling curve crosses a level, on a logarithmic axis; its ends where it does not."""
    fewer = -np.log(pairs[::-1])
    return float(np.exp(-min(crossing(fewer, expected[::-1], level=level), fewer[-1])))

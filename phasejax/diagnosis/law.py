"""The belief about the separation ratios as a normal law of their logarithms."""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from phasejax.diagnosis.diagnosis import Estimate
from phasejax.theory import Regime

REGIMES = (Regime.NEITHER, Regime.CA_ONLY, Regime.CP_ONLY, Regime.BOTH)
_WIDTH_90 = NormalDist().inv_cdf(0.95)
_FACTOR = np.array([NormalDist().inv_cdf((i + 0.5) / 200) for i in range(200)])


class Law(NamedTuple):
    """Normal law of (log Δ_CA, log Δ_CP, log Δ_CP reverse): `mean` (3,), `scale` (3,), correlations of CA with each CP (2,)."""

    mean: np.ndarray
    scale: np.ndarray
    correlation: np.ndarray


def widen(law: Law, halves: np.ndarray) -> Law:
    """The law, at least as wide as its mean moves between half-samples (R, 3).

    A half-sample without replacement deviates from the whole as much as the whole does from the population. One that holds
    no labels is NaN and left out.
    """
    told = halves[np.isfinite(halves).all(axis=1)]
    return law._replace(scale=np.maximum(law.scale, np.std(told, axis=0))) if len(told) > 1 else law


def estimates(law: Law) -> list[Estimate]:
    """Median and 90 % interval of each Δ."""
    steps = np.array([0, -_WIDTH_90, _WIDTH_90])
    return [Estimate(*np.exp(mean + scale * steps).tolist()) for mean, scale in zip(law.mean, law.scale, strict=True)]


def above_one(law: Law) -> list[float]:
    """P(Δ > 1), (3,)."""
    return [float(p) for p in _ndtr(law.mean / law.scale)]


def regime_probabilities(law: Law) -> dict[Regime, float]:
    """P(regime) for CA and CP from x to y: the four orthants of their normal law.

    Given the common factor f, with correlation r = ±loading², both are independent; f is averaged over its quantiles.
    """
    loading = np.sqrt(abs(law.correlation[0]))
    rest = np.sqrt(1 - loading**2)
    z = law.mean / law.scale
    ca = _ndtr((z[0] + loading * _FACTOR) / rest)
    cp = _ndtr((z[1] + np.sign(law.correlation[0]) * loading * _FACTOR) / rest)
    return orthants(ca, cp)


def orthants(ca, cp) -> dict[Regime, float]:
    """P(regime) where CA and CP recover independently with probabilities `ca`, `cp` (numbers, or arrays to average over)."""
    parts = ((1 - ca) * (1 - cp), ca * (1 - cp), (1 - ca) * cp, ca * cp)
    return {regime: float(np.mean(part)) for regime, part in zip(REGIMES, parts, strict=True)}


def x_stronger(law: Law) -> float:
    """P(Δ_CP > Δ_CP reverse)."""
    return float(_ndtr((law.mean[1] - law.mean[2]) / np.hypot(law.scale[1], law.scale[2])))


def draw(law: Law, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draws (count, 3) of the Δ; both CP are independent given CA."""
    noise = rng.normal(size=(count, 3))
    r = law.correlation
    cp = r * noise[:, :1] + np.sqrt(1 - r**2) * noise[:, 1:]
    return np.exp(law.mean + law.scale * np.hstack([noise[:, :1], cp]))


def _ndtr(z) -> np.ndarray:
    return 0.5 * np.vectorize(math.erfc)(-np.asarray(z, float) / math.sqrt(2))

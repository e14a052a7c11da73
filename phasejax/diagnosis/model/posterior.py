"""What is believed of the three separation ratios: a normal law of their logarithms, read off a sample and its halves."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, ndtri

from phasejax.diagnosis.model.components import Evidence, both_directions, moments
from phasejax.diagnosis.model.network import Belief, Weights, believe
from phasejax.diagnosis.result import Estimate
from phasejax.diagnosis.sample import Sample, Sizes
from phasejax.diagnosis.views import Blocks, padded_variances
from phasejax.theory import Regime

REGIMES = (Regime.NEITHER, Regime.CA_ONLY, Regime.CP_ONLY, Regime.BOTH)
_WIDTH_90 = float(ndtri(0.95))
_FACTOR = ndtri((np.arange(200) + 0.5) / 200)


class Reading(NamedTuple):
    """What one choice of rows says: evidence and belief with x as the source, and with y as the source."""

    forward: Evidence
    reverse: Evidence
    belief: Belief
    belief_reverse: Belief


class Posterior(NamedTuple):
    """Normal law of (log Δ_CA, log Δ_CP, log Δ_CP reverse): `mean` (3,), `scale` (3,), correlations of CA with each CP (2,)."""

    mean: np.ndarray
    scale: np.ndarray
    correlation: np.ndarray


class Choices(NamedTuple):
    """R choices of what to read: weights 0 or 1 of the blocks (R, B), leading components of x and of y (R, 2), ridge (R,)."""

    weight: Float[np.ndarray, "R B"]
    kept: Float[np.ndarray, "R 2"]
    ridge: Float[np.ndarray, " R"]


def read_all(sample: Sample, blocks: Blocks, choices: Choices, weights: Weights) -> Reading:
    """Readings stacked along a first axis, one for each choice."""
    dtype = jnp.result_type(float)
    blocks, choices = Blocks(*(part.astype(dtype) for part in blocks)), Choices(*(part.astype(dtype) for part in choices))
    variance_x, variance_y = (variance.astype(dtype) for variance in padded_variances(sample.x, sample.y))
    return jax.device_get(_read_all(weights, blocks, choices, variance_x, variance_y, sample.sizes))


@jax.jit
def _read_all(weights: Weights, blocks: Blocks, choices: Choices, variance_x, variance_y, sizes: Sizes) -> Reading:
    def read(choice):
        weight, kept, ridge = choice
        share = jnp.sum(weight * blocks.pairs[:, 0, 0]) / jnp.sum(blocks.pairs[:, 0, 0])
        told = jnp.sum(weight * blocks.squares[:, 0, 0]) / jnp.sum(blocks.squares[:, 0, 0])
        counted = sizes._replace(n=sizes.n * share, n_labelled=sizes.n_labelled * told, r_x=kept[0], r_y=kept[1])
        leading_x, leading_y = _leading(variance_x, kept[0]), _leading(variance_y, kept[1])
        forward, reverse = both_directions(moments(blocks, weight, leading_x, leading_y, ridge), counted)
        return Reading(forward, reverse, believe(weights, forward), believe(weights, reverse))

    return jax.lax.map(read, choices)


def _leading(variance, count):
    """The variances of the leading components in units of their mean, 0 for the others."""
    chosen = jnp.where(jnp.arange(variance.size, dtype=variance.dtype) < count, variance, 0)
    return chosen * count / jnp.sum(chosen)


def posterior_of(readings: Reading) -> Posterior:
    """One posterior a reading; CA's is the mean of both directions, so that it does not know which view is the source."""
    one, other = readings.belief, readings.belief_reverse

    def three(a, b):
        return np.stack([(a[:, 0] + b[:, 0]) / 2, a[:, 1], b[:, 1]], axis=1)

    correlation = np.stack([one.correlation, other.correlation], axis=1)
    return Posterior(three(one.mean, other.mean), three(one.scale, other.scale), correlation)


def half_samples(blocks: int, count: int, rng: np.random.Generator) -> Float[np.ndarray, "count B"]:
    """Weights 0 or 1 that choose half of the blocks each, without replacement."""
    return np.array([rng.permutation(blocks) < max(1, blocks // 2) for _ in range(count)], float)


def widen(law: Posterior, halves: np.ndarray) -> Posterior:
    """The law, at least as wide as its mean moves between half-samples (R, 3).

    A half-sample without replacement deviates from the whole as much as the whole does from the population. One that holds
    no labels is NaN and left out.
    """
    told = halves[np.isfinite(halves).all(axis=1)]
    return law._replace(scale=np.maximum(law.scale, np.std(told, axis=0))) if len(told) > 1 else law


def estimates(law: Posterior) -> list[Estimate]:
    """Median and 90 % interval of each Δ."""
    steps = np.array([0, -_WIDTH_90, _WIDTH_90])
    return [Estimate(*np.exp(mean + scale * steps).tolist()) for mean, scale in zip(law.mean, law.scale, strict=True)]


def above_one(law: Posterior) -> list[float]:
    """P(Δ > 1), (3,)."""
    return [float(p) for p in ndtr(law.mean / law.scale)]


def regime_probabilities(law: Posterior) -> dict[Regime, float]:
    """P(regime) for CA and CP from x to y: the four orthants of their normal law.

    Given the common factor f, with correlation r = ±loading², both are independent; f is averaged over its quantiles.
    """
    loading = np.sqrt(abs(law.correlation[0]))
    rest = np.sqrt(1 - loading**2)
    z = law.mean / law.scale
    ca = ndtr((z[0] + loading * _FACTOR) / rest)
    cp = ndtr((z[1] + np.sign(law.correlation[0]) * loading * _FACTOR) / rest)
    return orthants(ca, cp)


def orthants(ca, cp) -> dict[Regime, float]:
    """P(regime) where CA and CP recover independently with probabilities `ca`, `cp` (numbers, or arrays to average over)."""
    parts = ((1 - ca) * (1 - cp), ca * (1 - cp), (1 - ca) * cp, ca * cp)
    return {regime: float(np.mean(part)) for regime, part in zip(REGIMES, parts, strict=True)}


def draw(law: Posterior, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draws (count, 3) of the Δ; both CP are independent given CA."""
    noise = rng.normal(size=(count, 3))
    r = law.correlation
    cp = r * noise[:, :1] + np.sqrt(1 - r**2) * noise[:, 1:]
    return np.exp(law.mean + law.scale * np.hstack([noise[:, :1], cp]))

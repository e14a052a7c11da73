"""The model's part of a diagnosis: each objective's Δ, spectrum and forecast, from the moments of a sample."""

from typing import NamedTuple

import jax
import numpy as np
from scipy.special import expit
from scipy.stats import chi2, false_discovery_control

from phasejax.diagnosis.model import posterior
from phasejax.diagnosis.model.components import Components
from phasejax.diagnosis.model.debias import debias_ca, debias_cp, draw_factors, simulate_ca, simulate_cp
from phasejax.diagnosis.model.forecast import forecast_ca, forecast_cp
from phasejax.diagnosis.model.network import trained_weights
from phasejax.diagnosis.model.posterior import Reading
from phasejax.diagnosis.result import Outlook, Regimes, Side, Spectrum, Variant
from phasejax.diagnosis.sample import Sample, Sizes
from phasejax.diagnosis.views import Blocks

_RESAMPLES = 12
_CLOUD = 400
_LOGIT = 1.7  # a logistic law of unit scale is about as wide as a normal one of scale 1.7
_LEVEL = 0.05  # false discoveries among the components that labels are said to speak of
_NOTABLE = 0.05  # of the share of the component that tells most: less is told by components that are told of by leakage


class Explanation(NamedTuple):
    """What the model of spiked views says; the fields are those of `Diagnosis`."""

    ca: Side
    cp: Side
    cp_reverse: Side
    population: Regimes
    these_pairs: Regimes
    sensitivity: tuple[Variant, ...]
    reliability: tuple[float, float]
    k: int
    cloud: np.ndarray

    @property
    def sides(self) -> tuple[Side, Side, Side]:
        """CA, CP from x to y, CP from y to x."""
        return self.ca, self.cp, self.cp_reverse


def explain(sample: Sample, blocks: Blocks, k: int | None, seed: int) -> Explanation:
    """The model of a sample whose rows were summed in blocks; `k` signal directions, or None to estimate them.

    A given k moves the belief about Δ by what it changes of the ratio of the spectra, and nothing where it is the estimate.
    """
    rng = np.random.default_rng(seed)
    choices = _choices(sample, len(blocks.pairs), rng)
    readings = posterior.read_all(sample, blocks, choices, trained_weights())
    full = jax.tree.map(lambda leaf: leaf[0], readings)
    every = posterior.posterior_of(readings)
    law = posterior.widen(posterior.Posterior(*(part[0] for part in every)), every.mean[1 : 1 + _RESAMPLES])

    estimated = _count_signals(full)
    found, spectra, shift = estimated, _spectra(full, estimated, seed), np.zeros(3)
    if k is not None:
        before, found, spectra = spectra, k, _spectra(full, k, seed)
        shift = np.log([_ratio(now) / _ratio(then) for now, then in zip(spectra, before, strict=True)])
        law = law._replace(mean=law.mean + shift)
    deltas, chances = posterior.estimates(law), posterior.above_one(law)
    outlooks = _outlooks(full, spectra, [delta.value for delta in deltas], shift / law.scale)
    sides = [
        Side(delta, p, _recovered(spectrum, found, p > 0.5), p + (1 - p) * _kept(spectrum, found), spectrum, outlook)
        for delta, p, spectrum, outlook in zip(deltas, chances, spectra, outlooks, strict=True)
    ]
    return Explanation(
        *sides,
        population=_regimes(posterior.regime_probabilities(law)),
        these_pairs=_regimes(posterior.orthants(outlooks[0].probability, outlooks[1].probability)),
        sensitivity=_variants(choices, every, shift),
        reliability=_reliability(full.forward.ca, spectra[0], full.forward.sizes),
        k=found,
        cloud=posterior.draw(law, _CLOUD, rng),
    )


def _regimes(probabilities) -> Regimes:
    return Regimes(max(probabilities, key=lambda regime: probabilities[regime]), probabilities)


def _count_signals(full: Reading) -> int:
    """Number of signal components: the sum of their probabilities among CA's, and no more than the labels speak of.

    Both views see the labels; those components count that tell of them beyond chance, and notably.
    """
    ca, _, sizes = full.forward
    m = int(min(sizes.r_x, sizes.r_y))
    total = np.mean([np.sum(expit(belief.signal_ca[:m], dtype=float)) for belief in (full.belief, full.belief_reverse)])
    loading = _mean_loading(ca, m)
    notable = loading - float(sizes.columns / sizes.n_labelled) > _NOTABLE * loading.max()
    return int(np.clip(round(float(total)), 1, max(1, np.sum(_told(loading, sizes) & notable))))


def _mean_loading(c: Components, m: int) -> np.ndarray:
    return np.asarray(c.loading_x + c.loading_y, float)[:m] / 2


def _told(loading: np.ndarray, sizes: Sizes) -> np.ndarray:
    """Which components the labels speak of: by chance alone, n times a loading follows χ² with as many degrees as columns."""
    p = chi2.sf(np.asarray(loading, float) * float(sizes.n_labelled), float(sizes.columns))
    return np.asarray(false_discovery_control(p)) < _LEVEL


def _ratio(spectrum: Spectrum) -> float:
    """Weakest signal over strongest nuisance, as the spectra have it; bounded, so that one of 0 says little."""
    smallest = 0.05 * spectrum.debiased[0]
    return max(spectrum.debiased[spectrum.is_signal].min(), smallest) / max(spectrum.nuisance_floor, smallest)


def _kept(spectrum: Spectrum, k: int) -> float:
    """Share of what the components tell of the labels that the first k of them tell, in [0, 1]."""
    told = spectrum.r_squared * (spectrum.told if spectrum.told.any() else 1)
    return float(told[:k].sum() / told.sum()) if told.any() else 0.0


def _reliability(c: Components, spectrum: Spectrum, sizes: Sizes) -> tuple[float, float]:
    """Shares of the weakest signal's coordinate in x and in y that are signal, q = κ²/(κ²+γ).

    Its canonical correlation is √(q_x q_y), and the labels load on both views as q_x to q_y.
    """
    rho = float(np.clip(spectrum.debiased[spectrum.is_signal].min(), 0.05, 1))
    chance = float(sizes.columns / sizes.n_labelled)
    on_x, on_y = (
        max(float(np.mean(np.asarray(loading)[: spectrum.is_signal.size][spectrum.is_signal])) - chance, chance)
        for loading in (c.loading_x, c.loading_y)
    )
    q_x = float(np.clip(rho * np.sqrt(on_x / on_y), rho**2, 1))
    return q_x, rho**2 / q_x


def _choices(sample: Sample, blocks: int, rng: np.random.Generator) -> posterior.Choices:
    """All rows; halves of them; all rows on half of the components; all rows with a ridge of a tenth of the mean variance."""
    kept = np.array([sample.x.variances.size, sample.y.variances.size])
    weight = np.vstack([np.ones(blocks), posterior.half_samples(blocks, _RESAMPLES, rng), np.ones((2, blocks))])
    sizes = np.vstack([np.tile(kept, (1 + _RESAMPLES, 1)), np.maximum(2, kept // 2), kept])
    ridge = np.full(len(weight), sample.ridge)
    ridge[-1] += 0.1
    return posterior.Choices(weight, sizes, ridge)


def _variants(choices: posterior.Choices, every: posterior.Posterior, shift: np.ndarray) -> tuple[Variant, ...]:
    """The probability that Δ > 1 of each side, for the choices after the halves."""
    variants = []
    for i in range(1 + _RESAMPLES, len(choices.weight)):
        law = posterior.Posterior(*(part[i] for part in every))
        chances = posterior.above_one(law._replace(mean=law.mean + shift))
        variants.append(Variant(int(choices.kept[i, 0]), int(choices.kept[i, 1]), float(choices.ridge[i]), *chances))
    return tuple(variants)


def _spectra(full: Reading, k: int, seed: int) -> tuple[Spectrum, Spectrum, Spectrum]:
    cp = []
    for evidence, belief in ((full.reverse, full.belief_reverse), (full.forward, full.belief)):
        factors = draw_factors(evidence.sizes, evidence.ca.value.size, seed)
        c = evidence.cp
        debiased, null = debias_cp(c.value, c.variance_y, factors), simulate_cp(0 * c.value, c.variance_y, factors)
        cp.append(_spectrum(c, belief.signal_cp, debiased, null, evidence.sizes, k))
    c = full.forward.ca
    logit = (full.belief.signal_ca + full.belief_reverse.signal_ca) / 2
    ca = _spectrum(c, logit, debias_ca(c.value, factors), simulate_ca(0 * c.value, factors), full.forward.sizes, k)
    return ca, cp[1], cp[0]


def _spectrum(c: Components, logit, debiased, null, sizes: Sizes, k: int) -> Spectrum:
    m = int(min(sizes.r_x, sizes.r_y))
    floor = float(1 / sizes.n_labelled)
    loading = _mean_loading(c, m)
    signal = np.zeros(m, bool)
    signal[np.argsort(-logit[:m], kind="stable")[:k]] = True
    return Spectrum(
        observed=np.asarray(c.value)[:m],
        debiased=np.asarray(debiased)[:m],
        null=np.asarray(null)[:m],
        r_squared=np.clip(loading / float(sizes.columns) - floor, 0, 1),
        floor=floor,
        told=_told(loading, sizes),
        is_signal=signal,
    )


def _recovered(spectrum: Spectrum, k: int, recovers: bool) -> int:
    """Signal components above the nuisance floor; all k exactly where Δ > 1 is the likelier."""
    above = int(np.sum(spectrum.debiased[spectrum.is_signal] > spectrum.nuisance_floor))
    return k if recovers else min(above, k - 1)


def _outlooks(
    full: Reading, spectra: tuple[Spectrum, Spectrum, Spectrum], deltas: list[float], moved: np.ndarray
) -> list[Outlook]:
    """Of CA, which is the same from both sides, and of CP in each direction.

    `moved` (3,) is by how many standard deviations a given k moved each log Δ; the logit of success moves alike.
    """
    one, other = full.belief, full.belief_reverse
    success = np.array([(one.success[0] + other.success[0]) / 2, one.success[1], other.success[1]]) + _LOGIT * moved
    logit = np.array([(one.distance[0] + other.distance[0]) / 2, one.distance[1], other.distance[1]]) - _LOGIT * moved
    # The network gives both; where a fit is the likelier to fail, its expected distance is not below ½.
    distance = expit(np.where(success > 0, np.minimum(logit, 0), np.maximum(logit, 0.05)))
    forecasts = (forecast_ca, forecast_cp, forecast_cp)
    evidence = (full.forward, full.forward, full.reverse)
    return [
        Outlook(float(expit(s)), float(d), forecast(e, spectrum, delta, float(d)))
        for s, d, forecast, e, spectrum, delta in zip(success, distance, forecasts, evidence, spectra, deltas, strict=True)
    ]

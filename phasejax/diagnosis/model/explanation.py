"""The model's part of a diagnosis: each objective's Δ, spectrum and forecast, from the moments of a sample."""

from typing import Literal, NamedTuple

import jax
import numpy as np
from scipy.special import expit

from phasejax.diagnosis.model import posterior
from phasejax.diagnosis.model.components import Components
from phasejax.diagnosis.model.debias import debias_ca, debias_cp, draw_factors, simulate_ca, simulate_cp
from phasejax.diagnosis.model.forecast import forecast_ca, forecast_cp
from phasejax.diagnosis.model.network import trained_weights
from phasejax.diagnosis.model.posterior import Reading
from phasejax.diagnosis.result import Outlook, Regions, Side, Spectrum
from phasejax.diagnosis.sample import Sample, Sizes
from phasejax.diagnosis.views import Blocks

_RESAMPLES = 12
_CLOUD = 400
_SIGNIFICANT = 3.5  # standard deviations


class Explanation(NamedTuple):
    """What the model of spiked views says; the fields are those of `Diagnosis`, `related` the views the labels speak of."""

    ca: Side
    cp: Side
    cp_reverse: Side
    population: Regions
    these_pairs: Regions
    stronger_source: Literal["x", "y"]
    stronger_source_probability: float
    k: int
    cloud: np.ndarray
    related: tuple[str, ...]


def explain(sample: Sample, blocks: Blocks, k: int | None, seed: int) -> Explanation:
    """The model of a sample whose rows were summed in blocks; `k` signal directions, or None to estimate them."""
    rng = np.random.default_rng(seed)
    halves = posterior.half_samples(len(blocks.pairs), _RESAMPLES, rng)
    readings = posterior.read_all(sample, blocks, halves, trained_weights())
    full = jax.tree.map(lambda leaf: leaf[0], readings)
    every = posterior.posterior_of(readings)
    law = posterior.widen(posterior.Posterior(*(part[0] for part in every)), every.mean[1:])
    stronger = posterior.x_stronger(law)

    found = k if k is not None else _count_signals(full)
    deltas, chances, spectra = posterior.estimates(law), posterior.above_one(law), _spectra(full, found, seed)
    outlooks = _outlooks(full, spectra, [delta.value for delta in deltas])
    recovered = [_recovered(spectrum, found, p > 0.5) for spectrum, p in zip(spectra, chances, strict=True)]
    ca, cp, reverse = (Side(*parts) for parts in zip(deltas, chances, recovered, spectra, outlooks, strict=True))
    return Explanation(
        ca,
        cp,
        reverse,
        population=_regions(posterior.regime_probabilities(law)),
        these_pairs=_regions(posterior.orthants(outlooks[0].probability, outlooks[1].probability)),
        stronger_source="x" if stronger > 0.5 else "y",
        stronger_source_probability=max(stronger, 1 - stronger),
        k=found,
        cloud=posterior.draw(law, _CLOUD, rng),
        related=_related(full),
    )


def _regions(probabilities) -> Regions:
    return Regions(max(probabilities, key=lambda regime: probabilities[regime]), probabilities)


def _related(full: Reading) -> tuple[str, ...]:
    """The views that the labels are related to: by chance alone n·Σ loading follows χ² with dimensions × columns degrees.

    Rows count as independent up to the likeness of the views within groups; that of the labels is not looked at.
    """
    ca, _, sizes = full.forward
    related = []
    for name, loading, dimensions in (("x", ca.loading_x, sizes.r_x), ("y", ca.loading_y, sizes.r_y)):
        freedom = float(dimensions * sizes.columns)
        if float(loading.sum() * sizes.n_labelled) - freedom > _SIGNIFICANT * (2 * freedom) ** 0.5:
            related.append(name)
    return tuple(related)


def _count_signals(full: Reading) -> int:
    """Number of signal components: the sum of their probabilities among CA's, which see the labels from both sides."""
    count = int(min(full.forward.sizes.r_x, full.forward.sizes.r_y))
    totals = [np.sum(expit(belief.signal_ca)[:count]) for belief in (full.belief, full.belief_reverse)]
    return int(np.clip(round(float(np.mean(totals))), 1, count))


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
    share = (c.loading_x + c.loading_y)[:m] / (2 * float(sizes.columns))
    signal = np.zeros(m, bool)
    signal[np.argsort(-logit[:m], kind="stable")[:k]] = True
    return Spectrum(
        observed=np.asarray(c.value)[:m],
        debiased=np.asarray(debiased)[:m],
        null=np.asarray(null)[:m],
        r_squared=np.clip(share - floor, 0, 1),
        floor=floor,
        is_signal=signal,
    )


def _recovered(spectrum: Spectrum, k: int, recovers: bool) -> int:
    """Signal components above the nuisance floor; all k exactly where Δ > 1 is the likelier."""
    above = int(np.sum(spectrum.debiased[spectrum.is_signal] > spectrum.nuisance_floor))
    return k if recovers else min(above, k - 1)


def _outlooks(full: Reading, spectra: tuple[Spectrum, Spectrum, Spectrum], deltas: list[float]) -> list[Outlook]:
    """Of CA, which is the same from both sides, and of CP in each direction."""
    beliefs = (full.belief, full.belief_reverse)
    success, distance = (expit(np.array([getattr(b, name) for b in beliefs], float)) for name in ("success", "distance"))
    expected = [float(distance[:, 0].mean()), float(distance[0, 1]), float(distance[1, 1])]
    return [
        Outlook(float(success[:, 0].mean()), expected[0], forecast_ca(full.forward, spectra[0], deltas[0], expected[0])),
        Outlook(float(success[0, 1]), expected[1], forecast_cp(full.forward, spectra[1], deltas[1], expected[1])),
        Outlook(float(success[1, 1]), expected[2], forecast_cp(full.reverse, spectra[2], deltas[2], expected[2])),
    ]

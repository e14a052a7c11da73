"""The default estimator: from the moments of a sample to a `Diagnosis`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from phasejax.diagnosis import law as laws
from phasejax.diagnosis.debias import debias_ca, debias_cp, draw_factors, simulate_ca, simulate_cp
from phasejax.diagnosis.diagnosis import OBJECTIVES, Diagnosis, Outlook, Spectrum, ThesePairs
from phasejax.diagnosis.evidence import Evidence, Sizes, both_directions
from phasejax.diagnosis.head import Belief, Weights, believe, trained_weights
from phasejax.diagnosis.moments import Blocks, padded_variances
from phasejax.diagnosis.outlook import pairs_needed_ca, pairs_needed_cp
from phasejax.diagnosis.sample import Sample
from phasejax.diagnosis.spectrum import Components, moments

_NO_ADVICE = "neither", None, "The labels tell nothing of either view beyond chance: nothing can be advised from them."
_RESAMPLES = 12
_CLOUD = 400
_SIGNIFICANT = 3.5  # standard deviations


class Reading(NamedTuple):
    """What one choice of rows says: evidence and belief with x as the source, and with y as the source."""

    forward: Evidence
    reverse: Evidence
    belief: Belief
    belief_reverse: Belief


def answer(sample: Sample, blocks: Blocks, k: int | None, seed: int) -> Diagnosis:
    """The diagnosis of a sample whose rows were summed in blocks; `k` signal directions, or None to estimate them."""
    rng = np.random.default_rng(seed)
    readings = read_all(sample, blocks, half_samples(len(blocks.pairs), _RESAMPLES, rng), trained_weights())
    full = jax.tree.map(lambda leaf: leaf[0], readings)
    every = law_of(readings)
    law = laws.widen(laws.Law(*(part[0] for part in every)), every.mean[1:])
    chance = laws.above_one(law)
    probabilities = laws.regime_probabilities(law)
    deltas = laws.estimates(law)
    stronger = laws.x_stronger(law)

    found = k if k is not None else _count_signals(full)
    spectra = _spectra(full, found, seed)
    pairs = _these_pairs(full, spectra, [delta.value for delta in deltas])
    related = _related(full)
    objective, direction, advice = _recommend(chance, pairs) if related else _NO_ADVICE
    recovered = [_recovered(spectrum, found, p > 0.5) for spectrum, p in zip(spectra, chance, strict=True)]
    return Diagnosis(
        delta_ca=deltas[0],
        delta_cp=deltas[1],
        delta_cp_reverse=deltas[2],
        regime=max(probabilities, key=lambda regime: probabilities[regime]),
        regime_probabilities=probabilities,
        probability_ca=chance[0],
        probability_cp=chance[1],
        probability_cp_reverse=chance[2],
        recovered_ca=recovered[0],
        recovered_cp=recovered[1],
        recovered_cp_reverse=recovered[2],
        objective=objective,
        direction=direction,
        advice=advice,
        stronger_source="x" if stronger > 0.5 else "y",
        stronger_source_probability=max(stronger, 1 - stronger),
        these_pairs=pairs,
        spectrum_ca=spectra[0],
        spectrum_cp=spectra[1],
        spectrum_cp_reverse=spectra[2],
        k=found,
        n=len(sample.groups),
        n_effective=float(sample.sizes.n),
        n_labelled=sample.labels.rows.size,
        d_x=sample.columns[0],
        d_y=sample.columns[1],
        rank_x=sample.x.rank,
        rank_y=sample.y.rank,
        kept_x=sample.x.variances.size,
        kept_y=sample.y.variances.size,
        cloud=laws.draw(law, _CLOUD, rng),
        method="default",
        warnings=(*sample.notes, *_doubts(related)),
    )


def read_all(sample: Sample, blocks: Blocks, halves: Float[np.ndarray, "R B"], weights: Weights) -> Reading:
    """Readings stacked along a first axis: of all rows, then of the blocks that each row of `halves` chooses."""
    dtype = jnp.result_type(float)
    chosen = np.vstack([np.ones(len(blocks.pairs)), halves]).astype(dtype)
    variances = (v.astype(dtype) for v in padded_variances(sample.x, sample.y))
    blocks = Blocks(*(part.astype(dtype) for part in blocks))
    return jax.device_get(_read_all(weights, blocks, chosen, *variances, np.asarray(sample.ridge, dtype), sample.sizes))


@jax.jit
def _read_all(weights: Weights, blocks: Blocks, chosen, variance_x, variance_y, ridge, sizes: Sizes) -> Reading:
    def read(weight):
        share = jnp.sum(weight * blocks.pairs[:, 0, 0]) / jnp.sum(blocks.pairs[:, 0, 0])
        labelled = jnp.sum(weight * blocks.squares[:, 0, 0]) / jnp.sum(blocks.squares[:, 0, 0])
        counted = sizes._replace(n=sizes.n * share, n_labelled=sizes.n_labelled * labelled)
        forward, reverse = both_directions(moments(blocks, weight, variance_x, variance_y, ridge), counted)
        return Reading(forward, reverse, believe(weights, forward), believe(weights, reverse))

    return jax.lax.map(read, chosen)


def law_of(readings: Reading) -> laws.Law:
    """The laws (R, …) of readings; CA's is the mean of both directions, so that it does not know which view is the source."""
    one, other = readings.belief, readings.belief_reverse

    def three(a, b):
        return np.stack([(a[:, 0] + b[:, 0]) / 2, a[:, 1], b[:, 1]], axis=1)

    correlation = np.stack([one.correlation, other.correlation], axis=1)
    return laws.Law(three(one.mean, other.mean), three(one.scale, other.scale), correlation)


def half_samples(blocks: int, count: int, rng: np.random.Generator) -> Float[np.ndarray, "count B"]:
    """Weights 0 or 1 that choose half of the blocks each, without replacement."""
    return np.array([rng.permutation(blocks) < max(1, blocks // 2) for _ in range(count)], float)


def _doubts(related: list[str]) -> list[str]:
    """What the labels cannot support."""
    if not related:
        return ["The labels are not related to x nor to y beyond chance: what is called signal here means nothing."]
    if len(related) == 1:
        return [f"The labels are related to {related[0]} only: they may describe what is private to it, not what is shared."]
    return []


def _related(full: Reading) -> list[str]:
    """The views that the labels are related to: by chance alone n·Σ loading follows χ² with dimensions × columns degrees.

    Rows count as independent up to the likeness of the views within groups; that of the labels is not looked at.
    """
    ca, _, sizes = full.forward
    related = []
    for name, loading, dimensions in (("x", ca.loading_x, sizes.r_x), ("y", ca.loading_y, sizes.r_y)):
        freedom = float(dimensions * sizes.columns)
        if float(loading.sum() * sizes.n_labelled) - freedom > _SIGNIFICANT * (2 * freedom) ** 0.5:
            related.append(name)
    return related


def _count_signals(full: Reading) -> int:
    """Number of signal components: the sum of their probabilities among CA's, which see the labels from both sides."""
    count = int(min(full.forward.sizes.r_x, full.forward.sizes.r_y))
    totals = [np.sum(_sigmoid(belief.signal_ca)[:count]) for belief in (full.belief, full.belief_reverse)]
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


def _these_pairs(full: Reading, spectra: tuple[Spectrum, Spectrum, Spectrum], deltas: list[float]) -> ThesePairs:
    beliefs = (full.belief, full.belief_reverse)
    success, distance = (_sigmoid(np.array([getattr(b, name) for b in beliefs])) for name in ("success", "distance"))
    # CA is the same from both sides; rows are directions, columns objectives.
    chances = [float(success[:, 0].mean()), float(success[0, 1]), float(success[1, 1])]
    expected = [float(distance[:, 0].mean()), float(distance[0, 1]), float(distance[1, 1])]
    needed = [
        _pairs_needed_ca(full.forward, spectra[0], deltas[0], expected[0]),
        _pairs_needed_cp(full.forward, spectra[1], deltas[1], expected[1]),
        _pairs_needed_cp(full.reverse, spectra[2], deltas[2], expected[2]),
    ]
    ca, cp, reverse = (Outlook(*parts) for parts in zip(chances, expected, needed, strict=True))
    probabilities = laws.orthants(ca.probability, cp.probability)
    regime = max(probabilities, key=lambda regime: probabilities[regime])
    return ThesePairs(regime, probabilities, ca, cp, reverse)


def _pairs_needed_ca(e: Evidence, spectrum: Spectrum, delta: float, distance: float) -> float:
    weakest, scale = _weakest(spectrum, e.ca)
    rho = max(float(spectrum.debiased[weakest]), 0.05)
    return pairs_needed_ca(delta, rho, scale, int(e.sizes.r_x), float(e.sizes.n), distance)


def _pairs_needed_cp(e: Evidence, spectrum: Spectrum, delta: float, distance: float) -> float:
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


def _recommend(chance: list[float], pairs: ThesePairs):
    """Among the objectives more likely than not to recover in the population, the one likeliest to succeed on these pairs."""
    outlooks = (pairs.ca, pairs.cp, pairs.cp_reverse)
    candidates = [i for i in range(3) if chance[i] > 0.5]
    best = max(candidates or range(3), key=lambda i: (outlooks[i].probability if candidates else 0, chance[i]))
    objective, direction, verb = OBJECTIVES[best]
    if not candidates:
        advice = (
            "Neither aligning nor predicting is likely to recover what the labels describe: the best chance, "
            f"{chance[best]:.0%}, is to {verb[0].lower() + verb[1:]}. Look for views that share less nuisance."
        )
        return "neither", None, advice
    advice = f"{verb}: the signal stands above the shared nuisance with probability {chance[best]:.0%}"
    here = outlooks[best]
    if here.probability >= 0.5:
        return objective, direction, f"{advice}, and a fit on these pairs recovers it with probability {here.probability:.0%}."
    advice = f"{advice}, but a fit on these pairs recovers it with probability {here.probability:.0%} only"
    return objective, direction, f"{advice}: plan for about {here.pairs_needed:,.0f} independent pairs."


def _sigmoid(logit) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(logit, float)))

"""A diagnosis in words: what the screen and the page both say."""

import math
from typing import Literal

import numpy as np

from phasejax.diagnosis.relation import Relation
from phasejax.diagnosis.result import Diagnosis, Direction, Estimate, Loadings, Outlook
from phasejax.diagnosis.shrinkage import MARGIN
from phasejax.diagnosis.trial import Objective as Encoder
from phasejax.diagnosis.trial import Trial

SIDES: tuple[tuple[Literal["CA", "CP"], Direction | None], ...] = (("CA", None), ("CP", "x→y"), ("CP", "y→x"))
TRIED = ("fitted to\nother pairs", "read\nfrom", "score", "advised\nis ahead by")
MODELLED = ("", "Δ (90 %)", "Δ > 1", "kept", "fits\nhere", "enough\npairs")
MODEL_TERMS = (
    "Δ is the weakest shared signal over the strongest shared nuisance, with its 90 % interval; Δ > 1 is the probability that "
    "enough pairs recover the whole signal.",
    "Kept: the share of what the components tell of the labels that a fit keeps in principle. Fits here: the probability that "
    "a fit on these very pairs recovers the signal (distance below ½). Enough pairs: independent ones at which to expect that.",
)
OTHER_WORDS = (
    "CA aligns both views in one space, as CLIP, SigLIP and VICReg do; CP predicts one view from the other, as decoders, "
    "captioners and masked modelling do. Without whitening, CA becomes PLS."
)
ALONE: tuple[Encoder, ...] = ("principal components", "whole view")
_NAMES: dict[tuple[Encoder, Direction | None], str] = {
    ("CA", None): "align (CA)",
    ("CP", "x→y"): "predict y from x (CP)",
    ("CP", "y→x"): "predict x from y (CP)",
    ("PLS", None): "align unwhitened (PLS)",
    ("whitened", None): "align part-whitened",
    ("principal components", None): "principal components",
    ("whole view", None): "the whole view",
}
_DIRECTIONS, _LOUDEST = 3, 4  # loadings that are shown
_VERDICTS: dict[str, str] = {"PLS": "Align without whitening (PLS)", "whitened": "Align, whitening in part"}


def verdict(diagnosis: Diagnosis) -> str:
    """The recommendation in a few words."""
    if diagnosis.objective == "neither":
        return "No advice" if diagnosis.relation is not None else "Neither"
    if diagnosis.objective == "one view":
        return f"Use {diagnosis.view} alone"
    spoken = _VERDICTS.get(diagnosis.objective) or name(diagnosis.objective, diagnosis.direction)
    return spoken[0].upper() + spoken[1:]


def name(objective: Encoder, direction: Direction | None) -> str:
    """What an objective is called, as in "predict y from x (CP)"."""
    return _NAMES[objective, direction]


def is_modelled(diagnosis: Diagnosis) -> bool:
    """Whether the model has anything to explain: not where the data are unfit to be asked."""
    return diagnosis.relation is None or diagnosis.relation.verdict == "fit"


def tried(diagnosis: Diagnosis) -> list[tuple[str, ...]]:
    """One line of `TRIED` for each way to encode, read from the view that tells more, the best first."""
    trial = diagnosis.trial
    if trial is None:
        return []
    fits = [trial.of(*key) for key in _NAMES if key[0] not in ALONE]
    shown = fits + [trial.of(objective, view=view) for objective in ALONE for view in ("x", "y")]
    advised = diagnosis.advised
    return [_tried(trial, i, advised) for i in sorted(shown, key=lambda i: -trial.score[i])]


def _tried(trial: Trial, i: int, advised: int | None) -> tuple[str, ...]:
    candidate = trial.candidates[i]
    ahead = "" if advised is None else "advised"
    if advised is not None and i != advised:
        ahead = f"{_rounded(trial.difference[advised, i]):+.2f} ± {trial.difference_error[advised, i]:.2f}"
    return name(candidate.objective, candidate.direction), f"{candidate.view}, {candidate.k}", measured(trial, i), ahead


def measured(trial: Trial, i: int) -> str:
    """The score of a candidate, as in `0.83 ± 0.02`."""
    return f"{_rounded(trial.score[i]):.2f} ± {trial.error[i]:.2f}"


def _rounded(score: float) -> float:
    """To two digits, and 0 without a sign."""
    return round(float(score), 2) + 0.0


def regulariser(diagnosis: Diagnosis) -> list[str]:
    """What the ridges and the number of dimensions that the folds chose would give, in a line."""
    trial = diagnosis.trial
    if trial is None:
        return []
    i = trial.of("whitened")
    own, other = (f"{alpha:.1g}" for alpha in trial.candidates[i].alpha)
    x, y = (own, other) if trial.candidates[i].view == "x" else (other, own)
    return [
        f"Another regulariser: the folds leave x unwhitened by {x} and y by {y} (0 is CA, 1 and 1 PLS), with "
        f"{trial.candidates[i].k} dimensions: {measured(trial, i)}."
    ]


def tried_heading(trial: Trial) -> str:
    """What the scores of a trial are."""
    return f"Tried on these pairs: {trial.measure} on groups held out (chance {trial.chance:.2f})"


def loadings(diagnosis: Diagnosis) -> list[str]:
    """A line for each of the leading directions of the advised encoder: the columns that it reads."""
    if diagnosis.loadings is None:
        return []
    _, names, correlation = diagnosis.loadings
    lines = []
    for direction, column in enumerate(correlation.T[:_DIRECTIONS], 1):
        loudest = np.argsort(-np.abs(column), kind="stable")[:_LOUDEST]
        lines.append(f"{direction}: " + ", ".join(f"{names[i]} {_rounded(column[i]):+.2f}" for i in loudest))
    return lines


def loadings_heading(found: Loadings) -> str:
    """What the loadings are."""
    return f"What the advised encoder reads: correlations with columns of {found.view}"


def modelled(diagnosis: Diagnosis) -> list[tuple[str, ...]]:
    """One line of `MODELLED` for each side."""
    return [
        (side, interval(s.delta), percent(s.probability), percent(s.kept), *_outlook(s.outlook))
        for side, s in zip(("CA", "CP x→y", "CP y→x"), diagnosis.sides, strict=True)
    ]


def reasons(diagnosis: Diagnosis) -> list[str]:
    """What the model makes of the pairs, and how far that depends on what was chosen."""
    signals = "1 signal direction" if diagnosis.k == 1 else f"{diagnosis.k} signal directions"
    said = [f"{signals}. In principle, for CA and CP from x to y: {_ranked(diagnosis.regime_probabilities)}."]
    if diagnosis.these_pairs is not None:
        said.append(f"Fits on these {diagnosis.n:,} pairs: {_ranked(diagnosis.these_pairs.probabilities)}.")
    said += [_sensitivity(diagnosis)] if diagnosis.sensitivity else []
    return said + ([] if diagnosis.reliability is None else [_cleaner(diagnosis, diagnosis.reliability)])


def _sensitivity(diagnosis: Diagnosis) -> str:
    """The chances under other numbers of components and more ridge, in one line."""
    parts = [
        f"{what} {percent(v.ca)}, {percent(v.cp)}, {percent(v.cp_reverse)}"
        for what, v in zip(("with half the components", "with more ridge"), diagnosis.sensitivity, strict=True)
    ]
    now = ", ".join(percent(side.probability) for side in diagnosis.sides)
    flips = any(
        (side.probability > 0.5) != (chance > 0.5)
        for v in diagnosis.sensitivity
        for side, chance in zip(diagnosis.sides, (v.ca, v.cp, v.cp_reverse), strict=True)
    )
    close = "so the model's part depends on that choice" if flips else "no side changes"
    return f"Δ > 1 is {now} as it stands, {', '.join(parts)}: {close}."


def _cleaner(diagnosis: Diagnosis, reliability: tuple[float, float]) -> str:
    """What views without noise of their own would give: both Δ of a source go with 1/√q, and CA's does so of either view."""
    (q_x, q_y), (ca, cp, reverse) = reliability, (side.delta.value for side in diagnosis.sides)
    of_x, of_y = (f"{_number(ca / q**0.5)} and {_number(delta / q**0.5)}" for q, delta in ((q_x, cp), (q_y, reverse)))
    return (
        f"A cleaner source: the weakest signal is {percent(q_x)} of its coordinate in x and {percent(q_y)} in y. Without that "
        f"noise of x, Δ of CA and of CP x→y would be {of_x}; without that of y, Δ of CA and of CP y→x {of_y}."
    )


def confidence(probability: float) -> str:
    """How sure the advice is, and of what."""
    margin = f"{100 * MARGIN:.0f} points"
    return f"Chance that no other encoder of as many dimensions is better by more than {margin}: {percent(probability)}."


def next_steps(diagnosis: Diagnosis) -> list[str]:
    """What to do with the answer."""
    source, target = (diagnosis.direction or "x→y").split("→")
    read = f"read {diagnosis.view}'s encoder"
    steps = {
        "CA": [f"Align (CLIP, SigLIP, VICReg) with at least {diagnosis.k} dimensions; {read}."],
        "PLS": [f"Align by covariance rather than correlation (PLS; strong weight decay, no whitening term); {read}."],
        "whitened": [
            f"Align with a regulariser between CLIP's and none (ridge CCA, VICReg with a weak variance term); {read}."
        ],
        "CP": [f"Train a model that predicts {target} from {source} (decoder, captioner, masked modelling); {read}."],
        "one view": [
            f"Train no cross-modal model for these labels: {diagnosis.view} by itself, or its principal components, will do."
        ],
        "neither": _remedies(diagnosis.relation),
    }[diagnosis.objective]
    advised = (diagnosis.objective, diagnosis.direction)
    here = next((side.outlook for key, side in zip(SIDES, diagnosis.sides, strict=True) if key == advised), None)
    if here is not None and here.probability < 0.5 and math.isfinite(here.pairs_needed):
        steps.append(f"More pairs help: plan for about {count(here.pairs_needed)} independent ones.")
    return steps


def _remedies(relation: Relation | None) -> list[str]:
    """What to do where nothing can be advised."""
    if relation is None:
        return ["Look for views that share less nuisance."]
    return {
        "same view": ["Bring a second view that was measured apart from the first."],
        "order of rows": [f"Move y's rows by {relation.shift}, or join both files by an identifier, and ask again."],
        "views unrelated": [
            "Check that row i of y belongs to row i of x; if so, these views share nothing that a linear fit finds."
        ],
        "labels unrelated": ["Check that the labels belong to the rows; if so, ask about labels that these views can tell."],
        "too few labels": ["Label more pairs, of as many groups as possible."],
    }.get(relation.verdict, ["Bring views or labels that a linear fit tells more of."])


def data(diagnosis: Diagnosis) -> str:
    """What was analysed, and how sure it is that there is something to analyse."""
    d = diagnosis
    pairs = f"{d.n:,} pairs" if round(d.n_effective) >= d.n else f"{d.n:,} pairs, worth {d.n_effective:,.0f} independent ones"
    x, y = (
        f"{name} has {columns} columns of rank {rank}" + (f", {kept} components kept" if kept < min(columns, rank) else "")
        for name, (columns, rank, kept) in (("x", d.x), ("y", d.y))
    )
    return f"{pairs}, {d.n_labelled:,} labelled; {x}; {y}; {d.method} method.{_tested(d.relation)}"


def _tested(relation: Relation | None) -> str:
    """The p-values of layer one."""
    if relation is None:
        return ""
    views, labels_x, labels_y = (f"p = {p:.2g}" for p in (relation.views, relation.labels_x, relation.labels_y))
    return f" By permutation: x and y are related with {views}, the labels to x with {labels_x} and to y with {labels_y}."


def interval(estimate: Estimate) -> str:
    """As in `2.10 (1.43–3.02)`."""
    return f"{_number(estimate.value)} ({_number(estimate.low)}–{_number(estimate.high)})"


def percent(probability: float) -> str:
    """A probability in whole per cent; never 0 % or 100 %, which would claim certainty."""
    if probability < 0.01:
        return "< 1 %"
    return "> 99 %" if probability > 0.99 else f"{100 * probability:.0f} %"


def _outlook(outlook: Outlook | None) -> tuple[str, str]:
    if outlook is None:
        return "–", "–"
    return percent(outlook.probability), count(outlook.pairs_needed)


def count(pairs: float) -> str:
    """A number of pairs to two digits, rounded up, or "no number"."""
    if not math.isfinite(pairs):
        return "no number"
    if pairs >= 1e6:
        return "> 1,000,000"
    unit = 10 ** max(0, len(str(math.ceil(pairs))) - 2)
    return f"{math.ceil(pairs / unit) * unit:,.0f}"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "∞"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ranked(probabilities: dict) -> str:
    likeliest = sorted(probabilities, key=lambda regime: -probabilities[regime])
    return ", ".join(f"{regime} {percent(probabilities[regime])}" for regime in likeliest)

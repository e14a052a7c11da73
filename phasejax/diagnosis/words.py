"""A diagnosis in words: what the screen and the report both say."""

import math

from phasejax.diagnosis.result import Diagnosis, Estimate, Outlook

HEADINGS = ("objective", "Δ (90 % interval)", "in\nprinciple", "signals", "on these\npairs", "enough\npairs")
EXPLANATION = (
    "Δ is the weakest shared signal over the strongest shared nuisance.",
    "In principle: the probability that Δ > 1, so that enough pairs recover the signal. Signals: those above the nuisance.",
    "On these pairs: the probability that a fit on these very pairs comes closer than ½ to the signal's subspace.",
    "Enough pairs: how many independent ones bring the expected distance down to ½.",
)


def verdict(diagnosis: Diagnosis) -> str:
    """The recommendation in three words or so."""
    if diagnosis.objective == "neither":
        return "Neither"
    if diagnosis.objective == "CA":
        return "Align (CA)"
    source, target = diagnosis.direction.split("→") if diagnosis.direction else "xy"
    return f"Predict {target} from {source} (CP)"


def rows(diagnosis: Diagnosis) -> list[tuple[str, ...]]:
    """One line of `HEADINGS` for each objective."""
    return [
        (name, interval(s.delta), percent(s.probability), f"{s.recovered} of {diagnosis.k}", *_outlook(s.outlook))
        for name, s in zip(("CA: align", "CP: x→y", "CP: y→x"), diagnosis.sides, strict=True)
    ]


def reasons(diagnosis: Diagnosis) -> list[str]:
    """Why: the regime of the population, what these pairs allow, and which view is the better source."""
    said = [f"Population, for CA and CP from x to y: {_ranked(diagnosis.regime_probabilities)}."]
    pairs = diagnosis.these_pairs
    if pairs is not None:
        said.append(f"Fits on these {diagnosis.n:,} pairs: {_ranked(pairs.probabilities)}.")
    source, chance = diagnosis.stronger_source, percent(diagnosis.stronger_source_probability)
    said.append(f"{source} is the stronger source: predicting from it separates better, with probability {chance}.")
    return said


def data(diagnosis: Diagnosis) -> str:
    """What was analysed."""
    d = diagnosis
    pairs = f"{d.n:,} pairs" if round(d.n_effective) >= d.n else f"{d.n:,} pairs, worth {d.n_effective:,.0f} independent ones"
    x, y = (
        f"{name} has {columns} columns of rank {rank}" + (f", {kept} components kept" if kept < min(columns, rank) else "")
        for name, (columns, rank, kept) in (("x", d.x), ("y", d.y))
    )
    signals = "1 signal direction" if d.k == 1 else f"{d.k} signal directions"
    return f"{pairs}, {d.n_labelled:,} labelled; {x}; {y}; {signals}; {d.method} method."


def interval(estimate: Estimate) -> str:
    """As in `2.10 (1.43 to 3.02)`."""
    return f"{_number(estimate.value)} ({_number(estimate.low)} to {_number(estimate.high)})"


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
    """A number of pairs to two digits, or "no number"."""
    if not math.isfinite(pairs):
        return "no number"
    if pairs >= 1e6:
        return "> 1,000,000"
    digits = max(0, len(str(round(pairs))) - 2)
    return f"{round(pairs, -digits):,.0f}"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "∞"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ranked(probabilities: dict) -> str:
    likeliest = sorted(probabilities, key=lambda regime: -probabilities[regime])
    return ", ".join(f"{regime} {percent(probabilities[regime])}" for regime in likeliest)

"""From the layers to one recommendation: what was measured decides, simplicity and the model where that cannot tell."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from phasejax.diagnosis import words
from phasejax.diagnosis.model.explanation import Explanation
from phasejax.diagnosis.relation import Relation
from phasejax.diagnosis.result import Direction, Objective, Side, ViewName
from phasejax.diagnosis.shrinkage import MARGIN, confidence, preferred
from phasejax.diagnosis.trial import Trial

_LEAN = 0.1


class Advice(NamedTuple):
    """The first five fields of `Diagnosis`."""

    objective: Objective
    direction: Direction | None
    view: ViewName | None
    sentence: str
    confidence: float | None


def advise(relation: Relation, trial: Trial | None, model: Explanation) -> Advice:
    """The one advice that follows from the layers and contradicts none of them."""
    if relation.verdict != "fit":
        return Advice("neither", None, None, _unfit(relation), None)
    if trial is None:
        return _by_model(model)
    leaning = lean(trial, model.sides)
    best = choose(trial, leaning)
    candidate = trial.candidates[best]
    score = words.measured(trial, best)
    if trial.score[best] - trial.chance < trial.error[best]:
        sentence = f"nothing that was tried tells the labels: {trial.measure} {score}, by chance {trial.chance:.2f}."
        return Advice("neither", None, None, f"No advice: {sentence}", None)
    encoder = candidate.objective
    objective: Objective = "one view" if encoder == "principal components" or encoder == "whole view" else encoder
    return Advice(objective, candidate.direction, candidate.view, _tried(trial, best), confidence(trial, best, leaning))


def choose(trial: Trial, leaning: Float[np.ndarray, " C"]) -> int:
    """Index of the candidate that is advised; never a whole view, which has more dimensions than the others.

    The square's interior, which chooses its own dimensions, must lead beyond doubt, and the whole views too: what more
    dimensions give is no merit of a ridge.
    """
    best = preferred(trial, leaning)
    interior = trial.of("whitened")
    rivals = [best, *(trial.of("whole view", view=view) for view in ("x", "y"))]
    lead = trial.difference[interior] - 2 * trial.difference_error[interior]
    return interior if lead[rivals].min() > MARGIN else best


def lean(trial: Trial, sides: tuple[Side, Side, Side]) -> Float[np.ndarray, " C"]:
    """What the model adds to the score to expect of each candidate: of CA and CP in both directions, those lose up to `_LEAN`
    whose fit on these pairs is less likely to recover the signal than that of the likeliest."""
    outlooks = {key: side.outlook for key, side in zip(words.SIDES, sides, strict=True)}
    chance: dict[tuple[str, str | None], float] = {
        key: outlook.probability for key, outlook in outlooks.items() if outlook is not None
    }
    best = max(chance.values(), default=0.0)
    return np.array([_LEAN * (chance.get((c.objective, c.direction), best) - best) for c in trial.candidates])


def doubts(relation: Relation, trial: Trial | None) -> list[str]:
    """What limits an answer that is given."""
    said = []
    if relation.verdict == "fit" and len(relation.told) == 1:
        said.append(
            f"The labels are related to {relation.told} only: they may describe what is private to it, not what is shared."
        )
    if relation.verdict == "fit" and trial is None:
        said.append("The labels lie in too few groups to hold any out: nothing was tried, and the model speaks alone.")
    if relation.image in ("x gives y", "y gives x"):
        source, target = relation.image[0], relation.image[-1]
        said.append(f"{target} is a linear function of {source}: it holds nothing that {source} does not.")
    if relation.serial:
        said.append(
            f"Neighbouring rows are alike (correlation {relation.autocorrelation:.2f} in file order): --groups, or groups=, of "
            "sessions or stretches of rows would keep them together in every fold. Where the order means nothing, as in a file "
            "sorted by class, shuffled pairs can be told more from."
        )
    for row in relation.dominant:
        said.append(
            f"Row {row.row} of {row.view} makes {words.percent(row.share)} of its component {row.component}: look at it."
        )
    return said


def _by_model(model: Explanation) -> Advice:
    """Where nothing could be tried: of the sides that are likely to recover the signal, the likeliest to do so here."""
    sides = model.sides
    likely = [i for i, side in enumerate(sides) if side.probability > 0.5]
    if not likely:
        return Advice(
            "neither", None, None, "No advice: neither aligning nor predicting is likely to recover the signal.", None
        )
    best = max(likely, key=lambda i: sides[i].probability)
    objective, direction = words.SIDES[best]
    chance = words.percent(sides[best].probability)
    sentence = f"{words.name(objective, direction)}: the model gives it {chance} to recover the signal from enough pairs."
    return Advice(objective, direction, "y" if direction == "y→x" else "x", sentence, None)


def _tried(trial: Trial, best: int) -> str:
    """What was measured of the advised candidate, and of what it was chosen over."""
    alone, advised = trial.of("principal components"), trial.candidates[best]
    fits = [i for i, candidate in enumerate(trial.candidates) if candidate.objective not in words.ALONE]
    fitted = max(fits, key=lambda i: trial.score[i])
    if advised.objective == "principal components":
        said = f"Use {advised.view} alone: its {advised.k} leading components tell the labels with"
        other = f"the best cross-modal fit ({_named(trial, fitted)}) reaches {words.measured(trial, fitted)}"
    else:
        said = f"{_named(trial, best, capital=True)}: read from {advised.view}, it tells the labels with"
        other = f"{_named(trial, alone)} of {trial.candidates[alone].view} reach {words.measured(trial, alone)}"
    said = f"{said} {trial.measure} {words.measured(trial, best)}; {other}."
    if advised.objective != "principal components" and trial.score[fitted] > trial.score[best]:
        said += f" {_named(trial, fitted, capital=True)} scores {words.measured(trial, fitted)}: no clear lead."
    return said


def _named(trial: Trial, i: int, capital: bool = False) -> str:
    name = words.name(trial.candidates[i].objective, trial.candidates[i].direction)
    return name[0].upper() + name[1:] if capital else name


def _unfit(relation: Relation) -> str:
    """Why nothing can be advised."""
    reason = {
        "same view": {
            "copy": "x and y are the same view: one is a copy of the other, or a rotation of it.",
            "linear image": "x and y are the same view: each is a linear image of the other.",
        }.get(relation.image, ""),
        "order of rows": f"the rows are out of order: y is related to x where its rows are moved by {relation.shift}.",
        "views unrelated": "x and y are not related beyond chance: are their rows in the same order?",
        "labels unrelated": "the labels tell nothing of either view beyond chance.",
        "too few labels": "there are too few labels to tell whether they speak of either view.",
    }[relation.verdict]
    return f"No advice: {reason}"

"""From the model to one recommendation."""

import math

from phasejax.diagnosis.model.explanation import Explanation
from phasejax.diagnosis.result import Direction, Objective, Outlook

OBJECTIVES: tuple[tuple[Objective, Direction | None, str], ...] = (
    ("CA", None, "Align"),
    ("CP", "x→y", "Predict y from x"),
    ("CP", "y→x", "Predict x from y"),
)


def advise(model: Explanation) -> tuple[Objective, Direction | None, str]:
    """Objective, direction and a sentence: of those likely to recover in the population, the likeliest to succeed here."""
    if not model.related:
        return "neither", None, "The labels tell nothing of either view beyond chance: nothing can be advised from them."
    chances = [side.probability for side in (model.ca, model.cp, model.cp_reverse)]
    outlooks = [side.outlook or Outlook(0, 1, math.inf) for side in (model.ca, model.cp, model.cp_reverse)]
    candidates = [i for i in range(3) if chances[i] > 0.5]
    best = max(candidates or range(3), key=lambda i: (outlooks[i].probability if candidates else 0, chances[i]))
    objective, direction, verb = OBJECTIVES[best]
    if not candidates:
        advice = (
            "Neither aligning nor predicting is likely to recover what the labels describe: the best chance, "
            f"{chances[best]:.0%}, is to {verb[0].lower() + verb[1:]}. Look for views that share less nuisance."
        )
        return "neither", None, advice
    here = outlooks[best]
    advice = f"{verb}: the signal stands above the shared nuisance with probability {chances[best]:.0%}"
    if here.probability >= 0.5:
        return objective, direction, f"{advice}, and a fit on these pairs recovers it with probability {here.probability:.0%}."
    advice = f"{advice}, but a fit on these pairs recovers it with probability {here.probability:.0%} only"
    return objective, direction, f"{advice}: plan for about {here.pairs_needed:,.0f} independent pairs."


def doubts(model: Explanation) -> list[str]:
    """What the labels cannot support."""
    if not model.related:
        return ["The labels are not related to x nor to y beyond chance: what is called signal here means nothing."]
    if len(model.related) == 1:
        (view,) = model.related
        return [f"The labels are related to {view} only: they may describe what is private to it, not what is shared."]
    return []

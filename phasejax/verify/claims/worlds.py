"""What the published stereo and caption studies say of networks, under each of three readings, from tables that were measured.

A representation has several answers: its leading directions, of which the linear theory speaks; what the published probe sees,
which moves its weights by at most .05; and everything, which a converged probe reads. Every statement is a contrast that must
be positive in some cells of a sweep. A cell supports it where the contrast less two standard errors over seeds is positive, and
contradicts it where the contrast plus two is negative.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from phasejax.verify.measured import TABLES, read
from phasejax.verify.registry import Finding, Verdict, claim

READINGS = {
    "published": ("features", "published", "published probe of the features"),
    "everything": ("features", "converged", "converged probe of the features"),
    "leading": ("output", "leading 2", "2 leading directions of the output"),
}
CA, CP = "vicreg", "reconstruction"
SOURCE = "published figures, stereo experiments"


class Contrast(NamedTuple):
    """A number for each of some cells, which a statement wants positive, and its standard error over seeds."""

    value: np.ndarray
    error: np.ndarray


@dataclass(frozen=True)
class Statement:
    """A published statement: `says`, of the measured table `sweep`, that `contrast` is positive at every one of `cells`.

    `recorded`: reading → the verdict on record, and under which condition, or what contradicts it.
    """

    id: str
    says: str
    sweep: str
    cells: dict[str, Any]
    contrast: Callable[[xr.Dataset], Contrast]
    recorded: dict[str, tuple[Verdict, str]]


def accuracy(table: xr.Dataset, objective: str) -> Contrast:
    """Of the class, from what this objective trained."""
    one = table.sel(objective=objective)
    return Contrast(one.accuracy.values.ravel(), one.accuracy_se.values.ravel())


def less(a: Contrast, b: Contrast | float) -> Contrast:
    """a − b, as if independent: objectives share pictures, so that the error is on the safe side."""
    b = b if isinstance(b, Contrast) else Contrast(np.full_like(a.value, b), np.zeros_like(a.error))
    return Contrast(a.value - b.value, np.hypot(a.error, b.error))


def more(level: float, a: Contrast) -> Contrast:
    """level − a."""
    return Contrast(level - a.value, a.error)


def position_over_class(table: xr.Dataset) -> Contrast:
    """R² of the position less what the class is told beyond chance, (accuracy − ¼)/¾; of either objective."""
    both = table.sel(objective=[CA, CP])
    position = Contrast(both.r2.values.ravel(), both.r2_se.values.ravel())
    return less(position, Contrast((both.accuracy.values.ravel() - 0.25) / 0.75, both.accuracy_se.values.ravel() / 0.75))


def verdict(found: Contrast) -> Verdict:
    """HOLDS where every cell supports the statement, CONDITIONAL where some do, REFUTED where none does and one contradicts."""
    supported, contradicted = found.value > 2 * found.error, found.value < -2 * found.error
    if np.all(supported):
        return Verdict.HOLDS
    if np.any(supported):
        return Verdict.CONDITIONAL
    return Verdict.REFUTED if np.any(contradicted) else Verdict.UNDECIDED


def check(statement: Statement, reading: str, seed: int) -> Finding:
    """From the measured table; the seed changes nothing."""
    representation, how, _ = READINGS[reading]
    spec, table = read(TABLES / f"{statement.sweep}.csv")
    found = statement.contrast(table.sel({"view": "x", "representation": representation, "reading": how} | statement.cells))
    shown = ", ".join(f"{v:+.2f} ± {2 * e:.2f}" for v, e in zip(found.value, found.error, strict=True))
    return Finding(verdict(found), f"contrast {shown}, {spec['trials']} seeds", found.value.size)


SIZE = "Measured at 8,000 pictures of 32×32, 2,500 steps and five seeds: "
STATEMENTS = (
    Statement(
        "solids-alignment-collapses",
        "Aligned networks tell the class of a solid little better than chance (published .30 to .41, chance .25) when the "
        "positions in the two views agree",
        "stereo_solids",
        {"jitter": 0.0},
        lambda table: more(0.45, accuracy(table, CA)),
        {
            "published": (Verdict.HOLDS, "accuracy .26 to .27."),
            "everything": (Verdict.HOLDS, "accuracy .36 to .40; R² of the position .93 to .96."),
            "leading": (Verdict.HOLDS, "accuracy .25; R² of the position .41 to .43."),
        },
    ),
    Statement(
        "solids-prediction-succeeds",
        "Predicting networks tell it well (published .62 to .68) when the positions agree",
        "stereo_solids",
        {"jitter": 0.0},
        lambda table: less(accuracy(table, CP), 0.55),
        {
            "published": (Verdict.REFUTED, "accuracy .26 to .27, at chance."),
            "everything": (Verdict.REFUTED, "accuracy .41 and .48; trained on the class it is 1.00."),
            "leading": (Verdict.REFUTED, "accuracy .25, R² of the position .97: the leading directions are the nuisance."),
        },
    ),
    Statement(
        "solids-prediction-wins-aligned",
        "Prediction tells more of the class than alignment when the positions agree",
        "stereo_solids",
        {"jitter": 0.0},
        lambda table: less(accuracy(table, CP), accuracy(table, CA)),
        {
            "everything": (
                Verdict.CONDITIONAL,
                "decided only at the louder noise: .41 against .36; at the quieter .48 against .40.",
            )
        },
    ),
    Statement(
        "solids-alignment-succeeds-misaligned",
        "Aligned networks tell the class well (published .74) when each view is moved by .5 (positions correlate by .25)",
        "stereo_solids",
        {"jitter": 0.5},
        lambda table: less(accuracy(table, CA), 0.6),
        {
            "published": (Verdict.REFUTED, "accuracy .26 to .27, at chance."),
            "everything": (Verdict.REFUTED, "accuracy .28 and .32; trained on the class it is .79 and .87."),
            "leading": (Verdict.REFUTED, "accuracy .25 to .26, at chance."),
        },
    ),
    Statement(
        "solids-leading-directions-are-nuisance",
        "Where the positions agree the leading directions of either objective hold them and not the class, as in the linear "
        "theory: their R² exceeds the share of the class that is told beyond chance",
        "stereo_solids",
        {"jitter": 0.0},
        position_over_class,
        {"leading": (Verdict.HOLDS, "R² of the position .41 to .43 (alignment) and .97 (prediction); class .25.")},
    ),
)


def _register(statement: Statement, reading: str, recorded: Verdict, condition: str) -> None:
    claim(
        id=f"{statement.id}-{reading}",
        statement=f"{statement.says}; read by a {READINGS[reading][2]}.",
        condition=SIZE + condition,
        source=SOURCE,
        recorded=recorded,
    )(partial(check, statement, reading))


for _statement in STATEMENTS:
    for _reading, (_recorded, _condition) in _statement.recorded.items():
        _register(_statement, _reading, _recorded, _condition)

"""What the published stereo and caption studies say of networks, under each of three readings, from tables that were measured.

A representation has several answers: its leading directions, of which the linear theory speaks; what the published probe sees,
which moves its weights by at most .05; and everything, which a converged probe reads. Every statement is a contrast that must
be positive in some cells of a sweep.

Levels such as "at most .45" put a published "at chance" or "well" in numbers. They were chosen with the tables in view: these
claims describe what was measured, and a sweep with another seed would test them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from phasejax.verify.contrast import Contrast, joined, less, more, verdict
from phasejax.verify.measured import TABLES, read
from phasejax.verify.registry import Finding, Verdict, claim

READINGS = {
    "published": ("features", "published", "published probe of the features"),
    "everything": ("features", "converged", "converged probe of the features"),
    "leading": ("output", "leading 2", "2 leading directions of the output"),
    "output": ("output", "converged", "converged probe of the output"),
}
CA, CP, BACKWARDS = "vicreg", "reconstruction", "reconstruction of x"
TO_CAPTION, TO_PICTURE = "caption from picture", "picture from caption"
UNLEARNT = "Not even a network that is trained on the class tells half of it from these pictures: larger ones must decide."
NOISES = "Cells are of picture noise .1 and .8."
HOLDS, CONDITIONAL, REFUTED, OPEN = Verdict.HOLDS, Verdict.CONDITIONAL, Verdict.REFUTED, Verdict.OPEN


@dataclass(frozen=True)
class Statement:
    """A published statement: `says`, of the measured table `sweep`, that `contrast` is positive at every one of `cells`.

    `recorded`: reading → the verdict on record; `small`: the same of the sweep at size small, where `sweep` is a long or a tiny
    one. `objectives`: whose numbers are told beside it. `note`: what else to know.
    """

    id: str
    says: str
    sweep: str
    cells: dict[str, Any]
    contrast: Callable[[xr.Dataset], Contrast]
    objectives: tuple[str, ...]
    recorded: dict[str, Verdict]
    note: str = ""
    small: dict[str, Verdict] = field(default_factory=dict)


def read_from(table: xr.Dataset, objective: str, name: str, view: str = "x") -> Contrast:
    """ "accuracy" or "r2" of the encoder of a view, or of the other's where only that was trained."""
    one, other = table.sel(objective=objective), "y" if view == "x" else "x"
    values = (one[which].sel(view=view).fillna(one[which].sel(view=other)).values.ravel() for which in (name, f"{name}_se"))
    return Contrast(*values)


def accuracy(table: xr.Dataset, objective: str, view: str = "x") -> Contrast:
    """Of the class, from what this objective trained."""
    return read_from(table, objective, "accuracy", view)


def nuisance_over_class(table: xr.Dataset, objective: str, classes: int) -> Contrast:
    """R² of the nuisance less what is told of the class beyond chance, (accuracy − 1/C)/(1 − 1/C)."""
    told, chance = accuracy(table, objective), 1 / classes
    return less(read_from(table, objective, "r2"), Contrast((told.value - chance) / (1 - chance), told.error / (1 - chance)))


def crossing(table: xr.Dataset, aligned: str, predicting: str) -> Contrast:
    """How much more of the class prediction tells where positions agree, and alignment where each view is moved by .5."""
    agreed, moved = table.sel(jitter=0.0), table.sel(jitter=0.5)
    return joined(
        less(accuracy(agreed, predicting), accuracy(agreed, aligned)),
        less(accuracy(moved, aligned), accuracy(moved, predicting)),
    )


def lead(table: xr.Dataset, noise: float) -> Contrast:
    """Accuracy of the picture's encoder that predicts captions less that of the one that is aligned."""
    here = table.sel(noise=noise)
    return less(accuracy(here, TO_CAPTION), accuracy(here, CA))


def lost(table: xr.Dataset, objective: str) -> Contrast:
    """Accuracy at the least noise of the picture less that at the most."""
    return less(*(accuracy(table.isel(noise=i), objective) for i in (0, -1)))


def freed(table: xr.Dataset, objective: str, view: str) -> Contrast:
    """Accuracy where captions name styles wrongly, with probability .5, less that where they do not."""
    return less(*(accuracy(table.sel(style_jitter=jitter), objective, view) for jitter in (0.5, 0.0)))


def learnable(table: xr.Dataset, found: Contrast) -> Contrast:
    """The contrast where a network that was trained on the class tells at least half of it on the quietest pictures; where not
    even that one does, what others tell decides nothing."""
    told = accuracy(table.isel(noise=0), "supervised").value
    return found if np.all(told >= 0.5) else found._replace(error=np.full_like(found.error, np.inf))


def check(statement: Statement, reading: str, seed: int) -> Finding:
    """From the measured table; the seed changes nothing."""
    representation, how, _ = READINGS[reading]
    spec, table = read(TABLES / f"{statement.sweep}.csv")
    table = table.sel({"representation": representation, "reading": how} | statement.cells)
    found = statement.contrast(table)
    shown = ", ".join(f"{v:+.2f} ± {2 * e:.2f}" for v, e in zip(found.value, found.error, strict=True))
    told = "".join(f"accuracy {name} {_told(table, name)}; " for name in statement.objectives)
    return Finding(verdict(found), f"contrast {shown}; {told}{spec['trials']} seeds", found.value.size)


def _told(table: xr.Dataset, objective: str) -> str:
    """Accuracy over the cells, and the R² of the nuisance where it was read."""
    parts = [_spread(accuracy(table, objective).value), _spread(read_from(table, objective, "r2").value)]
    return parts[0] if "nan" in parts[1] else f"{parts[0]}, R² of the nuisance {parts[1]}"


def _spread(values: np.ndarray) -> str:
    low, high = f"{values.min():.2f}", f"{values.max():.2f}"
    return low if low == high else f"{low} to {high}"


def widths(sweep: str, wide: int, recorded: dict[str, dict[str, Verdict]], note: str, suffix: str = "") -> list[Statement]:
    """What outputs of 2 and of `wide` numbers tell, as measured by a sweep over widths whose target is as `note` says.

    `recorded`: of each statement. `suffix`: of the claims' names.
    """
    few, many = ({objective: f"{objective}, {width}" for objective in (CA, CP)} for width in (2, wide))
    crosses = "prediction's tells more of the class where positions agree, alignment's where each view is moved by .5"

    def statement(name, says, contrast, *objectives, note="", **cells):
        return Statement(f"widths-{name}{suffix}", says, sweep, cells, contrast, objectives, recorded[name], note)

    return [
        statement(
            "narrow-outputs-are-nuisance",
            "Where the positions agree outputs of 2 numbers hold them and not the class, by alignment (vicreg) and by "
            "prediction: the R² of the position exceeds the share of the class that is told beyond chance",
            lambda table: joined(*(nuisance_over_class(table, name, 3) for name in few.values())),
            *few.values(),
            jitter=0.0,
        ),
        statement(
            "more-numbers-tell-more",
            f"An output of {wide} numbers tells more of the class than one of 2, by alignment and by prediction, whatever the "
            "jitter",
            lambda table: joined(*(less(accuracy(table, many[o]), accuracy(table, few[o])) for o in few)),
            *(few[CA], many[CA], few[CP], many[CP]),
            note="Cells are of jitter 0, .2 and .5 for alignment, then for prediction.",
        ),
        statement(
            "wide-curves-cross",
            f"Of outputs of {wide} numbers and what is below them {crosses}",
            lambda table: crossing(table, *many.values()),
            *many.values(),
            note=note,
        ),
        statement(
            "curves-cross",
            f"Of outputs of 2 numbers {crosses}",
            lambda table: crossing(table, *few.values()),
            *few.values(),
        ),
    ]


STATEMENTS = (
    Statement(
        "sprites-alignment-collapses",
        "Aligned networks tell the class of a sprite at chance (published .375, chance .33; here at most .45) when the "
        "positions agree",
        "stereo_sprites_jitter_long",
        {"jitter": 0.0},
        lambda table: more(0.45, accuracy(table, CA)),
        (CA,),
        {"published": HOLDS, "everything": REFUTED, "leading": HOLDS},
        "The features hold the class where the published probe sees none.",
        small={"published": HOLDS, "everything": REFUTED, "leading": HOLDS},
    ),
    Statement(
        "sprites-prediction-succeeds",
        "Predicting networks tell it almost always (published .88; here at least .8) when the positions agree",
        "stereo_sprites_jitter_long",
        {"jitter": 0.0},
        lambda table: less(accuracy(table, CP), 0.8),
        (CP,),
        {"published": REFUTED, "everything": HOLDS, "leading": REFUTED},
        "The published probe is blind to these features too.",
        small={"published": REFUTED, "everything": HOLDS, "leading": REFUTED},
    ),
    Statement(
        "sprites-prediction-wins-aligned",
        "Prediction tells more of the class than alignment when the positions agree",
        "stereo_sprites_jitter_long",
        {"jitter": 0.0},
        lambda table: less(accuracy(table, CP), accuracy(table, CA)),
        (CA, CP),
        {"published": REFUTED, "everything": HOLDS, "leading": OPEN},
        small={"published": REFUTED, "everything": HOLDS, "leading": OPEN},
    ),
    Statement(
        "sprites-curves-cross",
        "Alignment tells more of the class than prediction when each view is moved by .5 (positions correlate by .25)",
        "stereo_sprites_jitter_long",
        {"jitter": 0.5},
        lambda table: less(accuracy(table, CA), accuracy(table, CP)),
        (CA, CP),
        {"published": OPEN, "everything": REFUTED, "leading": OPEN},
        small={"published": OPEN, "everything": OPEN, "leading": REFUTED},
    ),
    Statement(
        "sprites-curves-cross-from-the-noisy-view",
        "Prediction of the clean view from the noisy one tells more of the class than alignment where positions agree, and "
        "less where each view is moved by .5",
        "stereo_sprites_jitter_long",
        {},
        lambda table: crossing(table, CA, BACKWARDS),
        (CA, BACKWARDS),
        {"published": OPEN, "everything": HOLDS, "leading": OPEN},
        small={"published": REFUTED, "everything": HOLDS, "leading": REFUTED},
    ),
    Statement(
        "sprites-alignment-beats-chance-misaligned",
        "Aligned networks tell the class better than chance (.33) when each view is moved by .5 (positions correlate by .25)",
        "stereo_sprites_jitter_long",
        {"jitter": 0.5},
        lambda table: less(accuracy(table, CA), 1 / 3),
        (CA,),
        {"published": HOLDS, "everything": HOLDS, "leading": HOLDS},
        small={"published": HOLDS, "everything": HOLDS, "leading": HOLDS},
    ),
    Statement(
        "sprites-alignment-succeeds-misaligned",
        "Aligned networks tell the class well (published .70; here at least .6) when each view is moved by .5 (positions "
        "correlate by .25)",
        "stereo_sprites_jitter_long",
        {"jitter": 0.5},
        lambda table: less(accuracy(table, CA), 0.6),
        (CA, "supervised"),
        {"published": REFUTED, "everything": REFUTED, "leading": REFUTED},
        small={"published": REFUTED, "everything": REFUTED, "leading": REFUTED},
    ),
    Statement(
        "sprites-leading-directions-are-nuisance",
        "Where the positions agree the leading directions of alignment (vicreg) and prediction hold them and not the class, as "
        "in the linear theory: their R² exceeds the share of the class that is told beyond chance",
        "stereo_sprites_jitter_long",
        {"jitter": 0.0},
        lambda table: joined(*(nuisance_over_class(table, objective, 3) for objective in (CA, CP))),
        (CA, CP),
        {"leading": HOLDS},
        small={"leading": HOLDS},
    ),
    Statement(
        "sprites-contrast-is-like-other-alignment",
        "So do the leading directions of InfoNCE (temperature .1)",
        "stereo_sprites_jitter_long",
        {"jitter": [0.0, 0.2]},
        lambda table: nuisance_over_class(table, "infonce", 3),
        ("infonce",),
        {"leading": REFUTED},
        "They hold the class. Read is its output before it is put on the sphere.",
    ),
    Statement(
        "solids-alignment-collapses",
        "Aligned networks tell the class of a solid little better than chance (published .30 to .41, chance .25; here at most "
        ".45) when the positions in the two views agree",
        "stereo_solids_long",
        {"jitter": 0.0},
        lambda table: more(0.45, accuracy(table, CA)),
        (CA,),
        {"published": HOLDS, "everything": HOLDS, "leading": HOLDS},
        small={"published": HOLDS, "everything": HOLDS, "leading": HOLDS},
    ),
    Statement(
        "solids-prediction-succeeds",
        "Predicting networks tell it well (published .62 to .68; here at least .55) when the positions agree",
        "stereo_solids_long",
        {"jitter": 0.0},
        lambda table: less(accuracy(table, CP), 0.55),
        (CP, "supervised"),
        {"published": REFUTED, "everything": REFUTED, "leading": REFUTED},
        "The leading directions are the nuisance.",
        small={"published": REFUTED, "everything": REFUTED, "leading": REFUTED},
    ),
    Statement(
        "solids-prediction-wins-aligned",
        "Prediction tells more of the class than alignment when the positions agree",
        "stereo_solids_long",
        {"jitter": 0.0},
        lambda table: less(accuracy(table, CP), accuracy(table, CA)),
        (CA, CP),
        {"published": OPEN, "everything": CONDITIONAL, "leading": OPEN},
        "Cells are of target noise .2 and .9.",
        small={"published": OPEN, "everything": OPEN, "leading": OPEN},
    ),
    Statement(
        "solids-curves-cross",
        "Alignment tells more of the class than prediction when each view is moved by .5 (positions correlate by .25)",
        "stereo_solids_long",
        {"jitter": 0.5},
        lambda table: less(accuracy(table, CA), accuracy(table, CP)),
        (CA, CP),
        {"published": OPEN, "everything": OPEN, "leading": OPEN},
        "Cells are of target noise .2 and .9.",
        small={"published": OPEN, "everything": OPEN, "leading": REFUTED},
    ),
    Statement(
        "solids-alignment-succeeds-misaligned",
        "Aligned networks tell the class well (published .74; here at least .6) when each view is moved by .5 (positions "
        "correlate by .25)",
        "stereo_solids_long",
        {"jitter": 0.5},
        lambda table: less(accuracy(table, CA), 0.6),
        (CA, "supervised"),
        {"published": REFUTED, "everything": REFUTED, "leading": REFUTED},
        small={"published": REFUTED, "everything": REFUTED, "leading": REFUTED},
    ),
    Statement(
        "solids-leading-directions-are-nuisance",
        "Where the positions agree the leading directions of either objective hold them and not the class, as in the linear "
        "theory: their R² exceeds the share of the class that is told beyond chance",
        "stereo_solids_long",
        {"jitter": 0.0},
        lambda table: joined(*(nuisance_over_class(table, objective, 4) for objective in (CA, CP))),
        (CA, CP),
        {"leading": HOLDS},
        small={"leading": HOLDS},
    ),
    Statement(
        "captions-prediction-leads",
        "On clean pictures a network that predicts the caption tells more of the class than an aligned one",
        "captioned_scenes_tiny",
        {},
        lambda table: learnable(table, lead(table, 0.1)),
        (CA, TO_CAPTION, "supervised"),
        {"published": OPEN, "everything": OPEN, "leading": OPEN},
        UNLEARNT,
        small={"everything": OPEN},
    ),
    Statement(
        "captions-lead-is-lost-to-noise",
        "That lead shrinks when the source, the picture, is noisy (.8 instead of .1)",
        "captioned_scenes_tiny",
        {},
        lambda table: learnable(table, less(lead(table, 0.1), lead(table, 0.8))),
        (CA, TO_CAPTION, "supervised"),
        {"published": OPEN, "everything": OPEN, "leading": OPEN},
        UNLEARNT,
        small={"everything": OPEN},
    ),
    Statement(
        "captions-source-quality",
        "Prediction from the picture loses more of the class to the picture's noise than prediction from the caption",
        "captioned_scenes_tiny",
        {},
        lambda table: learnable(table, less(lost(table, TO_CAPTION), lost(table, TO_PICTURE))),
        (TO_CAPTION, TO_PICTURE, "supervised"),
        {"published": OPEN, "everything": OPEN, "leading": OPEN},
        UNLEARNT,
        small={"everything": OPEN},
    ),
    Statement(
        "captions-named-style-hurts-alignment",
        "The aligned encoder of the picture tells more of the class where captions name styles wrongly (style jitter .5) than "
        "where they do not",
        "captioned_scenes_tiny",
        {},
        lambda table: learnable(table, freed(table, CA, "x")),
        (CA, "supervised"),
        {"published": OPEN, "everything": OPEN, "leading": OPEN},
        UNLEARNT,
        small={"everything": OPEN},
    ),
    Statement(
        "captions-named-style-hurts-prediction-from-captions",
        "A caption's encoder that predicts the picture tells more of the class where captions name styles wrongly (style "
        "jitter .5) than where they do not",
        "captioned_scenes_tiny",
        {},
        lambda table: freed(table, TO_PICTURE, "y"),
        (TO_PICTURE,),
        {"published": OPEN, "everything": HOLDS, "leading": HOLDS},
        NOISES,
        small={"published": OPEN, "everything": HOLDS, "leading": HOLDS},
    ),
    Statement(
        "captions-named-style-hurts-alignment-of-captions",
        "So does a caption's encoder that is aligned with the picture",
        "captioned_scenes_tiny",
        {},
        lambda table: freed(table, CA, "y"),
        (),
        {"published": OPEN, "everything": CONDITIONAL, "leading": OPEN},
        NOISES,
        small={"published": OPEN, "everything": OPEN, "leading": HOLDS},
    ),
    Statement(
        "captions-prediction-tells-more-of-captions",
        "Of captions' encoders the one that predicts the picture tells more of the class than the aligned one, whatever the "
        "style jitter",
        "captioned_scenes_tiny",
        {},
        lambda table: less(accuracy(table, TO_PICTURE, "y"), accuracy(table, CA, "y")),
        (),
        {"published": OPEN, "everything": CONDITIONAL, "leading": OPEN},
        "Cells are of style jitter 0, .25 and .5, at picture noise .1 and .8 each.",
        small={"published": OPEN, "everything": CONDITIONAL, "leading": REFUTED},
    ),
    *widths(
        "stereo_sprites_widths_tiny",
        16,
        {
            "narrow-outputs-are-nuisance": {"output": HOLDS},
            "more-numbers-tell-more": {"output": HOLDS},
            "wide-curves-cross": {"published": OPEN, "everything": HOLDS, "leading": OPEN, "output": CONDITIONAL},
            "curves-cross": {"output": OPEN},
        },
        "The target's pixels are quiet (noise .2).",
    ),
    *widths(
        "stereo_sprites_widths",
        8,
        {
            "narrow-outputs-are-nuisance": {"output": HOLDS},
            "more-numbers-tell-more": {"output": CONDITIONAL},
            "wide-curves-cross": {"published": OPEN, "everything": CONDITIONAL, "leading": OPEN, "output": CONDITIONAL},
            "curves-cross": {"output": REFUTED},
        },
        "The target's pixels are noisy (.5).",
        "-small",
    ),
)


def _register(statement: Statement, reading: str, recorded: Verdict) -> None:
    claim(
        id=f"{statement.id}-{reading}",
        statement=f"{statement.says}; read by a {READINGS[reading][2]}.",
        condition=f"As measured by the sweep {statement.sweep}. {statement.note}".strip(),
        source="published figures, stereo and caption experiments",
        recorded=recorded,
    )(partial(check, statement, reading))


for _statement in STATEMENTS:
    for _reading, _recorded in _statement.recorded.items():
        _register(_statement, _reading, _recorded)
    _small = replace(
        _statement, id=f"{_statement.id}-small", sweep=_statement.sweep.removesuffix("_long").removesuffix("_tiny"), note=""
    )
    for _reading, _recorded in _statement.small.items():
        _register(_small, _reading, _recorded)

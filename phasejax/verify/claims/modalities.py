"""What is said of objectives for three modalities: who retrieves, who generates, and what becomes of the gap between them.

From the table that `python benchmarks/three_modalities.py --out FOLDER` writes. Objectives of one seed share scenes and first
encoders, so that contrasts are paired by seed; the verdict is reached as `phasejax.verify.contrast` has it.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from phasejax.verify.contrast import paired, verdict
from phasejax.verify.measured import TABLES, parted
from phasejax.verify.registry import Finding, Verdict, claim

TABLE = TABLES / "studies" / "three_modalities.csv"
INFONCE, UNIALIGN, BOTH = "InfoNCE", "UniAlign, all pairs", "InfoNCE + Cauchy–Schwarz"
SPREAD = "Cells are of a nuisance that correlates by 0 and by .9 between modalities."


class Measured:
    """Numbers of one objective by name, (ν, seeds) each; NaN where a training diverged."""

    def __init__(self, rows: pd.DataFrame):
        lanes = ["objective", "nu", "seed"]
        lost = rows[rows.measure == "diverged"].set_index(lanes).value
        gone = np.array([lost.get(tuple(lane), 0) > 0 for lane in rows[lanes].itertuples(index=False)])
        self._rows = rows.assign(value=rows.value.mask(gone & (rows.measure != "diverged")))

    @property
    def objectives(self) -> list[str]:
        return list(self._rows.objective.unique())

    @property
    def measures(self) -> list[str]:
        return list(self._rows.measure.unique())

    def __call__(self, objective: str, measure: str) -> np.ndarray:
        here = self._rows[(self._rows.objective == objective) & (self._rows.measure == measure)]
        return here.pivot(index="nu", columns="seed", values="value").to_numpy()


def read() -> tuple[dict, Measured]:
    """How the study was run, and what it measured."""
    settings, rows = parted(TABLE)
    return settings, Measured(rows)


def learnt(measured: Measured, *objectives: str) -> bool:
    """Whether all of them find a partner among the first ten of 500 in half of all cases: else they were not trained for long
    enough to be compared."""
    return all(np.nanmean(measured(objective, "R@10 after")) >= 0.5 for objective in objectives)


def cross_less_self(measured: Measured, objective: str, what: str = "error") -> np.ndarray:
    """Squared error, or "Fréchet" distance, of pictures that are generated from captions and sounds, less that from pictures
    themselves."""
    cross = [measured(objective, f"{what} from {modality}") for modality in ("caption", "sound")]
    return np.mean(cross, axis=0) - measured(objective, f"{what} from picture")


class Statement(NamedTuple):
    """What is said, the verdict on record, the contrast that is to be positive, and the objectives that must have learnt."""

    id: str
    says: str
    recorded: Verdict
    values: Callable[[Measured], np.ndarray]
    objectives: tuple[str, ...] = (INFONCE,)


STATEMENTS = (
    Statement(
        "modalities-unialign-retrieves-better",
        "UniAlign on all pairs finds the partner of a scene more often than InfoNCE at the matched temperature: R@1",
        Verdict.REFUTED,
        lambda measured: measured(UNIALIGN, "R@1 after") - measured(INFONCE, "R@1 after"),
        (INFONCE, UNIALIGN),
    ),
    Statement(
        "modalities-unialign-generates-better",
        "Pictures decoded from captions and sounds lose less to those decoded from pictures under UniAlign than under InfoNCE: "
        "cross error less self error",
        Verdict.CONDITIONAL,
        lambda measured: cross_less_self(measured, INFONCE) - cross_less_self(measured, UNIALIGN),
        (INFONCE, UNIALIGN),
    ),
    Statement(
        "modalities-unialign-generates-better-to-a-judge",
        "To a frozen judge, a network that was trained to name what is in a picture, pictures decoded from captions and sounds "
        "lose less to those decoded from pictures under UniAlign than under InfoNCE: Fréchet distance of its features from "
        "those of real pictures",
        Verdict.CONDITIONAL,
        lambda measured: cross_less_self(measured, INFONCE, "Fréchet") - cross_less_self(measured, UNIALIGN, "Fréchet"),
        (INFONCE, UNIALIGN),
    ),
    Statement(
        "modalities-crossing-shows-to-a-judge",
        "Under InfoNCE pictures decoded from captions and sounds are further from real ones than those decoded from pictures: "
        "Fréchet distance in the features of that judge",
        Verdict.HOLDS,
        lambda measured: cross_less_self(measured, INFONCE, "Fréchet"),
    ),
    Statement(
        "modalities-cauchy-schwarz-retrieves-better",
        "Adding the Cauchy–Schwarz divergence to InfoNCE finds the partner more often: R@1",
        Verdict.REFUTED,
        lambda measured: measured(BOTH, "R@1 after") - measured(INFONCE, "R@1 after"),
        (INFONCE, BOTH),
    ),
    Statement(
        "modalities-cauchy-schwarz-closes-the-gap",
        "Adding the Cauchy–Schwarz divergence to InfoNCE leaves a smaller modality gap",
        Verdict.CONDITIONAL,
        lambda measured: measured(INFONCE, "gap after") - measured(BOTH, "gap after"),
        (INFONCE, BOTH),
    ),
    Statement(
        "modalities-infonce-closes-the-gap",
        "Training on InfoNCE leaves a smaller modality gap than there was before",
        Verdict.HOLDS,
        lambda measured: measured(INFONCE, "gap before") - measured(INFONCE, "gap after"),
    ),
    Statement(
        "modalities-infonce-lowers-the-divergence",
        "Training on InfoNCE lowers the Hölder divergence between modalities",
        Verdict.HOLDS,
        lambda measured: measured(INFONCE, "Hölder before") - measured(INFONCE, "Hölder after"),
    ),
    Statement(
        "modalities-nuisance-helps-retrieval",
        "Retrieval by InfoNCE is better where nuisance is shared (ν = .9) than where it is not: R@1 measures no recovery",
        Verdict.HOLDS,
        lambda measured: np.diff(measured(INFONCE, "R@1 after"), axis=0),
    ),
    Statement(
        "modalities-generation-crosses",
        "A decoder that only saw InfoNCE's embeddings of pictures makes better pictures of captions and of sounds than the "
        "mean picture is",
        Verdict.CONDITIONAL,
        lambda measured: np.concatenate(
            [measured(INFONCE, "error of the mean") - measured(INFONCE, f"error from {name}") for name in ("caption", "sound")]
        ),
    ),
)


def check(statement: Statement, seed: int) -> Finding:
    """From the measured table; the seed changes nothing."""
    settings, measured = read()
    found = paired(statement.values(measured))
    shown = ", ".join(f"{v:+.2g} ± {2 * e:.1g}" for v, e in zip(found.value, found.error, strict=True))
    if not learnt(measured, *statement.objectives):
        return Finding(Verdict.OPEN, f"contrast {shown}, but not all of these objectives retrieve yet", found.value.size)
    return Finding(verdict(found), f"contrast {shown}; {settings['seeds']} seeds", found.value.size)


for _statement in STATEMENTS:
    claim(
        id=_statement.id,
        statement=f"{_statement.says}.",
        condition=f"As measured by benchmarks/three_modalities.py with perceptrons, 1,200 steps. {SPREAD}",
        source="published retrieval and generation with three modalities",
        recorded=_statement.recorded,
    )(partial(check, _statement))

"""How good encoders are, given what a trial measured of them and what is known before it: a normal prior, a normal posterior.

Few labels measure little, and the best of many noisy scores flatters. The posterior shrinks what was measured towards what is
expected without labels, by how reliable it is. Encoders of one view are alike: most of what sets scores apart is which view is
read, and how it is read matters less than 30 labels can show.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from phasejax.diagnosis.trial import Objective, Trial


class Prior(NamedTuple):
    """Of true scores, before any label is seen.

    - `expected`: mean of each objective, in addition to what is common to all.
    - `view`: standard deviation of what the encoders of one view have in common; `own`: of what each has by itself.
    """

    expected: dict[Objective, float]
    view: float
    own: float


# Moments of the held-out scores of the tasks in `benchmarks/real_data.py`, which holds every rule against a prior that was
# taken from the other half of them.
PRIOR = Prior({"principal components": 0.0, "PLS": 0.025, "CP": 0.015, "CA": 0.015}, view=0.06, own=0.035)
SIMPLER: tuple[tuple[Objective, ...], ...] = (("principal components",), ("PLS",), ("CP", "CA"))  # the simplest first
COMPARED = tuple(objective for objectives in SIMPLER for objective in objectives)
_LEVEL = 10.0  # standard deviation of what all encoders have in common, of which nothing is known
MARGIN = 0.02  # of a score: what lies closer is as good
LEAD = 0.005  # of a score: less cannot be told from a simpler choice, however many the labels
_DRAWS = 4000


class Standing(NamedTuple):
    """Normal law of the true scores of the candidates that are compared, those of k dimensions: `candidates` (c,) are their
    indices, `mean` (c,), `covariance` (c, c).
    """

    candidates: Int[np.ndarray, " c"]
    mean: Float[np.ndarray, " c"]
    covariance: Float[np.ndarray, "c c"]


def standing(
    trial: Trial, lean: Float[np.ndarray, " C"] | float = 0.0, also: int | None = None, prior: Prior = PRIOR
) -> Standing:
    """The posterior, where `lean` (C,) is added to what is expected of each candidate; that of index `also` is compared too."""
    compared = np.array([i for i, c in enumerate(trial.candidates) if c.objective in COMPARED or i == also])
    candidates = [trial.candidates[i] for i in compared]
    expected = np.array([prior.expected.get(c.objective, prior.expected["CA"]) for c in candidates])
    expected = expected + np.broadcast_to(lean, len(trial.candidates))[compared]
    view = np.array([c.view for c in candidates])
    before = prior.own**2 * np.eye(compared.size) + prior.view**2 * (view[:, None] == view) + _LEVEL**2
    noise = trial.noise[np.ix_(compared, compared)]
    gain = np.linalg.solve(before + noise, before).T
    return Standing(compared, expected + gain @ (trial.smooth[compared] - expected), before - gain @ before)


def preferred(trial: Trial, lean: Float[np.ndarray, " C"] | float = 0.0, prior: Prior = PRIOR) -> int:
    """Index of the candidate of highest mean, or of the simplest one that falls short of it by less than `LEAD`."""
    law = standing(trial, lean, prior=prior)
    far = law.mean.max() - law.mean > LEAD
    order = {objective: place for place, objectives in enumerate(SIMPLER) for objective in objectives}
    place = np.array([order[trial.candidates[i].objective] for i in law.candidates])
    return int(law.candidates[np.lexsort((-law.mean, place, far))[0]])


def confidence(
    trial: Trial,
    advised: int,
    lean: Float[np.ndarray, " C"] | float = 0.0,
    prior: Prior = PRIOR,
    noise: Float[np.ndarray, "C C"] | float = 0.0,
) -> float:
    """Probability that no other encoder of as many dimensions scores better by more than `MARGIN` on new groups.

    On new groups without end; on few of them, if `noise` is the covariance with which they measure scores.
    """
    law = standing(trial, lean, also=advised, prior=prior)
    measured = np.broadcast_to(noise, 2 * (len(trial.candidates),))[np.ix_(law.candidates, law.candidates)]
    values, vectors = np.linalg.eigh(law.covariance + measured)
    drawn = (
        law.mean + np.random.default_rng(0).normal(size=(_DRAWS, len(values))) @ (vectors * np.sqrt(np.maximum(values, 0))).T
    )
    return float(np.mean(drawn.max(axis=1) - drawn[:, list(law.candidates).index(advised)] <= MARGIN))

"""How good encoders are, given what a trial measured of them and what is known before it: a normal prior.

Few labels measure little, and the best of many noisy scores flatters. The posterior shrinks what was measured towards what is
expected without labels, by how reliable it is. Encoders of one view are alike, those that whiten it and those that do not more
so: each speaks for the others of its kind.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from phasejax.diagnosis.trial import Objective, Trial

# The prior of true scores. PLS, whose encoder whitens nothing and sees both views, is expected ahead of the others, which are
# expected alike. What the encoders of one view have in common, what whitening it makes of them, and what each has by itself
# spread by one standard deviation each. Over real tasks they spread by .05 to .1, .03 and .02 (`benchmarks/real_data.py`), in
# the model's own problems, where loud nuisance costs those that do not whiten ten points, by 0, .07 and .07. A prior as narrow
# as real tasks are loses in the latter, and on other real tasks; as wide as this one, it loses next to nothing on the former.
# Of 100 problems of the latter kind, with 30 to 200 labels each, .70 were stated to be won and .72 were.
EXPECTED: dict[Objective, float] = {"PLS": 0.02}
SPREAD = 0.06
SIMPLER: tuple[tuple[Objective, ...], ...] = (("principal components",), ("PLS",), ("CP", "CA"))  # the simplest first
COMPARED: tuple[Objective, ...] = tuple(objective for objectives in SIMPLER for objective in objectives)
_LEVEL = 10.0  # standard deviation of what all encoders have in common, of which nothing is known
MARGIN = 0.02  # of a score: what lies closer is as good
LEAD = 0.005  # of a score: less cannot be told from a simpler choice, however many the labels
_DRAWS = 4000


class Standing(NamedTuple):
    """Normal law of the true scores of the candidates that are compared, those of k dimensions.

    `candidates` (c,) are their indices; `mean` (c,), `covariance` (c, c).
    """

    candidates: Int[np.ndarray, " c"]
    mean: Float[np.ndarray, " c"]
    covariance: Float[np.ndarray, "c c"]


def standing(trial: Trial, lean: Float[np.ndarray, " C"] | float = 0.0, also: int | None = None) -> Standing:
    """The posterior, where `lean` (C,) is added to what is expected of each candidate; that of index `also` is compared too."""
    compared = np.array([i for i, c in enumerate(trial.candidates) if c.objective in COMPARED or i == also])
    candidates = [trial.candidates[i] for i in compared]
    expected = np.array([EXPECTED.get(c.objective, 0.0) for c in candidates])
    expected = expected + np.broadcast_to(lean, len(trial.candidates))[compared]
    view, whitened = np.array([c.view for c in candidates]), np.array([c.alpha[0] < 0.5 for c in candidates])
    one_view = view[:, None] == view
    alike = one_view & (whitened[:, None] == whitened)
    before = SPREAD**2 * (np.eye(compared.size) + alike + one_view) + _LEVEL**2
    gain = np.linalg.solve(before + trial.noise[np.ix_(compared, compared)], before).T
    return Standing(compared, expected + gain @ (trial.smooth[compared] - expected), before - gain @ before)


def preferred(trial: Trial, lean: Float[np.ndarray, " C"] | float = 0.0) -> int:
    """Index of the candidate of highest mean, or of the simplest one that falls short of it by less than `LEAD`."""
    law = standing(trial, lean)
    far = law.mean.max() - law.mean > LEAD
    order = {objective: place for place, objectives in enumerate(SIMPLER) for objective in objectives}
    place = np.array([order[trial.candidates[i].objective] for i in law.candidates])
    return int(law.candidates[np.lexsort((-law.mean, place, far))[0]])


def confidence(
    trial: Trial,
    advised: int,
    lean: Float[np.ndarray, " C"] | float = 0.0,
    noise: Float[np.ndarray, "C C"] | float = 0.0,
) -> float:
    """Probability that no other encoder of as many dimensions scores better by more than `MARGIN` on new groups.

    On new groups without end; on few of them, if `noise` is the covariance with which they measure scores.
    """
    law = standing(trial, lean, also=advised)
    measured = np.broadcast_to(noise, 2 * (len(trial.candidates),))[np.ix_(law.candidates, law.candidates)]
    values, vectors = np.linalg.eigh(law.covariance + measured)
    root = vectors * np.sqrt(np.maximum(values, 0))
    drawn = law.mean + np.random.default_rng(0).normal(size=(_DRAWS, law.candidates.size)) @ root.T
    lost = drawn.max(axis=1) - drawn[:, list(law.candidates).index(advised)]
    return float(np.mean(lost <= MARGIN))

"""How good encoders are, given what a trial measured of them and what is known before it: a normal prior of unknown scale.

Few labels measure little, and the best of many noisy scores flatters. The posterior shrinks what was measured towards what is
expected without labels, by how reliable it is. Encoders of one view are alike: most of what sets scores apart is which view is
read, and how it is read matters less than 30 labels can show.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import softmax

from phasejax.diagnosis.trial import Objective, Trial


class Prior(NamedTuple):
    """Of true scores, before any label is seen.

    - `expected`: mean of each objective, in addition to what is common to all.
    - `view`: standard deviation of what the encoders of one view have in common; `own`: of what each has by itself, on average
      over data. In one data set it may be half, once, twice or four times that, each as likely: where differences are large,
      they are not shrunk as where they are small.
    """

    expected: dict[Objective, float]
    view: float
    own: float


# Moments of the held-out scores of the tasks in `benchmarks/real_data.py`, which holds every rule against a prior that was
# taken from the other half of them. It misleads where whitening gains as much as in spiked models with loud nuisance (ten
# points on principal components there): of 145 such problems with 30 to 200 labels, .77 were stated to be won and .61 were.
PRIOR = Prior({"principal components": 0.0, "PLS": 0.025, "CP": 0.015, "CA": 0.015}, view=0.06, own=0.035)
SIMPLER: tuple[tuple[Objective, ...], ...] = (("principal components",), ("PLS",), ("CP", "CA"))  # the simplest first
COMPARED: tuple[Objective, ...] = tuple(objective for objectives in SIMPLER for objective in objectives)
_SCALES = (0.5, 1.0, 2.0, 4.0)
_LEVEL = 10.0  # standard deviation of what all encoders have in common, of which nothing is known
MARGIN = 0.02  # of a score: what lies closer is as good
LEAD = 0.005  # of a score: less cannot be told from a simpler choice, however many the labels
_DRAWS = 4000


class Standing(NamedTuple):
    """Law of the true scores of the candidates that are compared, those of k dimensions: a mixture of s normal ones.

    `candidates` (c,) are their indices; `weight` (s,) sums to 1; `means` (s, c), `covariances` (s, c, c).
    """

    candidates: Int[np.ndarray, " c"]
    weight: Float[np.ndarray, " s"]
    means: Float[np.ndarray, "s c"]
    covariances: Float[np.ndarray, "s c c"]

    @property
    def mean(self) -> Float[np.ndarray, " c"]:
        """The score to expect of each."""
        return self.weight @ self.means


def standing(
    trial: Trial, lean: Float[np.ndarray, " C"] | float = 0.0, also: int | None = None, prior: Prior = PRIOR
) -> Standing:
    """The posterior, where `lean` (C,) is added to what is expected of each candidate; that of index `also` is compared too."""
    compared = np.array([i for i, c in enumerate(trial.candidates) if c.objective in COMPARED or i == also])
    candidates = [trial.candidates[i] for i in compared]
    expected = np.array([prior.expected.get(c.objective, prior.expected["CA"]) for c in candidates])
    expected = expected + np.broadcast_to(lean, len(trial.candidates))[compared]
    away = trial.smooth[compared] - expected
    view = np.array([c.view for c in candidates])
    common = prior.view**2 * (view[:, None] == view) + _LEVEL**2
    noise = trial.noise[np.ix_(compared, compared)]
    evidence, means, covariances = [], [], []
    for scale in _SCALES:
        before = (scale * prior.own) ** 2 * np.eye(compared.size) + common
        gain = np.linalg.solve(before + noise, before).T
        evidence.append(-(np.linalg.slogdet(before + noise)[1] + away @ np.linalg.solve(before + noise, away)) / 2)
        means.append(expected + gain @ away)
        covariances.append(before - gain @ before)
    return Standing(compared, softmax(evidence), np.array(means), np.array(covariances))


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
    values, vectors = np.linalg.eigh(law.covariances + measured)
    roots = vectors * np.sqrt(np.maximum(values, 0))[:, None]
    normal = np.random.default_rng(0).normal(size=(_DRAWS, law.candidates.size))
    drawn = law.means[:, None] + normal @ roots.swapaxes(1, 2)
    lost = drawn.max(axis=2) - drawn[:, :, list(law.candidates).index(advised)]
    return float(law.weight @ np.mean(lost <= MARGIN, axis=1))

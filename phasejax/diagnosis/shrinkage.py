"""How good encoders are, given what a trial measured of them and what is known before it: a normal prior, a normal posterior.

Few labels measure little, and the best of many noisy scores flatters. The posterior shrinks what was measured towards what is
expected without labels, by how reliable it is: simpler encoders are expected to do better than those that whiten. Prior and
score were chosen on simulated problems of two kinds (spiked models, and classes in shared and private subspaces) and frozen
before `benchmarks/real_data.py` was run with them.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from phasejax.diagnosis.trial import Objective, Trial

# Of a score, before any label is seen: whitening loses about four points to principal components, on average over real pairs.
EXPECTED: dict[Objective, float] = {"principal components": 0.0, "PLS": -0.01, "CA": -0.04, "CP": -0.04}
SPREAD = 0.15  # standard deviation of an encoder's score about what is expected of it
_LEVEL = 10.0  # the same of what all encoders have in common, of which nothing is known
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


def standing(trial: Trial, lean: Float[np.ndarray, " C"] | float = 0.0, also: int | None = None) -> Standing:
    """The posterior, where `lean` (C,) is added to what is expected of each candidate; that of index `also` is compared too."""
    compared = np.array([i for i, c in enumerate(trial.candidates) if c.objective in EXPECTED or i == also])
    expected = np.array([EXPECTED.get(trial.candidates[i].objective, 0.0) for i in compared])
    expected = expected + np.broadcast_to(lean, len(trial.candidates))[compared]
    prior = SPREAD**2 * np.eye(compared.size) + _LEVEL**2
    noise = trial.noise[np.ix_(compared, compared)]
    gain = np.linalg.solve(prior + noise, prior).T
    return Standing(compared, expected + gain @ (trial.smooth[compared] - expected), prior - gain @ prior)


def preferred(trial: Trial, lean: Float[np.ndarray, " C"] | float = 0.0) -> int:
    """Index of the candidate of highest mean, or of the simplest one that falls short of it by less than `LEAD`."""
    law = standing(trial, lean)
    far = law.mean.max() - law.mean > LEAD
    expected = np.array([EXPECTED[trial.candidates[i].objective] for i in law.candidates])
    return int(law.candidates[np.lexsort((-law.mean, -expected, far))[0]])


def confidence(trial: Trial, advised: int) -> float:
    """Probability that no other encoder of as many dimensions scores better by more than `MARGIN` on new groups."""
    law = standing(trial, also=advised)
    values, vectors = np.linalg.eigh(law.covariance)
    noise = np.random.default_rng(0).normal(size=(_DRAWS, len(values)))
    drawn = law.mean + noise @ (vectors * np.sqrt(np.maximum(values, 0))).T
    return float(np.mean(drawn.max(axis=1) - drawn[:, list(law.candidates).index(advised)] <= MARGIN))

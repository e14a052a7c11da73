"""What a trial lets one believe: the normal posterior by another route, simplicity where labels are few, honest confidence."""

import numpy as np
import pytest

from phasejax.diagnosis.shrinkage import EXPECTED, LEAD, MARGIN, SPREAD, confidence, preferred, standing
from phasejax.diagnosis.trial import Candidate, Trial

CANDIDATES = tuple(
    Candidate(objective, None, view, 2, (0.0, 0.0))
    for view in ("x", "y")
    for objective in ("CA", "CP", "PLS", "whitened", "principal components", "whole view")
)
COMPARED = [i for i, c in enumerate(CANDIDATES) if c.objective in EXPECTED]


def made(smooth, noise):
    smooth, noise = np.asarray(smooth, float), np.asarray(noise, float)
    variance = np.diag(noise)
    gap = np.sqrt(np.maximum(variance[:, None] + variance - 2 * noise, 0))
    return Trial(CANDIDATES, smooth, np.sqrt(variance), smooth[:, None] - smooth, gap, smooth, noise, "R²", 0.0)


def some_noise(rng, size=0.05):
    a = rng.normal(size=(12, 30)) + 2 * rng.normal(size=30)  # what all share, as the labelled rows are the same
    return size**2 * a @ a.T / 30


def test_the_posterior_weighs_prior_and_measurement_by_their_precision():
    """Of differences, which is all that a choice needs: a flat level drops out."""
    rng = np.random.default_rng(0)
    smooth, noise = rng.normal(0.5, 0.1, 12), some_noise(rng)
    found = standing(made(smooth, noise))
    contrast = np.diff(np.eye(8), axis=0)
    expected = contrast @ [EXPECTED[CANDIDATES[i].objective] for i in COMPARED]
    prior = np.linalg.inv(SPREAD**2 * contrast @ contrast.T)
    measured = np.linalg.inv(contrast @ noise[np.ix_(COMPARED, COMPARED)] @ contrast.T)
    covariance = np.linalg.inv(prior + measured)
    mean = covariance @ (prior @ expected + measured @ contrast @ smooth[COMPARED])
    np.testing.assert_allclose(contrast @ found.mean, mean, atol=1e-4)
    np.testing.assert_allclose(contrast @ found.covariance @ contrast.T, covariance, atol=1e-4)


def test_few_labels_leave_the_simpler_choice_and_many_the_measured_one():
    smooth = np.full(12, 0.6)
    smooth[0], smooth[5] = 0.7, 0.99  # CA, and a whole view, which does not count
    chosen = [CANDIDATES[preferred(made(smooth, size**2 * np.eye(12)))].objective for size in (1e-4, 0.05, 0.5, 5)]
    assert chosen == ["CA", "CA", "principal components", "principal components"]
    assert CANDIDATES[preferred(made(smooth, np.eye(12)), lean=np.arange(12) / 12)].view == "y"


def test_what_leads_by_next_to_nothing_gives_way_to_what_is_simpler():
    sure = 1e-10 * np.eye(12)
    for lead, chosen in ((0.9 * LEAD, "principal components"), (1.1 * LEAD, "CA")):
        smooth = np.full(12, 0.6)
        smooth[0], smooth[10] = 0.7, 0.7 - lead  # CA of x, and the principal components of y
        assert CANDIDATES[preferred(made(smooth, sure))].objective == chosen
    smooth[10], smooth[8], smooth[2] = 0.6, 0.7 - 0.5 * LEAD, 0.7 - 0.5 * LEAD  # PLS of both views
    assert CANDIDATES[preferred(made(smooth, sure))].objective == "PLS"


@pytest.mark.parametrize("size", [0.01, 0.05, 0.2])
def test_confidence_is_the_share_of_cases_in_which_nothing_else_is_better_by_more_than_the_margin(size):
    rng = np.random.default_rng(1)
    stated, true = [], []
    for _ in range(300):
        truth = 0.5 + np.array([EXPECTED.get(c.objective, 0.0) for c in CANDIDATES]) + SPREAD * rng.normal(size=12)
        noise = some_noise(rng, size)
        found = made(rng.multivariate_normal(truth, noise), noise)
        best = preferred(found)
        stated.append(confidence(found, best))
        true.append(truth[COMPARED].max() - truth[best] <= MARGIN)
    error = np.sqrt(np.mean(np.array(stated) * (1 - np.array(stated))) / 300)
    assert abs(np.mean(stated) - np.mean(true)) < 3.5 * error
    assert np.corrcoef(stated, true)[0, 1] > 0.1

"""What a trial lets one believe: the normal posterior by another route, simplicity where labels are few, honest confidence."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from phasejax.diagnosis.shrinkage import COMPARED, LEAD, MARGIN, PRIOR, confidence, preferred, standing
from phasejax.diagnosis.trial import Candidate, Trial

CANDIDATES = tuple(
    Candidate(objective, None, view, 2, (0.0, 0.0))
    for view in ("x", "y")
    for objective in ("CA", "CP", "PLS", "whitened", "principal components", "whole view")
)
PLACES = [i for i, c in enumerate(CANDIDATES) if c.objective in COMPARED]
SAME_VIEW = np.equal.outer(*2 * (np.array([c.view for c in CANDIDATES]),))


def made(smooth, noise):
    smooth, noise = np.asarray(smooth, float), np.asarray(noise, float)
    variance = np.diag(noise)
    gap = np.sqrt(np.maximum(variance[:, None] + variance - 2 * noise, 0))
    return Trial(CANDIDATES, smooth, np.sqrt(variance), smooth[:, None] - smooth, gap, smooth, noise, "R²", 0.0)


def some_noise(rng, size=0.05):
    a = rng.normal(size=(12, 30)) + 2 * rng.normal(size=30)  # what all share, as the labelled rows are the same
    return size**2 * a @ a.T / 30


def test_the_posterior_weighs_prior_and_measurement_by_their_precision_and_scales_by_what_they_make_likely():
    """Of differences, which is all that a choice needs: a flat level drops out."""
    rng = np.random.default_rng(0)
    smooth, noise = rng.normal(0.5, 0.1, 12), some_noise(rng)
    found = standing(made(smooth, noise))
    contrast = np.diff(np.eye(8), axis=0)
    expected = contrast @ [PRIOR.expected[CANDIDATES[i].objective] for i in PLACES]
    measured = contrast @ noise[np.ix_(PLACES, PLACES)] @ contrast.T
    likely = []
    for scale, mean, covariance in zip((0.5, 1, 2, 4), found.means, found.covariances, strict=True):
        spread = (scale * PRIOR.own) ** 2 * np.eye(8) + PRIOR.view**2 * SAME_VIEW[np.ix_(PLACES, PLACES)]
        prior = contrast @ spread @ contrast.T
        theirs = np.linalg.inv(np.linalg.inv(prior) + np.linalg.inv(measured))
        middle = theirs @ (np.linalg.solve(prior, expected) + np.linalg.solve(measured, contrast @ smooth[PLACES]))
        np.testing.assert_allclose(contrast @ mean, middle, atol=1e-4)
        np.testing.assert_allclose(contrast @ covariance @ contrast.T, theirs, atol=1e-4)
        likely.append(multivariate_normal(expected, prior + measured).pdf(contrast @ smooth[PLACES]))
    np.testing.assert_allclose(found.weight, np.array(likely) / np.sum(likely), rtol=1e-3)
    np.testing.assert_allclose(found.mean, found.weight @ found.means)


def test_few_labels_leave_what_is_expected_and_many_the_measured_one():
    smooth = np.full(12, 0.6)
    smooth[0], smooth[5] = 0.7, 0.99  # CA, and a whole view, which does not count
    for prior, by_default in ((PRIOR, "PLS"), (PRIOR._replace(expected=dict.fromkeys(COMPARED, 0.0)), "principal components")):
        found = [preferred(made(smooth, size**2 * np.eye(12)), prior=prior) for size in (1e-4, 0.01, 0.5, 5)]
        assert [CANDIDATES[i].objective for i in found] == ["CA", "CA", by_default, by_default]
    assert CANDIDATES[preferred(made(smooth, np.eye(12)), lean=np.arange(12) / 12)].view == "y"


def test_what_one_encoder_of_a_view_shows_speaks_for_the_others_of_it():
    """Each encoder of y leads by less than any of them is sure of; all of them together choose the view."""
    smooth = np.full(12, 0.6)
    smooth[:6] += 0.03
    smooth[6 + 2] = 0.66  # of y's, PLS alone stands out
    noise = 0.1**2 * np.eye(12)
    alone = PRIOR._replace(view=0.0, own=np.hypot(PRIOR.view, PRIOR.own))
    assert [CANDIDATES[preferred(made(smooth, noise), prior=prior)].view for prior in (alone, PRIOR)] == ["y", "x"]


def test_what_leads_by_next_to_nothing_gives_way_to_what_is_simpler():
    sure = 1e-10 * np.eye(12)
    for lead, chosen in ((0.9 * LEAD, "principal components"), (1.1 * LEAD, "CA")):
        smooth = np.full(12, 0.6)
        smooth[0], smooth[10] = 0.7, 0.7 - lead  # CA of x, and the principal components of y
        assert CANDIDATES[preferred(made(smooth, sure))].objective == chosen
    smooth[10], smooth[8], smooth[2] = 0.6, 0.7 - 0.5 * LEAD, 0.7 - 0.5 * LEAD  # PLS of both views
    assert CANDIDATES[preferred(made(smooth, sure))].objective == "PLS"


@pytest.mark.parametrize("size", [0.015, 0.03, 0.05])
def test_confidence_is_the_share_of_cases_in_which_nothing_else_is_better_by_more_than_the_margin(size):
    """In truth, and as new groups measure it."""
    rng = np.random.default_rng(1)
    stated, true = [], []
    law = np.array([PRIOR.expected.get(c.objective, PRIOR.expected["CA"]) for c in CANDIDATES])
    for _ in range(150):
        spread = (rng.choice([0.5, 1, 2, 4]) * PRIOR.own) ** 2 * np.eye(12) + PRIOR.view**2 * SAME_VIEW
        truth = rng.multivariate_normal(0.5 + law, spread)
        noise, noise_there = some_noise(rng, size), some_noise(rng, 0.03)
        found = made(rng.multivariate_normal(truth, noise), noise)
        best = preferred(found)
        there = rng.multivariate_normal(truth, noise_there)
        stated.append([confidence(found, best), confidence(found, best, noise=noise_there)])
        true.append([score[PLACES].max() - score[best] <= MARGIN for score in (truth, there)])
    stated, true = np.array(stated), np.array(true)
    error = np.sqrt(np.mean(stated * (1 - stated), axis=0) / 150)
    assert (np.abs(stated.mean(axis=0) - true.mean(axis=0)) < 3.5 * error).all()
    assert all(np.corrcoef(stated[:, i], true[:, i])[0, 1] > 0.1 for i in (0, 1))
    assert stated[:, 1].mean() < stated[:, 0].mean() - 0.02

"""What a trial lets one believe: the normal posterior by another route, simplicity where labels are few, honest confidence."""

import numpy as np
import pytest

from phasejax.diagnosis import shrinkage
from phasejax.diagnosis.shrinkage import COMPARED, EXPECTED, LEAD, MARGIN, SPREAD, confidence, preferred, standing
from phasejax.diagnosis.square import FULL, NONE
from phasejax.diagnosis.trial import Candidate, Objective, Trial

ALPHA: dict[Objective, tuple[float, float]] = {
    "CA": (FULL, FULL),
    "CP": (FULL, NONE),
    "PLS": (NONE, NONE),
    "whitened": (0.1, 0.5),
    "principal components": (np.nan, np.nan),
    "whole view": (np.nan, np.nan),
}
CANDIDATES = tuple(Candidate(objective, None, view, 2, alpha) for view in ("x", "y") for objective, alpha in ALPHA.items())
PLACES = [i for i, c in enumerate(CANDIDATES) if c.objective in COMPARED]
EXPECTATION = np.array([EXPECTED.get(c.objective, 0.0) for c in CANDIDATES])


def drawn_prior(rng):
    """True scores (12,): a normal number for each view, for those of it that whiten, for those that do not, and for each."""
    view, kind, own = (rng.normal(scale=SPREAD, size=shape) for shape in ((2, 1), (2, 2), (2, 6)))
    return EXPECTATION + (view + kind[:, [0, 0, 1, 0, 1, 1]] + own).ravel()


def made(smooth, noise):
    smooth, noise = np.asarray(smooth, float), np.asarray(noise, float)
    variance = np.diag(noise)
    gap = np.sqrt(np.maximum(variance[:, None] + variance - 2 * noise, 0))
    return Trial(CANDIDATES, smooth, np.sqrt(variance), smooth[:, None] - smooth, gap, smooth, noise, "R²", 0.0)


def some_noise(rng, size=0.05):
    a = rng.normal(size=(12, 30)) + 2 * rng.normal(size=30)  # what all share, as the labelled rows are the same
    return size**2 * a @ a.T / 30


def test_the_posterior_weighs_prior_and_measurement_by_their_precision():
    """Of differences, which is all that a choice needs: a flat level drops out. The prior's covariance is that of draws."""
    rng = np.random.default_rng(0)
    smooth, noise = rng.normal(0.5, 0.1, 12), some_noise(rng)
    found = standing(made(smooth, noise))
    contrast = np.diff(np.eye(8), axis=0)
    prior = np.cov(contrast @ np.array([drawn_prior(rng) for _ in range(40_000)])[:, PLACES].T)
    measured = contrast @ noise[np.ix_(PLACES, PLACES)] @ contrast.T
    theirs = np.linalg.inv(np.linalg.inv(prior) + np.linalg.inv(measured))
    middle = theirs @ (
        np.linalg.solve(prior, contrast @ EXPECTATION[PLACES]) + np.linalg.solve(measured, contrast @ smooth[PLACES])
    )
    np.testing.assert_allclose(contrast @ found.mean, middle, atol=2e-3)
    np.testing.assert_allclose(contrast @ found.covariance @ contrast.T, theirs, atol=1e-4)


def test_few_labels_leave_what_is_expected_and_many_the_measured_one(monkeypatch):
    smooth = np.full(12, 0.6)
    smooth[0], smooth[5] = 0.7, 0.99  # CA, and a whole view, which does not count
    for expected, by_default in ((EXPECTED, "PLS"), ({}, "principal components")):
        monkeypatch.setattr(shrinkage, "EXPECTED", expected)
        found = [preferred(made(smooth, size**2 * np.eye(12))) for size in (1e-4, 0.01, 0.5, 5)]
        assert [CANDIDATES[i].objective for i in found] == ["CA", "CA", by_default, by_default]
    assert CANDIDATES[preferred(made(smooth, np.eye(12)), lean=np.arange(12) / 12)].view == "y"


def test_what_one_encoder_shows_speaks_for_the_others_of_its_view_and_most_for_those_that_whiten_it_as_it_does():
    """The best one scores lower than another that stands alone: all that lead together choose the view."""
    noise = 0.1**2 * np.eye(12)
    for together, chosen in ((range(6), "x"), ([0, 1], "x"), ([0], "y"), ([0, 2], "y")):
        smooth = np.full(12, 0.6)
        smooth[list(together)] = 0.66
        smooth[6] = 0.68  # CA from y
        assert CANDIDATES[preferred(made(smooth, noise), lean=-EXPECTATION)].view == chosen, together


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
    for _ in range(150):
        truth = 0.5 + drawn_prior(rng)
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

"""What `diagnose` says: the right regime where it is clear, the same whatever the coordinates, and in one piece."""

import json

import jax
import numpy as np
import pytest
from spiked_pairs import draw, model_in

from phasejax.diagnosis import diagnose
from phasejax.diagnosis.labels import read_labels
from phasejax.diagnosis.model.explanation import explain
from phasejax.diagnosis.model.forecast import pairs_needed_ca, pairs_needed_cp
from phasejax.diagnosis.model.posterior import Posterior, regime_probabilities
from phasejax.diagnosis.model.posterior import draw as draw_law
from phasejax.diagnosis.sample import reduce_sample
from phasejax.diagnosis.views import block_sums
from phasejax.spiked import SpikedModel
from phasejax.theory import Regime, regime, separation

KEY = jax.random.key(3)
TRUTH = {"both": Regime.BOTH, "ca": Regime.CA_ONLY, "cp": Regime.CP_ONLY, "neither": Regime.NEITHER}


def numbers(result) -> np.ndarray:
    """All numbers of an answer that do not depend on random draws."""
    return np.concatenate(
        [
            *([np.log(side.delta.value), side.outlook.probability] for side in result.sides),
            *(side.spectrum.observed for side in result.sides),
            *(side.spectrum.r_squared for side in result.sides),
        ]
    )


@pytest.mark.parametrize("name", TRUTH)
def test_a_clear_case_is_recognised_with_confidence(name):
    model = model_in(name)
    assert regime(model) == TRUTH[name]
    truth = np.log(separation(model))
    probabilities, errors, right = [], [], []
    for seed in range(5):
        x, y, z = draw(model, 4000, seed)
        labels = (z, z[:, 0] + z[:, 1], (z > 0) @ np.array([1, 2]))[seed % 3]
        result = diagnose(x, y, labels, key=KEY)
        assert sum(result.regime_probabilities.values()) == pytest.approx(1, abs=1e-9)
        assert sum(result.these_pairs.probabilities.values()) == pytest.approx(1, abs=1e-9)
        probabilities.append(result.regime_probabilities[TRUTH[name]])
        right.append(result.regime == TRUTH[name])
        errors.append(np.log([result.ca.delta.value, result.cp.delta.value]) - truth)
        recovers = (result.regime & 1, result.regime & 2)
        assert (result.ca.recovered == result.k) == bool(recovers[0])
        assert (result.cp.recovered == result.k) == bool(recovers[1])
    assert all(right)
    assert np.mean(probabilities) > 0.8
    assert np.abs(np.mean(errors, axis=0)).max() < 0.35


def test_the_advice_is_the_measured_winner_unless_something_simpler_is_as_good():
    """Loud nuisance hides the signal from the principal components of y, not of x; a louder one from both."""
    x, y, z = draw(model_in("ca"), 2000, 0)
    simple = diagnose(x, y, z, key=KEY)
    assert (simple.objective, simple.direction, simple.view) == ("one view", None, "x")
    assert simple.cp_reverse.delta.value > simple.cp.delta.value
    x[:, 2:] *= 12
    crossed = diagnose(x, y, z, key=KEY)
    assert crossed.objective in ("CA", "CP", "whitened") and crossed.confidence > 0.5
    scores = dict(zip(crossed.trial.candidates, crossed.trial.score, strict=True))
    alone = max(score for candidate, score in scores.items() if candidate.objective == "principal components")
    advised = max(score for candidate, score in scores.items() if candidate.objective == crossed.objective)
    assert advised > alone + 0.2


def test_nothing_is_advised_where_nothing_can_be():
    x, y, z = draw(model_in("both"), 400, 9)
    rng = np.random.default_rng(0)
    unfit = {
        "views unrelated": (x, y[rng.permutation(400)], z),
        "same view": (x, x @ np.linalg.qr(rng.normal(size=(20, 20)))[0], z),
        "order of rows": (x, np.roll(y, 3, axis=0), z),
    }
    for verdict, data in unfit.items():
        found = diagnose(*data, key=KEY)
        assert found.relation.verdict == verdict
        assert (found.objective, found.direction, found.view, found.trial, found.confidence) == ("neither", *[None] * 4)
        assert found.advice.startswith("No advice") and "Δ" not in str(found).split("Next")[0]
        assert f"x and y are related with p = {found.relation.views:.2g}" in " ".join(str(found).split())


def test_a_given_k_changes_what_is_said():
    x, y, z = draw(model_in("both", k=2), 1500, 7)
    two, five = (diagnose(x, y, z, key=KEY, k=k) for k in (2, 5))
    assert two.ca.delta.value > 1.3 * five.ca.delta.value  # the fifth signal is a nuisance by another name
    assert two.ca.probability > five.ca.probability
    assert {candidate.k for candidate in five.trial.candidates if candidate.objective == "CA"} == {5}
    estimated = diagnose(x, y, z, key=KEY)
    assert estimated.k == 2 and estimated.ca.delta == two.ca.delta


def test_k_is_no_more_than_the_labels_show():
    x, y, z = draw(model_in("both", k=2), 1000, 3)
    labels = np.where(np.arange(1000) < 200, z[:, 0] > 0, np.nan)
    assert diagnose(x, y, labels, key=KEY).k <= 3


def test_more_pairs_are_planned_for_than_there_are_or_none():
    for seed, name in enumerate(TRUTH):
        x, y, z = draw(model_in(name), 150, seed)
        for side in diagnose(x, y, z, key=KEY).sides:
            enough = side.outlook.pairs_needed <= 150
            assert enough == (side.outlook.probability > 0.5)
            assert (side.outlook.distance <= 0.5) == enough


@pytest.mark.parametrize("family", ["equal", "graded", "loud"])
def test_intervals_hold_the_truth_of_homogeneous_models(family):
    """Of 90 % intervals at least 80 % in each family: 12 draws of two objectives, so that 19 of 24 are asked for."""
    parameters = {
        "equal": dict(kappa=2.0, gamma_x=0.5, gamma_y=0.5, gamma_tilde_x=1.0, gamma_tilde_y=1.0, nu=0.3),
        "graded": dict(kappa=(3, 2, 1.5), gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=1.0, gamma_tilde_y=50.0, nu=0.5),
        "loud": dict(kappa=1.5, gamma_x=1.0, gamma_y=0.3, gamma_tilde_x=6.0, gamma_tilde_y=4.0, nu=0.5),
    }[family]
    model = SpikedModel.homogeneous(d=20, k=3, **parameters)
    truth, inside = tuple(map(float, separation(model))), 0
    for seed in range(12):
        x, y, z = draw(model, 1000, 100 + seed)
        read = read_labels(z, 1000)
        sample = reduce_sample(x, y, read, np.arange(1000))
        found = explain(sample, block_sums(sample.x, sample.y, read.rows, read.columns, np.arange(1000) % 20), None, seed)
        inside += sum(side.delta.low <= t <= side.delta.high for side, t in zip((found.ca, found.cp), truth, strict=True))
    assert inside >= 19


def test_coordinates_do_not_matter():
    x, y, z = draw(model_in("both"), 600, 1)
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    first = numbers(diagnose(x, y, z, key=KEY))
    assert np.all(np.isfinite(first))
    for changed in (
        (1e-4 * x, 1e3 * y),
        (x @ rotation, y @ rotation.T),
        (x + 1e3, y - 50),
        (np.hstack([x, 0 * x[:, :3] + 7]), y),
    ):
        np.testing.assert_allclose(numbers(diagnose(*changed, z, key=KEY)), first, rtol=2e-3, atol=2e-3)
    # The labels too may be recombined.
    np.testing.assert_allclose(numbers(diagnose(x, y, z @ [[2.0, 1.0], [0.0, -3.0]] + 5, key=KEY)), first, rtol=1e-3, atol=1e-3)


def test_the_views_may_change_places():
    x, y, z = draw(model_in("ca"), 600, 2)
    there, back = diagnose(x, y, z, key=KEY), diagnose(y, x, z, key=KEY)
    np.testing.assert_allclose(there.ca.delta.value, back.ca.delta.value, rtol=1e-3)
    np.testing.assert_allclose(there.cp.delta.value, back.cp_reverse.delta.value, rtol=1e-3)
    np.testing.assert_allclose(there.cp_reverse.delta.value, back.cp.delta.value, rtol=1e-3)


def test_the_same_key_gives_the_same_bits_and_another_does_not():
    x, y, z = draw(model_in("cp"), 300, 3)
    first, second, other = (diagnose(x, y, z, key=jax.random.key(seed)) for seed in (0, 0, 1))
    assert first.to_dict() == second.to_dict()
    assert not np.array_equal(first.cloud, other.cloud)


def test_everything_is_json():
    x, y, z = draw(model_in("neither"), 200, 4)
    for method in ("default", "elbow"):
        result = diagnose(x, y, z[:, 0], key=KEY, method=method)
        again = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        assert again["regime"] == str(result.regime)
        assert again["ca"]["delta"]["value"] == pytest.approx(result.ca.delta.value)
        assert set(again["regime_probabilities"]) == set(map(str, Regime))
        assert len(again["cp"]["spectrum"]["is_signal"]) == 20


def test_unlabelled_pairs_inform_the_spectra():
    """200 labels of 5000 pairs: the whole sample decides, so the answer is near the one with all labels and not that of 200."""
    few_error, all_error, alone_error = [], [], []
    for seed, name in enumerate(("both", "ca", "cp", "neither")):
        model = model_in(name)
        x, y, z = draw(model, 5000, 10 + seed)
        truth = np.log(separation(model))
        masked = np.where(np.arange(5000)[:, None] < 200, z, np.nan)
        results = (diagnose(x, y, z, key=KEY), diagnose(x, y, masked, key=KEY), diagnose(x[:200], y[:200], z[:200], key=KEY))
        assert results[1].n_labelled == 200
        np.testing.assert_array_equal(results[0].ca.spectrum.observed, results[1].ca.spectrum.observed)
        for errors, result in zip((all_error, few_error, alone_error), results, strict=True):
            errors.append(np.abs(np.log([result.ca.delta.value, result.cp.delta.value]) - truth).mean())
    assert np.mean(few_error) < np.mean(alone_error)
    assert np.mean(few_error) < np.mean(all_error) + 0.15


def test_unlabelled_may_be_written_in_several_ways():
    x, y, z = draw(model_in("both"), 300, 5)
    known = np.arange(300) < 120
    names = np.array(["low", "high"], object)[(z[:, 0] > 0).astype(int)]
    whole = diagnose(x, y, names, key=KEY, labelled=known)
    blanks = [name if k else blank for name, k, blank in zip(names, known, [None, ""] * 150, strict=True)]
    codes = diagnose(x, y, (z[:, 0] > 0).astype(int), key=KEY, labelled=known)
    for other in (diagnose(x, y, np.array(blanks, object), key=KEY), codes):
        np.testing.assert_allclose(numbers(other), numbers(whole), rtol=1e-9, atol=1e-12)
    assert whole.n_labelled == 120


def test_rows_of_a_group_that_repeat_count_once():
    x, y, z = draw(model_in("both"), 150, 6)
    groups = np.repeat(np.arange(150), 6)
    repeated = [np.repeat(part, 6, axis=0) for part in (x, y, z)]
    grouped, ignored, once = (
        diagnose(*repeated, key=KEY, groups=groups),
        diagnose(*repeated, key=KEY),
        diagnose(x, y, z, key=KEY),
    )
    assert grouped.n == 900
    assert grouped.n_effective == pytest.approx(150, rel=0.05)
    assert any("independent" in warning for warning in grouped.warnings)
    np.testing.assert_allclose(grouped.ca.delta.value, once.ca.delta.value, rtol=0.1)
    width = [np.log(r.ca.delta.high / r.ca.delta.low) for r in (grouped, ignored)]
    assert width[0] > width[1]


def test_regime_probabilities_are_the_shares_of_draws():
    law = Posterior(np.array([0.2, -0.1, 0.0]), np.array([0.4, 0.3, 0.2]), np.array([0.7, -0.5]))
    draws = draw_law(law, 200_000, np.random.default_rng(0))
    codes = (draws[:, 0] > 1) + 2 * (draws[:, 1] > 1)
    for code, probability in regime_probabilities(law).items():
        share = np.mean(codes == code)
        assert abs(share - probability) < 4 * np.sqrt(share * (1 - share) / len(draws)) + 1e-3


def test_pairs_needed_falls_with_delta_and_rises_with_the_distance_here():
    deltas = (1.2, 1.5, 2.0, 4.0)
    for distance in (0.2, 0.8):
        needed = [pairs_needed_ca(d, 0.7, 1.0, 20, 1000, distance) for d in deltas]
        assert all(np.isfinite(needed))
        assert all((value <= 1000) == (distance <= 0.5) for value in needed)
    for needed in (
        [pairs_needed_ca(1.5, 0.7, 1.0, 20, 1000, distance) for distance in (0.1, 0.3, 0.5, 0.7, 0.9)],
        [pairs_needed_cp(1.5, 0.7, 1.0, 3.0, 1.0, 20, 1000, distance) for distance in (0.1, 0.3, 0.5, 0.7, 0.9)],
    ):
        assert np.all(np.diff(needed) > 0)
        assert needed[2] == pytest.approx(1000, rel=0.02)
    assert pairs_needed_ca(0.9, 0.7, 1.0, 20, 1000, 0.8) == np.inf
    assert pairs_needed_cp(0.9, 0.7, 1.0, 3.0, 1.0, 20, 1000, 0.3) == 1000


def test_labels_in_a_single_group_still_give_an_answer():
    x, y, z = draw(model_in("both"), 300, 8)
    groups = np.repeat(np.arange(6), 50)
    result = diagnose(x, y, np.where(groups[:, None] == 2, z, np.nan), key=KEY, groups=groups)
    assert result.n_labelled == 50
    assert np.all(np.isfinite([result.ca.delta.low, result.ca.delta.value, result.ca.delta.high]))
    assert any("6 groups" in warning for warning in result.warnings)


def test_labels_that_tell_nothing_are_said_to():
    """Noise as labels gives no advice, what is private to x is told apart, and real labels pass."""
    x, y, z = draw(model_in("both"), 400, 9)
    rng = np.random.default_rng(0)
    answers = [diagnose(x, y, rng.normal(size=400), key=KEY) for _ in range(8)]
    silent = [found.objective == "neither" and "labels" in found.advice for found in answers]
    assert all(silent)
    private = x[:, 5] - y @ np.linalg.lstsq(y, x[:, 5])[0]
    assert any("related to x only" in warning for warning in diagnose(x, y, private, key=KEY).warnings)
    assert diagnose(x, y, z, key=KEY).warnings == ()


def test_short_integers_are_not_taken_for_constant():
    rng = np.random.default_rng(6)
    x = np.where(rng.random((200, 6)) < 0.5, -100, 100).astype(np.int8)
    y = rng.normal(size=(200, 5))
    assert diagnose(x, y, x[:, 0].astype(float), key=KEY).x.kept == 6


def test_the_reliability_of_both_views_is_that_of_the_model():
    found = []
    for seed in range(3):
        model = SpikedModel.homogeneous(
            d=20, k=2, kappa=2.0, gamma_x=1.0, gamma_y=4.0, gamma_tilde_x=1.0, gamma_tilde_y=1.0, nu=0.3
        )
        x, y, z = draw(model, 2000, 40 + seed)
        found.append(diagnose(x, y, z, key=KEY).reliability)
    np.testing.assert_allclose(np.mean(found, axis=0), [0.8, 0.5], atol=0.06)


def test_an_easy_problem_of_the_size_of_clip():
    """Eight signals of canonical correlation .99, rows of unit length, nuisance that decays and is not shared: both objectives
    recover them, and one view does as well."""
    rng = np.random.default_rng(0)
    z, views = rng.normal(size=(4000, 8)), []
    for d in (768, 512):
        sources = 0.8 * rng.normal(size=(4000, d)) * (1 + np.arange(d)) ** -0.5
        sources[:, :8] = 2 * z + 0.2 * rng.normal(size=(4000, 8))
        view = sources @ np.linalg.qr(rng.normal(size=(d, d)))[0]
        views.append((view / np.linalg.norm(view, axis=1, keepdims=True)).astype(np.float32))
    found = diagnose(*views, z, key=KEY)
    assert abs(found.k - 8) <= 1 and found.regime == Regime.BOTH and found.objective == "one view"
    assert found.trial.score[found.advised] > 0.9 and found.confidence > 0.9

"""Prediction errors against regression on the population covariances."""

import numpy as np
import pytest
from models import GAPPED, blocks, fields, random_model

from phasejax import theory
from phasejax.spiked import SpikedModel
from phasejax.theory import Kept


def regression(model, signal, nuisance):
    """Errors of least squares on the kept x coordinates, in NumPy: of y, and against the signal κz."""
    cov, f = blocks(model), fields(model)
    kept = np.flatnonzero(np.concatenate([signal, nuisance, np.zeros(model.d_x - model.k - len(nuisance), bool)]))
    coefficients = np.zeros((model.d_y, model.d_x))
    coefficients[:, kept] = np.linalg.solve(cov.xx[np.ix_(kept, kept)], cov.xy[kept]).T
    total = np.trace(cov.yy - 2 * coefficients @ cov.xy + coefficients @ cov.xx @ coefficients.T)
    cross = np.zeros_like(cov.xy)
    cross[: model.k, : model.k] = np.diag(f["kappa"] ** 2)
    against_signal = np.sum(f["kappa"] ** 2) + np.trace(-2 * coefficients @ cross + coefficients @ cov.xx @ coefficients.T)
    return total, against_signal


@pytest.mark.parametrize("shape", GAPPED)
def test_errors_are_those_of_the_regression(shape):
    rng = np.random.default_rng(shape)
    for seed in range(10):
        model = random_model(seed, shape)
        signal, nuisance = rng.random(model.k) < 0.6, rng.random(model.eta.size) < 0.4
        found = theory.prediction_error(model, Kept(signal, nuisance))
        np.testing.assert_allclose(found, regression(model, signal, nuisance), rtol=1e-10)


def test_prediction_has_the_smaller_total_error_and_alignment_can_have_the_smaller_signal_error():
    trapped = 0
    for seed in range(200):
        ca, cp = theory.prediction_errors(random_model(seed, GAPPED[seed % len(GAPPED)]))
        assert cp.total <= ca.total * (1 + 1e-12)
        trapped += bool(cp.signal > ca.signal * 1.01)
    assert trapped > 20


def test_kept_coordinates_follow_the_exact_counts(random_models):
    """Signal error without nuisance kept is Σ residual + Σ lost power: read the count off a model of equal signals."""
    for count, nu in ((2, 0.1), (0, 0.9)):
        model = SpikedModel.homogeneous(
            d=6, k=2, kappa=1.0, gamma_x=0.5, gamma_y=0.5, gamma_tilde_x=1.0, gamma_tilde_y=1.0, nu=nu
        )
        assert theory.recovery_counts(model).exact.ca == count
        expected = 2 * 0.5 / 1.5 if count else 2 * 1.0 + 2 * nu**2
        np.testing.assert_allclose(theory.prediction_errors(model).ca.signal, expected, rtol=1e-12)


def test_a_nuisance_in_the_last_of_the_k_places_is_kept():
    """ρ = (.9, .3) and ν = .5: the first signal and the nuisance."""
    model = SpikedModel([3.0, 1.0], [1.0, 7 / 3], [1.0, 7 / 3], [1.0, 1.0], [1.0, 1.0], [0.5, 0.1])
    expected = theory.prediction_error(model, Kept(np.array([True, False]), np.array([True, False])))
    np.testing.assert_allclose(theory.prediction_errors(model).ca, expected, rtol=1e-12)


def test_ties_go_to_the_nuisance():
    model = SpikedModel.homogeneous(d=3, k=1, kappa=1.0, gamma_x=1.0, gamma_y=1.0, gamma_tilde_x=1.0, gamma_tilde_y=1.0, nu=0.5)
    np.testing.assert_allclose(theory.prediction_errors(model).ca.signal, 1 + 0.25, rtol=1e-12)

"""Principal components first: the solver on the population against the theory, and both against dense algebra."""

import jax
import numpy as np
import pytest
from models import GAPPED, random_model, stack

from phasejax import recovery, solvers
from phasejax.spiked import SpikedModel
from phasejax.theory import components, square


@pytest.mark.parametrize("shape", GAPPED)
def test_the_population_is_cut_where_the_theory_says(shape):
    k, d_x, d_y = shape
    models = stack([random_model(seed, shape) for seed in range(30)])
    for keep_x, keep_y in ((k, d_y), (d_x - 1, max(k, d_y - 2))):

        def solved(model, keep_x=keep_x, keep_y=keep_y):
            reduced = solvers.reduce(model.covariance(), keep_x, keep_y)
            solution = solvers.align(reduced.cov, k, throw=False)
            overlap = recovery.squared_overlap(solution.encoder_x @ reduced.basis_x)
            told = components.singular_values(model, keep_x, keep_y), components.recovered(model, keep_x, keep_y)
            return solution.singular_values, overlap, *told

        found, overlap, told, recovered = jax.jit(jax.vmap(solved))(models)
        expected = -np.sort(-np.concatenate(told, axis=1), axis=1)
        size = min(found.shape[1], expected.shape[1])
        np.testing.assert_allclose(found[:, :size], expected[:, :size], atol=1e-8)
        full = expected[:, k - 1] > 1e-6  # otherwise the k-th direction is none of the data
        assert full.sum() >= 5
        np.testing.assert_allclose(np.sum(overlap, axis=1)[full], recovered[full], atol=1e-6)


def test_keeping_all_is_the_objective_itself_and_a_rotation_changes_nothing():
    model, rng = random_model(1, (2, 6, 5)), np.random.default_rng(0)
    assert components.separation(model, 6, 5, ridge_x=0.3) == square.separation(model, ridge_x=0.3)
    x, y = (np.linalg.qr(rng.normal(size=(d, d)))[0] for d in (6, 5))
    cov = model.covariance()
    turned = cov._replace(xx=x @ cov.xx @ x.T, xy=x @ cov.xy @ y.T, yy=y @ cov.yy @ y.T)
    plain, other = (solvers.reduce(c, 4, 3) for c in (cov, turned))
    np.testing.assert_allclose(np.abs(other.basis_x @ x), np.abs(plain.basis_x), atol=1e-10)
    np.testing.assert_allclose(other.cov.xx, plain.cov.xx, atol=1e-10)


def test_a_cut_rescues_from_quiet_nuisance_and_loses_quiet_signals():
    """Nuisance of correlation .95 and variance .1 beats every signal in CA; three components do not hold it."""
    quiet = SpikedModel.homogeneous(
        d=8, k=3, kappa=1.0, gamma_x=0.5, gamma_y=0.5, gamma_tilde_x=0.1, gamma_tilde_y=0.1, nu=0.95
    )
    assert components.separation(quiet, 8, 8) < 1 and components.separation(quiet, 3, 3) == np.inf
    loud = SpikedModel.homogeneous(d=8, k=3, kappa=1.0, gamma_x=0.5, gamma_y=0.5, gamma_tilde_x=9.0, gamma_tilde_y=9.0, nu=0.1)
    assert components.separation(loud, 8, 8) > 1 and components.recovered(loud, 5, 5) == 0


def test_equal_variances_at_the_cut_count_against_the_signal():
    tied = SpikedModel([1.0], [1.0], [1.0], [2.0, 2.0], [2.0, 2.0], [0.1, 0.1])
    assert components.separation(tied, 2, 2) == 0 and components.separation(tied, 3, 3) > 1


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="keep_x"):
        solvers.reduce(random_model(0, (2, 6, 5)).covariance(), 7, 5)
    with pytest.raises(ValueError, match="keep_y"):
        components.separation(random_model(0, (2, 6, 5)), 6, 0)

"""MAXVAR at fixed d/n against the theory of pairs, the first order, and simulation."""

import jax
import jax.numpy as jnp
import numpy as np
from multimodal_models import random_correlations

from phasejax.multimodal import MultimodalModel
from phasejax.multimodal.first_order import first_order_maxvar
from phasejax.multimodal.high_dimensional import maxvar_critical_nu, maxvar_prediction
from phasejax.multimodal.sampling import sample_covariance
from phasejax.multimodal.solvers import maxvar
from phasejax.recovery import subspace_distance
from phasejax.theory.homogeneous import ca_outlier
from phasejax.theory.pencil import distances

SIZE = 24


def heterogeneous(modalities, strength=0.5):
    rng = np.random.default_rng(0)
    return MultimodalModel(
        [2.0, 1.5],
        rng.uniform(0.2, 1.5, (modalities, 2)),
        rng.uniform(0.5, 2, (modalities, SIZE)),
        random_correlations(rng, SIZE, modalities, strength),
    )


@jax.jit
@jax.vmap
def _simulate(model, n, key):
    solution = maxvar(sample_covariance(model, n, key=key), model.k)
    return jax.vmap(subspace_distance)(solution.encoders), solution.values[: model.k]


def simulate(model, n, trials):
    """Mean distance of each modality, its standard error, and the mean top eigenvalues."""
    batch = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (trials, *leaf.shape)), (model, jnp.asarray(float(n))))
    distances, values = _simulate(*batch, jax.random.split(jax.random.key(2), trials))
    return np.mean(distances, axis=0), np.std(distances, axis=0) / np.sqrt(trials), np.mean(values, axis=0)


def test_two_modalities_are_a_pair():
    """The scalar theory of CA on either side, from n = 10⁶ down to where the weaker signal and then both are lost."""
    model = MultimodalModel([2.0, 0.9], [[0.3, 0.2], [0.9, 0.8]], *two_sided())
    seen = set()
    for n in (1_000_000, 2000, 400, 60, 52):
        ours = np.asarray(maxvar_prediction(model, n).distances)
        expected = [distances(pair, n).ca for pair in (model.pair(0, 1), model.pair(1, 0))]
        np.testing.assert_allclose(ours, expected, rtol=1e-8)
        seen.add(int(np.sum(ours == 1)))
    assert seen == {0, 2, 4}
    alike = MultimodalModel.homogeneous(d=SIZE + 2, k=2, modalities=2, kappa=[2, 1.5], gamma=0.5, gamma_tilde=1, nu=0.3)
    rho = np.asarray(alike.quality[0])
    values = maxvar_prediction(alike, 400).eigenvalues
    np.testing.assert_allclose(values, 1 + ca_outlier(rho, 0.3, SIZE / 400), rtol=1e-10)


def two_sided():
    rng = np.random.default_rng(4)
    nu = rng.uniform(0, 0.3, SIZE)
    return rng.uniform(0.5, 2, (2, SIZE)), np.eye(2) + nu[:, None, None] * (1 - np.eye(2))


def test_many_samples_are_the_first_order():
    model, n = heterogeneous(3), 10_000_000
    predicted = maxvar_prediction(model, n)
    np.testing.assert_allclose(np.mean(predicted.distances, axis=1), jax.jit(first_order_maxvar)(model, n), rtol=1e-4)


def test_prediction_is_the_simulated_outcome():
    """d/n = .09, everything heterogeneous: within 3 % where the first order is off by up to 12 %."""
    model, n = heterogeneous(3), 300
    predicted = maxvar_prediction(model, n)
    mean, error, values = simulate(model, n, 400)
    expected = np.mean(predicted.distances, axis=1)
    assert np.all(error < 0.015 * expected)
    np.testing.assert_array_less(np.abs(mean - expected), 0.03 * expected)
    np.testing.assert_allclose(values, predicted.eigenvalues, atol=0.015)
    assert np.max(np.abs(mean / jax.jit(first_order_maxvar)(model, n) - 1)) > 0.05


def test_critical_nu():
    """Nuisance in a pair of three: below the population's .78, one half of the signal is lost there, and less before."""
    n = 1500

    def alike(nu):
        return MultimodalModel.homogeneous(d=SIZE + 2, k=2, modalities=3, kappa=0.8, gamma=1, gamma_tilde=1, nu=nu, shared_by=2)

    critical = maxvar_critical_nu(alike(0.0), n, (0, 1))
    assert 0.6 < critical < 0.75
    for nu, tolerance in ((critical, 0.08), (critical - 0.1, 0.02)):
        predicted = np.mean(maxvar_prediction(alike(nu - 1e-9), n).distances)
        assert abs(np.mean(simulate(alike(nu), n, 200)[0]) - predicted) < tolerance
    assert abs(np.mean(maxvar_prediction(alike(critical - 1e-9), n).distances) - 0.5) < 1e-3


def test_lost_signals():
    dead = MultimodalModel.homogeneous(d=SIZE + 2, k=2, modalities=3, kappa=[2.0, 0.0], gamma=1, gamma_tilde=1, nu=0.1)
    predicted = maxvar_prediction(dead, 500)
    assert np.all(predicted.distances[:, 1] == 1) and np.isnan(predicted.eigenvalues[1])
    assert np.all(predicted.distances[:, 0] < 0.2)
    for few in (20, 4, 1):
        np.testing.assert_array_equal(maxvar_prediction(dead, few).distances, 1)  # fewer tuples than nuisance coordinates

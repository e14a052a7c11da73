"""Modalities of unequal dimension: theory, solvers and samples against matrices that have only the coordinates there are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from multimodal_models import flatten, random_correlations

from phasejax.multimodal import MultimodalModel, first_order, high_dimensional, solvers, star, theory
from phasejax.multimodal.sampling import sample_covariance
from phasejax.solvers import Status

DIMENSIONS, K = (6, 3, 5), 2
PRESENT = np.concatenate([np.arange(6) < d for d in DIMENSIONS])


def ragged(seed, strength=0.6):
    rng = np.random.default_rng(seed)
    nuisance = random_correlations(rng, 4, 3, strength)
    for j in range(4):
        for m in range(3):
            if j >= DIMENSIONS[m] - K:
                nuisance[j, m] = nuisance[j, :, m] = np.eye(3)[m]
    tilde = [rng.uniform(0.5, 3, d - K) for d in DIMENSIONS]
    return MultimodalModel(rng.uniform(1.5, 2.5, K), rng.uniform(0.2, 1, (3, K)), tilde, nuisance)


def dense(model):
    """The joint covariance of the 14 coordinates that exist, entry by entry."""
    places = [(m, c) for m in range(3) for c in range(DIMENSIONS[m])]
    kappa, gamma, nuisance = (np.asarray(leaf) for leaf in (model.kappa, model.gamma, model.nuisance))

    def entry(m, c, n, e):
        if c != e:
            return 0.0
        if c < K:
            return kappa[c] ** 2 + gamma[m, c] * (m == n)
        return nuisance[c - K, m, n] * np.sqrt(model.gamma_tilde[m][c - K] * model.gamma_tilde[n][c - K])

    return np.array([[entry(*a, *b) for b in places] for a in places])


def owners():
    return np.repeat(np.arange(3), DIMENSIONS)


@pytest.mark.parametrize("seed", range(3))
def test_blocks_hold_what_there_is_and_zeros(seed):
    model = ragged(seed)
    assert model.dimensions == DIMENSIONS and model.d == 6
    blocks = flatten(model.covariance())
    np.testing.assert_allclose(blocks[PRESENT][:, PRESENT], dense(model), atol=1e-12)
    assert not blocks[~PRESENT].any() and not blocks[:, ~PRESENT].any()
    pair = model.pair(0, 1)
    assert (pair.d_x, pair.d_y) == (6, 3)
    np.testing.assert_allclose(model.select([1, 2]).covariance(), model.covariance()[1:, 1:, :5, :5])


@pytest.mark.parametrize("seed", range(3))
def test_solvers_and_theory_agree_with_the_dense_problem(seed):
    """MAXVAR and a star by dense eigenvalues, prediction by a dense regression; theory beside them."""
    model = ragged(seed)
    sigma, same = dense(model), owners()[:, None] == owners()
    maxvar = solvers.maxvar(model.covariance(), K)
    values = scipy.linalg.eigh(sigma, np.where(same, sigma, 0), eigvals_only=True)[::-1]
    assert maxvar.status == Status.OK
    np.testing.assert_allclose(maxvar.values[: len(values)], values, atol=1e-9)
    signal, nuisance = theory.maxvar_eigenvalues(model), theory.nuisance_eigenvalues(model)
    for value in np.concatenate([signal, nuisance]):
        assert np.min(np.abs(values - value)) < 1e-9
    graph = np.asarray(star(3))
    weights = graph[owners()[:, None], owners()]
    values = scipy.linalg.eigh(
        weights * sigma, np.diag(graph.sum(1)[owners()]) * 1.0 @ np.where(same, sigma, 0), eigvals_only=True
    )
    solved = solvers.align_graph(model.covariance(), K, star(3))
    np.testing.assert_allclose(solved.values[:K], values[::-1][:K], atol=1e-9)
    predicted = solvers.predict_from(model.covariance(), K, target=0)
    source = owners() > 0
    joint, across = sigma[source][:, source], sigma[source][:, ~source]
    singular = np.linalg.svd(np.linalg.inv(scipy.linalg.sqrtm(joint)) @ across, compute_uv=False)
    assert predicted.status == Status.OK
    np.testing.assert_allclose(predicted.values, singular, atol=1e-7)
    np.testing.assert_allclose(
        np.sort(np.concatenate([theory.tau(model, target=0), theory.xi(model, target=0)]))[::-1], singular, atol=1e-7
    )
    for solution in (maxvar, solved, predicted):
        encoders = np.asarray(solution.encoders).transpose(1, 0, 2).reshape(K, -1)
        assert not encoders[:, ~PRESENT].any() or solution is predicted


def test_rows_and_sampled_blocks_have_the_law_of_the_population():
    model, n, trials = ragged(0), 40, 3000
    sigma, scale = dense(model), np.sqrt(np.diag(dense(model)))
    views = model.sample(200_000, key=jax.random.key(0))
    assert [view.shape[1] for view in views] == list(DIMENSIONS)
    rows = np.concatenate(views, axis=1) / scale
    error = np.sqrt((1 + (sigma / np.outer(scale, scale)) ** 2) / len(rows))
    assert np.max(np.abs(rows.T @ rows / len(rows) - sigma / np.outer(scale, scale)) / error) < 4.5
    keys = jax.random.split(jax.random.key(1), trials)
    blocks = np.asarray(jax.vmap(lambda key: sample_covariance(model, n, key=key))(keys))
    drawn = blocks.transpose(0, 1, 3, 2, 4).reshape(trials, 18, 18)
    assert not drawn[:, ~PRESENT].any()
    drawn = drawn[:, PRESENT][:, :, PRESENT]
    assert np.max(np.abs(drawn.mean(0) - sigma) / (drawn.std(0) / np.sqrt(trials))) < 4.5
    variance = n * drawn.var(0) / np.outer(scale, scale) ** 2
    assert abs(np.mean(variance / (1 + (sigma / np.outer(scale, scale)) ** 2)) - 1) < 0.03


def test_expected_distances_are_those_of_simulation():
    """What a modality loses depends on the coordinates it has: first order and high-dimensional against MAXVAR on draws."""
    model, n, trials = ragged(1, strength=0.3), 2000, 2000
    keys = jax.random.split(jax.random.key(2), trials)

    @jax.jit
    @jax.vmap
    def distances(key):
        encoders = solvers.maxvar(sample_covariance(model, n, key=key), K).encoders
        q = jax.vmap(lambda w: jnp.linalg.qr(w.T)[0])(encoders)
        return 1 - jnp.sum(q[:, :K] ** 2, axis=(1, 2)) / K

    drawn = np.asarray(distances(keys))
    error = drawn.std(0) / np.sqrt(trials)
    first = np.asarray(first_order.first_order_maxvar(model, n))
    high = np.mean(high_dimensional.maxvar_prediction(model, n).distances, axis=1)
    assert np.all(error < 0.03 * first)
    assert np.all(np.abs(drawn.mean(0) - first) < 4 * error + 0.03 * first)
    assert np.all(np.abs(drawn.mean(0) - high) < 4 * error + 0.01 * high)

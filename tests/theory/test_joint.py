"""The joint objective: eigenvalues and counts against the dense matrix, the window against a scan of weights, its limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models import GAPPED, blocks, inverse_root, random_model
from monte_carlo import simulate_jointly

from phasejax import theory
from phasejax.spiked import SpikedModel


def dense(model, weight):
    """AᵀA + λ CCᵀ in NumPy, in x-whitened coordinates."""
    cov = blocks(model)
    a = inverse_root(cov.xx) @ cov.xy
    c = a @ inverse_root(cov.yy)
    return a @ a.T + weight * c @ c.T


@pytest.mark.parametrize("weight", [0.0, 0.7, 30.0])
@pytest.mark.parametrize("shape", GAPPED)
def test_eigenvalues_and_count_are_those_of_the_matrix(shape, weight):
    for seed in range(10):
        model = random_model(seed, shape)
        values, vectors = np.linalg.eigh(dense(model, weight))
        ours = np.sort(np.concatenate(theory.joint_eigenvalues(model, weight)))[::-1]
        np.testing.assert_allclose(values[::-1][: ours.size], ours, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(values[::-1][ours.size :], 0, atol=1e-12)
        overlap = np.sum(vectors[: model.k, -model.k :] ** 2)
        assert theory.joint_count(model, weight) == round(overlap) and abs(overlap - round(overlap)) < 1e-9


def test_the_window_is_where_every_signal_is_counted():
    """A scan over weights, with both ends and both kinds of emptiness present."""
    open_ended = bounded = empty = 0
    for seed in range(200):
        model = random_model(seed, GAPPED[seed % len(GAPPED)])
        low, high = map(float, theory.joint_window(model))
        open_ended += low < high == np.inf
        bounded += low < high < np.inf
        empty += low >= high
        ends = [end * factor for end in (low, high) if 0 < end < np.inf for factor in (1 - 1e-6, 1 + 1e-6)]
        for weight in [0.0, 1e-3, 0.3, 1.0, 5.0, 1e3, *ends]:
            recovers = theory.joint_count(model, weight) == model.k
            inside = (low < weight < high) or (weight == 0 and theory.separation(model).cp > 1)
            assert recovers == inside, (seed, weight, low, high)
    assert min(open_ended, bounded, empty) >= 5


def test_ends_are_prediction_and_alignment(random_models):
    for _, flavour, model in random_models:
        if flavour in ("dead", "full", "ties"):
            continue
        delta = theory.separation(model)
        np.testing.assert_allclose(theory.joint_separation(model, 0.0), delta.cp, rtol=1e-12)
        # λ → ∞ tends to Δ_CA whatever the variances; τ²/ρ² is at most max variance_y.
        np.testing.assert_allclose(theory.joint_separation(model, 1e14), delta.ca, rtol=1e-6)


def test_a_neither_point_is_rescued_by_a_weight_between():
    model = SpikedModel(jnp.sqrt(jnp.array([1.3660])), [0.5], [0.6340], [1.0, 1.0], [120.0, 0.5], jnp.array([1.0954, 0.5477]))
    assert theory.regime(model) == theory.Regime.NEITHER
    np.testing.assert_allclose(theory.joint_window(model), (0.408, 7.0), atol=0.005)
    assert theory.joint_separation(model, 2.0) > 1


def test_homogeneous_neither_points_cannot_be_rescued():
    rng = np.random.default_rng(0)
    seen = 0
    for _ in range(300):
        kappa, gamma_x, gamma_y, tilde_x, tilde_y = np.exp(rng.uniform(-1.5, 1.5, 5))
        model = SpikedModel.homogeneous(
            d=6, k=2, kappa=kappa, gamma_x=gamma_x, gamma_y=gamma_y,
            gamma_tilde_x=tilde_x, gamma_tilde_y=tilde_y, nu=rng.uniform(0.3, 1),
        )  # fmt: skip
        if theory.regime(model) == theory.Regime.NEITHER:
            seen += 1
            low, high = theory.joint_window(model)
            assert low >= high
    assert seen > 50


RESCUED = SpikedModel(np.sqrt([1.3660]), [0.5], [0.6340], [1.0, 1.0], [120.0, 0.5], [1.0954, 0.5477])
WEIGHTS = (0.0, 0.5, 3.0, 10.0, 100.0)


@pytest.mark.parametrize("shape", [(3, 9, 6), (3, 5, 8)])
def test_at_n_pairs_its_ends_are_prediction_and_alignment(shape):
    model = random_model(1, shape)
    ends = [theory.joint_expected_distance(model, 60.0, lam) for lam in (0.0, 1e9)]
    ca, cp = theory.expected_distance(model, 60.0)
    np.testing.assert_allclose(ends, [cp, ca], atol=2e-4)


@pytest.mark.parametrize(
    ("model", "n"),
    [
        (SpikedModel.homogeneous(
            d=20, k=3, kappa=[3.0, 2.5, 2.0], gamma_x=0.5, gamma_y=0.1, gamma_tilde_x=1.0, gamma_tilde_y=10.0, eta=2.0
        ), 5000),
        (random_model(4, (3, 9, 6)), 100),
        (random_model(7, (3, 9, 6)), 100),
        (random_model(8, (3, 5, 8)), 100),
        (RESCUED, 5000),
    ],
    ids=["published", "wide source", "another", "wide target", "rescued"],
)  # fmt: skip
def test_the_distance_of_n_pairs_is_the_drawn_one(model, n):
    """A handful of coordinates, so within .05 of the limit; the dip that neither end has is there."""
    drawn, error = simulate_jointly(model, n, WEIGHTS, 400)
    found = [float(theory.joint_expected_distance(model, n, lam)) for lam in WEIGHTS]
    np.testing.assert_allclose(found, drawn, atol=0.05)
    assert np.max(error) < 0.02
    if model is RESCUED:
        assert max(found[2], drawn[2]) < 0.2 < 0.7 < min(found[0], drawn[0], found[-1], drawn[-1])


def test_too_few_pairs_and_bad_weights_are_named():
    with pytest.raises(ValueError, match=r"n = 5 is not allowed: n must be ≥ d_x \+ d_y = 6"):
        theory.joint_expected_distance(RESCUED, 5, 1.0)
    with pytest.raises(ValueError, match="lam = -1 is not allowed"):
        theory.joint_expected_distance(RESCUED, 50, -1.0)


def test_a_tie_in_alignment_is_decided_by_prediction():
    tied = {"d": 4, "k": 1, "kappa": 1.0, "gamma_x": 1.0, "gamma_y": 1.0, "gamma_tilde_x": 1.0, "nu": 0.5}
    quiet = theory.joint_window(SpikedModel.homogeneous(gamma_tilde_y=1.0, **tied))
    assert (quiet.low, quiet.high) == (0, np.inf)
    loud = theory.joint_window(SpikedModel.homogeneous(gamma_tilde_y=9.0, **tied))
    assert loud.low >= loud.high


def test_a_tie_in_both_leaves_no_window():
    """τ = ξ = 1 and ρ = ν = 1/4, exactly."""
    low, high = theory.joint_window(SpikedModel([2.0], [12.0], [12.0], [1.0], [16.0], [1.0]))
    assert low >= high


def test_a_dead_signal_is_never_recovered():
    low, high = theory.joint_window(random_model(0, (2, 6, 6), "dead"))
    assert low >= high


def test_traced_weights_and_models():
    model = random_model(3, (3, 9, 6))
    weights = jnp.array([0.0, 1.0, 10.0])
    batched = jax.jit(jax.vmap(theory.joint_separation, in_axes=(None, 0)))(model, weights)
    np.testing.assert_allclose(batched, [theory.joint_separation(model, w) for w in weights], rtol=1e-12)
    assert theory.joint_window(model).low.dtype == jnp.float64


def test_pls_ratio_and_its_homogeneous_identity():
    model = random_model(1, (3, 9, 6))
    u, sigma, _ = np.linalg.svd(blocks(model).xy)
    signal = np.sum(u[:3, :6] ** 2, axis=0) > 0.5
    np.testing.assert_allclose(theory.pls_separation(model), sigma[signal].min() / sigma[~signal].max(), rtol=1e-12)
    homogeneous = SpikedModel.homogeneous(
        d=8, k=3, kappa=1.7, gamma_x=0.4, gamma_y=0.9, gamma_tilde_x=2.3, gamma_tilde_y=7.0, nu=0.6
    )
    delta, pls = theory.separation(homogeneous), theory.pls_separation(homogeneous)
    np.testing.assert_allclose(delta.cp, pls * np.sqrt(2.3 / (1.7**2 + 0.4)), rtol=1e-12)
    np.testing.assert_allclose(delta.ca, pls * np.sqrt(2.3 / (1.7**2 + 0.4) * 7 / (1.7**2 + 0.9)), rtol=1e-12)

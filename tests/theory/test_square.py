"""The whitening square: its corners are the objectives, its inside is dense algebra, samples are as they were drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models import GAPPED, blocks, random_model, stack

from phasejax import theory
from phasejax.spiked import SpikedModel
from phasejax.theory import square
from phasejax.theory.numerics import one_by_one

CORNERS = ((0.0, 0.0), (0.0, np.inf), (np.inf, 0.0), (np.inf, np.inf))


def even(kappa=1.5, nu=0.5, target=5.0, source=1.0):
    return SpikedModel.homogeneous(
        d=50, k=3, kappa=kappa, gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=source, gamma_tilde_y=target, nu=nu
    )


def drawn_at(model, n, epsilon, objective):
    """Prediction at a ridge ε in the units of the covariance."""
    ridges = {f"ridge_{view}": epsilon / jnp.mean(getattr(model, f"variance_{view}")) for view in "xy"}
    return float(getattr(theory.expected_distance(model, n, **ridges), objective))


@pytest.mark.parametrize("shape", GAPPED)
def test_corners_are_the_objectives(shape):
    for seed in range(20):
        model = random_model(seed, shape)
        found = [square.separation(model, ridge_x=x, ridge_y=y) for x, y in CORNERS]
        delta, back = theory.separation(model), theory.separation(model.swap())
        np.testing.assert_allclose(found, [delta.ca, delta.cp, back.cp, theory.pls_separation(model)], rtol=1e-10)
        exact = theory.recovery_counts(model).exact
        assert exact == tuple(square.recovered(model, ridge_x=x, ridge_y=y) for x, y in CORNERS[:2])
        boundary = theory.critical_nu(model)
        np.testing.assert_allclose(
            [square.critical_nu(model, ridge_x=x, ridge_y=y) for x, y in CORNERS[:2]], boundary, rtol=1e-10
        )


@pytest.mark.parametrize("shape", GAPPED)
def test_inside_it_is_dense_linear_algebra(shape):
    rng = np.random.default_rng(shape)
    for seed in range(20):
        model = random_model(seed, shape)
        cov, ridge = blocks(model), np.exp(rng.uniform(-4, 3, 2))
        x, y = (s + r * np.trace(s) / len(s) * np.eye(len(s)) for s, r in zip((cov.xx, cov.yy), ridge, strict=True))
        dense = np.diag(cov.xy / np.sqrt(np.outer(np.diag(x), np.diag(y))))
        value = square.separation(model, ridge_x=ridge[0], ridge_y=ridge[1])
        np.testing.assert_allclose(value, dense[: model.k].min() / dense[model.k :].max(), rtol=1e-10)


def test_widest_separation_is_a_corner_when_homogeneous_and_beats_every_corner():
    interior = 0
    for seed in range(30):
        model = random_model(seed, GAPPED[seed % len(GAPPED)])
        corners = max(float(square.separation(model, ridge_x=x, ridge_y=y)) for x, y in CORNERS)
        best = float(square.widest_separation(model).value)
        assert best >= corners * (1 - 1e-12)
        interior += best > 1.01 * corners
    assert interior > 3
    best = square.widest_separation(even())  # γ̃x < κ²+γx: x is left alone; γ̃y > κ²+γy: y is whitened
    assert best.ridge_x == np.inf and best.ridge_y == 0


@pytest.mark.parametrize(
    ("model", "n", "objective", "drawn"),
    [
        (even(), 200, "ca", {0: 0.397, 0.1: 0.320, 1: 0.301, 10: 0.430}),
        (even(nu=0.4), 120, "ca", {0.03: 0.651, 0.3: 0.437, 3: 0.435}),
        (even(kappa=2.5, nu=0.3), 400, "cp", {0: 0.234, 0.3: 0.142, 3: 0.040}),
        (even(source=20.0), 200, "ca", {0: 0.034, 1: 0.84}),
        (even(nu=0.95, target=0.2), 2000, "ca", {0: 0.999, 0.1: 0.0759, 10: 0.0131}),
    ],
)
def test_a_ridge_does_what_was_drawn(model, n, objective, drawn):
    """60 draws each, ±.007."""
    found = [drawn_at(model, n, epsilon, objective) for epsilon in drawn]
    np.testing.assert_allclose(found, list(drawn.values()), atol=0.025)


def test_best_ridge_has_no_better_neighbour():
    model = even()
    best = square.best_ridge(model, 200)
    for x, y in [*CORNERS, (1.0, 0.1), (3.0, 0.3), (float(best.ridge_x) * 1.2, float(best.ridge_y))]:
        assert square.expected_distance(model, 200, ridge_x=x, ridge_y=y) >= best.value - 1e-6
    assert best.value < 0.4 * square.expected_distance(model, 200)


def test_one_loud_target_coordinate_takes_one_place():
    """Drawn .320 (n = 500) and .271 (n = 2000, three times as loud): one of three signals, and not all of them."""
    for loud, n, drawn in ((100.0, 500, 0.320), (300.0, 2000, 0.271)):
        target = np.ones(17)
        target[0] = loud
        eta = np.r_[0.0, np.full(16, 0.1)]
        model = SpikedModel([3.0, 2.0, 1.5], [0.5] * 3, [0.5] * 3, np.ones(17), target, eta)
        np.testing.assert_allclose(theory.expected_distance(model, n).cp, drawn, atol=0.04)


def test_prediction_from_fewer_pairs_than_coordinates():
    """Drawn by `benchmarks/finite_sample.py`, ±.006. The pseudo-inverse is the limit of small ridges; float32 comes near."""
    model = SpikedModel.homogeneous(
        d=200, k=3, kappa=[2.6, 1.6, 1.1], gamma_x=[1.0, 1.8, 0.2], gamma_y=[0.1, 0.2, 0.2],
        gamma_tilde_x=0.9, gamma_tilde_y=0.4, nu=0.67,
    )  # fmt: skip
    n = 36
    found = theory.expected_distance(model, n).cp
    np.testing.assert_allclose(found, 0.777, atol=0.03)
    np.testing.assert_allclose(theory.expected_distance(model, n, ridge_x=1e-3).cp, found, atol=1e-3)
    with jax.enable_x64(False):
        single = theory.expected_distance(jax.tree.map(jnp.float32, model), n).cp
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, found, atol=0.05)


def test_validity_knows_where_a_place_is_contested():
    """A loud target coordinate and two equal signals in d = 16: drawn .600, ±.003."""
    target, eta = np.full(14, 1.7), np.full(14, 0.2)
    target[0] = 45.0
    loud = SpikedModel([1.7] * 2, [1.4] * 2, [0.1] * 2, np.full(14, 0.74), target, eta)
    apart = SpikedModel([1.7] * 2, [1.4] * 2, [0.1] * 2, np.full(14, 0.74), np.full(14, 1.7), eta)
    doubt = theory.validity(loud, 157)
    assert 0.1 < doubt.cp < 0.3 and abs(theory.expected_distance(loud, 157).cp - 0.6) < min(doubt.cp, 0.12)
    assert doubt.ca < 0.01 and theory.validity(apart, 157).cp < 0.01  # a gap below the k-th
    # Quiet signals in loud source nuisance, of which two moments say little: drawn .70 in d = 20.
    quiet = SpikedModel([0.2] * 2, [0.027] * 2, [0.027] * 2, np.full(14, 10.0), np.full(14, 4.0), np.full(14, 0.63))
    assert theory.validity(quiet, 5000).cp > 0.3 and theory.validity(quiet, 5000).ca < 0.01
    ridges = {"ridge_x": 0.1, "ridge_y": jnp.inf}
    np.testing.assert_allclose(square.validity(loud, 157, **ridges), theory.validity(loud, 157, ridge_x=0.1).cp, rtol=1e-10)


@pytest.mark.parametrize("shape", [(1, 2, 2), (2, 6, 6)])
def test_every_model_has_overlaps_and_a_validity_between_0_and_1(shape, random_models):
    """Ties, dead and noiseless signals, ν = 1, fewer pairs than coordinates and very many."""
    batch = stack([model for at, _, model in random_models if at == shape])
    predicted = one_by_one(lambda given: (theory.expected_overlaps(*given), theory.validity(*given)))
    for n in (3.0, 20.0, 3e3, 1e7):
        for found in jax.tree.leaves(predicted((batch, jnp.full(len(batch.kappa), n)))):
            assert np.all((found >= 0) & (found <= 1))


def test_ties_of_too_few_pairs_are_broken_at_random():
    """d_x + d_y − n correlations of 1: drawn .947 for the published model in d = 50 at n = 97."""
    for n in (60, 97):
        found = theory.expected_distance(even(kappa=2.0, nu=0.1), n).ca
        assert 0.8 < found < 1


def test_the_regime_of_many_pairs_is_that_of_the_population():
    for seed in range(12):
        model = random_model(seed, GAPPED[seed % len(GAPPED)])
        delta = theory.separation(model)
        if min(abs(np.log(delta.ca)), abs(np.log(delta.cp))) > 0.02:
            assert theory.regime(model, 1e10) == theory.regime(model)


def test_more_pairs_are_never_worse():
    pairs = np.geomspace(110, 1e6, 60)
    for model in (even(), even(kappa=2.5, nu=0.3), even(target=50.0, nu=0.05)):
        for distance in zip(*(theory.expected_distance(model, n) for n in pairs), strict=True):
            assert np.all(np.diff(distance) < 1e-4)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"ridge_y = -1 is not allowed: ridge_y must be in \[0, ∞\]"):
        square.separation(even(), ridge_y=-1)
    with pytest.raises(ValueError, match="n = 0 is not allowed"):
        square.best_ridge(even(), 0)

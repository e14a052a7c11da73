"""What n pairs recover: inverses against each other, limits against the population, detection sizes by hand, simulation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from monte_carlo import simulate

from phasejax.spiked import SpikedModel
from phasejax.theory import Regime, rho, separation, square, tau
from phasejax.theory.finite_sample import (
    effective_critical_nu,
    effective_separation,
    expected_distance,
    regime,
    samples_needed,
)
from phasejax.theory.homogeneous import ca_nu_star, ca_rho_c, cp_tau_c
from phasejax.theory.pencil import distances


def model(nu=0.1, target=5.0, kappa=(3.0, 2.0, 1.5), d=50, **sizes):
    return SpikedModel.homogeneous(
        d=d, k=3, kappa=jnp.asarray(kappa), gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=1, gamma_tilde_y=target, nu=nu, **sizes
    )


def test_expected_distance_is_the_mean_over_signals():
    """Far from every transition it is also what one signal against the bulk loses, up to terms of order k/d."""
    found, alone = expected_distance(model(), 5000), distances(model(), 5000)
    corners = [square.expected_overlaps(model(), 5000, ridge_y=ridge) for ridge in (0.0, np.inf)]
    np.testing.assert_allclose(found, [1 - np.mean(overlap) for overlap in corners], rtol=1e-12)
    np.testing.assert_allclose(found, [np.mean(alone.ca), np.mean(alone.cp)], rtol=0.03)


@pytest.mark.parametrize("objective", ["ca", "cp"])
@pytest.mark.parametrize("distance", [0.01, 0.1, 0.5, 0.9])
def test_samples_needed_inverts_the_distance(objective, distance):
    n = getattr(samples_needed(model(), level=distance), objective)
    if distance < 0.6:  # the weakest signal is lost below a threshold, where the mean jumps by less than 1/3
        np.testing.assert_allclose(getattr(expected_distance(model(), n), objective), distance, rtol=1e-6)
    assert getattr(expected_distance(model(), 0.99 * n), objective) > distance


def test_no_sample_suffices_beyond_the_boundary():
    lost = model(nu=0.6, target=50.0)
    assert separation(lost).cp < 1
    needed = samples_needed(lost, level=0.1)
    assert np.isposinf(needed.cp) and np.isfinite(needed.ca)


def test_regime_depends_on_the_number_of_pairs():
    """γ̃y = 50, ν = 0.02: the population says Both, but CP needs thousands of pairs and CA hundreds."""
    found = [regime(model(nu=0.02, target=50.0), n) for n in (50, 500, 50_000)]
    assert found == [Regime.NEITHER, Regime.CA_ONLY, Regime.BOTH]
    codes = jax.jit(jax.vmap(lambda n: regime(model(nu=0.02, target=50.0), n)))(jnp.array([50.0, 500.0, 50_000.0]))
    assert codes.dtype == jnp.int32
    np.testing.assert_array_equal(codes, found)


def test_prediction_is_more_robust_than_alignment_for_few_pairs_and_a_quiet_target():
    """γ̃y = 1: CA also whitens y with a noisy Σyy. Simulation agrees."""
    quiet = model(nu=0.1, target=0.5, kappa=[2.0, 1.2, 0.9])
    assert regime(quiet, 140) == Regime.CP_ONLY
    mean = simulate(quiet, 140, 60).mean
    assert mean[1] < 0.5 < mean[0]


def test_level_decides():
    found = expected_distance(model(), 500)
    assert found.ca < 0.2 < found.cp
    assert regime(model(), 500, level=0.2) == Regime.CA_ONLY


def test_effective_separation_tends_to_the_population():
    """The gap closes like √((d−k)/n)."""
    np.testing.assert_allclose(effective_separation(model(), 1e13), separation(model()), rtol=1e-4)
    below = np.asarray(effective_separation(model(), 1e4)), np.asarray(effective_separation(model(), 1e6))
    assert np.all(below[0] < below[1]) and np.all(below[1] < np.asarray(separation(model())))


def test_effective_separation_is_the_closed_form():
    n, c = 500, 47 / 500
    cp = np.asarray(tau(model())) / cp_tau_c(0.1 * np.sqrt(5), np.array([9.05, 4.05, 2.3]), 5.0, c)
    np.testing.assert_allclose(
        effective_separation(model(), n), [np.min(rho(model())) / ca_rho_c(0.1, c), np.min(cp)], rtol=1e-9
    )


def test_detection_sizes_without_nuisance_correlation():
    """Δ = 1 at n = (d−k)(1 + 1/ρ²) for CA and n = (d−k)(1 + (2γ̃y−s)/τ²) for CP."""
    bare = model(nu=0.0, target=50.0, kappa=[1.5] * 3)
    ca = 47 * (1 + 1 / float(rho(bare)[0]) ** 2)
    cp = 47 * (1 + (100 - 2.3) / float(tau(bare)[0]) ** 2)
    np.testing.assert_allclose(effective_separation(bare, ca).ca, 1, rtol=1e-9)
    np.testing.assert_allclose(effective_separation(bare, cp).cp, 1, rtol=1e-9)


def test_effective_separation_at_the_ends():
    np.testing.assert_array_equal(effective_separation(model(), 47), [0, 0])
    no_nuisance = SpikedModel([2.0, 1.0], [0.5, 0.5], [0.5, 0.5], [], [], [])
    np.testing.assert_array_equal(effective_separation(no_nuisance, 5), [np.inf, np.inf])
    np.testing.assert_array_equal(effective_separation(model(kappa=[3.0, 2.0, 0.0]), 500), [0, 0])


def test_effective_critical_nu_is_where_the_distance_crosses():
    even = model(kappa=[2.0] * 3)
    found = effective_critical_nu(even, 500)
    np.testing.assert_allclose(found.ca, ca_nu_star(rho(even)[0], 4.5, 47 / 500), atol=2e-3)  # a sharp edge, k/d apart
    np.testing.assert_allclose(expected_distance(model(kappa=[2.0] * 3, nu=found.cp), 500).cp, 0.5, atol=1e-6)
    np.testing.assert_array_equal(effective_critical_nu(model(target=50.0), 200).cp, 0)
    np.testing.assert_allclose(effective_critical_nu(model(target=0.01), 1e6).cp, 1)


def test_published_setting_crosses_where_it_was_simulated():
    """d = 20, n = 5000, γ̃y = 50: simulated CP reaches .05/.1/.25/.5 at ν = .068/.094/.125/.191, CA at .852/.868/.883/.925.

    CP's prediction is pessimistic by up to .013: few nuisance coordinates smear its transition.
    """
    published = model(target=50.0, d=20)
    crossings = np.array([effective_critical_nu(published, 5000, level=level) for level in (0.05, 0.1, 0.25, 0.5)])
    np.testing.assert_allclose(crossings[:, 0], [0.852, 0.868, 0.883, 0.925], atol=0.003)
    np.testing.assert_allclose(crossings[:, 1], [0.068, 0.094, 0.125, 0.191], atol=0.014)


@pytest.mark.parametrize("ridges", [(0.0, 0.0), (0.3, np.inf)], ids=["ca", "ridge"])
def test_reverse_derivative_is_that_of_finite_differences(ridges):
    """In every parameter and in n at once, along one direction."""
    rng = np.random.default_rng(4)
    x, y = np.exp(rng.uniform(-1, 1.5, 5)), np.exp(rng.uniform(-1, 1.5, 7))
    uneven = SpikedModel([2.0, 1.2], [0.5, 0.3], [0.2, 0.6], x, y, 0.4 * np.sqrt(x * y[:5]))
    flat, build = ravel_pytree((uneven, jnp.log(60.0)))
    along = jnp.asarray(rng.uniform(-0.1, 0.1, flat.size))

    @jax.jit
    @jax.value_and_grad
    def distance(flat):
        model, log_n = build(flat)
        return square.expected_distance(model, jnp.exp(log_n), ridge_x=ridges[0], ridge_y=ridges[1])

    step = 1e-3
    (less, _), (_, slope), (more, _) = (distance(flat + way * step * along) for way in (-1, 0, 1))
    np.testing.assert_allclose(slope @ along, (more - less) / (2 * step), rtol=2e-3)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"n = 0 is not allowed: n must be ≥ 1"):
        expected_distance(model(), 0)
    with pytest.raises(ValueError, match="level = 2 is not allowed"):
        regime(model(), 100, level=2)
    with pytest.raises(ValueError, match="level = 1 is not allowed"):
        samples_needed(model(), level=1)
    with pytest.raises(ValueError, match="n = nan is not allowed"):
        effective_separation(model(), float("nan"))


def test_single_precision(float32):
    assert expected_distance(model(), 500).ca.dtype == jnp.float32
    found = effective_separation(model(), 500)
    with jax.enable_x64(True):
        np.testing.assert_allclose(found, effective_separation(model(), 500), rtol=1e-4)
    np.testing.assert_allclose(samples_needed(model(kappa=[2.0] * 3), level=0.1).cp, 693.350776, rtol=5e-3)
    np.testing.assert_allclose(effective_critical_nu(model(kappa=[2.0] * 3), 500).cp, 0.41777192, rtol=0.02)

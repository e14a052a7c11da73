"""The series in 1/n against simulation, reference values and the homogeneous second-order coefficients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from monte_carlo import simulate

from phasejax.spiked import SpikedModel
from phasejax.theory import nu, rho, separation, tau, xi
from phasejax.theory.first_order import first_order, second_order, validity


def reference():
    return SpikedModel.homogeneous(
        d=8, k=2, kappa=[2, 1.5], gamma_x=0.5, gamma_y=0.2, gamma_tilde_x=1, gamma_tilde_y=2, eta=0.4
    )


def heterogeneous(seed, k, m_x, m_y):
    """A random model with Δ well above 1, where the first order is accurate at n = 20000."""
    rng = np.random.default_rng(seed)
    m = min(m_x, m_y)
    tilde_x, tilde_y = rng.uniform(0.4, 3, m_x), rng.uniform(0.4, 3, m_y)
    # ν ≤ 0.4 and ξ = ν√γ̃y ≤ 0.7 stay below every ρ and τ.
    return SpikedModel(
        rng.uniform(1.4, 3, k), rng.uniform(0.1, 0.8, k), rng.uniform(0.1, 0.8, k), tilde_x, tilde_y,
        rng.uniform(0, 0.4, m) * np.sqrt(tilde_x[:m] * tilde_y[:m]),
    )  # fmt: skip


def homogeneous(nu, target, kappa=(3, 2, 1.5), d=20):
    return SpikedModel.homogeneous(
        d=d, k=3, kappa=kappa, gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=0.8, gamma_tilde_y=target, nu=nu
    )


def coefficients(model):
    """(w1, w2, h) per signal of distance = mean[c h w1 + c²(h w2 − h² w1²)], homogeneous nuisance; CA then CP."""
    h = np.asarray(model.kappa**2 + model.gamma_x) / float(model.gamma_tilde_x[0])
    x, y = np.asarray(rho(model)) ** 2, float(nu(model)[0]) ** 2
    q = x**2 + x + x * y**2 + y**2 + x**2 * y - 6 * x * y + y
    w1 = (1 - x) * (x + y - 2 * x * y) / (x - y) ** 2
    w2 = (1 - x) * (-y * (1 - x) * (x - y) ** 2 + (x + y - 2 * x * y) * q) / (x - y) ** 4
    yield w1, w2, h
    T, x, t = np.asarray(tau(model)) ** 2, float(xi(model)[0]) ** 2, float(model.gamma_tilde_y[0])
    s = np.asarray(model.kappa**2 + model.gamma_y)
    w1 = (T * (s - T) + t * x) / (T - x) ** 2
    w2 = -(T**4) + T**3 * s + 2 * T**3 * x + T**2 * t**2 - 3 * T**2 * t * x - 2 * T * s**2 * x
    w2 = (w2 + 2 * T * s * t * x + 2 * T * t**2 * x - 2 * T * t * x**2 + t**2 * x**2) / (T - x) ** 4
    yield w1, w2, h


def test_reference_values():
    e1 = first_order(reference(), 1000)
    np.testing.assert_allclose([e1.ca, e1.cp], [0.0060246495, 0.0072659571], atol=5e-11)


@pytest.mark.parametrize("seed", range(6))
def test_first_order_is_the_simulated_distance(seed):
    """Heterogeneous models, d_x = d_y and either one larger."""
    k, m_x, m_y = [(3, 6, 6), (2, 7, 5), (2, 5, 8)][seed % 3]
    model = heterogeneous(seed, k, m_x, m_y)
    simulated = simulate(model, 20_000, 1500, seed)
    e1 = np.asarray(first_order(model, 20_000))
    assert np.max(np.asarray(validity(model, 20_000))) < 0.03
    np.testing.assert_array_less(np.abs(simulated.mean - e1), np.maximum(0.03 * e1, 4 * simulated.error))


def test_unpaired_target_coordinates_do_not_enter():
    model = heterogeneous(0, 2, 4, 4)
    longer = SpikedModel(
        model.kappa, model.gamma_x, model.gamma_y, model.gamma_tilde_x, jnp.append(model.gamma_tilde_y, 9.0), model.eta
    )
    np.testing.assert_array_equal(first_order(longer, 100), first_order(model, 100))


def test_objectives_agree_without_nuisance_correlation():
    """At η = 0 both are 1/(nk) Σ h (1−ρ²)/ρ²."""
    model = homogeneous(0.0, 7.0)
    power, r2 = np.asarray(model.kappa**2 + model.gamma_x) / 0.8, np.asarray(rho(model)) ** 2
    np.testing.assert_allclose(first_order(model, 100), [17 / 300 * np.sum(power * (1 - r2) / r2)] * 2, rtol=1e-12)


@pytest.mark.parametrize("target", [1.0, 5.0, 50.0])
@pytest.mark.parametrize("nu", [0.0, 0.05, 0.1])
def test_both_orders_are_the_homogeneous_coefficients(nu, target):
    model, n = homogeneous(nu, target), 700
    c = (model.d_x - model.k) / n
    for e1, e2, (w1, w2, h) in zip(first_order(model, n), second_order(model, n), coefficients(model), strict=True):
        np.testing.assert_allclose(e1, np.mean(c * h * w1), rtol=1e-12)
        np.testing.assert_allclose(e2, np.mean(c**2 * (h * w2 - h**2 * w1**2)), rtol=1e-9)


def test_second_order_explains_the_error_of_the_first():
    """Heterogeneous and d_x ≠ d_y, where no published coefficients exist: E1 is off by 17% (CA) and 20% (CP)."""
    model, n = heterogeneous(4, 2, 30, 40), 400
    simulated = simulate(model, n, 200).mean
    e1, e2 = np.asarray(first_order(model, n)), np.asarray(second_order(model, n))
    assert np.all(np.abs(e1 / simulated - 1) > 0.12)
    np.testing.assert_allclose(e1 + e2, simulated, rtol=0.07)


def test_validity_warns_where_target_noise_enters_at_second_order():
    """γ̃y = 50 far from Δ = 1: E1_CP is off by a factor of about 8, and the gauge says so while CA's stays small."""
    model = homogeneous(0.0, 50.0)
    gauge = validity(model, 5000)
    assert gauge.ca < 0.01 and gauge.cp > 0.3
    assert simulate(model, 5000, 60).mean[1] > 1.5 * first_order(model, 5000).cp


def test_validity_is_the_error_that_is_drawn():
    """Δ_CA = 1.05 beside one pair that competes: E1 is .259, drawn .191."""
    model, n = SpikedModel([2.0], [0.5], [0.5], [1.0, 1.0], [1.0, 1.0], [0.85, 0.1]), 300
    off = abs(float(first_order(model, n).ca) / simulate(model, n, 1500).mean[0] - 1)
    assert off > 0.2
    np.testing.assert_allclose(validity(model, n).ca, off, rtol=0.35)


def test_no_series_beyond_the_boundary():
    model = homogeneous(0.6, 50.0)
    assert separation(model).cp < 1 < separation(model).ca
    assert np.isposinf(first_order(model, 100).cp) and np.isposinf(validity(model, 100).cp)
    assert np.isnan(second_order(model, 100).cp) and np.isfinite(second_order(model, 100).ca)


def test_no_nuisance_means_no_error():
    model = SpikedModel([2.0, 1.0], [0.5, 0.5], [0.5, 0.5], [], [3.0], [])
    for term in (first_order(model, 50), second_order(model, 50), validity(model, 50)):
        np.testing.assert_array_equal(term, [0, 0])


def test_transformations_and_gradients():
    ns = jnp.array([100.0, 1000.0])
    batch = jax.jit(jax.vmap(lambda n: jnp.stack(first_order(reference(), n))))(ns)
    np.testing.assert_allclose(batch[1], first_order(reference(), 1000), rtol=1e-12)

    def error(nu):
        return first_order(homogeneous(nu, 5.0), 5000.0).cp

    np.testing.assert_allclose(jax.grad(error)(0.1), (error(0.1001) - error(0.0999)) / 2e-4, rtol=1e-5)
    at_tie = jax.grad(lambda eta: first_order(SpikedModel([1.0], [1.0], [1.0], [1.0], [1.0], eta), 10.0).ca)(jnp.array([0.5]))
    assert np.all(np.isfinite(at_tie))


def test_single_precision(float32):
    model = homogeneous(0.1, 5.0)
    np.testing.assert_allclose(first_order(reference(), 1000), [0.0060246495, 0.0072659571], rtol=1e-5)
    for e2, (w1, w2, h) in zip(second_order(model, 17), coefficients(model), strict=True):
        np.testing.assert_allclose(e2, np.mean(h * w2 - h**2 * w1**2), rtol=1e-4)

"""The limit d/n → c against its matrix fixed point, closed forms, reference values, the series in 1/n and simulation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models import stack
from monte_carlo import simulate
from scipy.optimize import brentq

from phasejax.spiked import SpikedModel
from phasejax.theory import homogeneous as solved
from phasejax.theory import nu, pencil, recovery_counts, rho, tau, xi
from phasejax.theory.first_order import first_order

KERNELS = {
    "ca": (lambda z: np.array([[-z, 1], [1, -1]]), np.zeros((2, 2))),
    "cp": (lambda z: np.array([[-z, 1], [1, 0]]), np.diag([0.0, -1])),
}


def homogeneous(nu, target, d=50, kappa=(3.0, 2.0, 1.5), **sizes):
    return SpikedModel.homogeneous(
        d=d, k=3, kappa=jnp.asarray(kappa), gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=0.7, gamma_tilde_y=target, nu=nu, **sizes
    )


def heterogeneous(seed, m_x, m_y, k=3):
    rng = np.random.default_rng(seed)
    m = min(m_x, m_y)
    tilde_x, tilde_y = rng.uniform(0.4, 3, m_x), rng.uniform(0.4, 6, m_y)
    return SpikedModel(
        rng.uniform(1.6, 3, k), rng.uniform(0.1, 0.8, k), rng.uniform(0.1, 0.8, k), tilde_x, tilde_y,
        rng.uniform(0, 0.35, m) * np.sqrt(tilde_x[:m] * tilde_y[:m]),
    )  # fmt: skip


class Pencil:
    """The 2×2 fixed point of the general recipe, iterated as it stands in the original coordinates."""

    def __init__(self, model, n, objective):
        self.kernel, self.shift = KERNELS[objective]
        self.n = n
        m_x, m_y, m = model.gamma_tilde_x.size, model.gamma_tilde_y.size, model.eta.size
        self.nuisance = np.zeros((max(m_x, m_y), 2, 2))
        self.nuisance[:m_x, 0, 0], self.nuisance[:m_y, 1, 1] = model.gamma_tilde_x, model.gamma_tilde_y
        self.nuisance[:m, 0, 1] = self.nuisance[:m, 1, 0] = model.eta
        # A side that a coordinate lacks is decoupled; any nonzero diagonal there (with R's −1 added) does.
        self.missing = np.zeros_like(self.nuisance)
        self.missing[m_x:, 0, 0] = self.missing[m_y:, 1, 1] = 3
        power = np.asarray(model.kappa) ** 2
        self.signal = np.empty((power.size, 2, 2))
        self.signal[:, 0, 1] = self.signal[:, 1, 0] = power
        self.signal[:, 0, 0], self.signal[:, 1, 1] = power + model.gamma_x, power + model.gamma_y

    def determinants(self, z, tilt=0.0, own=0.0):
        """det(L ∘ Cov_i + R) per signal, with `tilt` added to nuisance x-blocks or `own` to signal x-blocks."""
        first = np.diag([1.0, 0])
        inverse_kernel = np.linalg.inv(self.kernel(z))
        big = self.kernel(z)
        for _ in range(3000):
            resolvent = np.linalg.inv(big * self.nuisance + self.shift + tilt * first + self.missing)
            new = np.linalg.inv(inverse_kernel + np.sum(self.nuisance * resolvent, axis=0) / self.n)
            if np.max(np.abs(new - big)) < 1e-15 * np.max(np.abs(new)):
                break
            big = new
        return np.linalg.det(big * self.signal + self.shift + own * first)

    def outlier(self, index, low, high):
        return brentq(lambda z: self.determinants(z)[index], low, high, xtol=1e-14, rtol=1e-14)

    def distance(self, index, z, step=1e-5):
        """Response to a tilt of the nuisance over the response to a tilt of the signal itself, saturated."""
        noise = self.determinants(z, tilt=step)[index] - self.determinants(z, tilt=-step)[index]
        signal = self.determinants(z, own=step)[index] - self.determinants(z, own=-step)[index]
        return noise / (noise + signal)


def closed_form(model, n):
    """Distances per signal by the closed forms, and the thresholds, CA then CP."""
    c, x = (model.d_x - model.k) / n, xi(model)[0]
    target, power_y = model.gamma_tilde_y[0], model.kappa**2 + model.gamma_y
    h = (model.kappa**2 + model.gamma_x) / model.gamma_tilde_x[0]
    ca = solved.distance_of(solved.ca_omega(rho(model), nu(model)[0], c), h)
    cp = solved.distance_of(solved.cp_omega(tau(model), x, power_y, target, c), h)
    return (ca, cp), (solved.ca_rho_c(nu(model)[0], c), solved.cp_tau_c(x, power_y, target, c))


def test_reference_values():
    m = solved.cp_m(2, 1, 5, 5, 0.05)
    found = [
        solved.ca_rho_c(0.3, 0.1), solved.ca_nu_c(0.9, 0.1), solved.ca_omega(0.9, 0.3, 0.1), solved.ca_outlier(0.9, 0.3, 0.1),
        solved.cp_m_c(1, 5, 0.05), solved.cp_tau_c(1, 3, 5, 0.05), m,
        solved.cp_omega(2, 1, 5, 5, 0.05), solved.cp_outlier(m, 1, 5, 0.05),
        solved.ca_nu_star(4 / np.sqrt(4.5 * 4.05), 4.5, 47 / 500),
    ]  # fmt: skip
    expected = [
        0.5097189971, 0.8420997934, 0.0358156683, 0.9215612919,
        1.3122616721, 1.4485089624, 0.3571428571, 0.0711154408, 4.4297619048,
        0.8439870722,
    ]  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    published = SpikedModel.homogeneous(
        d=20, k=3, kappa=[3, 2, 1.5], gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=1, gamma_tilde_y=50, nu=0.1
    )
    np.testing.assert_allclose(np.mean(pencil.distances(published, 5000).cp), 0.1239488169, rtol=1e-9)


@pytest.mark.parametrize("n", [80.0, 300.0, 5000.0, 1e6])
@pytest.mark.parametrize(("nu", "target"), [(0.0, 1.0), (0.2, 5.0), (0.6, 2.0), (0.05, 50.0), (0.95, 0.3)])
def test_closed_forms_solve_the_general_equations(nu, target, n):
    """Detected or not, distances and thresholds; the polynomials of the closed forms lose a few digits at small c."""
    model = homogeneous(nu, target)
    distances, thresholds = closed_form(model, n)
    np.testing.assert_allclose(distances[0], pencil.distances(model, n).ca, rtol=1e-9)
    np.testing.assert_allclose(distances[1], pencil.distances(model, n).cp, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(thresholds[0], pencil.critical(model, n).rho, rtol=1e-9)
    np.testing.assert_allclose(thresholds[1], pencil.critical(model, n).tau, rtol=1e-9)


@pytest.mark.parametrize("objective", ["ca", "cp"])
@pytest.mark.parametrize(("m_x", "m_y"), [(20, 20), (26, 17), (15, 24)])
def test_general_equations_solve_the_pencil(m_x, m_y, objective):
    """Heterogeneous nuisance, unequal dimensions: same distance as the matrix fixed point in the original coordinates."""
    model, n = heterogeneous(m_x, m_x, m_y), 200
    fixed_point = Pencil(model, n, objective)
    predicted = np.asarray(getattr(pencil.distances(model, n), objective))
    assert np.all(predicted < 0.9)
    strongest = int(np.argmin(predicted))
    population = np.asarray(rho(model) if objective == "ca" else tau(model)) ** 2
    high = 1 - 1e-9 if objective == "ca" else 3 * population[strongest]
    z = fixed_point.outlier(strongest, population[strongest] * (1 - 1e-3), high)
    np.testing.assert_allclose(fixed_point.distance(strongest, z), predicted[strongest], rtol=1e-7)


def test_closed_form_outliers_solve_the_pencil():
    model, n = homogeneous(0.3, 2.0), 300
    c, power_y = 47 / n, np.asarray(model.kappa**2 + model.gamma_y)
    m = solved.cp_m(tau(model), xi(model)[0], power_y, 2.0, c)
    for objective, z in (
        ("ca", solved.ca_outlier(rho(model), 0.3, c) ** 2),
        ("cp", solved.cp_outlier(m, xi(model)[0], 2.0, c)),
    ):
        fixed_point = Pencil(model, n, objective)
        for index in range(3):
            found = fixed_point.outlier(index, float(z[index]) * 0.99, float(z[index]) * 1.005)
            np.testing.assert_allclose(found, z[index], rtol=1e-9)


@pytest.mark.parametrize("sizes", [(12, 12), (14, 9), (9, 14)])
def test_many_samples_give_the_first_order(sizes):
    model = heterogeneous(1, *sizes)
    scaled = [1e9 * np.mean(value) for value in pencil.distances(model, 1e9)]
    np.testing.assert_allclose(scaled, first_order(model, 1.0), rtol=1e-6)


@pytest.mark.parametrize("c", [0.01, 0.1, 0.3])
def test_critical_nu_inverts_critical_rho(c):
    correlation = np.linspace(0.02, 0.98, 25)
    threshold = solved.ca_rho_c(correlation, c)
    inside = np.asarray(threshold) < 1
    np.testing.assert_allclose(solved.ca_nu_c(threshold, c)[inside], correlation[inside], rtol=1e-9)
    assert solved.ca_nu_c(0.5 * np.sqrt(c / (1 - c)), c) == 0


@pytest.mark.parametrize("level", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("c", [0.01, 0.1, 0.3])
def test_critical_nu_of_a_level_is_the_root_of_the_distance(c, level):
    correlation, h = 0.93, 4.5
    found = solved.ca_nu_star(correlation, h, c, level=level)

    def excess(nu):
        return float(solved.distance_of(solved.ca_omega(correlation, nu, c), h)) - level

    root = brentq(excess, 0, 0.93, xtol=1e-12) if excess(0) < 0 else 0.0
    np.testing.assert_allclose(found, root, atol=1e-6)


def test_edges_are_outliers_at_the_threshold():
    """The outlier has a minimum in ρ (in m) at the threshold; ν = 0 gives the Wachter edge 2√(c(1−c))."""
    np.testing.assert_allclose(solved.ca_edge(0.0, 0.1), 2 * np.sqrt(0.1 * 0.9), rtol=1e-12)
    edge, threshold = solved.ca_edge(0.4, 0.1), solved.ca_rho_c(0.4, 0.1)
    assert np.all(np.asarray(solved.ca_outlier(threshold + np.array([-1e-3, 1e-3]), 0.4, 0.1)) > edge)
    at_edge = solved.cp_m_c(1.0, 5.0, 0.05)
    assert np.all(
        np.asarray(solved.cp_outlier(at_edge * np.array([0.99, 1.01]), 1.0, 5.0, 0.05)) > solved.cp_edge(1.0, 5.0, 0.05)
    )


def test_nothing_is_detected_below_the_smallest_sample():
    model = homogeneous(0.1, 5.0)
    for n in (1, 20, 47):
        np.testing.assert_array_equal(pencil.distances(model, n), np.ones((2, 3)))
        assert np.all(np.isinf(pencil.critical(model, n).tau)) and np.isinf(pencil.critical(model, n).rho)
    assert np.isinf(solved.ca_rho_c(0.1, 1.2)) and np.isinf(solved.cp_tau_c(0.1, 3.0, 5.0, 1.2))
    np.testing.assert_array_equal(solved.distance_of(np.array([0.0, np.inf]), 2.0), [0, 1])
    assert np.isnan(solved.cp_m(0.1, 2.0, 1.0, 5.0, 0.5))


@pytest.mark.parametrize(("m_x", "m_y"), [(10, 30), (30, 10)])
def test_the_longer_side_and_the_sum_of_both_need_their_samples(m_x, m_y):
    model = heterogeneous(0, m_x, m_y)
    assert np.isinf(pencil.critical(model, 29).rho) and np.isfinite(pencil.critical(model, 31).rho)
    np.testing.assert_array_equal(pencil.distances(model, 39).ca, [1, 1, 1])
    assert np.min(pencil.distances(model, 80).ca) < 1


def test_no_nuisance():
    model = SpikedModel([2.0, 1.0], [0.5, 0.5], [0.5, 0.5], [], [3.0], [])
    np.testing.assert_array_equal(pencil.distances(model, 50), np.zeros((2, 2)))
    np.testing.assert_array_equal(pencil.critical(model, 50).tau, [0, 0])


def test_every_model_has_a_distance_between_0_and_1(random_models):
    """Ties, dead and noiseless signals, ν = 1; and a huge sample recovers the exact counts, ties apart."""
    for shape in ((1, 4, 3), (2, 6, 6), (3, 5, 8), (4, 8, 4), (3, 3, 5)):
        models = [(flavour, model) for at, flavour, model in random_models if at == shape]
        batch = stack([model for _, model in models])
        for n in (3.0, 20.0, 1e3):
            found = np.stack(jax.vmap(pencil.distances, (0, None))(batch, n))
            assert np.all((found >= 0) & (found <= 1))
        if shape[0] == shape[1]:
            continue  # a square encoder spans everything, whatever it ranks first
        found, counts = jax.vmap(pencil.distances, (0, None))(batch, 1e12), jax.vmap(recovery_counts)(batch)
        untied = np.array([flavour != "ties" for flavour, _ in models])
        for distance, count in zip(found, counts.exact, strict=True):
            np.testing.assert_allclose(np.sum(1 - np.asarray(distance), axis=1)[untied], count[untied], atol=1e-3)


SIMULATED = {
    "published kind": (homogeneous(0.1, 5.0, d=60), 600),
    "strong nuisance": (homogeneous(0.6, 0.5, d=60), 600),
    "few samples": (homogeneous(0.2, 1.0, d=60), 240),
    "heterogeneous": (heterogeneous(0, 60, 60), 500),
    "longer source": (heterogeneous(1, 70, 40), 500),
    "longer target": (heterogeneous(2, 40, 70), 500),
}


@pytest.mark.parametrize("name", SIMULATED)
def test_distances_are_the_simulated_ones(name):
    """Within 3% or 4 standard errors; the neglected corrections are of relative order k/d."""
    model, n = SIMULATED[name]
    simulated = simulate(model, n, 80)
    predicted = np.array([np.mean(value) for value in pencil.distances(model, n)])
    assert np.all(predicted < 0.8)
    np.testing.assert_array_less(np.abs(simulated.mean - predicted), np.maximum(0.03 * predicted, 4 * simulated.error))


def test_simulated_outliers_and_edge():
    model, n = homogeneous(0.3, 2.0, d=100, kappa=[2.5, 2.0, 1.5]), 1000
    c, x, power_y = 97 / n, xi(model)[0], model.kappa**2 + model.gamma_y
    squares = simulate(model, n, 20).squares
    np.testing.assert_allclose(squares[0, :3], np.asarray(solved.ca_outlier(rho(model), 0.3, c)) ** 2, rtol=0.01)
    np.testing.assert_allclose(
        squares[1, :3], solved.cp_outlier(solved.cp_m(tau(model), x, power_y, 2.0, c), x, 2.0, c), rtol=0.03
    )
    np.testing.assert_allclose(squares[0, 3], solved.ca_edge(0.3, c) ** 2, rtol=0.06)
    np.testing.assert_allclose(squares[1, 3], solved.cp_edge(x, 2.0, c), rtol=0.06)


def test_isolated_nuisance_takes_one_place_and_no_more():
    """One nuisance coordinate above a signal: the top k lose that signal, and what leaks into that coordinate is not lost."""
    correlation = np.r_[0.95, np.full(19, 0.1)]
    model = SpikedModel([3, 2, 1], [0.5] * 3, [0.05] * 3, np.ones(20), np.ones(20), correlation)
    predicted = pencil.distances(model, 2000)
    np.testing.assert_allclose(np.mean(predicted.ca), simulate(model, 2000, 100).mean[0], atol=0.002)
    np.testing.assert_array_equal(np.asarray(predicted.ca) == 1, [False, False, True])


def test_ties_and_dead_signals_are_lost_with_finite_gradients():
    def mean(kappa, correlation):
        return jnp.sum(jnp.stack(pencil.distances(homogeneous(correlation, 5.0, kappa=[3.0, 2.0, kappa]), 500.0)))

    for kappa, correlation in ((0.0, 0.3), (1.0, float(rho(homogeneous(0.0, 5.0, kappa=[3.0, 2.0, 1.0]))[2])), (1.5, 1.0)):
        assert np.all(np.isfinite(jax.grad(mean, argnums=(0, 1))(kappa, correlation)))
    assert pencil.distances(homogeneous(0.3, 5.0, kappa=[3.0, 2.0, 0.0]), 500).ca[2] == 1


def test_gradient_is_the_slope():
    @jax.jit
    def mean(correlation, n):
        return jnp.stack([jnp.mean(value) for value in pencil.distances(homogeneous(correlation, 5.0), n)])

    slope = jax.jit(jax.jacfwd(mean, argnums=(0, 1)))(0.1, 500.0)
    np.testing.assert_allclose(slope[0], (mean(0.1001, 500.0) - mean(0.0999, 500.0)) / 2e-4, rtol=1e-5)
    np.testing.assert_allclose(slope[1], (mean(0.1, 500.1) - mean(0.1, 499.9)) / 0.2, rtol=1e-5)


def test_single_precision(float32):
    """Equal nuisance stays one cluster although its coordinates are rounded apart."""
    batch = jax.jit(jax.vmap(lambda v: jnp.stack(pencil.distances(homogeneous(v, 5.0), 500.0))))(jnp.linspace(0, 0.6, 61))
    assert batch.dtype == jnp.float32
    with jax.enable_x64(True):
        exact = np.stack([np.stack(closed_form(homogeneous(v, 5.0), 500.0)[0]) for v in np.linspace(0, 0.6, 61)[::10]])
    np.testing.assert_allclose(batch[::10], exact, rtol=1e-4)

"""Simulated spectra against drawn data, and the inversion against known populations."""

import jax.numpy as jnp
import numpy as np
import pytest

from phasejax.diagnosis.model.debias import debias_ca, debias_cp, draw_factors, simulate_ca, simulate_cp
from phasejax.diagnosis.sample import Sizes

D, N = 12, 150
VALUES = np.concatenate([[0.8, 0.7, 0.6], 0.4 * np.exp(-np.arange(D - 3) / 3)])
VARIANCES = np.linspace(3, 1, D)


def sizes(n, r_x=D, r_y=D):
    return Sizes(*(float(v) for v in (n, n, r_x, r_y, r_x, r_y, 1)))


def drawn_spectra(count: int, n: int, d_x: int, d_y: int, values, variances, seed: int):
    """Sample spectra of C and of A, (count, m) each, from drawn rows: an independent route to `simulate_*`."""
    rng, ca, cp = np.random.default_rng(seed), [], []
    m = min(d_x, d_y)
    for _ in range(count):
        x, y = rng.normal(size=(n, d_x)), rng.normal(size=(n, d_y))
        y[:, :m] = values[:m] * x[:, :m] + np.sqrt(1 - values[:m] ** 2) * y[:, :m]
        y *= np.sqrt(variances[:d_y])
        q_x, q_y = np.linalg.qr(x)[0], np.linalg.qr(y)[0]
        ca.append(np.linalg.svd(q_x.T @ q_y, compute_uv=False))
        cp.append(np.linalg.svd(q_x.T @ y, compute_uv=False) / np.sqrt(n))
    return np.array(ca), np.array(cp)


@pytest.mark.parametrize(("d_x", "d_y"), [(12, 12), (12, 7), (7, 12)])
def test_simulated_spectra_have_the_mean_of_drawn_ones(d_x, d_y):
    values = np.where(np.arange(D) < min(d_x, d_y), VALUES, 0)
    variances = np.where(np.arange(D) < d_y, VARIANCES, 0)
    ca, cp = drawn_spectra(1500, N, d_x, d_y, VALUES, VARIANCES, seed=1)
    factors = draw_factors(sizes(N, d_x, d_y), D, seed=2, draws=1500)
    m = min(d_x, d_y)
    simulated = simulate_ca(values, factors), simulate_cp(values * np.sqrt(variances), variances, factors)
    for drawn, mean in zip((ca, cp), simulated, strict=True):
        error = np.sqrt(2) * drawn.std(axis=0) / np.sqrt(len(drawn))
        assert error.max() < 0.01
        assert np.all(np.abs(np.asarray(mean)[:m] - drawn.mean(axis=0)) < 4.5 * error)
        np.testing.assert_allclose(np.asarray(mean)[m:], 0, atol=1e-9)


def test_debiasing_removes_the_inflation_of_separated_values_and_most_of_the_rest():
    samples = 60
    ca, cp = drawn_spectra(samples, N, D, D, VALUES, VARIANCES, seed=3)
    truth = {"ca": VALUES, "cp": -np.sort(-VALUES * np.sqrt(VARIANCES))}
    found = {
        "ca": np.array([debias_ca(jnp.asarray(s), draw_factors(sizes(N), D, i)) for i, s in enumerate(ca)]),
        "cp": np.array(
            [debias_cp(jnp.asarray(s), jnp.asarray(VARIANCES), draw_factors(sizes(N), D, i)) for i, s in enumerate(cp)]
        ),
    }
    for name, observed in (("ca", ca), ("cp", cp)):
        raw, bias = observed.mean(axis=0) - truth[name], found[name].mean(axis=0) - truth[name]
        error = observed.std(axis=0) / np.sqrt(samples)
        assert np.mean(raw / error) > 5  # the sample is inflated, far beyond chance
        assert np.abs(bias).mean() < 0.35 * np.abs(raw).mean()
        assert np.abs(bias[0]) < 3 * error[0] + 0.01
        assert np.mean((found[name] - truth[name]) ** 2) < 0.6 * np.mean((observed - truth[name]) ** 2)


def test_independent_views_are_brought_down():
    ca, _ = drawn_spectra(40, N, D, D, 0 * VALUES, VARIANCES, seed=4)
    found = np.array([debias_ca(jnp.asarray(s), draw_factors(sizes(N), D, i)) for i, s in enumerate(ca)])
    assert found.mean() < 0.35 * ca.mean()


def test_debiasing_hardly_moves_a_spectrum_of_very_many_pairs():
    factors = draw_factors(sizes(1e7), D, seed=0)
    np.testing.assert_allclose(debias_ca(jnp.asarray(VALUES), factors), VALUES, atol=2e-3)

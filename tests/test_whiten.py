"""Regularised alignment: its corners are the other solvers, its inside is dense algebra on the population."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models import GAPPED, random_model

from phasejax import solvers, theory
from phasejax.spiked import Covariance


def projector(encoder):
    q = np.linalg.qr(np.asarray(encoder).T)[0]
    return q @ q.T


def batch(shape, count=100):
    """Sample-like covariances: random positive definite, no structure."""
    _, d_x, d_y = shape
    rng = np.random.default_rng(shape)
    rows = rng.normal(size=(count, 4 * (d_x + d_y), d_x + d_y)) @ rng.normal(size=(count, d_x + d_y, d_x + d_y))
    s = jnp.asarray(rows.swapaxes(1, 2) @ rows / rows.shape[1])
    return Covariance(s[:, :d_x, :d_x], s[:, :d_x, d_x:], s[:, d_x:, d_x:])


@pytest.mark.parametrize("shape", GAPPED)
def test_corners_are_the_other_solvers(shape):
    """500 covariances in all, to 10⁻¹⁰."""
    k, covs = shape[0], batch(shape)

    def at(x, y):
        return jax.vmap(lambda cov: solvers.whiten(cov, k, ridge_x=x, ridge_y=y))(covs)

    swapped = Covariance(covs.yy, covs.xy.swapaxes(1, 2), covs.xx)
    back = jax.vmap(lambda cov: solvers.predict(cov, k))(swapped)
    expected = {
        (0.0, 0.0): jax.vmap(lambda cov: solvers.align(cov, k))(covs),
        (0.0, np.inf): jax.vmap(lambda cov: solvers.predict(cov, k))(covs),
        (np.inf, np.inf): jax.vmap(lambda cov: solvers.pls(cov, k))(covs),
        (0.4, 0.4): jax.vmap(lambda cov: solvers.align(cov, k, ridge=0.4))(covs),
    }
    for ridges, solution in expected.items():
        found = at(*ridges)
        np.testing.assert_allclose(found.singular_values, solution.singular_values, rtol=1e-10, atol=1e-12)
        for one, other in zip(found.encoder_x, solution.encoder_x, strict=True):
            np.testing.assert_allclose(projector(one), projector(other), atol=1e-8)
    found = at(np.inf, 0.0)
    np.testing.assert_allclose(found.singular_values, back.singular_values, rtol=1e-10, atol=1e-12)
    for one, other in zip(found.encoder_x, back.encoder_y, strict=True):
        np.testing.assert_allclose(projector(one), projector(other), atol=1e-8)


@pytest.mark.parametrize("shape", GAPPED)
def test_singular_values_are_those_of_the_theory(shape):
    rng = np.random.default_rng(shape)
    for seed in range(4):
        model = random_model(seed, shape)
        x, y = np.exp(rng.uniform(-4, 3, 2))
        found = solvers.whiten(model.covariance(), model.k, ridge_x=x, ridge_y=y, throw=False)
        signal, nuisance = theory.square.singular_values(model, ridge_x=x, ridge_y=y)
        expected = np.sort(np.r_[signal, nuisance])[::-1] / np.sqrt((1 + x) * (1 + y))
        np.testing.assert_allclose(found.singular_values[: expected.size], expected, rtol=1e-10)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"ridge_x = -1 is not allowed: ridge_x must be in \[0, ∞\]"):
        solvers.whiten(Covariance(*(leaf[0] for leaf in batch((2, 4, 4), 1))), 2, ridge_x=-1)

"""The sampled blocks have the Wishart law of the joint population."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from multimodal_models import flatten, joint_covariance, random_model

from phasejax.multimodal import MultimodalModel
from phasejax.multimodal.sampling import sample_covariance

TRIALS = 4000
SHAPE = (3, 1, 3)

sample = jax.jit(lambda model, n, key: sample_covariance(model, n, key=key))
sample_many = jax.jit(jax.vmap(lambda model, n, key: sample_covariance(model, n, key=key), (None, None, 0)))


def draws(model, n, trials=TRIALS):
    keys = jax.random.split(jax.random.key(3), trials)
    blocks = np.asarray(sample_many(model, n, keys))
    return blocks.transpose(0, 1, 3, 2, 4).reshape(trials, model.modalities * model.d, -1)


@pytest.mark.parametrize("n", [4, 30])
def test_mean_and_variance_are_those_of_the_wishart_law(n):
    """E S = Σ and n Var S_ab = Σ_aa Σ_bb + Σ_ab², below and above n = M d."""
    model = random_model(2, SHAPE, strength=0.8)
    sigma = joint_covariance(model)
    drawn = draws(model, n)
    scale = np.sqrt(np.outer(np.diag(sigma), np.diag(sigma)))
    error = drawn.std(axis=0) / np.sqrt(TRIALS)
    assert np.max(np.abs(drawn.mean(axis=0) - sigma) / error) < 4.5
    variance = n * drawn.var(axis=0) / scale**2
    np.testing.assert_allclose(variance, 1 + (sigma / scale) ** 2, rtol=0.25)
    assert abs(np.mean(variance / (1 + (sigma / scale) ** 2)) - 1) < 0.03
    assert np.linalg.matrix_rank(drawn[0]) == min(n, 9)


def test_perfect_correlation_survives_sampling():
    model = MultimodalModel.homogeneous(d=3, k=1, modalities=3, kappa=1, gamma=0.5, gamma_tilde=4.0, nu=1.0, shared_by=2)
    blocks = sample(model, 50, jax.random.key(0))
    np.testing.assert_allclose(blocks[0, 0, 1:, 1:], blocks[0, 1, 1:, 1:], rtol=1e-6)
    np.testing.assert_allclose(blocks, np.swapaxes(np.swapaxes(blocks, 0, 1), 2, 3), rtol=1e-12)


def test_same_key_same_bits_and_traced_n():
    model = random_model(0, SHAPE)
    one = sample(model, 20, jax.random.key(1))
    np.testing.assert_array_equal(one, sample(model, 20, jax.random.key(1)))
    assert not np.array_equal(one, sample(model, 20, jax.random.key(2)))
    many = sample(model, 1_000_000, jax.random.key(1))
    scale = np.sqrt(np.outer(*2 * [np.diag(joint_covariance(model))]))
    np.testing.assert_allclose(flatten(many) / scale, joint_covariance(model) / scale, atol=0.006)


def test_bad_n():
    with pytest.raises(ValueError, match="n = 0 is not allowed"):
        sample_covariance(random_model(0, SHAPE), 0, key=jax.random.key(0))


def test_single_precision(float32):
    blocks = sample(random_model(0, SHAPE), 20, jax.random.key(1))
    assert blocks.dtype == jnp.float32 and blocks.shape == (3, 3, 3, 3)

"""What encoders of any width recovered, against the metrics of rank-k encoders and scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.linear_model import LinearRegression

from phasejax.recovery import squared_overlap
from phasejax.training import leading_rows, probe_r2, signal_overlap


def test_at_width_k_it_is_the_overlap_of_the_row_space():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(6, 6))
    weight = jnp.asarray(rng.normal(size=(3, 6)))
    np.testing.assert_allclose(signal_overlap(weight, jnp.asarray(root @ root.T), 3), squared_overlap(weight), atol=1e-12)


def test_a_wide_encoder_is_judged_by_its_leading_components():
    rng = np.random.default_rng(1)
    variance = np.array([4.0, 3.0, 1.0, 1.0, 1.0])
    signal, rest = np.eye(5)[:2], 0.1 * np.eye(5)[2:]
    mix = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    good = signal_overlap(jnp.asarray(mix @ np.vstack([signal, rest])), jnp.diag(jnp.asarray(variance)), 2)
    bad = signal_overlap(jnp.asarray(mix @ np.vstack([0.1 * signal, 10 * rest])), jnp.diag(jnp.asarray(variance)), 2)
    np.testing.assert_allclose(good, 1, atol=1e-12)
    np.testing.assert_allclose(bad, 0, atol=1e-12)
    # Against principal components of many embedded rows.
    weight = rng.normal(size=(4, 5))
    rows = rng.normal(size=(400_000, 5)) * np.sqrt(variance)
    components = np.linalg.svd(rows @ weight.T, full_matrices=False)[2][:2] @ weight
    wanted = squared_overlap(jnp.asarray(components))
    assert leading_rows(jnp.asarray(weight), jnp.diag(jnp.asarray(variance)), 2).shape == (2, 5)
    np.testing.assert_allclose(signal_overlap(jnp.asarray(weight), jnp.diag(jnp.asarray(variance)), 2), wanted, atol=0.01)


def test_the_probe_is_a_held_out_regression():
    z = jax.random.normal(jax.random.key(0), (200, 4))
    targets = z @ jax.random.normal(jax.random.key(1), (4, 3)) + 2 + jax.random.normal(jax.random.key(2), (200, 3))
    reference = LinearRegression().fit(z[:100], targets[:100]).score(z[100:], targets[100:])
    np.testing.assert_allclose(probe_r2(z, targets), reference, rtol=1e-9)
    noise = jax.random.normal(jax.random.key(3), (200, 1))
    assert probe_r2(z, noise) < 0.05 and 0.3 < reference < 1

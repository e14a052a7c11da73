"""Conflict measures against NumPy, the gradient of InfoNCE, and the laws they obey."""

import jax
import jax.numpy as jnp
import numpy as np
import objective_references as reference
import pytest

from phasejax import objectives

forces = jax.jit(objectives.forces)
conflict = jax.jit(objectives.conflict)


@pytest.mark.parametrize(("modalities", "size", "d"), [(2, 6, 3), (4, 5, 4)])
def test_forces_equal_their_reference(modalities, size, d):
    z = reference.embeddings(0, modalities, size, d)
    for got, expected in zip(forces(z, temperature=0.3), reference.forces(z, 0.3), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("modalities", [2, 3, 6])
def test_the_gradient_of_infonce_is_repulsion_minus_attraction(modalities):
    """∂L/∂z = 2/(MBT) (Φ − V), to rounding, for rows of any length."""
    gradient = jax.jit(jax.grad(lambda z, t: objectives.infonce(z, temperature=t)))
    for temperature in (0.05, 0.5):
        z = reference.embeddings(1, modalities, 9, 5)
        attraction, repulsion, _ = forces(z, temperature=temperature)
        expected = 2 / (modalities * 9 * temperature) * (repulsion - attraction)
        np.testing.assert_allclose(gradient(z, temperature), expected, atol=1e-12)


@pytest.mark.parametrize(("modalities", "size", "d"), [(2, 6, 3), (4, 5, 4)])
def test_conflict_equals_its_definition(modalities, size, d):
    z = reference.embeddings(2, modalities, size, d)
    attraction, repulsion, negatives = reference.forces(z, 0.3)
    got = conflict(z, temperature=0.3)
    for a in range(modalities):
        for i in range(size):
            project = np.eye(d) - np.outer(z[a, i], z[a, i])
            v, phi, far = project @ attraction[a, i], project @ repulsion[a, i], project @ negatives[a, i]
            lengths = np.linalg.norm(v), np.linalg.norm(phi), np.linalg.norm(far)
            np.testing.assert_allclose(got.alignment_uniformity[a, i], v @ phi / lengths[0] / lengths[1], rtol=1e-9)
            np.testing.assert_allclose(got.against_negatives[a, i], v @ far / lengths[0] / lengths[2], rtol=1e-9)
            squared = np.sum(attraction[a, i] ** 2)
            np.testing.assert_allclose(got.cancelled[a, i], attraction[a, i] @ repulsion[a, i] / squared, rtol=1e-9)
            np.testing.assert_allclose(got.intra_alignment[a, i], 1 - np.sqrt(squared), rtol=1e-9, atol=1e-12)


def test_two_modalities_have_no_intra_alignment_conflict():
    assert np.max(np.abs(conflict(reference.embeddings(0, 2, 30, 6)).intra_alignment)) < 1e-14


@pytest.mark.parametrize("cosine", [0.0, 0.3, 0.8])
def test_intra_alignment_conflict_follows_its_law(cosine):
    """Positives with cosine ρ: E‖V‖² = ρ + (1−ρ)/(M−1), so χ rises towards 1 − √ρ."""
    d, size = 40, 200
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(1, size, d))
    shared /= np.linalg.norm(shared, axis=-1, keepdims=True)
    rises = []
    for modalities in (2, 3, 8):
        own = rng.normal(size=(modalities, size, d))
        own -= np.sum(own * shared, axis=-1, keepdims=True) * shared
        own /= np.linalg.norm(own, axis=-1, keepdims=True)
        z = np.sqrt(cosine) * shared + np.sqrt(1 - cosine) * own
        attraction = (z.sum(axis=0) - z) / (modalities - 1)
        chi = np.asarray(conflict(z, temperature=1.0).intra_alignment)
        np.testing.assert_allclose(chi, 1 - np.linalg.norm(attraction, axis=-1), atol=1e-12)
        squares = np.mean((1 - chi) ** 2, axis=0)  # of one tuple
        error = squares.std(ddof=1) / np.sqrt(size)
        law = cosine + (1 - cosine) / (modalities - 1)
        assert error < 0.02 and abs(squares.mean() - law) <= 4 * error + 1e-12
        rises.append(chi.mean())
    assert all(np.diff(rises) > 0) and rises[-1] < 1 - np.sqrt(cosine)


def test_modality_gap():
    z = reference.embeddings(0, 3, 12, 4) + np.array([[[1.0, 0, 0, 0]], [[0, 2.0, 0, 0]], [[0, 0, 0, 0]]])
    means = z.mean(axis=1)
    expected = np.mean([np.linalg.norm(means[a] - means[n]) for a, n in ((0, 1), (0, 2), (1, 2))])
    np.testing.assert_allclose(objectives.modality_gap(z), expected, rtol=1e-12)
    assert objectives.modality_gap(np.repeat(z[:1], 3, axis=0)) == 0


def test_retrieval_at_1():
    z = reference.embeddings(0, 3, 30, 3)
    z[2] = z[0] + 0.3 * z[1]
    scores = z[0] @ z[2].T
    expected = np.mean(np.argmax(scores, axis=1) == np.arange(30))
    assert 0.1 < expected < 0.95
    np.testing.assert_allclose(objectives.retrieval_at_1(z, query=0, gallery=2), expected)
    assert objectives.retrieval_at_1(np.repeat(z[:1], 2, axis=0)) == 1
    assert objectives.retrieval_at_1(np.ones((2, 5, 3))) == 0  # a collapsed encoder retrieves nothing
    with pytest.raises(ValueError, match=r"gallery = 3 .* 0\.\.2"):
        objectives.retrieval_at_1(z, gallery=3)


def test_measures_are_finite_with_gradients_at_extreme_inputs(float32):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(3, 4, 5))
    z /= np.linalg.norm(z, axis=-1, keepdims=True)
    cases = [z, np.repeat(z[:1], 3, axis=0), np.repeat(z[:, :1], 4, axis=1), np.zeros_like(z), np.stack([z[0], -z[0], z[0]])]

    def everything(z):
        return sum(jnp.sum(part) for part in objectives.conflict(z, temperature=0.01)) + objectives.modality_gap(z)

    run = jax.jit(jax.value_and_grad(everything))
    for case in cases:
        value, gradient = run(jnp.asarray(case, jnp.float32))
        assert value.dtype == jnp.float32 and np.isfinite(value) and np.all(np.isfinite(gradient))

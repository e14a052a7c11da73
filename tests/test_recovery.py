"""Recovery metrics against SciPy's principal angles, projectors formed in NumPy, and angles put in by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import random_orthogonal
from scipy.linalg import subspace_angles

from phasejax.recovery import (
    crossing,
    principal_angles,
    projector_distance,
    recovered_count,
    squared_overlap,
    subspace_distance,
)

SIZES = ((1, 4), (3, 8), (5, 5), (4, 6))  # (k, d): for (5, 5) everything is recovered, for (4, 6) two angles are zero

metrics = jax.jit(
    lambda e, b: (squared_overlap(e, b), subspace_distance(e, b), projector_distance(e, b), principal_angles(e, b))
)


def random_case(seed, k, d, r=None):
    """An encoder near a true subspace of dimension r, with rows of mixed scale."""
    rng = np.random.default_rng([seed, k, d])
    r = r or k
    basis = random_orthogonal(rng, d)[:, :r]
    rows = rng.normal(size=(k, r)) @ basis.T + rng.uniform(0, 1.5) * rng.normal(size=(k, d))
    return rows * np.exp(rng.uniform(-3, 3, (k, 1))), basis


def at_angles(angles, d, rng):
    """An encoder whose row space meets the span of a basis at exactly these angles."""
    q = random_orthogonal(rng, d)
    k = len(angles)
    angles = np.asarray(angles)
    return q[:, :k].T * np.cos(angles)[:, None] + q[:, k : 2 * k].T * np.sin(angles)[:, None], q[:, :k]


def projector(columns):
    q, _ = np.linalg.qr(columns)
    return q @ q.T


@pytest.mark.parametrize("size", SIZES)
def test_angles_are_those_of_scipy(size):
    k, d = size
    for seed in range(20):
        encoder, basis = random_case(seed, k, d)
        angles = metrics(encoder, basis)[3]
        # SciPy itself is good to √eps only at angles that are zero; those are there by counting dimensions.
        np.testing.assert_allclose(angles, subspace_angles(encoder.T, basis)[::-1], atol=1e-7, rtol=1e-9)
        np.testing.assert_allclose(angles[: max(0, 2 * k - d)], 0, atol=1e-13)


@pytest.mark.parametrize(("k", "r"), [(1, 3), (2, 3), (4, 2)])
def test_angles_between_spaces_of_different_dimension_are_those_of_scipy(k, r):
    for seed in range(10):
        encoder, basis = random_case(seed, k, 8, r)
        np.testing.assert_allclose(metrics(encoder, basis)[3], subspace_angles(encoder.T, basis)[::-1], atol=1e-12, rtol=1e-9)


@pytest.mark.parametrize("size", SIZES)
def test_distance_is_the_mean_squared_sine_and_that_of_projectors(size):
    k = size[0]
    for seed in range(20):
        encoder, basis = random_case(seed, *size)
        overlap, distance, by_projectors, _ = metrics(encoder, basis)
        angles = subspace_angles(encoder.T, basis)
        np.testing.assert_allclose(distance, np.mean(np.sin(angles) ** 2), rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(distance, 1 - np.mean(overlap), rtol=1e-10, atol=1e-13)
        expected = np.linalg.norm(projector(encoder.T) - projector(basis)) / np.sqrt(2 * k)
        np.testing.assert_allclose(by_projectors, expected, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("size", SIZES)
def test_overlap_is_the_squared_length_of_each_projected_direction(size):
    for seed in range(10):
        encoder, basis = random_case(seed, *size)
        np.testing.assert_allclose(
            metrics(encoder, basis)[0], np.diag(basis.T @ projector(encoder.T) @ basis), rtol=1e-10, atol=1e-13
        )


def test_truth_defaults_to_the_first_k_coordinates():
    encoder, _ = random_case(0, 3, 8)
    for metric in (squared_overlap, subspace_distance, projector_distance, principal_angles):
        np.testing.assert_array_equal(metric(jnp.asarray(encoder)), metric(jnp.asarray(encoder), jnp.eye(8, 3)))


@given(st.integers(0, 10_000), st.floats(-3, 3))
def test_only_the_row_space_counts(seed, log_scale):
    encoder, basis = random_case(seed, 3, 8)
    rng = np.random.default_rng(seed)
    mix = random_orthogonal(rng, 3) * np.exp(rng.uniform(-2, 2, 3)) @ random_orthogonal(rng, 3) * 10.0**log_scale
    for one, other in zip(metrics(encoder, basis), metrics(mix @ encoder, basis), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10)


def test_a_common_rotation_changes_nothing():
    rng = np.random.default_rng(0)
    for seed in range(10):
        encoder, basis = random_case(seed, 3, 8)
        q = random_orthogonal(rng, 8)
        for one, other in zip(metrics(encoder, basis), metrics(encoder @ q.T, q @ basis), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-12)


def test_perfect_and_hopeless_encoders():
    perfect, hopeless = jnp.eye(2, 6) * 7, jnp.roll(jnp.eye(2, 6), 2, axis=1)
    assert subspace_distance(perfect) == 0 and projector_distance(perfect) == 0
    np.testing.assert_array_equal(principal_angles(perfect), [0, 0])
    np.testing.assert_array_equal(squared_overlap(perfect), [1, 1])
    assert subspace_distance(hopeless) == 1 and projector_distance(hopeless) == 1
    np.testing.assert_allclose(principal_angles(hopeless), [np.pi / 2, np.pi / 2])
    np.testing.assert_array_equal(squared_overlap(hopeless), [0, 0])


@pytest.mark.parametrize("x64", [True, False])
def test_a_zero_encoder_recovers_nothing(x64):
    with jax.enable_x64(x64):
        zero = jnp.zeros((3, 7))
        np.testing.assert_array_equal(squared_overlap(zero), np.zeros(3))
        assert subspace_distance(zero) == 1 and projector_distance(zero) == 1
        np.testing.assert_allclose(principal_angles(zero), np.full(3, np.pi / 2), rtol=1e-6)


@pytest.mark.parametrize("x64", [True, False])
def test_a_rank_deficient_encoder_recovers_no_more_than_its_rank(x64):
    """Rows that repeat each other up to rounding span one direction; an SVD's spare columns must not count as recovered."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(x64):
        for _ in range(20):
            row = rng.normal(size=7)
            encoder = jnp.asarray(np.outer([1, 1 / 3, -2.7], row), float)
            overlap = squared_overlap(encoder)
            np.testing.assert_allclose(overlap, row[:3] ** 2 / np.sum(row**2), rtol=1e-4)
            assert subspace_distance(encoder) >= 1 - 1 / 3 - 1e-6
            assert np.sum(principal_angles(encoder) > 1.57) == 2


@pytest.mark.parametrize("angle", [1e-9, 1e-5, 0.1, np.pi / 4, 1.2, np.pi / 2 - 1e-9])
def test_angles_are_accurate_at_both_ends(angle):
    """The cosine of 1e-9 rounds to one, so only sines can see it."""
    encoder, basis = at_angles([angle, angle / 3], 8, np.random.default_rng(0))
    _, distance, by_projectors, angles = metrics(encoder, basis)
    np.testing.assert_allclose(angles, [angle / 3, angle], rtol=1e-6, atol=0)
    np.testing.assert_allclose(np.pi / 2 - angles[1], np.pi / 2 - angle, rtol=1e-6)
    expected = np.mean(np.sin([angle, angle / 3]) ** 2)
    np.testing.assert_allclose(distance, expected, rtol=1e-6)
    np.testing.assert_allclose(by_projectors, np.sqrt(expected), rtol=1e-6)


def test_small_angles_in_float32(float32):
    encoder, basis = at_angles([1e-3, 2e-3], 8, np.random.default_rng(0))
    encoder, basis = jnp.asarray(encoder, float), jnp.asarray(basis, float)
    angles = principal_angles(encoder, basis)
    assert angles.dtype == jnp.float32
    np.testing.assert_allclose(angles, [1e-3, 2e-3], rtol=2e-3)
    np.testing.assert_allclose(subspace_distance(encoder, basis), 2.5e-6, rtol=5e-3)


def test_a_direction_counts_when_its_overlap_exceeds_the_threshold():
    overlap = jnp.array([0.95, 0.81, 0.8, 0.79, 0.3])
    assert recovered_count(overlap) == 2  # 0.8 as published, exclusive
    assert recovered_count(overlap, 0.5) == 4
    assert recovered_count(overlap, 0.99) == 0
    assert jax.jit(recovered_count)(overlap).dtype == jnp.int32


def test_vmap_equals_loop():
    cases = [random_case(seed, 3, 8) for seed in range(5)]
    encoders, bases = (jnp.stack([jnp.asarray(case[i]) for case in cases]) for i in (0, 1))
    batch = jax.vmap(metrics)(encoders, bases)
    for i, case in enumerate(cases):
        for together, alone in zip(batch, metrics(*case), strict=True):
            np.testing.assert_allclose(together[i], alone, rtol=1e-10, atol=1e-13)


def test_a_crossing_is_where_the_curve_first_exceeds_the_level():
    x = np.array([0.0, 1.0, 3.0, 4.0])
    assert crossing(x, np.array([0.1, 0.4, 0.8, 0.2])) == pytest.approx(1.5)
    assert crossing(x, np.array([0.1, 0.4, 0.8, 0.9]), level=0.6) == pytest.approx(2.0)
    assert crossing(x, np.array([0.7, 0.4, 0.8, 0.9])) == 0.0
    assert crossing(x, np.array([0.1, 0.4, 0.5, 0.2])) == np.inf

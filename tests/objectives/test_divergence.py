"""Divergences against enumeration in NumPy, Gaussian closed forms, and each other."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import objective_references as reference
import pytest

from phasejax import objectives


def random_tuples(seed, modalities, size, d, alignment):
    """Unit rows: a shared direction of weight `alignment` in [0, 1], an own mean for every modality, and noise."""
    rng = np.random.default_rng([seed, modalities, size, d])
    noise = rng.normal(size=(modalities, size, d)) + rng.normal(size=(modalities, 1, d))
    z = alignment * rng.normal(size=(1, size, d)) + (1 - alignment) * noise
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


CONFIGURATIONS = [
    (modalities, size, d, bandwidth, alignment)
    for modalities, size, d in ((2, 8, 8), (3, 5, 4), (4, 3, 2))
    for bandwidth in (0.1, 0.3, 0.8, 2.0)
    for alignment in (0.0, 0.6, 1.0)
]

exact = jax.jit(objectives.hoelder_divergence)
bound = jax.jit(objectives.hoelder_bound, static_argnames="anchor")
leave_one_out = jax.jit(objectives.hoelder_leave_one_out)


def test_cauchy_schwarz_equals_its_reference_also_for_unequal_numbers_of_rows():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(5, 3)) + 0.4
    run = jax.jit(objectives.cauchy_schwarz_divergence)
    for bandwidth in (0.3, 1.1):
        got = run(x, y, bandwidth=bandwidth)
        np.testing.assert_allclose(got, reference.cauchy_schwarz_divergence(x, y, bandwidth), rtol=1e-10)
    assert abs(objectives.cauchy_schwarz_divergence(x, x, bandwidth=0.3)) < 1e-12


def test_cauchy_schwarz_between_two_points():
    """Two kernels of width h at distance D: −log of the squared cosine of two Gaussians is D²/2h²."""
    got = objectives.cauchy_schwarz_divergence(jnp.zeros((1, 2)), jnp.array([[3.0, 4.0]]), bandwidth=2.0)
    np.testing.assert_allclose(got, 25 / (2 * 4), rtol=1e-12)


@pytest.mark.parametrize(("modalities", "size"), [(2, 6), (3, 4), (4, 3)])
def test_exact_hoelder_divergence_equals_its_reference(modalities, size):
    for bandwidth in (0.2, 0.6, 2.0):
        z = random_tuples(0, modalities, size, 3, 0.4)
        np.testing.assert_allclose(exact(z, bandwidth=bandwidth), reference.hoelder_divergence(z, bandwidth), rtol=1e-9)


def test_hoelder_is_half_of_cauchy_schwarz_for_two():
    for seed in range(20):
        z = random_tuples(seed, 2, 8, 4, 0.5)
        bandwidth = [0.1, 0.5, 2.0][seed % 3]
        np.testing.assert_allclose(
            exact(z, bandwidth=bandwidth), reference.cauchy_schwarz_divergence(*z, bandwidth) / 2, rtol=1e-9, atol=1e-13
        )


def test_hoelder_is_nonnegative_and_below_its_bound_in_every_configuration():
    assert len(CONFIGURATIONS) >= 30
    for modalities, size, d, bandwidth, alignment in CONFIGURATIONS:
        z = random_tuples(1, modalities, size, d, alignment)
        value = exact(z, bandwidth=bandwidth)
        assert value >= -1e-12
        assert value <= bound(z, bandwidth=bandwidth, anchor=modalities - 1)
        if alignment == 1.0:
            assert abs(value) < 1e-10  # equal modalities


def test_the_bound_equals_its_formula():
    z, h = random_tuples(2, 3, 5, 4, 0.5), 0.6
    kernel = np.exp(-np.sum((z[:, :, None] - z[:, None]) ** 2, axis=-1) / (2 * 3 * h**2))
    spread = np.mean(np.log(np.mean(np.mean(kernel, axis=2) ** 2, axis=1)))
    expected = spread + 2 / (2 * h**2) * reference.anchor_alignment(z, 0) + 2 * np.log(5)
    np.testing.assert_allclose(bound(z, bandwidth=h), expected, rtol=1e-12)


def test_hoelder_between_gaussians():
    """For equal covariances s²I, D_H = Σ_{m<n} ‖μ_m − μ_n‖² / (2M s²); kernels add h² to s²."""
    means = np.array([[0, 0], [1, 0], [0, 0.5]])
    pairs = [(0, 1), (0, 2), (1, 2)]
    h, s = 0.3, 1.0
    expected = sum(np.sum((means[m] - means[n]) ** 2) for m, n in pairs) / (2 * 3 * (s**2 + h**2))
    found = []
    for seed in range(8):
        z = means[:, None] + s * np.random.default_rng(seed).normal(size=(3, 600, 2))
        found.append(leave_one_out(z, bandwidth=h))
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert error < 0.1 * expected  # enough was drawn to notice a difference
    assert abs(np.mean(found) - expected) < 4 * error + 0.1 * expected * h**2


# Estimators ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("modalities", "size", "d", "bandwidth"), [(2, 12, 8, 0.5), (3, 6, 4, 0.3)])
def test_importance_sampling_agrees_with_enumeration(modalities, size, d, bandwidth):
    z = random_tuples(3, modalities, size, d, 0.5)
    sample = jax.jit(jax.vmap(lambda key: objectives.hoelder_importance(z, bandwidth=bandwidth, samples=3000, key=key)))
    keys = jax.random.split(jax.random.key(0), 40)
    found = np.asarray(sample(keys))
    np.testing.assert_array_equal(found, sample(keys))
    value, error = exact(z, bandwidth=bandwidth), found.std(ddof=1) / np.sqrt(40)
    assert error < 0.05 * value
    assert abs(found.mean() - value) < 4 * error


@pytest.mark.parametrize(("modalities", "size", "d"), [(2, 6, 3), (3, 5, 4)])
def test_leave_one_out_equals_its_reference(modalities, size, d):
    for bandwidth in (0.3, 0.8):
        z = random_tuples(0, modalities, size, d, 0.4)
        np.testing.assert_allclose(
            leave_one_out(z, bandwidth=bandwidth), reference.hoelder_leave_one_out(z, bandwidth), rtol=1e-9
        )


def test_leaving_out_the_whole_tuple_gives_nothing_for_equal_modalities():
    """In 64 dimensions at a width of .1, leaving out the own sample alone would report tens."""
    one = random_tuples(0, 1, 40, 64, 0.0)
    z = np.repeat(one, 3, axis=0)
    assert abs(leave_one_out(z, bandwidth=0.1)) < 1e-9


def test_the_excess_vanishes_in_the_mean_without_a_divergence_and_not_with_one():
    run = jax.jit(partial(objectives.hoelder_excess, bandwidth=0.5, permutations=8))
    rng = np.random.default_rng(0)
    found = {False: [], True: []}
    for seed in range(24):
        z = rng.normal(size=(3, 40, 4))
        for gap in (False, True):
            moved = z + np.array([[[2.0, 0, 0, 0]], [[0, 0, 0, 0]], [[0, 0, 0, 0]]]) * gap
            rows = moved / np.linalg.norm(moved, axis=-1, keepdims=True)
            found[gap].append(float(run(rows, key=jax.random.key(seed))))
    error = np.std(found[False], ddof=1) / np.sqrt(24)
    assert error < 0.02 and abs(np.mean(found[False])) < 4 * error
    assert np.mean(found[True]) > 20 * error


# Extreme inputs and errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "m", "d"), [(40, 60, 3), (30, 30, 8), (4, 9, 6)])
def test_frechet_distance_is_that_of_matrix_roots(n, m, d):
    rng = np.random.default_rng([n, d])
    x, y = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)), 1 + rng.normal(size=(m, d)) @ rng.normal(size=(d, d))
    s_x, s_y = np.cov(x.T), np.cov(y.T)
    shared = np.sqrt(np.maximum(np.linalg.eigvals(s_x @ s_y).real, 0)).sum()
    wanted = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(s_x) + np.trace(s_y) - 2 * shared
    np.testing.assert_allclose(objectives.frechet_distance(x, y), wanted, rtol=1e-6)
    np.testing.assert_allclose(objectives.frechet_distance(y, x), wanted, rtol=1e-6)
    assert 0 <= objectives.frechet_distance(x, x) < 1e-6 * np.trace(s_x)
    # Twice as wide about the same mean: (2 − 1)² tr S.
    np.testing.assert_allclose(objectives.frechet_distance(x, 2 * x - x.mean(0)), np.trace(s_x), rtol=1e-6)
    with pytest.raises(ValueError, match=rf"x and y have shapes \({n}, {d}\) and \(1, {d}\): .* are allowed\."):
        objectives.frechet_distance(x, y[:1])


def test_everything_stays_finite_in_float32(float32):
    """Widths of .05 in 32 dimensions: kernel products of e^−400 and less."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(3, 6, 32))
    z = jnp.asarray(z / np.linalg.norm(z, axis=-1, keepdims=True), jnp.float32)
    zero = z.at[0].set(0)
    estimators = {
        "exact": objectives.hoelder_divergence,
        "importance": partial(objectives.hoelder_importance, samples=300, key=jax.random.key(0)),
        "leave one out": objectives.hoelder_leave_one_out,
    }
    for name, estimator in estimators.items():
        run = jax.jit(jax.value_and_grad(lambda z, h, estimator=estimator: estimator(z, bandwidth=h), argnums=(0, 1)))
        for rows in (z, zero, jnp.zeros_like(z)):
            value, gradients = run(rows, jnp.float32(0.05))
            assert value.dtype == jnp.float32 and np.isfinite(value), name
            assert all(np.all(np.isfinite(gradient)) for gradient in gradients), name


@pytest.mark.usefixtures("unchecked")
def test_bad_arguments_are_named():
    z = random_tuples(0, 3, 5, 4, 0.5)
    with pytest.raises(ValueError, match=r"300\^3 kernel products .* at most 2\^24"):
        objectives.hoelder_divergence(np.zeros((3, 300, 2)))
    with pytest.raises(ValueError, match=r"bandwidth = -1"):
        objectives.hoelder_divergence(z, bandwidth=-1.0)
    with pytest.raises(ValueError, match=r"samples = 2"):
        objectives.hoelder_importance(z, samples=2, key=jax.random.key(0))
    with pytest.raises(ValueError, match=r"permutations = 0"):
        objectives.hoelder_excess(z, permutations=0, key=jax.random.key(0))
    with pytest.raises(ValueError, match=r"x and y have shapes \(5, 4\) and \(5, 3\)"):
        objectives.cauchy_schwarz_divergence(z[0], z[1][:, :3])

"""Views, blocks and resamples against direct computation."""

import importlib

import numpy as np
import pytest
from spiked_pairs import draw, model_in

from phasejax.diagnosis.labels import read_labels
from phasejax.diagnosis.model.components import components_ca, components_cp, moments
from phasejax.diagnosis.model.posterior import half_samples
from phasejax.diagnosis.sample import design_effect
from phasejax.diagnosis.views import block_sums, padded_size, padded_variances, principal_view

views_module = importlib.import_module("phasejax.diagnosis.views")
X, Y, Z = draw(model_in("ca", d=9, k=2), 500, seed=0)


def whole(x, y, labels, block=None):
    read = read_labels(labels, len(x))
    views = principal_view(x, 128), principal_view(y, 128)
    block = np.zeros(len(x), int) if block is None else block
    return read, views, block_sums(*views, read.rows, read.columns, block)


@pytest.mark.parametrize("shape", [(200, 9), (12, 40)])
def test_principal_components_are_those_of_the_covariance(shape):
    values = np.random.default_rng(0).normal(size=shape) @ np.diag(np.linspace(3, 1, shape[1])) + 50
    found = principal_view(values, most=6)
    centred = values - values.mean(axis=0)
    u, sigma, _ = np.linalg.svd(centred, full_matrices=False)
    expected = sigma**2
    np.testing.assert_allclose(found.variances, expected[:6] / expected[:6].mean(), rtol=1e-9)
    np.testing.assert_allclose(np.abs(u[:, :6].T @ found.scores), np.sqrt(shape[0]) * np.eye(6), atol=1e-7)
    assert found.rank == min(shape[0] - 1, shape[1])
    assert found.explained == pytest.approx(expected[:6].sum() / expected.sum())


def test_a_large_view_is_decomposed_approximately_where_it_decays(monkeypatch):
    monkeypatch.setattr(importlib.import_module("phasejax.diagnosis.views"), "_EXACT_UNTIL", 50)
    rng = np.random.default_rng(1)
    values = rng.normal(size=(210, 12)) @ rng.normal(size=(12, 220)) * 3 + 0.05 * rng.normal(size=(210, 220))
    exact = np.linalg.svd(values - values.mean(axis=0), compute_uv=False)[:12] ** 2 / 210
    np.testing.assert_allclose(principal_view(values, most=12).variances, exact / exact.mean(), rtol=1e-4)


def test_the_components_are_those_of_the_rows():
    _, views, blocks = whole(X, Y, Z)
    m = moments(blocks, np.ones(1), *padded_variances(*views), 0.0)
    ca, cp = components_ca(m), components_cp(m)
    x, y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    q_x, q_y = np.linalg.qr(x)[0], np.linalg.qr(y)[0]
    d = 9
    np.testing.assert_allclose(ca.value[:d], np.linalg.svd(q_x.T @ q_y, compute_uv=False), atol=3e-5)
    u, sigma, vt = np.linalg.svd(q_x.T @ y / np.sqrt(500), full_matrices=False)
    np.testing.assert_allclose(cp.value[:d], sigma / np.sqrt(np.mean(y**2)), rtol=3e-5)
    white = np.linalg.qr(Z - Z.mean(axis=0))[0]
    np.testing.assert_allclose(cp.loading_x[:d], np.sum(((q_x @ u).T @ white) ** 2, axis=1), atol=2e-3)
    scores = y @ vt.T
    np.testing.assert_allclose(
        cp.loading_y[:d], np.sum(((scores / np.linalg.norm(scores, axis=0)).T @ white) ** 2, axis=1), atol=2e-3
    )
    np.testing.assert_allclose(cp.variance_y[:d], np.mean(scores**2, axis=0) / np.mean(y**2), rtol=1e-4)
    assert padded_size(*views) == ca.value.size == 32
    np.testing.assert_allclose(ca.value[d:], 0, atol=1e-6)


def test_blocks_add_up_and_a_resample_is_its_rows():
    block = np.random.default_rng(0).integers(0, 5, 500)
    _, _, one = whole(X, Y, Z)
    _, views, many = whole(X, Y, Z, block)
    for a, b in zip(one, many, strict=True):
        np.testing.assert_allclose(a[0], b.sum(axis=0), atol=1e-8)
    weights = np.array([1.0, 0, 1, 1, 0])
    m = moments(many, weights, *padded_variances(*views), 0.0)
    rows = weights[block] == 1
    chosen = views[0].scores[rows]
    np.testing.assert_allclose(m.xx[:9, :9], np.cov(chosen.T, bias=True), atol=1e-6)
    np.testing.assert_allclose(m.xy[:9, :9], np.cov(chosen.T, views[1].scores[rows].T, bias=True)[:9, 9:], atol=1e-6)


def test_labels_are_centred_over_the_labelled_rows_of_a_resample():
    """Where labels are few and rows and labels of a block lie off the mean, other counts give other loadings."""
    labels = np.where(np.arange(500) % 3 == 0, Z[:, 0], np.nan)
    block = (Z[:, 0] > 0).astype(int) + 2 * (X[:, 0] > 0)
    read, views, many = whole(X, Y, labels, block)
    weights = np.array([0.0, 1, 0, 1])
    m = moments(many, weights, *padded_variances(*views), 0.0)
    told = weights[block[read.rows]] == 1
    column, scores = read.columns[told, 0], np.hstack([view.scores for view in views])[read.rows][told]
    assert told.sum() < 100 and abs(column.mean()) > 0.3
    expected = (scores - scores.mean(0)).T @ (column - column.mean()) / told.sum() / np.sqrt(column.var() + 1e-4)
    np.testing.assert_allclose(np.concatenate([m.x_labels[:9, 0], m.y_labels[:9, 0]]), expected, atol=1e-6)


def test_half_samples_take_half_of_the_blocks_each_time_others():
    chosen = half_samples(20, 50, np.random.default_rng(0))
    assert set(np.unique(chosen)) == {0.0, 1.0}
    assert np.all(chosen.sum(axis=1) == 10)
    assert len(np.unique(chosen, axis=0)) > 45


def test_the_design_effect_is_the_variance_of_a_covariance_under_grouping():
    rng, size, groups = np.random.default_rng(3), 8, 50
    codes = np.repeat(np.arange(groups), size)

    def clustered(share):
        return np.sqrt(share) * rng.normal(size=(groups, 1))[codes] + np.sqrt(1 - share) * rng.normal(size=(codes.size, 1))

    covariances = [float(np.mean(clustered(0.7) * clustered(0.5))) for _ in range(4000)]
    measured = np.var(covariances) * codes.size
    error = measured * np.sqrt(2 / 4000)
    effect = np.mean([design_effect(clustered(0.7), clustered(0.5), codes) for _ in range(200)])
    assert abs(effect - measured) < 4 * error + 0.1
    assert measured > 3
    assert design_effect(clustered(0), clustered(0), np.arange(codes.size)) == 1


@pytest.mark.parametrize("double_until", [10**7, 0])
@pytest.mark.parametrize("n", [60, 5000])
def test_the_rank_depends_on_neither_units_nor_rows_nor_entries(monkeypatch, double_until, n):
    monkeypatch.setattr(views_module, "_DOUBLE_UNTIL", double_until)
    rng = np.random.default_rng(n)
    values = rng.normal(size=(n, 8))
    values = np.hstack([values, values[:, :3] @ rng.normal(size=(3, 2)), np.full((n, 1), 7.1)]) + 3.0
    values[:, 7] *= 4
    for exponent in (0, 1, 6, 150):
        scaled = values * 10.0 ** rng.uniform(-exponent, exponent, 11)
        found = principal_view(scaled, most=128)
        assert (found.rank, found.columns) == (8, 10), exponent
        correlations = np.abs(np.linalg.svd(np.linalg.qr(values[:, :8] - values[:, :8].mean(axis=0))[0].T @ found.scores)[1])
        np.testing.assert_allclose(correlations / np.sqrt(n), 1, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_column_that_moves_by_its_rounding_alone_is_constant(dtype):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 3)).astype(dtype)
    values[:, 2] = 300 * (1 + np.finfo(dtype).eps * rng.integers(0, 2, 200))
    assert (principal_view(values, most=128).columns, principal_view(values, most=128).rank) == (2, 2)

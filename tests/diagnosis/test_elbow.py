"""The published procedure against a slow rewriting with scikit-learn, and its elbow against brute force."""

import jax
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from spiked_pairs import draw, model_in

from phasejax.diagnosis import diagnose
from phasejax.diagnosis.elbow import Seen, cut_at_elbow, elbow_ca, elbow_cp, shuffled_folds


def slow_elbow(x, y, rows, labels, align: bool, components: int = 50):
    """Algorithm 1 written out: one component, one fold, one label column at a time."""
    n = len(x)
    x, y = (PCA(100).fit_transform(v) if v.shape[1] > 100 else v - v.mean(0) for v in (x, y))

    def root(s):
        values, vectors = np.linalg.eigh(s + 1e-6 * np.eye(len(s)))
        return vectors @ np.diag(np.maximum(values, 1e-12) ** -0.5) @ vectors.T

    left = root(x.T @ x / n)
    right = root(y.T @ y / n) if align else np.eye(y.shape[1])
    u, sigma, vt = np.linalg.svd(left @ (x.T @ y) @ right / n, full_matrices=False)
    r_squared = []
    for i in range(min(sigma.size, components)):
        score = x @ left @ u[:, i : i + 1]
        if align:
            score = np.hstack([score, y @ right @ vt[i][:, None]])
        score, summed = score[rows], 0.0
        for column in labels.T:
            residual = total = 0.0
            for train, test in KFold(5, shuffle=True, random_state=42).split(score):
                fit = Ridge(alpha=1.0).fit(score[train], column[train])
                residual += np.sum((column[test] - fit.predict(score[test])) ** 2)
                total += np.sum((column[test] - column[test].mean()) ** 2)
            summed += max(1 - residual / total, 0)
        r_squared.append(summed)
    if max(r_squared) <= 0:
        return np.array(r_squared), 0, 0.0
    order = np.argsort(r_squared)[::-1]
    ranked, errors = np.array(r_squared)[order], {}
    for cut in range(1, len(ranked)):
        errors[cut] = 0.0
        for part in (ranked[:cut], ranked[cut:]):
            if len(part) > 2:
                position = np.arange(len(part))
                errors[cut] += np.sum((part - np.polyval(np.polyfit(position, part, 1), position)) ** 2)
    cut = min(errors, key=lambda c: errors[c])
    signal = set(order[:cut])
    inside = [s for i, s in enumerate(sigma[:components]) if i in signal]
    outside = [s for i, s in enumerate(sigma[:components]) if i not in signal]
    return np.array(r_squared), cut, min(inside) / max(outside)


def agree(x, y, rows, labels):
    seen = Seen(rows, labels, shuffled_folds(rows))
    for fast, align in ((elbow_ca, True), (elbow_cp, False)):
        found = fast(x, y, seen)
        r_squared, cut, delta = slow_elbow(x, y, rows, labels, align)
        np.testing.assert_allclose(found.r_squared, r_squared, rtol=1e-6, atol=1e-8)
        assert found.signal.sum() == cut
        np.testing.assert_allclose(found.delta, delta, rtol=1e-9)


@pytest.mark.parametrize("scale", [1, 1e-3])  # the ridge is absolute: variances of a millionth feel it
def test_algorithm_1_equals_its_slow_rewriting(scale):
    for seed, regime in enumerate(("both", "ca", "cp", "neither")):
        x, y, z = draw(model_in(regime, d=8), 200, seed)
        rows = np.sort(np.random.default_rng(seed).permutation(200)[:117])
        agree(scale * x, scale * y, rows, 3 + z[rows])
        agree(scale * x, scale * y, rows, np.eye(3)[np.digitize(z[rows, 0], [-0.5, 0.5])])


def test_wide_views_are_cut_to_100_components_and_50_of_these_are_read():
    x, y, z = draw(model_in("both", d=120), 300, 0)
    agree(x, y, np.arange(300), z)
    assert elbow_ca(x, y, Seen(np.arange(300), z, shuffled_folds(np.arange(300)))).values.size == 50


def test_where_no_component_tells_the_labels_there_is_no_signal():
    x, y, _ = draw(model_in("both", d=6), 200, 3)
    labels = np.tile([1.0, -1.0], 100)[:, None] * (1 + 1e-3 * np.arange(200)[:, None])
    seen = Seen(np.arange(200), labels, shuffled_folds(np.arange(200)))
    found = elbow_cp(x, y, seen)
    assert (found.r_squared == 0).all() and not found.signal.any() and (found.delta, found.recovered) == (0.0, 0)
    answer = diagnose(x, y, labels[:, 0], method="elbow", key=jax.random.key(0))
    assert answer.objective == "neither" and answer.k == 0 and answer.ca.delta.value == 0


def test_the_elbow_of_two_lines_is_where_they_meet():
    values = np.concatenate([np.linspace(1.0, 0.8, 4), np.linspace(0.2, 0.1, 9)])
    assert cut_at_elbow(values) == 4


def test_folds_are_those_of_the_authors_and_keep_groups_together():
    rows = np.array([3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610])
    for fold, (_, test) in enumerate(KFold(5, shuffle=True, random_state=42).split(rows)):
        np.testing.assert_array_equal(np.flatnonzero(shuffled_folds(rows) == fold), test)
    groups = np.repeat(np.arange(23), 7)
    assert all(np.unique(shuffled_folds(groups)[groups == g]).size == 1 for g in range(23))

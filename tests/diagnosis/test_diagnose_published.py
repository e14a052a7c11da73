"""The published procedure against a slow rewriting with scikit-learn, and its elbow against brute force."""

import numpy as np
from sklearn.linear_model import Ridge
from spiked_pairs import draw, model_in

from phasejax.diagnosis.published import RIDGE, cut_at_elbow, elbow_ca, elbow_cp
from phasejax.folds import group_folds


def slow_elbow(x, y, rows, labels, folds, align: bool):
    """Algorithm 1 written out: one component, one fold, one label column at a time."""
    n = len(x)
    x, y = x - x.mean(0), y - y.mean(0)

    def root(s):
        values, vectors = np.linalg.eigh(s + RIDGE * np.eye(len(s)))
        return vectors @ np.diag(values**-0.5) @ vectors.T

    left = root(x.T @ x / n)
    right = root(y.T @ y / n) if align else np.eye(y.shape[1])
    u, sigma, vt = np.linalg.svd(left @ (x.T @ y) @ right / n, full_matrices=False)
    r_squared = []
    for i in range(sigma.size):
        score = x @ left @ u[:, i : i + 1]
        if align:
            score = np.hstack([score, y @ right @ vt[i][:, None]])
        score, total = score[rows], 0.0
        for column in labels.T:
            residual = 0.0
            for fold in range(5):
                test = folds == fold
                fit = Ridge(alpha=1.0).fit(score[~test], column[~test])
                residual += np.sum((column[test] - fit.predict(score[test])) ** 2)
            total += 1 - residual / np.sum((column - column.mean()) ** 2)
        r_squared.append(total)
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
    inside = [s for i, s in enumerate(sigma) if i in signal]
    outside = [s for i, s in enumerate(sigma) if i not in signal]
    return np.array(r_squared), cut, min(inside) / max(outside)


def test_algorithm_1_equals_its_slow_rewriting():
    for seed, regime in enumerate(("both", "ca", "cp", "neither")):
        x, y, z = draw(model_in(regime, d=8), 200, seed)
        rows = np.random.default_rng(seed).permutation(200)[:120]
        labels, folds = z[rows], group_folds(np.arange(120), 5, np.random.default_rng(seed))
        for fast, align in ((elbow_ca, True), (elbow_cp, False)):
            found = fast(x, y, rows, labels, folds)
            r_squared, cut, delta = slow_elbow(x, y, rows, labels, folds, align)
            np.testing.assert_allclose(found.r_squared, r_squared, rtol=1e-6, atol=1e-8)
            assert found.signal.sum() == cut
            np.testing.assert_allclose(found.delta, delta, rtol=1e-9)


def test_the_elbow_of_two_lines_is_where_they_meet():
    values = np.concatenate([np.linspace(1.0, 0.8, 4), np.linspace(0.2, 0.1, 9)])
    assert cut_at_elbow(values) == 4

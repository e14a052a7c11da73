"""The three readings, against scikit-learn and on representations whose answers are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from phasejax.training.probes import (
    LEADING,
    READINGS,
    RIDGE,
    Rows,
    logistic_probe,
    principal_scores,
    readings,
    ridge_r2,
    standardized,
)


def made_up(n, seed, *, class_scale, value_scale):
    """Three classes at the corners of a triangle in two coordinates, two values in two, noise in eight."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=n)
    corners = np.array([[1.0, 0.0], [-0.5, 0.87], [-0.5, -0.87]])
    values = rng.normal(size=(n, 2))
    z = np.concatenate(
        [
            class_scale * (corners[labels] + 0.2 * rng.normal(size=(n, 2))),
            value_scale * values,
            0.05 * rng.normal(size=(n, 8)),
        ],
        axis=1,
    )
    return Rows(jnp.asarray(z), jnp.asarray(labels), jnp.asarray(values))


def read(spread=None, **scales):
    fit, judge = made_up(600, 0, **scales), made_up(600, 1, **scales)
    if spread is not None:  # over many features, as networks do
        mix = np.random.default_rng(2).normal(size=(fit.z.shape[1], spread))
        fit, judge = (rows._replace(z=rows.z @ mix) for rows in (fit, judge))
    accuracy, r2 = jax.jit(lambda key: readings(fit, judge, 3, key=key))(jax.random.key(0))
    return dict(zip(READINGS, np.asarray(accuracy), strict=True)), dict(zip(READINGS, np.asarray(r2), strict=True))


def test_loud_values_hide_the_class_from_all_but_the_converged_probe():
    """The three readings disagree, as they should: the class is there, but neither loud nor leading."""
    accuracy, r2 = read(class_scale=0.1, value_scale=1.0)
    assert accuracy["converged"] > 0.98
    assert accuracy["leading 2"] < 0.42
    assert accuracy["leading 6"] > 0.98
    assert accuracy["published"] < 0.6
    assert r2["leading 2"] > 0.98 and r2["converged"] > 0.99
    assert np.isnan(r2["published"])


def test_a_loud_class_is_seen_by_all():
    accuracy, r2 = read(class_scale=5.0, value_scale=0.2, spread=128)
    assert min(accuracy[name] for name in ("published", "converged", "leading 2")) > 0.95
    assert r2["leading 2"] < 0.05 < 0.95 < r2["converged"]


def test_converged_probes_are_those_of_scikit_learn():
    fit, judge = (made_up(400, seed, class_scale=0.3, value_scale=0.5) for seed in (0, 1))
    noisy = [Rows(rows.z + 0.4 * np.random.default_rng(7 + i).normal(size=rows.z.shape), *rows[1:])
             for i, rows in enumerate((fit, judge))]  # fmt: skip
    a, b = standardized(noisy[0].z, noisy[1].z)
    fit, judge = Rows(a, *fit[1:]), Rows(b, *judge[1:])
    oracle = LogisticRegression(C=1 / (RIDGE * 400), tol=1e-10, max_iter=10000).fit(a, fit.classes)
    assert float(logistic_probe(fit, judge, 3)) == pytest.approx(oracle.score(b, judge.classes), abs=0.003)
    ridge = Ridge(alpha=RIDGE * 400).fit(a, fit.values)
    assert float(ridge_r2(fit, judge)) == pytest.approx(ridge.score(b, judge.values), abs=1e-6)


def test_leading_directions_are_those_of_most_variance():
    rng = np.random.default_rng(0)
    z = jnp.asarray(rng.normal(size=(500, 5)) * [1, 90, 3, 0.1, 20] + 100)
    scores, others = principal_scores(z, z[:20])
    np.testing.assert_allclose(others, scores[:20], atol=1e-3)
    found = np.abs(np.corrcoef(np.asarray(scores)[:, :2].T, np.asarray(z).T)[:2, 2:])
    assert found[0, 1] > 0.99 and found[1, 4] > 0.99


def test_constant_features_and_narrow_representations():
    """An embedding that collapsed, or is narrower than the directions asked for, is read as what it is."""
    rng = np.random.default_rng(0)
    labels, values = jnp.asarray(rng.integers(3, size=300)), jnp.asarray(rng.normal(size=(300, 2)))
    rows = Rows(jnp.ones((300, 2)), labels, values)
    accuracy, r2 = readings(rows, rows, 3, key=jax.random.key(0))
    assert np.all(np.isfinite(accuracy)) and np.all(np.asarray(accuracy)[1:] <= np.bincount(labels).max() / 300 + 1e-6)
    np.testing.assert_allclose(r2[1:], 0, atol=1e-6)
    assert len(accuracy) == 2 + len(LEADING)

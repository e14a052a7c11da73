"""The two-view estimator: scikit-learn's own CCA and PLS, its clone and its conventions; mistakes are sentences."""

import jax
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cross_decomposition import CCA, PLSSVD

from phasejax.diagnosis import diagnose
from phasejax.diagnosis.estimators import TwoViewEncoder


def pairs(seed=0, n=300):
    rng = np.random.default_rng(seed)
    z, (x, y) = rng.normal(size=(n, 2)) * [2, 1], rng.normal(size=(2, n, 6))
    x[:, :2] += z
    y[:, :2] += z
    return x * [1, 10, 1, 1, 1e-3, 1] + 5, y


def agree(one, other):
    """Equal up to sign and scale, column by column."""
    cosine = np.abs(np.sum(one * other, axis=0)) / np.linalg.norm(one, axis=0) / np.linalg.norm(other, axis=0)
    np.testing.assert_allclose(cosine, 1, atol=1e-5)


def test_corners_are_what_scikit_learn_calls_cca_and_pls():
    x, y = pairs()
    for alpha, theirs in ((1e-9, CCA(2, max_iter=5000, tol=1e-12)), (1.0, PLSSVD(2))):
        ours = TwoViewEncoder(2, alpha_x=alpha, alpha_y=alpha).fit(x, y)
        for one, other in zip(ours.transform(x, y), theirs.fit(x, y).transform(x, y), strict=True):
            agree(one - one.mean(axis=0), other)


def test_cp_predicts_as_the_best_rank_k_regression_does():
    x, y = pairs()
    f, g = (v - v.mean(axis=0) for v in (x, y / y.std(axis=0)))
    fitted = f @ np.linalg.lstsq(f, g, rcond=None)[0]
    best = fitted @ np.linalg.svd(fitted)[2][:2].T  # reduced-rank regression, Izenman 1975
    ours = TwoViewEncoder(2, alpha_x=1e-9, alpha_y=1.0).fit(x, y)
    agree(ours.transform(x) - ours.transform(x).mean(axis=0), best)


def test_conventions():
    x, y = pairs()
    model = TwoViewEncoder(3, alpha_y=0.5)
    copy = clone(model)
    assert copy is not model and copy.get_params() == {"k": 3, "alpha_x": model.alpha_x, "alpha_y": 0.5}
    assert model.fit(x, y) is model and model.set_params(k=1).k == 1
    before = model.encoder_x_.copy()
    model.transform(x, y)
    np.testing.assert_array_equal(before, model.encoder_x_)
    a, b = model.fit_transform(x, y)
    assert a.shape == b.shape == (300, 1)
    np.testing.assert_array_equal(b, model.transform(y=y))
    scaled = TwoViewEncoder(1, alpha_y=0.5).fit(1e6 * x - 3, y)
    np.testing.assert_allclose(np.abs(scaled.transform(1e6 * x - 3)), np.abs(a), rtol=1e-6)
    new_x, new_y = pairs(1)
    assert model.score(x, y) == pytest.approx(model.correlations_.mean())
    assert 0.5 < model.score(new_x, new_y) < 1
    rng = np.random.default_rng(2)
    assert abs(model.score(new_x, rng.permutation(new_y))) < 0.3


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"k": 7}, r"k = 7 is not allowed: .* 1\.\.6"),
        ({"alpha_x": 0.0}, r"alpha_x = 0.0 is not allowed"),
        ({"alpha_y": 2}, "alpha_y = 2"),
    ],
)
def test_mistakes_are_sentences(params, sentence):
    x, y = pairs()
    with pytest.raises(ValueError, match=sentence):
        TwoViewEncoder(**params).fit(x, y)
    with pytest.raises(ValueError, match="x has 300 rows and y has 299"):
        TwoViewEncoder().fit(x, y[1:])
    with pytest.raises(ValueError, match="ridge is no parameter"):
        TwoViewEncoder().set_params(ridge=1)


def test_a_diagnosis_fits_what_it_advises_and_nothing_else():
    rng = np.random.default_rng(3)
    n, loud = 600, 8.0
    z, u = rng.normal(size=(2, n))
    x, y = rng.normal(size=(2, n, 6))
    x[:, 0], y[:, 0] = z + 0.2 * x[:, 0], z + 0.2 * y[:, 0]  # quiet and well correlated: CA's
    x[:, 1], y[:, 1] = loud * (u + x[:, 1]), loud * (u + y[:, 1])
    found = diagnose(x, y, z, k=1, key=jax.random.key(0))
    model = found.fit(x, y)
    assert found.objective in ("CA", "whitened") and model.alpha_x < 1 and model.alpha_y < 1
    assert abs(np.corrcoef(model.transform(x)[:, 0], z)[0, 1]) > 0.9
    with pytest.raises(ValueError, match="there is nothing to fit: "):
        diagnose(x, rng.permutation(y), z, k=1, key=jax.random.key(0)).fit(x, y)

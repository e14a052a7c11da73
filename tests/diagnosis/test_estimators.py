"""The two-view estimators: scikit-learn's own CCA, PLS and PCA, its clone, its checks; files; mistakes are sentences."""

import jax
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.cross_decomposition import CCA, PLSSVD
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import check_estimator

from phasejax.diagnosis import diagnose
from phasejax.diagnosis.estimators import PrincipalComponents, TwoViewEncoder, load_encoder, square_encoders
from phasejax.diagnosis.labels import read_labels
from phasejax.diagnosis.sample import reduce_sample


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
        y = y / y.std(axis=0)  # which scikit-learn does by itself; x's columns share no unit
        ours = TwoViewEncoder(2, alpha_x=alpha, alpha_y=alpha).fit(x, y)
        for one, other in zip(ours.transform(x, y), theirs.fit(x, y).transform(x, y), strict=True):
            agree(one, other)


def test_cp_predicts_as_the_best_rank_k_regression_does():
    x, y = pairs()
    f, g = (v - v.mean(axis=0) for v in (x, y))
    fitted = f @ np.linalg.lstsq(f, g, rcond=None)[0]
    best = fitted @ np.linalg.svd(fitted)[2][:2].T  # reduced-rank regression, Izenman 1975
    agree(TwoViewEncoder(2, alpha_x=1e-9, alpha_y=1.0).fit(x, y).transform(x), best)


def test_principal_components_are_those_of_scikit_learn():
    _, y = pairs()
    agree(PrincipalComponents(3).fit(y, y).transform(y), PCA(3).fit_transform(y))


@pytest.mark.parametrize("case", ["plain", "wide", "units", "constant column", "single precision"])
def test_what_is_fitted_is_what_a_trial_would_try(case):
    """The map from columns reproduces the encoders of a diagnosis's components, on the rows of the fit."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(80, 300 if case == "wide" else 9)) + 7, rng.normal(size=(80, 5))
    x[:, 0] = y[:, 0] + 0.3 * x[:, 0]
    if case == "units":
        x *= 10.0 ** np.linspace(-4, 4, 9)
    if case == "constant column":
        x[:, 3] = 2.5
    if case == "single precision":
        x, y = x.astype(np.float32), y.astype(np.float32)
    found = TwoViewEncoder(2, alpha_x=0.1, alpha_y=0.5).fit(x, y)
    sample = reduce_sample(x, y, read_labels(rng.normal(size=80), 80), np.arange(80))
    tried = square_encoders(sample.x, sample.y, 2, 0.1, 0.5)
    for view, encoder, encoded in zip((sample.x, sample.y), tried, found.transform(x, y), strict=True):
        np.testing.assert_allclose(encoded, view.scores * np.sqrt(view.variances) @ encoder, atol=1e-5)


def test_conventions():
    x, y = pairs()
    model = TwoViewEncoder(3, alpha_y=0.5)
    copy = clone(model)
    assert copy is not model
    assert copy.get_params() == {"k": 3, "alpha_x": model.alpha_x, "alpha_y": 0.5, "components": None}
    assert repr(copy) == "TwoViewEncoder(k=3, alpha_x=0.0009990009990009992, alpha_y=0.5, components=None)"
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


# Those that want scikit-learn's own words for a mistake, objects or sparse matrices read as numbers, or, by the names of their
# own classes, a pair from fit_transform.
NOT_OURS = {
    "check_complex_data",
    "check_dtype_object",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimator_sparse_tag",
    "check_estimators_empty_data_messages",
    "check_estimators_nan_inf",
    "check_fit2d_1sample",
    "check_fit2d_predict1d",
    "check_n_features_in_after_fitting",
    "check_requires_y_none",
    "check_transformer_data_not_an_array",
    "check_transformer_general",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", [TwoViewEncoder(1), PrincipalComponents(1)])
def test_the_checks_of_scikit_learn(estimator):
    found = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = {check["check_name"] for check in found if check["status"] == "failed"}
    assert failed <= NOT_OURS and sum(check["status"] == "passed" for check in found) > 25


@pytest.mark.parametrize("model", [TwoViewEncoder(2, alpha_y=0.5, components=(4, 5)), PrincipalComponents(2)])
def test_a_saved_encoder_is_read_by_plain_numpy_and_comes_back_as_it_was(model, tmp_path):
    x, y = pairs()
    frame = pd.DataFrame(x, columns=[f"wing {i}" for i in range(6)])
    model.fit(frame, y).save(tmp_path / "e.npz")
    stored = np.load(tmp_path / "e.npz")
    np.testing.assert_allclose((x - stored["mean_x"]) / stored["scale_x"] @ stored["encoder_x"], model.transform(x), rtol=1e-12)
    assert stored["names_x"].tolist() == list(frame) and stored["names_y"][2] == "y2"
    again = load_encoder(tmp_path / "e.npz")
    assert type(again) is type(model) and again.get_params() == {**model.get_params(), "components": again.components}
    for one, other in zip(again.transform(x, y), model.transform(x, y), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [path.name for path in tmp_path.iterdir()] == ["e.npz"]


def test_no_other_file_is_taken_for_an_encoder_and_none_is_written_before_the_fit(tmp_path):
    with pytest.raises(ValueError, match="not fitted: call fit"):
        TwoViewEncoder().save(tmp_path / "e.npz")
    assert not list(tmp_path.iterdir())
    np.savez(tmp_path / "other.npz", x=np.ones(3))
    np.savez(tmp_path / "liar.npz", how=np.array('{"estimator": "os.system"}'))
    (tmp_path / "text.npz").write_text("no archive")
    for name in ("other", "liar", "text"):
        with pytest.raises(ValueError, match=f"{name}.npz is no saved encoder"):
            load_encoder(tmp_path / f"{name}.npz")


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
    with pytest.raises(
        ValueError, match="ridge is no parameter of TwoViewEncoder: choose from k, alpha_x, alpha_y, components"
    ):
        TwoViewEncoder().set_params(ridge=1)
    with pytest.raises(ValueError, match="not fitted"):
        TwoViewEncoder().transform(x)
    with pytest.raises(ValueError, match=r"y has shape \(300, 5\): 6 columns are needed"):
        TwoViewEncoder().fit(x, y).transform(y=y[:, 1:])


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

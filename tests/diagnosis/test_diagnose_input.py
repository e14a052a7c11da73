"""Every mistake in the input gets one sentence that names it, and no verdict."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from spiked_pairs import draw, model_in

from phasejax.diagnosis import checks, diagnose
from phasejax.diagnosis.labels import read_labels

N = 40
KEY = jax.random.key(0)


def views(seed: int = 0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, 4)), rng.normal(size=(N, 5)), rng.normal(size=N)


def changed(array, index, value):
    array = np.array(array)
    array[index] = value
    return array


X, Y, LABELS = views()
MISTAKES = {
    "nan in x": (dict(x=changed(X, (7, 2), np.nan)), r"x\[7, 2\] = nan"),
    "infinity in y": (dict(y=changed(Y, (3, 4), np.inf)), r"y\[3, 4\] = inf"),
    "row counts": (dict(y=Y[:-1]), "x has 40 rows and y has 39"),
    "few pairs": (dict(x=X[:29], y=Y[:29], labels=LABELS[:29]), "x has 29 rows: at least 30"),
    "constant view": (dict(x=np.full_like(X, 3.0)), "x is constant"),
    "complex view": (dict(x=X + 0j), "complex128: real numbers"),
    "object view": (dict(y=Y.astype(object)), "object: real numbers"),
    "vector view": (dict(x=X[:, 0]), r"x has shape \(40,\): a matrix"),
    "short labels": (dict(labels=LABELS[:-3]), r"labels have shape \(37,\)"),
    "equal labels": (dict(labels=np.ones(N)), "labels are all equal"),
    "equal classes": (dict(labels=np.array(["a"] * N)), "labels are all equal"),
    "complex labels": (dict(labels=LABELS + 0j), "labels is an array of type complex128"),
    "infinite label": (dict(labels=changed(LABELS, 5, np.inf)), r"labels\[5, 0\] is infinite"),
    "few labels": (dict(labels=np.where(np.arange(N) < 9, LABELS, np.nan)), "9 of 40 pairs are labelled"),
    "mask of numbers": (dict(labelled=np.ones(N)), "booleans"),
    "one group": (dict(groups=np.zeros(N)), r"one group \(0.0\) holds every row"),
    "short groups": (dict(groups=np.arange(N - 1)), r"groups have shape \(39,\)"),
    "k too large": (dict(k=5), r"k = 5 is not allowed: .* 1..4"),
    "names in x": (dict(x=np.full(X.shape, "a")), "x is an array of type <U1: real numbers"),
    "rows of unequal length": (dict(x=[[1.0, 2], [3]] * 20), "x has rows of unequal length"),
    "a masked entry": (dict(x=np.ma.masked_array(X, np.arange(4 * N).reshape(N, 4) == 9)), r"x\[2, 1\] is missing"),
    "pandas' NA in y": (dict(y=pd.DataFrame(Y).astype("Float64").mask(np.eye(N, 5) > 0)), r"y\[0, 0\] = nan"),
    "raw bfloat16": (dict(x=np.asarray(jnp.asarray(X, jnp.bfloat16)).view("V2")), "raw entries of 2 bytes, .* as float32"),
    "names and numbers": (dict(labels=["a", 1.5] * 20), r"labels mix names and numbers \('a' and 1.5\)"),
    "dates": (dict(labels=[pd.Timestamp(0)] * N), "labels hold Timestamp.*: names, numbers or booleans"),
    "a missing group": (dict(groups=["a", "b", None, "c"] * 10), r"groups\[2\] is missing"),
    "method": (dict(method="magic"), "method = 'magic' is not allowed"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_in_one_sentence(name):
    change, message = MISTAKES[name]
    arguments = dict(x=X, y=Y, labels=LABELS) | change
    with pytest.raises(ValueError, match=message) as caught:
        diagnose(**arguments, key=KEY)
    assert str(caught.value).count("\n") == 0
    assert str(caught.value).endswith(".")


MISSING = np.arange(60) % 3 == 2
NAMES = [["a", "b", None][i % 3] for i in range(60)]
WHOLE = pd.Series([[1, 2, None][i % 3] for i in range(60)], dtype="Int64")
HOLED = {
    "None": NAMES,
    "NaN in a list": [name or float("nan") for name in NAMES],
    "NaN among objects": np.array([name or np.nan for name in NAMES], dtype=object),
    "empty": np.array([name or "" for name in NAMES]),
    "empty bytes": np.array([(name or "").encode() for name in NAMES]),
    "pandas strings": pd.Series(NAMES, dtype="string"),
    "pandas categories": pd.Series(pd.Categorical(NAMES)),
    "pandas whole numbers": WHOLE,
    "pandas booleans": (WHOLE == 1).astype("boolean"),
    "a mask": np.ma.masked_array(np.where(MISSING, 7, np.arange(60) % 3), MISSING),
    "a mask on names": np.ma.masked_array(["a", "b", "c"] * 20, MISSING),
}


@pytest.mark.parametrize("name", HOLED)
def test_what_is_missing_is_no_class_in_whatever_way_it_is_said(name):
    read = read_labels(HOLED[name], 60)
    np.testing.assert_array_equal(read.rows, np.flatnonzero(~MISSING))
    assert read.kind == "classes" and read.columns.shape == (40, 1)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int8", "uint8", "float8_e4m3fn"])
def test_short_numbers_are_the_numbers_that_they_hold(dtype):
    whole = np.arange(120).reshape(40, 3) % 11  # short floats hold these exactly
    np.testing.assert_array_equal(checks.view("x", jnp.asarray(whole, dtype)), whole)
    quantity = read_labels(np.asarray(jnp.asarray(np.tile(np.arange(16), 4), dtype)), 64)
    assert quantity.kind == ("classes" if "int" in dtype else "continuous")


@pytest.mark.parametrize("method", ["default", "elbow"])
def test_the_smallest_legal_input_gets_an_answer(method):
    result = diagnose(X[:30], Y[:30], LABELS[:30], key=KEY, method=method)
    assert np.isfinite(result.ca.delta.value)
    assert result.n == 30
    assert any("labelled" in warning or "published" in warning for warning in result.warnings)


def test_more_dimensions_than_pairs_is_reduced_and_said():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(64, 300)), rng.normal(size=(64, 200))
    result = diagnose(x, y, rng.normal(size=64), key=KEY)
    assert result.x.kept == result.y.kept == 16
    assert result.x.rank == result.y.rank == 63
    assert sum("principal components" in warning for warning in result.warnings) == 2
    # Noise alone: the spectrum is not read as signal, and nothing is promised.
    assert result.ca.outlook.probability < 0.5
    assert result.ca.spectrum.debiased.max() < result.ca.spectrum.observed.max()


def test_few_pairs_for_the_dimensions_are_regularised_and_said():
    rng = np.random.default_rng(2)
    result = diagnose(rng.normal(size=(60, 25)), rng.normal(size=(60, 25)), rng.normal(size=60), key=KEY)
    assert result.x.kept == 25
    assert any("ridge" in warning for warning in result.warnings)


def test_repeated_and_constant_columns_are_dropped_and_said():
    x = np.hstack([X, X[:, :2], np.ones((N, 1))])
    result = diagnose(x, Y, LABELS, key=KEY)
    assert result.x == (7, 4, 4)
    assert any("rank 4" in warning for warning in result.warnings)
    assert any("1 of x's 7 columns are constant" in warning for warning in result.warnings)


def test_the_units_of_the_source_do_not_change_what_ca_and_cp_say():
    x, y, z = draw(model_in("ca", d=12, k=2), 600, seed=3)
    rng = np.random.default_rng(0)
    plain = diagnose(x, y, z, key=KEY)
    scales = [10.0 ** rng.permutation(np.linspace(-size, size, 12)) for size in (2, 4, 6)]
    answers = [diagnose(x * scale + 10 * scale, y, z, key=KEY) for scale in scales]
    for answer in answers:
        assert answer.k == plain.k == 2 and answer.regime == plain.regime
        assert answer.x.rank == 12
        assert sum("differ in size" in warning for warning in answer.warnings) == 1
        for fit in (("CA", None, "x"), ("CP", "x→y", "x")):  # principal components of x do depend on its units
            measured, before = (one.trial.score[one.trial.of(*fit)] for one in (answer, plain))
            assert abs(measured - before) < 0.02
        for side in ("ca", "cp"):
            found, first, before = (getattr(one, side) for one in (answer, answers[0], plain))
            np.testing.assert_allclose(found.delta, first.delta, rtol=2e-3)  # no units at all
            assert abs(np.log(found.delta.value / before.delta.value)) < 0.2  # nor much of what common units told
            np.testing.assert_allclose(found.spectrum.observed, before.spectrum.observed, rtol=1e-3, atol=1e-4)


def test_numbers_near_the_limits_are_read_like_others():
    x, y, z = draw(model_in("both", d=6, k=2), 300, seed=4)
    plain = diagnose(x, y, z, key=KEY)
    for scale in (1e-160, 1e160, 1e300):
        answer = diagnose(x * scale, y, z, key=KEY)
        assert answer.warnings == plain.warnings
        np.testing.assert_allclose(answer.ca.delta, plain.ca.delta, rtol=1e-3)

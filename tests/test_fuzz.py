"""Whatever is given, a specification, a file or an argument: a result that makes sense, or one sentence."""

import io
import json

import jax
import jaxtyping
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import SMALL, placed, toml, within

from phasejax.diagnosis import diagnose
from phasejax.diagnosis.files import read_column, read_view
from phasejax.sampling import sample_covariance, sample_pairs
from phasejax.solvers import align, joint, predict, whiten
from phasejax.spiked import SpikedModel
from phasejax.sweep import SpecError, SweepSpec, load_spec, parse_spec
from phasejax.sweep.grid import Grid


@pytest.fixture(scope="module", autouse=True)
def answered_by_the_library():
    """Annotations are not checked: what they forbid is what is given here."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


NUMBERS = st.one_of(
    st.floats(),
    st.integers(-3, 70),
    st.sampled_from(
        [1e160, -1e160, 1e-160, 5e-324, 2**31, 2**63, 10**30, 10**400, -(10**400), 1e308, float("nan"), float("inf")]
    ),
)
ODD = st.one_of(
    NUMBERS, st.booleans(), st.none(), st.text(max_size=9), st.sampled_from(["nan", "1e3", "[red]", "$\\frac$", "\0"])
)
TREES = st.recursive(ODD, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3))


EXTREMES = [
    None, True, "x", "", "nan", "[bold]", "$\\frac$", [], {}, [[]], [None], float("nan"), float("inf"), -float("inf"), -1, -0.5,
    1e160, -1e160, 5e-324, 1e308, 10**30, 10**400, 2**63, [1.0, float("nan")], {"start": 0}, [1e160, -1e160], 1j,
]  # fmt: skip


def one_sentence(call, *mistakes: type[Exception]):
    """What the call gives, or None after one sentence."""
    try:
        return call()
    except mistakes as error:
        text = str(error)
        assert text.endswith(".") and "\n" not in text and len(text) < 500, text
        return None


def paths(tree: dict, prefix=()) -> list[tuple]:
    """Every place of a specification, tables among them."""
    below = [paths(value, (*prefix, name)) for name, value in tree.items() if isinstance(value, dict)]
    return [(*prefix, name) for name in tree] + [path for part in below for path in part]


@st.composite
def specifications(draw) -> dict:
    """The small specification with up to three of its places changed, misspelt, added or gone."""
    spec = json.loads(json.dumps(SMALL))
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(paths(spec)))
        place = within(spec, way)
        match draw(st.sampled_from(["change", "change", "change", "misspell", "add", "remove"])):
            case "change":
                place[last] = draw(TREES)
            case "misspell":
                place[last[:-1] + draw(st.text(max_size=2))] = place.pop(last)
            case "add":
                place[draw(st.sampled_from(["d_y", "eta", "spread", "hold", "quality_x", "nu", "n", "kappa"]))] = draw(TREES)
            case "remove":
                del place[last]
        if not paths(spec):
            break
    return spec


@settings(max_examples=400)
@given(specifications())
def test_any_specification_is_one_that_can_be_run_or_one_sentence(raw):
    spec = one_sentence(lambda: parse_spec(raw), SpecError)
    if spec is not None:
        assert isinstance(spec, SweepSpec) and parse_spec(json.loads(spec.model_dump_json(exclude_none=True))) == spec
        grid = Grid(spec)
        for values in (*grid.parameters(np.array([0, grid.size - 1])).values(), *spec.values().values()):
            assert np.isfinite(values).all()
        one_sentence(lambda: spec.check_precision(32), SpecError)


@pytest.mark.parametrize("way", paths(SMALL), ids=".".join)
def test_an_extreme_value_in_any_place_is_told_in_one_sentence_or_can_be_run(way):
    for value in EXTREMES:
        raw = placed(SMALL, way, value)
        spec = one_sentence(lambda raw=raw: parse_spec(raw), SpecError)
        if spec is not None:
            one_sentence(lambda spec=spec: spec.check_precision(32), SpecError)


def spoilt(content: bytes) -> st.SearchStrategy[bytes]:
    """Bytes that were cut, doubled, or changed in a few places."""
    cut = st.integers(0, len(content)).map(lambda n: content[:n])
    changes = st.lists(st.tuples(st.integers(0, len(content) - 1), st.binary(max_size=4)), min_size=1, max_size=4)

    def changed(places) -> bytes:
        changed = bytearray(content)
        for place, new in places:
            changed[place : place + max(1, len(new))] = new
        return bytes(changed)

    return st.one_of(cut, changes.map(changed), cut.map(lambda part: part + content), st.binary(max_size=60))


@settings(max_examples=150)
@given(spoilt(toml(SMALL).encode()))
def test_any_bytes_are_a_specification_or_one_sentence(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzz.toml"
    path.write_bytes(content)
    one_sentence(lambda: load_spec(path), SpecError)


def written() -> dict[str, bytes]:
    """The same view as the bytes of files of several kinds."""
    view = np.random.default_rng(0).normal(size=(12, 2)).round(3)
    table, files = pd.DataFrame(view, columns=["a", "b"]), {}
    for kind, write in {
        "npy": lambda file: np.save(file, view),
        "npz": lambda file: np.savez_compressed(file, view),
        "csv": lambda file: table.to_csv(file, index=False),
        "csv.gz": lambda file: table.to_csv(file, index=False, compression="gzip"),
        "jsonl": lambda file: table.to_json(file, orient="records", lines=True),
        "parquet": lambda file: table.to_parquet(file),
    }.items():
        write(buffer := io.BytesIO())
        files[kind] = buffer.getvalue()
    return files


FILES = written()


@settings(max_examples=60)
@pytest.mark.parametrize("kind", FILES)
@given(data=st.data())
def test_any_file_is_an_array_or_one_sentence(tmp_path_factory, kind, data):
    path = tmp_path_factory.getbasetemp() / f"fuzz.{kind}"
    path.write_bytes(data.draw(spoilt(FILES[kind])))
    for read in (read_view, read_column):
        found = one_sentence(lambda read=read: read(str(path)), ValueError)
        assert found is None or np.shape(found)[0] > 0


MODEL = dict(d=5, k=2, kappa=[1.0, 2.0], gamma_x=1.0, gamma_y=1.0, gamma_tilde_x=1.0, gamma_tilde_y=1.0, eta=[0.1, 0.2, 0.3])
KEY = jax.random.key(0)
ROWS = np.random.default_rng(0).normal(size=(40, 3))
COVARIANCE = SpikedModel.homogeneous(**MODEL).covariance()
CALLS = {
    **{name: lambda value, name=name: SpikedModel.homogeneous(**MODEL | {name: value}) for name in MODEL},
    "k": lambda value: align(COVARIANCE, value),
    "ridge": lambda value: predict(COVARIANCE, 2, ridge=value),
    "ridge_x": lambda value: whiten(COVARIANCE, 2, ridge_x=value),
    "lam": lambda value: joint(COVARIANCE, 2, lam=value),
    "n of a covariance": lambda value: sample_covariance(SpikedModel.homogeneous(**MODEL), value, key=KEY),
    "n of pairs": lambda value: sample_pairs(SpikedModel.homogeneous(**MODEL), value, key=KEY),
    "dof": lambda value: sample_pairs(SpikedModel.homogeneous(**MODEL), 9, key=KEY, law="student_t", dof=value),
    "law": lambda value: sample_pairs(SpikedModel.homogeneous(**MODEL), 9, key=KEY, law=value),
    "x": lambda value: diagnose(value, ROWS, ROWS[:, 0], key=KEY),
    "labels": lambda value: diagnose(ROWS[:10], ROWS[:10], value, key=KEY),
}


@pytest.mark.parametrize("argument", CALLS)
def test_an_extreme_argument_gives_finite_numbers_or_one_sentence(argument):
    for value in EXTREMES:
        found = one_sentence(lambda value=value: CALLS[argument](value), ValueError)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found)), value


@settings(max_examples=12)
@pytest.mark.parametrize("argument", CALLS)
@given(value=TREES)
def test_any_argument_gives_finite_numbers_or_one_sentence(argument, value):
    found = one_sentence(lambda: CALLS[argument](value), ValueError)
    for leaf in jax.tree.leaves(found):
        assert np.isfinite(leaf).all()

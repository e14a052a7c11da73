"""Files of every kind give the same numbers; every mistake is one sentence that names the file."""

import importlib.util
import io
import pickle

import numpy as np
import pandas as pd
import pytest

from phasejax.diagnosis.files import read_column, read_view

RNG = np.random.default_rng(0)
VIEW = RNG.normal(size=(40, 3))
TABLE = pd.DataFrame(VIEW, columns=["bill", "wing", "mass"]).assign(species=np.tile(["a", "b"], 20), clutch=np.arange(40) % 3)

needs_pyarrow = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")


@pytest.fixture
def at(tmp_path):
    """One folder with the same table in every format."""
    np.save(tmp_path / "v.npy", VIEW)
    np.save(tmp_path / "flat.npy", VIEW[:, 0])
    np.save(tmp_path / "names.npy", np.array(["a", "", "b", "a"]))
    np.save(tmp_path / "bytes.npy", np.array([b"a", b"", b"b", b"a"]))
    np.save(tmp_path / "objects.npy", np.array([{"harm": 1}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "scalar.npy", np.array(3.0))
    np.savez(tmp_path / "one.npz", VIEW)
    np.savez(tmp_path / "two.npz", x=VIEW, y=VIEW[:, :2], bad=np.array([None], dtype=object))
    np.savetxt(tmp_path / "bare.csv", VIEW, delimiter=",", fmt="%.17g")
    TABLE.to_csv(tmp_path / "t.csv", index=False, float_format="%.17g")
    TABLE.to_csv(tmp_path / "indexed.csv", float_format="%.17g")
    TABLE[["species"]].to_csv(tmp_path / "species.csv", index=False)
    (tmp_path / "gaps.csv").write_text("class,name,score\n1,a,0.5\n,b,\n2,,1.5\n3,NA,2.5\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "latin.csv").write_bytes("größe\n1\n".encode("latin1"))
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr'")
    (tmp_path / "broken.npz").write_bytes(b"PK no archive")
    (tmp_path / "array.npz").write_bytes((tmp_path / "v.npy").read_bytes())
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no table")
    (tmp_path / "page.html").write_text("")
    (tmp_path / "odd:name.npy").write_bytes((tmp_path / "v.npy").read_bytes())
    return lambda name: str(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("v.npy", [0, 1, 2]),
        ("flat.npy", [0]),
        ("odd:name.npy", [0, 1, 2]),
        ("one.npz", [0, 1, 2]),
        ("two.npz:y", [0, 1]),
        ("bare.csv", [0, 1, 2]),
        ("bare.csv:2,0", [2, 0]),
        ("t.csv:bill,wing,mass", [0, 1, 2]),
        ("t.csv:mass, bill", [2, 0]),
    ],
)
def test_views_of_every_format_are_the_same_numbers(at, name, columns):
    np.testing.assert_array_equal(read_view(at(name)), VIEW[:, columns])


@pytest.mark.parametrize("name", ["t.csv", "indexed.csv"])
def test_a_table_gives_its_columns_of_numbers_and_not_its_index(at, name):
    np.testing.assert_array_equal(read_view(at(name)), TABLE.drop(columns="species").to_numpy(float))


@needs_pyarrow
def test_parquet_columns_and_columns_of_lists(at, tmp_path):
    TABLE.assign(embedding=list(VIEW[:, ::-1])).to_parquet(tmp_path / "t.parquet")
    np.testing.assert_array_equal(read_view(at("t.parquet")), TABLE.drop(columns="species").to_numpy(float))
    np.testing.assert_array_equal(read_view(at("t.parquet:embedding")), VIEW[:, ::-1])
    np.testing.assert_array_equal(read_view(at("t.parquet:embedding,bill")), np.hstack([VIEW[:, ::-1], VIEW[:, :1]]))
    assert read_column(at("t.parquet:species")).values.tolist() == TABLE.species.tolist()
    with pytest.raises(ValueError, match=r"broken.parquet is damaged, or no parquet file"):
        read_view(at("broken.parquet"))
    pd.DataFrame({"e": [[1.0], [1.0, 2.0]]}).to_parquet(tmp_path / "ragged.parquet")
    with pytest.raises(ValueError, match=r"column 'e' does not hold numbers, or equally long lists"):
        read_view(at("ragged.parquet:e"))


def test_without_pyarrow_parquet_says_what_to_install(at, monkeypatch):
    def absent(*_, **__):
        raise ImportError("no pyarrow")

    monkeypatch.setattr(pd, "read_parquet", absent)
    with pytest.raises(ValueError, match=r"broken.parquet needs pyarrow: .*phasejax\[data\]"):
        read_view(at("broken.parquet"))


def test_columns_of_names_and_numbers_say_which_rows_are_known(at):
    species = read_column(at("species.csv"))
    assert species.values.tolist() == TABLE.species.tolist() and species.known.all()
    name = read_column(at("gaps.csv:name"))
    assert name.values.tolist() == ["a", "b", None, None] and name.known.tolist() == [True, True, False, False]
    for names in ("names.npy", "bytes.npy"):
        assert read_column(at(names)).values.tolist() == ["a", "", "b", "a"]
        assert read_column(at(names)).known.tolist() == [True, False, True, True]
    score = read_column(at("gaps.csv:score"))
    assert score.values.dtype == float and score.known.tolist() == [True, False, True, True]
    both = read_column(at("gaps.csv:class,score"))
    assert both.values.shape == (4, 2) and both.known.tolist() == [True, False, True, True]


def test_whole_numbers_stay_classes_next_to_missing_ones(at):
    column = read_column(at("gaps.csv:class"))
    assert column.values.dtype == np.int64 and column.values[column.known].tolist() == [1, 2, 3]
    assert column.known.tolist() == [True, False, True, True]


MISTAKES = [
    ("none.npy", "none.npy cannot be read: No such file or directory."),
    ("page.html", "page.html is of no known kind: one of .npy, .npz, .csv, .parquet is needed."),
    ("objects.npy", "objects.npy holds Python objects, which are never loaded: save an array of numbers or of text."),
    ("two.npz:bad", "two.npz holds Python objects, which are never loaded: save an array of numbers or of text."),
    ("scalar.npy", "scalar.npy holds no array with rows: save one row for each pair."),
    ("broken.npy", "broken.npy is damaged, or no NumPy array."),
    ("broken.npz", "broken.npz is damaged, or no NumPy a"),
    ("array.npz", "array.npz is damaged, or no NumPy archive."),
    ("v.npy:x", "v.npy holds one array: no part 'x' can be chosen."),
    ("two.npz", "two.npz holds 3 arrays (x, y, bad): choose one, as in two.npz:NAME."),
    ("two.npz:z", "two.npz holds no array 'z': it holds x, y, bad."),
    ("t.csv:bill,tail", "t.csv has no column 'tail': it has bill, wing, mass, species, clutch."),
    ("t.csv:species", "t.csv:species: column 'species' does not hold numbers, or equally long lists of them."),
    ("empty.csv", "empty.csv is no table of comma-separated values in UTF-8."),
    ("latin.csv", "latin.csv is no table of comma-separated values in UTF-8."),
]


@pytest.mark.parametrize(("name", "sentence"), MISTAKES)
def test_a_mistake_is_one_sentence_with_the_file(at, name, sentence):
    with pytest.raises(ValueError) as caught:
        read_view(at(name))
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_labels_of_two_kinds_are_not_mixed(at):
    with pytest.raises(ValueError, match=r"t.csv:species,clutch mixes columns of numbers and of names"):
        read_column(at("t.csv:species,clutch"))


def test_no_pickle_is_ever_opened(at, monkeypatch, tmp_path):
    def opened(*_, **__):
        raise AssertionError("a pickle was opened")

    monkeypatch.setattr(pickle, "load", opened)
    monkeypatch.setattr(pickle, "loads", opened)
    stream = io.BytesIO()
    pickle.Pickler(stream).dump(VIEW)
    (tmp_path / "raw.npy").write_bytes(stream.getvalue())
    for name in ("objects.npy", "two.npz:bad", "raw.npy"):
        with pytest.raises(ValueError, match=r"never loaded|damaged"):
            read_view(at(name))

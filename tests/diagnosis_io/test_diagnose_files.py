"""Files of every kind give the same numbers; every mistake is one sentence that names the file."""

import gzip
import io
import os
import pickle
import re
import shutil
import sys
import warnings
import zipfile

import anndata
import h5py
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather
from safetensors.flax import save_file
from scipy import sparse

from phasejax.diagnosis.files import ARRAYS, TABLES, BadFile, read_column, read_named_view, read_view
from phasejax.memory import NotAffordable

RNG = np.random.default_rng(0)
VIEW = RNG.normal(size=(40, 3))
TABLE = pd.DataFrame(VIEW, columns=["bill", "wing", "mass"]).assign(species=np.tile(["a", "b"], 20), clutch=np.arange(40) % 3)
LISTED = pd.DataFrame({"id": np.arange(40), "text": "a b", "embedding": list(VIEW), "score": VIEW[:, 0]})
CELLS = pd.DataFrame(
    {"kind": pd.Categorical(["t", "b", None, "t"] * 10), "depth": VIEW[:, 0]}, index=[f"c{i}" for i in range(40)]
)


@pytest.fixture
def at(written, tmp_path):
    """One folder with the same table in every format, and with what is wrong."""
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return lambda name: str(tmp_path / name)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("written")
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
    for kind in ("parquet", "safetensors", "h5", "arrow", "csv.gz", "jsonl"):
        (tmp_path / f"broken.{kind}").write_bytes(b"PAR1 no table")
    (tmp_path / "model.pt").write_bytes(b"PK")
    (tmp_path / "quoted.csv").write_text('a,b\n"1,5","2,5"\n"3,5","4,5"\n')
    (tmp_path / "page.html").write_text("")
    (tmp_path / "odd:name.npy").write_bytes((tmp_path / "v.npy").read_bytes())
    TABLE.to_csv(tmp_path / "t.tsv", index=False, sep="\t", float_format="%.17g")
    TABLE.to_csv(tmp_path / "T.CSV.GZ", index=False, float_format="%.17g", compression="gzip")
    TABLE.to_csv(tmp_path / "euro.csv", index=False, sep=";", decimal=",", float_format="%.17g")
    TABLE[["bill", "wing"]].to_csv(
        tmp_path / "euro.tsv", header=False, index=False, sep="\t", decimal=",", float_format="%.17g"
    )
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbf" + TABLE.to_csv(index=False, float_format="%.17g").encode())
    TABLE.to_json(tmp_path / "t.jsonl", orient="records", lines=True, double_precision=15)
    LISTED.to_json(tmp_path / "lists.jsonl", orient="records", lines=True, double_precision=15)
    LISTED.to_parquet(tmp_path / "lists.parquet")
    lists = pa.table(LISTED)
    feather.write_feather(lists, tmp_path / "lists.feather")
    with pa.OSFile(str(tmp_path / "stream.arrow"), "wb") as file, pa.ipc.new_stream(file, lists.schema) as stream:
        stream.write_table(lists)
    save_file({"x": jnp.asarray(VIEW, jnp.bfloat16), "y": jnp.asarray(VIEW)}, tmp_path / "two.safetensors")
    cells = anndata.AnnData(sparse.csr_matrix(VIEW), obs=CELLS, obsm={"X_pca": VIEW})
    with warnings.catch_warnings(action="ignore"), h5py.File(tmp_path / "cells.h5mu", "w") as file:
        cells.write_h5ad(tmp_path / "cells.h5ad")
        anndata.io.write_elem(file.create_group("mod"), "rna", cells)
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        file["a/view"], file["names"] = VIEW, np.array(["a", "b"] * 20, dtype=object)
        file["elsewhere"] = h5py.ExternalLink(str(tmp_path / "cells.h5ad"), "X")
    return tmp_path


def same(name, read, right):
    """To the bit; pandas before 3.1 reads decimals to a few units of the last places."""
    rounds = tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1) and re.search(r"\.[ct]sv", name.lower())
    np.testing.assert_array_max_ulp(read, right, maxulp=64 if rounds else 0)


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
        ("t.csv:w*,?a*,bill", [1, 2, 0]),
        ("t.tsv:bill,wing,mass", [0, 1, 2]),
        ("T.CSV.GZ:bill,wing,mass", [0, 1, 2]),
        ("euro.csv:bill,wing,mass", [0, 1, 2]),
        ("euro.tsv", [0, 1]),
        ("bom.csv:bill", [0]),
        ("lists.parquet", [0, 1, 2]),
        ("lists.feather", [0, 1, 2]),
        ("stream.arrow", [0, 1, 2]),
        ("cells.h5ad:X", [0, 1, 2]),
        ("cells.h5ad:obsm/X_pca", [0, 1, 2]),
        ("cells.h5mu:rna/obsm/X_pca", [0, 1, 2]),
        ("cells.h5mu:mod/rna/X", [0, 1, 2]),
        ("plain.h5:a/view", [0, 1, 2]),
    ],
)
def test_views_of_every_format_are_the_same_numbers(at, name, columns):
    same(name, read_view(at(name)), VIEW[:, columns])


@pytest.mark.parametrize("name", ["t.jsonl", "lists.jsonl", "two.safetensors:y", "two.safetensors:x"])
def test_formats_of_fewer_digits_are_the_same_numbers_to_theirs(at, name):
    digits = {"t.jsonl": 1e-12, "lists.jsonl": 1e-12, "two.safetensors:y": 1e-7, "two.safetensors:x": 2**-8}[name]
    np.testing.assert_allclose(read_view(at(name))[:, :3].astype(float), VIEW, rtol=digits)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("t.csv", "t.csv: 4 columns (bill, wing, mass, clutch); left out: species (not numbers)."),
        (
            "indexed.csv",
            "4 columns (bill, wing, mass, clutch); left out: Unnamed: 0 (it numbers the rows), species (not numbers).",
        ),
        ("t.csv:wing", "t.csv: 1 column (wing)."),
        (
            "lists.parquet",
            "lists of 3 numbers in column embedding; left out: id (it numbers the rows), text (not numbers), score (",
        ),
        ("two.npz:y", "two.npz:y: an array of 40 × 2."),
    ],
)
def test_what_is_used_and_what_is_left_out_is_said(at, name, sentence):
    said = []
    read_view(at(name), say=said.append)
    assert len(said) == 1 and sentence in said[0] and said[0].startswith(at(""))


@pytest.mark.parametrize("name", ["t.csv", "indexed.csv"])
def test_a_table_gives_its_columns_of_numbers_and_not_its_index(at, name):
    same(name, read_view(at(name)), TABLE.drop(columns="species").to_numpy(float))


def test_columns_of_lists_may_be_chosen_beside_others(at, tmp_path):
    TABLE.assign(embedding=list(VIEW[:, ::-1])).to_parquet(tmp_path / "t.parquet")
    found = read_view(at("t.parquet:embedding,bill"))
    np.testing.assert_array_equal(found, np.hstack([VIEW[:, ::-1], VIEW[:, :1]]))
    named = read_named_view(at("t.parquet:embedding,bill"))
    assert list(named.columns) == ["embedding[0]", "embedding[1]", "embedding[2]", "bill"]
    assert read_column(at("t.parquet:species")).tolist() == TABLE.species.tolist()
    LISTED.assign(other=list(VIEW)).to_parquet(tmp_path / "both.parquet")
    with pytest.raises(ValueError, match=r"both.parquet holds lists in embedding, other: choose one, as in both.parquet:embed"):
        read_view(at("both.parquet"))
    for second, sentence in (([1.0, 2.0], "2 numbers in row 1"), (None, "nothing in row 1")):
        pd.DataFrame({"e": [[1.0], second]}).to_parquet(tmp_path / "ragged.parquet")
        with pytest.raises(ValueError, match=f"column 'e' holds 1 numbers in row 0 and {sentence}: equally long lists"):
            read_view(at("ragged.parquet"))


@pytest.mark.parametrize(
    ("name", "library"), [("lists.parquet", "pyarrow"), ("two.safetensors:x", "safetensors"), ("cells.h5ad:X", "anndata.io")]
)
def test_a_reader_that_is_missing_is_named_with_the_extra(at, monkeypatch, name, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ValueError, match=rf"needs {library}.*: install it with pip install 'phasejax\[data\]'"):
        read_view(at(name))


def test_labels_of_names_and_of_numbers_keep_what_is_missing(at):
    assert read_column(at("species.csv")).tolist() == TABLE.species.tolist()
    assert read_column(at("gaps.csv:name")).tolist() == ["a", "b", None, None]
    assert read_column(at("names.npy")).tolist() == ["a", "", "b", "a"]
    assert read_column(at("bytes.npy")).tolist() == [b"a", b"", b"b", b"a"]
    np.testing.assert_array_equal(read_column(at("gaps.csv:score")), [0.5, np.nan, 1.5, 2.5])
    assert read_column(at("gaps.csv:class,score")).shape == (4, 2)
    assert read_column(at("cells.h5ad:obs/kind")).tolist()[:2] == ["t", "b"] and pd.isna(
        read_column(at("cells.h5ad:obs/kind"))[2]
    )
    np.testing.assert_array_equal(read_column(at("cells.h5mu:rna/obs/depth")), VIEW[:, 0])
    assert read_column(at("plain.h5:names")).tolist() == ["a", "b"] * 20


def test_whole_numbers_stay_whole_next_to_missing_ones(at):
    assert read_column(at("gaps.csv:class")).tolist() == [1, None, 2, 3]


def test_labels_do_not_count_the_rows_in(at, tmp_path):
    pd.DataFrame({"id": np.arange(5), "kind": [3, 1, 3, 1, 1]}).to_csv(tmp_path / "kinds.csv", index=False)
    assert read_column(at("kinds.csv")).tolist() == [3, 1, 3, 1, 1]
    assert read_column(at("kinds.csv:id")).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("read", [read_view, read_column])
def test_text_among_measurements_is_named_by_column_and_row(at, tmp_path, read):
    odd = TABLE.astype({"wing": object})
    odd.loc[7, "wing"] = "<LOD"
    odd.to_csv(tmp_path / "lod.csv", index=False)
    with pytest.raises(ValueError, match=r"lod.csv: column 'wing' holds '<LOD' in row 7, among numbers: numbers are needed"):
        read(at("lod.csv:wing" if read is read_column else "lod.csv"))
    np.testing.assert_allclose(read_view(at("lod.csv:bill,mass")), VIEW[:, [0, 2]])
    odd.loc[7, "wing"] = None
    odd.to_csv(tmp_path / "lod.csv", index=False)
    with pytest.raises(ValueError, match=r"lod.csv: column 'wing' has no number in row 7"):
        read_view(at("lod.csv"))


def test_names_that_start_like_numbers_are_names(tmp_path):
    pd.DataFrame({"who": ["1", "2", "2b", "3"]}).to_csv(tmp_path / "who.csv", index=False)
    assert read_column(f"{tmp_path}/who.csv").tolist() == ["1", "2", "2b", "3"]


MISTAKES = [
    ("none.npy", "none.npy cannot be read: No such file or directory."),
    ("page.html", f"page.html is of no kind that is read: one of {', '.join((*ARRAYS, *TABLES))} is needed."),
    (
        "model.pt",
        "model.pt may hold code, which is never run: convert it with python -c \"import numpy, torch; numpy.save('model.npy",
    ),
    ("two.safetensors", "two.safetensors holds 2 arrays (x, y): choose one, as in two.safetensors:NAME."),
    ("broken.safetensors", "broken.safetensors is damaged, or no safetensors file."),
    ("cells.h5ad", "cells.h5ad holds 4 arrays (X, obs/depth, obs/kind, obsm/X_pca): choose one, as in cells.h5ad:NAME."),
    ("plain.h5:elsewhere", "plain.h5 holds no array 'elsewhere': it holds a/view, names."),
    ("broken.h5", "broken.h5 cannot be read: it is damaged."),
    ("broken.arrow", "broken.arrow is damaged, or no Arrow file."),
    ("broken.parquet", "broken.parquet is damaged, or no parquet file."),
    ("broken.jsonl", "broken.jsonl is damaged, or no table of JSON objects, one a line."),
    ("broken.csv.gz", "broken.csv.gz cannot be read: it is damaged."),
    ("quoted.csv", "quoted.csv has no column of numbers"),
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
    ("t.csv:species", "t.csv: column 'species' does not hold numbers, or equally long lists of them."),
    ("empty.csv", "empty.csv is damaged, or no table of separated values in UTF-8."),
    ("latin.csv", "latin.csv is damaged, or no table of separated values in UTF-8."),
]


@pytest.mark.parametrize(("name", "sentence"), MISTAKES)
def test_a_mistake_is_one_sentence_with_the_file(at, name, sentence):
    with pytest.raises(ValueError) as caught:
        read_view(at(name))
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_labels_of_two_kinds_are_not_mixed(at):
    with pytest.raises(ValueError, match=r"t.csv mixes columns of numbers and of names \(species, clutch\): choose one kind"):
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


def header(shape: str, descr: str = "'<f8'") -> bytes:
    """The start of a .npy file, whatever it claims."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        header("(1000000000000, 4)"),
        header("(-1, 4)") + bytes(64),
        header("(1000000000000,)", "'<U0'"),
        header("(3, 4)") + bytes(95),
        header("(" + "9" * 400 + ",)"),
        header("(" + "(" * 3000),
        header("(4,)", "'O'") + bytes(64),
        b"\x93NUMPY\x09\x00",
        b"",
    ],
)
def test_a_header_that_claims_too_much_is_a_sentence_in_a_moment(at, tmp_path, content):
    (tmp_path / "claims.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "claims.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", content)
    for name in ("claims.npy", "claims.npz"):
        with pytest.raises(ValueError, match=r"claims.np. (is damaged|holds)") as caught:
            read_view(at(name))
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def test_nothing_unfolds_beyond_memory(at, tmp_path, monkeypatch):
    monkeypatch.setattr("phasejax.memory.available", lambda: 2.0**20)
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", header("(400000, 1)") + bytes(3200000))
    with gzip.open(tmp_path / "bomb.csv.gz", "wb") as stream:
        stream.write(b"1,2\n" * 300000)
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        file.create_dataset("x", (10**9, 1000), "f8", chunks=(1000, 1000))  # nothing is stored
    pa.parquet.write_table(pa.table({"x": pa.array(np.zeros(300000)).dictionary_encode()}), tmp_path / "bomb.parquet")
    for name in ("bomb.npz", "bomb.csv.gz", "bomb.h5", "bomb.parquet"):
        with pytest.raises(ValueError, match=rf"{name}.* would take .* of memory: this machine has"):
            read_view(at(name))


def test_only_regular_files_are_opened(at, tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    (tmp_path / "folder.csv").mkdir()
    for name in ("pipe.npy", "folder.csv"):
        with pytest.raises(ValueError, match=f"{name} is no regular file"):
            read_view(at(name))


def test_every_format_survives_damage_as_a_sentence_or_as_a_view(at, tmp_path):
    """Seeded flips, cuts and repetitions of every kind of file: an array or a ValueError of one line, never anything else."""
    rng = np.random.default_rng(0)
    names = ("v.npy", "two.npz:x", "t.csv", "T.CSV.GZ", "lists.jsonl", "lists.parquet", "lists.feather", "stream.arrow")
    for name in (*names, "two.safetensors:x", "cells.h5ad:obsm/X_pca", "cells.h5ad:X"):
        base, _, part = name.partition(":")
        content = (tmp_path / base).read_bytes()
        for _ in range(40):
            damaged, place = bytearray(content), int(rng.integers(len(content)))
            match rng.integers(3):
                case 0:
                    damaged[place] ^= 1 << int(rng.integers(8))
                case 1:
                    del damaged[place:]
                case 2:
                    damaged[place : place + 8] = rng.bytes(8)
            (tmp_path / f"damaged-{base}").write_bytes(damaged)
            try:
                assert read_view(at(f"damaged-{base}" + (f":{part}" if part else ""))).ndim >= 1
            except (BadFile, NotAffordable) as error:
                assert "damaged-" in str(error)

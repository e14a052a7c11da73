"""`phasejax diagnose`: one screen, a JSON file, a report; a mistake is one sentence and leaves nothing behind."""

import json
import re
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest
from made_up import MADE_UP
from typer.testing import CliRunner

from phasejax import datasets
from phasejax.cli import app
from phasejax.diagnosis import diagnose as library
from phasejax.diagnosis.estimators import load_encoder

runner = CliRunner()


def invoke(*arguments):
    return runner.invoke(app, ["diagnose", *map(str, arguments)], terminal_width=80)


@pytest.fixture(scope="module")
def birds(tmp_path_factory):
    """The penguins as files."""
    folder, data = tmp_path_factory.mktemp("birds"), datasets.penguins()
    species = data.labels["species"].copy()
    species[::3] = ""
    np.savez(folder / "views.npz", x=data.x, y=data.y)
    np.save(folder / "species.npy", species)
    np.save(folder / "nest.npy", data.groups)
    return folder, data, species


def test_from_files_to_the_library_answer_on_screen_json_and_page(birds, tmp_path):
    folder, data, species = birds
    x, y = (f"{folder / 'views.npz'}:{name}" for name in "xy")
    outputs = ("--json", tmp_path / "d.json", "--report", tmp_path / "d.html")
    files = (x, y, "--labels", folder / "species.npy", "--groups", folder / "nest.npy")
    result = invoke(*files, *outputs, "--seed", 5)
    assert result.exit_code == 0, result.output
    expected = library(data.x, data.y, species, groups=data.groups, key=jax.random.key(5))
    assert json.loads((tmp_path / "d.json").read_text()) == expected.to_dict()
    assert expected.n == 324 and expected.n_labelled == 216
    assert "324 pairs" in result.stdout and "216 labelled" in result.stdout
    assert expected.advice in " ".join(result.stdout.split())
    page = (tmp_path / "d.html").read_text()
    assert "views.npz:x" in page and "seed 5" in page and page.endswith("</html>\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.html", "d.json"]


@pytest.fixture
def pairs(tmp_path, monkeypatch):
    """Small files, and a diagnosis that is made up; `seen` holds what it was asked."""
    rng, seen = np.random.default_rng(0), {}
    np.save(tmp_path / "x.npy", rng.normal(size=(40, 3)))
    np.save(tmp_path / "y.npy", rng.normal(size=(40, 2)))
    (tmp_path / "l.csv").write_text("class,who\n" + "".join(f"{i % 3 if i % 4 else ''},p{i // 5}\n" for i in range(40)))
    monkeypatch.chdir(tmp_path)

    def made_up(x, y, labels, **choices):
        seen.update(choices, x=x, y=y, labels=labels)
        return MADE_UP

    monkeypatch.setattr("phasejax.diagnosis.diagnose", made_up)
    return seen


def test_the_screen_has_the_verdict_first_then_measures_model_next_steps_and_caveats_in_60_columns(pairs):
    result = invoke("x.npy", "y.npy", "--labels", "l.csv:class")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].strip() == "Align (CA)" and lines[1].strip() == MADE_UP.advice
    assert max(map(len, lines)) <= 60 and len(lines) <= 80
    parts = (
        "by more than 2 points: 90 %",
        "Tried on these pairs: balanced accuracy",
        "Another regulariser",
        "What the advised encoder reads",
        "1: <mass> -0.95, wing +0.90, bill +0.20",
        "2: bill +0.80, wing -0.10, <mass> +0.00",
        "Explained by the model",
        "2 signal directions",
        "Fits on these",
        "A cleaner source: the weakest signal is 64 %",
        "Next",
        "plan for about 1,800",
        "Caveats",
        *MADE_UP.warnings,
        "1,500 pairs, worth",
        "CA aligns",
        "Δ is",
        "x.npy: an array of 40 × 3.",
        "y.npy: an array of 40 × 2.",
        "l.csv: 1 column (class).",
        "Again: phasejax diagnose x.npy y.npy",
    )
    places = [result.stdout.index(part) for part in parts]
    assert places == sorted(places)
    assert re.search(r"CP y→x +12.3 \(3.00–∞\) +> 99 % +> 99 % +21 % +> 1,000,000", result.stdout)
    assert re.search(r"principal components +x, 2 +0.71 ± 0.02 +\+0.12 ± 0.01", result.stdout)


def test_names_that_look_like_markup_are_names(pairs):
    odd = "[/red]$\\frac$"
    Path("[").mkdir()
    Path("x.npy").rename(f"{odd}.npy")
    Path("l.csv").write_text(Path("l.csv").read_text().replace("class", odd))
    result = invoke(f"{odd}.npy", "y.npy", "--labels", f"l.csv:{odd}", "--json", f"{odd}.json", "--report", f"{odd}.html")
    assert result.exit_code == 0, result.output
    assert f"{odd}.npy: an array of 40 × 3." in result.stdout and f"l.csv: 1 column ({odd})." in result.stdout
    assert f"{odd}.npy" in Path(f"{odd}.html").read_text() and Path(f"{odd}.json").exists()


def test_options_reach_the_diagnosis(pairs):
    options = "--labels", "l.csv:class", "--groups", "l.csv:who", "--k", "2", "--method", "elbow", "--seed", "0"
    result = invoke("x.npy", "y.npy", *options)
    assert result.exit_code == 0 and " ".join(options) in " ".join(result.stdout.split())
    assert pairs["x"].shape == (40, 3) and pairs["y"].shape == (40, 2) and pairs["method"] == "elbow" and pairs["k"] == 2
    assert pairs["labels"].tolist() == [i % 3 if i % 4 else None for i in range(40)]
    assert pairs["groups"].tolist() == [f"p{i // 5}" for i in range(40)]
    assert jax.random.key_data(pairs["key"]).tolist() == jax.random.key_data(jax.random.key(0)).tolist()


def test_the_advised_encoder_is_saved_with_the_names_of_its_columns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = datasets.penguins()
    pd.DataFrame(data.x, columns=data.names_x).to_csv("body.csv", index=False)
    np.save("blood.npy", data.y)
    np.save("species.npy", data.labels["species"])
    np.save("nest.npy", data.groups)
    files = ("body.csv", "blood.npy", "--labels", "species.npy", "--groups", "nest.npy")
    result = invoke(*files, "--save", "e.npz", "--json", "d.json")
    assert result.exit_code == 0, result.output
    stored, told = load_encoder("e.npz"), json.loads(Path("d.json").read_text())
    body, chosen = pd.DataFrame(data.x, columns=data.names_x), {"groups": data.groups, "key": jax.random.key(0)}
    expected = library(body, data.y, data.labels["species"], **chosen)
    np.testing.assert_allclose(stored.transform(data.x), expected.fit(data.x, data.y).transform(data.x), atol=1e-9)
    assert stored.names_x_.tolist() == data.names_x and "e.npz: the encoder" in result.stdout
    side = told["loadings"]["view"]
    assert told["loadings"]["names"] == (data.names_x if side == "x" else ["y0", "y1"])
    encoded = stored.transform(x=data.x) if side == "x" else stored.transform(y=data.y)
    view = data.x if side == "x" else data.y
    correlation = np.corrcoef(view.T, encoded.T)[: view.shape[1], view.shape[1] :]
    np.testing.assert_allclose(np.abs(told["loadings"]["correlation"]), np.abs(correlation), atol=1e-6)


def test_no_encoder_is_written_where_none_is_advised(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, shape in (("x", (60, 3)), ("y", (60, 2)), ("l", 60)):
        np.save(f"{name}.npy", rng.normal(size=shape))
    result = invoke("x.npy", "y.npy", "--labels", "l.npy", "--save", "e.npz")
    assert result.exit_code == 0 and "e.npz: not written, as nothing is" in result.stdout
    assert not (tmp_path / "e.npz").exists()


MISTAKES = [
    (("none.npy", "y.npy", "--labels", "l.csv:class"), "none.npy cannot be read: No such file or directory."),
    (("x.npy", "y.npy", "--labels", "l.csv:what"), "l.csv has no column 'what': it has class, who."),
    (("x.npy", "y.npy", "--labels", "l.csv:class", "--json", "no/d.json"), "--json no/d.json cannot be written"),
    (("x.npy", "y.npy", "--labels", "l.csv:class", "--save", "no/e.npz"), "--save no/e.npz cannot be written"),
    (("x.npy", "y.npy", "--labels", "l.csv:class", "--json", "d", "--save", "d"), "--json and --save are both d"),
    (("x.npy", "y.npy", "--labels", "l.csv:class", "--report", "."), "--report . cannot be written"),
    (("x.npy", "y.npy", "--labels", "l.csv:class", "--json", "d", "--report", "./d"), "--json and --report are both d"),
]


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES)
def test_a_mistake_is_one_sentence_exit_2_and_nothing_written(pairs, tmp_path, arguments, sentence):
    before = sorted(tmp_path.iterdir())
    outputs = () if "--json" in arguments or "--report" in arguments else ("--json", "d.json", "--report", "d.html")
    result = invoke(*arguments, *outputs)
    assert result.exit_code == 2 and result.stdout == ""
    assert sentence in result.stderr and len(result.stderr.splitlines()) == 1 and result.stderr.startswith("phasejax: ")
    assert sorted(tmp_path.iterdir()) == before and pairs == {}


@pytest.mark.parametrize(
    ("labels", "options", "sentence"),
    [
        ("same.npy", (), "the labels are all equal"),
        ("short.npy", (), r"(40,)"),
        ("l.csv:class", ("--method", "other"), "method = 'other' is not allowed: choose one of default, elbow."),
        ("l.csv:class", ("--k", "3"), "k = 3 is not allowed: the number of signal directions lies in 1..2."),
        ("holed.npy", (), "the labels are all equal"),
    ],
)
def test_what_the_diagnosis_refuses_is_a_sentence_too(pairs, tmp_path, monkeypatch, labels, options, sentence):
    monkeypatch.setattr("phasejax.diagnosis.diagnose", library)
    np.save("same.npy", np.full(40, 2))
    np.save("short.npy", np.arange(39.0))
    np.save("holed.npy", np.where(np.arange(40) % 2, 1.0, np.nan))
    before = sorted(tmp_path.iterdir())
    result = invoke("x.npy", "y.npy", "--labels", labels, *options, "--json", "d.json")
    assert result.exit_code == 2 and sentence in result.stderr and len(result.stderr.splitlines()) == 1, result.output
    assert sorted(tmp_path.iterdir()) == before


def test_a_page_that_fails_leaves_neither_file(pairs, tmp_path, monkeypatch):
    def fails(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr("phasejax.diagnosis.report.report_page", fails)
    result = invoke("x.npy", "y.npy", "--labels", "l.csv:class", "--json", "d.json", "--report", "d.html")
    assert isinstance(result.exception, RuntimeError)
    assert not {"d.json", "d.html"} & {path.name for path in tmp_path.iterdir()}

"""Heads on frozen features: what the spiked model says wins, baselines and ceiling in their order, files to table."""

import json

import jax
import numpy as np
import pytest
from typer.testing import CliRunner

from phasejax.cli import app
from phasejax.heads import Head, Heads, report, train_heads

runner = CliRunner()


def pairs(n=600, seed=0):
    """One shared coordinate, weak in x and lost in loud noise of its own in either view; the label is its sign."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    views = []
    for _ in range(2):
        view = 1.5 * rng.normal(size=(n, 6))
        view[:, 0] = z + 0.3 * rng.normal(size=n)
        views.append(view)
    return *views, (z > 0).astype(int)


def heads(x, y, label):
    with jax.enable_x64(False):
        return train_heads(x, y, label, objectives=["vicreg", "prediction"], key=jax.random.key(0), width=1, steps=400,
                           hidden=32, learning_rate=1e-2, batch=128)  # fmt: skip


@pytest.fixture(scope="module")
def found():
    return heads(*pairs())


def scores(found):
    return {(head.objective, head.reads): score for head, score in zip(found.heads, found.score, strict=True)}


def test_every_objective_stands_beside_baselines_and_ceiling(found):
    assert list(scores(found)) == [
        ("features alone", "x"),
        ("features alone", "y"),
        ("features alone", "x, y"),
        ("vicreg", "x, y"),
        ("vicreg", "x"),
        ("vicreg", "y"),
        ("prediction x→y", "x"),
        ("prediction y→x", "y"),
        ("trained on labels", "x, y"),
    ]
    assert found.measure == "balanced accuracy" and found.chance == 0.5 and not found.diverged


def test_one_number_finds_the_shared_coordinate(found):
    """A head of width 1 holds what either view needs six features for."""
    told = scores(found)
    assert told["vicreg", "x"] > 0.8 and told["prediction x→y", "x"] > 0.75
    assert told["features alone", "x"] > 0.8
    assert told["trained on labels", "x, y"] > 0.85


def test_a_label_that_nothing_tells_scores_chance():
    """Baselines, heads and the ceiling alike: none is fitted to the groups that it is scored on."""
    x, y, label = pairs()
    found = heads(x, y, np.random.default_rng(3).permutation(label))
    assert np.max(found.error) < 0.04
    assert np.max(np.abs(found.score - found.chance) / found.error) < 3.5


def test_differences_are_to_the_better_view_alone(found):
    best = int(np.argmax(found.score[:2]))
    np.testing.assert_allclose(found.difference, found.score - found.score[best])
    assert found.difference_error[best] == 0 and np.all(found.error > 0)
    json.dumps(found.to_dict())


def test_the_report_names_who_is_ahead_and_what_diverged():
    """Only heads, only beyond two standard errors; a page for scores that were made up."""
    kinds = (("baseline", "features alone", "x"), ("baseline", "features alone", "y"), ("head", "a<b", "x"), ("head", "c", "y"),
             ("ceiling", "trained on labels", "x, y"))  # fmt: skip
    score = np.array([0.6, 0.5, 0.7, 0.62, 0.9])
    error = np.full(5, 0.02)
    less = np.array([0, 0.03, 0.04, 0.015, 0.02])
    made = Heads(tuple(Head(*kind) for kind in kinds), score, error, score - 0.6, less, "R²", 0.0, ("c",))
    assert made.ahead == (Head("head", "a<b", "x"),)
    assert report.verdict(made) == "Ahead of the better view alone by two standard errors: a<b (x); of 2 heads."
    none = made._replace(difference=np.zeros(5))
    assert report.verdict(none) == "None of 2 heads scores more than the better view alone by two standard errors."
    page = report.report_page(made, {"x": "x.npy"})
    assert "a&lt;b" in page and "a<b" not in page and "c: a training diverged" in page
    assert ("c", "y", "0.620 ± 0.040", "+0.020 ± 0.030") in report.rows(made)
    assert "Caveats" not in report.report_page(made._replace(diverged=()), {})


def test_heads_below_chance_are_named():
    """Heads alone, and only beyond two standard errors."""
    kinds = (
        ("baseline", "features alone", "x"),
        ("baseline", "features alone", "y"),
        ("head", "a", "x, y"),
        ("head", "b", "y"),
    )
    score, error = np.array([-0.9, 0.5, -0.3, -0.3]), np.array([0.1, 0.1, 0.14, 0.16])
    made = Heads(tuple(Head(*kind) for kind in kinds), score, error, score - 0.5, error, "R²", 0.0, ())
    assert made.below_chance == (Head("head", "a", "x, y"),)
    page = report.report_page(made, {})
    assert "a (x, y): below chance" in page and page.count("below chance") == 1
    assert not made._replace(chance=-0.6).below_chance


@pytest.fixture
def files(tmp_path):
    for name, array in zip(("x", "y", "labels"), pairs(n=80), strict=True):
        np.save(tmp_path / f"{name}.npy", array)
    return tmp_path


def invoke(files, *arguments):
    views = [str(files / f"{name}.npy") for name in "xy"]
    return runner.invoke(app, ["train", *views, "--labels", str(files / "labels.npy"), *arguments], terminal_width=120)


def test_from_files_to_table_and_json_and_on_from_a_checkpoint(files):
    options = ["--steps", "40", "--batch", "16", "--json", str(files / "h.json"), "--checkpoints", str(files / "kept")]
    result = invoke(files, "--objectives", "vicreg", "prediction", *options, "--report", str(files / "h.html"))
    assert result.exit_code == 0, result.output
    assert "prediction y→x" in result.output and "trained on labels" in result.output
    written = json.loads((files / "h.json").read_text())
    assert len(written["heads"]) == 9 and len(list((files / "kept").iterdir())) == 4
    page = (files / "h.html").read_text(encoding="utf-8")
    assert "prediction y→x" in page and page.count("<svg") == 1
    assert f"{written['heads'][0]['score']:.3f}\N{NO-BREAK SPACE}±" in page
    assert "--steps 40" in page and "--objectives vicreg prediction" in page and "<script" not in page
    again = invoke(files, "--objectives", "prediction", *options)  # both trainings are found done
    assert again.exit_code == 0 and json.loads((files / "h.json").read_text())["heads"][3] == written["heads"][6]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--objectives", "vicrag"], "'vicrag' is not an objective: choose one of"),
        (["--objectives", "vicreg", "--steps", "30"], "steps = 30"),
        (["--objectives", "vicreg", "--json", "/nowhere/h.json"], "--json"),
        (["--objectives", "vicreg", "--report", "/nowhere/h.html"], "--report"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(files, arguments, message):
    before = sorted(files.iterdir())
    result = invoke(files, *arguments)
    assert result.exit_code == 2 and message in result.stderr and "Traceback" not in result.stderr
    assert sorted(files.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("labels", np.zeros(79), "labels have shape (79,)"),
        ("labels", np.full(80, np.nan), "0 of 80 pairs are labelled"),
        ("x", np.zeros((80, 8, 8)), "x has shape (80, 8, 8)"),
        ("y", np.random.default_rng(0).normal(size=(79, 6)), "x has 80 rows and y has 79"),
        ("y", np.full((80, 6), np.inf), "y[0, 0] = inf"),
        ("groups", np.zeros(81), "groups"),
    ],
)
def test_a_file_that_does_not_fit_is_one_sentence_and_leaves_nothing(files, name, array, message):
    """Pictures where vectors are needed, labels and groups of another length, rows without a partner, no number at all."""
    np.save(files / f"{name}.npy", array)
    grouped = ["--groups", str(files / "groups.npy")] if name == "groups" else []
    before = sorted(files.iterdir())
    result = invoke(files, "--objectives", "vicreg", "--json", str(files / "h.json"), *grouped)
    assert result.exit_code == 2 and result.stdout == "" and result.stderr.startswith("phasejax: ")
    assert message in result.stderr and result.stderr.count("\n") == 1
    assert sorted(files.iterdir()) == before

"""Figures are regenerated from nothing, from what an earlier run left, or not at all."""

import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from specs import finished
from typer.testing import CliRunner

from phasejax import figures
from phasejax.cli import app
from phasejax.experiments.solved.engine import SolvedEngine

ROOT = Path(__file__).parents[1]


def invoke(*arguments):
    return CliRunner().invoke(app, ["figures", *map(str, arguments)])


@pytest.fixture
def small_sweeps(tmp_path, monkeypatch):
    """The sweep of partial recovery on a 4 × 5 grid of smaller models."""
    folder = tmp_path / "specs"
    folder.mkdir()
    text = (ROOT / "sweeps" / "partial_recovery.toml").read_text(encoding="utf-8")
    small = text.replace("d = 20", "d = 8").replace("stop = 3.0, num = 31", "stop = 3.0, num = 4")
    small = small.replace("stop = 1.0, num = 31", "stop = 1.0, num = 5")
    assert small.count("num = 31") == 0
    (folder / "partial_recovery.toml").write_text(small, encoding="utf-8")
    monkeypatch.setattr(figures, "shipped", {"sweeps": folder}.get)


def test_every_name_is_a_module_that_tells_its_story():
    assert sorted(figures.NAMES) == sorted(path.stem for path in (ROOT / "figures").glob("[!_]*.py"))
    for name in figures.NAMES:
        module = import_module(f"phasejax.figures.{name}")
        assert callable(module.draw)
        # The caption gives sizes and numbers, not only words.
        assert len(figures.caption(name)) > 150 and {"n =", "M", "d ="} & set(
            re.findall(r"n =|\bM\b|d =", figures.caption(name))
        )


def test_a_figure_is_written_with_its_caption_and_its_sweep_is_kept(small_sweeps, tmp_path, monkeypatch):
    out = tmp_path / "out"
    result = invoke("partial_recovery", "--out", out)
    assert result.exit_code == 0, result.output
    assert (out / "partial_recovery.pdf").read_bytes().startswith(b"%PDF")
    assert (out / "partial_recovery.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "partial_recovery.md").read_text(encoding="utf-8") == figures.caption("partial_recovery") + "\n"
    assert [path.name for path in (out / "sweeps").iterdir()] == ["partial_recovery.zarr"]
    names = [f"partial_recovery.{suffix}" for suffix in ("md", "pdf", "png")]
    assert sorted(path.name for path in out.iterdir()) == [*names, "sweeps"]
    monkeypatch.setattr(SolvedEngine, "compile", None)  # nothing is left to compute
    said = []
    assert [len(paths) for paths in figures.regenerate(["partial_recovery"], out, on_progress=said.append)] == [3]
    assert said[:2] == ["partial_recovery: drawing", "partial_recovery: sweep partial_recovery"]


def test_the_phase_diagram_has_theory_at_n_between_the_limit_and_the_measurement():
    drawn = import_module("phasejax.figures.phase_diagram").draw(lambda name: finished(axes__kappa=[0.0, 0.8, 2.0]))
    titles = [ax.get_title().split("\n")[-1] for ax in drawn.axes]
    assert titles == 3 * ["n = ∞", "expected at n = 5000", "measured at n = 5000"]


def test_a_figure_without_a_sweep():
    drawn = import_module("phasejax.figures.variance_trap").draw(None)
    assert isinstance(drawn, Figure) and len(drawn.axes) == 2
    total, signal = ({line.get_label(): np.asarray(line.get_ydata()) for line in ax.lines} for ax in drawn.axes)
    # In the shaded part CP predicts all of y better than CA, and the signal worse.
    assert total["CP, n = ∞"][350] < total["CA + probe, n = ∞"][350]
    assert signal["CP, n = ∞"][350] > signal["CA + probe, n = ∞"][350]


def test_nothing_recovers_where_the_boundary_is_zero_and_everything_where_it_is_one(monkeypatch):
    growing = import_module("phasejax.figures.growing_nuisance")
    monkeypatch.setattr(growing, "_boundaries", lambda target, n: (np.array([0.0, 1.0]), np.array([0.0, 0.5])))
    codes = growing._regimes.__wrapped__(1.0, 500.0)
    np.testing.assert_array_equal(codes[0], 0)
    np.testing.assert_array_equal(codes[1], np.where(growing.NU <= 0.5, 3, 1))


def test_mistakes_are_sentences(tmp_path):
    unknown = invoke("nonsense", "--out", tmp_path / "out")
    assert unknown.exit_code == 2 and "there is no figure 'nonsense': choose among phase_diagram" in unknown.stderr
    (tmp_path / "file").write_text("kept")
    assert "is a file: a directory is needed" in invoke("--out", tmp_path / "file").stderr
    below_a_file = invoke("--out", tmp_path / "file" / "sub")
    assert below_a_file.exit_code == 2 and "does not take new files" in below_a_file.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_a_store_that_is_not_one_is_a_sentence(tmp_path):
    (tmp_path / "sweeps" / "phase_diagram.zarr").mkdir(parents=True)
    result = invoke("phase_diagram", "--out", tmp_path)
    assert result.exit_code == 2 and "phase_diagram.zarr" in result.stderr and len(result.stderr.splitlines()) == 1

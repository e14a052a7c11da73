"""Figures are regenerated from nothing, from what an earlier run left, or not at all."""

from importlib import import_module
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

from phasejax import figures
from phasejax.cli import app
from phasejax.experiments.solved.engine import SolvedEngine

ROOT = Path(__file__).parents[1]


def invoke(*arguments):
    return CliRunner().invoke(app, ["figures", *map(str, arguments)])


@pytest.fixture
def small_sweeps(tmp_path, monkeypatch):
    """The two phase diagrams on a 5 × 6 grid."""
    folder = tmp_path / "specs"
    folder.mkdir()
    for name in ("phase_diagram", "phase_diagram_small_nuisance"):
        text = (ROOT / "sweeps" / f"{name}.toml").read_text()
        small = text.replace("stop = 3.0, num = 61", "stop = 3.0, num = 5").replace(
            "stop = 1.0, num = 61", "stop = 1.0, num = 6"
        )
        assert small != text
        (folder / f"{name}.toml").write_text(small)
    monkeypatch.setattr(figures, "shipped", {"sweeps": folder}.get)


def test_every_name_is_a_module_that_tells_its_story():
    assert sorted(figures.NAMES) == sorted(path.stem for path in (ROOT / "figures").glob("[!_]*.py"))
    for name in figures.NAMES:
        module = import_module(f"phasejax.figures.{name}")
        assert callable(module.draw) and module.__doc__


def test_a_figure_is_written_as_pdf_and_png_and_its_sweeps_are_kept(small_sweeps, tmp_path, monkeypatch):
    out = tmp_path / "out"
    result = invoke("phase_diagram", "--out", out)
    assert result.exit_code == 0, result.output
    assert (out / "phase_diagram.pdf").read_bytes().startswith(b"%PDF")
    assert (out / "phase_diagram.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in (out / "sweeps").iterdir()) == [
        "phase_diagram.zarr",
        "phase_diagram_small_nuisance.zarr",
    ]
    assert sorted(path.name for path in out.iterdir()) == ["phase_diagram.pdf", "phase_diagram.png", "sweeps"]
    monkeypatch.setattr(SolvedEngine, "compile", None)  # nothing is left to compute
    assert invoke("phase_diagram", "--out", out).exit_code == 0


def test_a_figure_without_a_sweep():
    drawn = import_module("phasejax.figures.variance_trap").draw(None)
    assert isinstance(drawn, Figure) and len(drawn.axes) == 2
    total, signal = ({line.get_label(): line.get_ydata() for line in ax.lines} for ax in drawn.axes)
    # In the shaded part CP predicts all of y better than CA, and the signal worse.
    assert total["CP, population"][35] < total["CA + probe, population"][35]
    assert signal["CP, population"][35] > signal["CA + probe, population"][35]


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

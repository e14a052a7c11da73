"""The command line: results where they are promised, mistakes in one sentence, nothing half-done."""

import importlib
import inspect
import json
import re
import subprocess
import sys

import pytest
from specs import raw, toml
from test_spec import MISTAKES
from typer.testing import CliRunner

from phasejax.cli import COMMANDS, app
from phasejax.experiments.solved.engine import SolvedEngine
from phasejax.sweep import load

runner = CliRunner()


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(toml(raw()))
    return path


def invoke(*arguments):
    return runner.invoke(app, [str(argument) for argument in arguments])


def test_a_sweep_leaves_store_figure_and_table(spec, tmp_path):
    result = invoke("sweep", spec, "--out", tmp_path / "out", "--pdf")
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["small.pdf", "small.png", "small.zarr"]
    assert (tmp_path / "out" / "small.png").read_bytes().startswith(b"\x89PNG")
    assert load(tmp_path / "out" / "small.zarr").sizes == {"kappa": 3, "nu": 5, "direction": 2}
    for what in ("region", "CA", "CP", "where Both", "where Neither", "away from"):
        assert what in result.output
    assert "15/15 cells" in result.output


def test_json_lines_are_for_machines(spec, tmp_path):
    command = [sys.executable, "-m", "phasejax", "sweep", spec, "--out", tmp_path, "--log-json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines[-1]["cells_done"] == 15 and lines[-1]["trials_done"] == 90
    assert {"cells_done", "trials_done", "trials_per_s", "elapsed_s"} <= set(lines[-1])
    assert "region" in result.stderr


def test_a_second_run_needs_resume_and_then_has_nothing_to_do(spec, tmp_path, monkeypatch):
    assert invoke("sweep", spec, "--out", tmp_path).exit_code == 0
    again = invoke("sweep", spec, "--out", tmp_path)
    assert again.exit_code == 2 and "exists: add --resume" in again.stderr
    (tmp_path / "small.png").unlink()
    monkeypatch.setattr(SolvedEngine, "compile", None)
    assert invoke("sweep", spec, "--out", tmp_path, "--resume").exit_code == 0
    assert (tmp_path / "small.png").exists()


def test_a_dry_run_prints_the_cost_and_writes_nothing(spec, tmp_path):
    result = invoke("sweep", spec, "--out", tmp_path / "out", "--dry-run")
    assert result.exit_code == 0
    assert re.search(r"cells +15\n", result.output) and re.search(r"trials +90\n", result.output)
    assert re.search(r"memory +[1-9][\d,]* MiB", result.output)
    assert "MiB before" in result.output and "trials/s" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("change", "sentence"), MISTAKES[::6])
def test_a_mistake_in_a_spec_is_a_sentence_and_exit_2(change, sentence, tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(toml(raw(**change)))
    result = invoke("sweep", path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stdout == "" and sentence in result.stderr and len(result.stderr.splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["wrong.toml"]


def test_other_mistakes_too(spec, tmp_path):
    (tmp_path / "file").write_text("kept")
    cases = [
        (("sweep", tmp_path / "none.toml"), "cannot be read: No such file"),
        (("sweep", spec, "--out", tmp_path / "file"), "is a file: a directory is needed"),
        (("sweep", spec, "--out", tmp_path / "o", "--precision", 16), "--precision 16 is not allowed: 32 or 64"),
        (("sweep", spec, "--out", tmp_path / "o", "--processes", 2), "go together: give all three"),
    ]
    for arguments, sentence in cases:
        result = invoke(*arguments)
        assert result.exit_code == 2 and sentence in result.stderr, result.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "small.toml"]
    assert (tmp_path / "file").read_text() == "kept"


def test_ctrl_c_keeps_what_is_done(spec, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(SolvedEngine, "start", interrupted)
    result = invoke("sweep", spec, "--out", tmp_path)
    assert result.exit_code == 130 and "--resume continues" in result.stderr
    monkeypatch.undo()
    assert invoke("sweep", spec, "--out", tmp_path, "--resume").exit_code == 0


def test_help_lists_every_command_and_loads_none():
    program = "import sys\nfrom phasejax.cli import main\ntry: main()\nfinally: print(*{'jax', 'numpy'} & sys.modules.keys())"
    shown = subprocess.run([sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == ""
    for name, help_line in COMMANDS.items():
        assert name in shown
        function = getattr(importlib.import_module(f"phasejax.cli.{name}"), name)
        assert inspect.getdoc(function).splitlines()[0] == help_line


def test_info_names_devices_versions_and_places():
    result = invoke("info")
    assert result.exit_code == 0
    for what in ("devices", "cpu", "jax", "precision", "results", "cache"):
        assert what in result.output

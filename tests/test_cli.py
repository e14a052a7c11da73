"""The command line: results where they are promised, mistakes in one sentence, nothing half-done."""

import importlib
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr
from specs import raw, toml
from test_spec import MISTAKES
from typer.testing import CliRunner

from phasejax import runtime
from phasejax.cli import COMMANDS, app
from phasejax.experiments.solved.engine import SolvedEngine
from phasejax.figures import NAMES
from phasejax.sweep import load
from phasejax.verify import list_claims

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
    for what in ("regime", "CA", "CP", "where Both", "where Neither", "at n", "away"):
        assert what in result.output
    assert "15/15 cells" in result.output


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A folder with what `phasejax sweep` leaves."""
    folder = tmp_path_factory.mktemp("swept")
    (folder / "small.toml").write_text(toml(raw()))
    assert invoke("sweep", folder / "small.toml", "--out", folder, "--quiet").output == ""
    return folder


def test_a_store_is_drawn_again_as_it_was(swept, tmp_path):
    new = tmp_path / "[/red]$\\frac$"  # what a terminal or a figure would take for markup is a name like any other
    result = invoke("plot", swept / "small.zarr", "--out", new, "--pdf")
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in new.iterdir()) == ["small.pdf", "small.png"] and str(new / "small.png") in result.output
    assert (new / "small.png").read_bytes() == (swept / "small.png").read_bytes()
    assert "regime" in result.output and "at n" in result.output and "nan" not in result.output


def test_a_store_leaves_as_csv_and_its_agreement_as_latex(swept, tmp_path):
    cells, table = tmp_path / "cells.csv", tmp_path / "table.tex"
    result = invoke("export", swept / "small.zarr", "--csv", cells, "--latex", table)
    assert result.exit_code == 0, result.output
    read, dataset = pd.read_csv(cells, dtype=str), load(swept / "small.zarr")
    assert len(read) == 15
    one = read[(read.kappa == "0.8") & (read.nu == "0.5")].iloc[0]
    there = dataset.sel(kappa=0.8, nu=0.5)
    assert float(one["overlap_cp[2]"]) == float(there.overlap_cp.sel(direction=2)) and int(one.regime) == int(there.regime)
    assert set(read) == {"kappa", "nu"} | {
        f"{name}[{i}]" if "direction" in dataset[name].dims else name for name in dataset.data_vars for i in (1, 2)
    }
    text = table.read_text(encoding="utf-8")
    assert text.count("\n") == len(text.splitlines()) and "CA & 15" in text and r"\bottomrule" in text
    for arguments, sentence in (
        ((swept / "small.zarr",), "nothing to write: give --csv FILE, --latex FILE or both"),
        ((swept / "small.zarr", "--csv", cells, "--latex", cells), "two files are needed"),
        ((swept, "--csv", tmp_path / "other.csv"), "is not a sweep store"),
        ((swept / "small.zarr", "--csv", tmp_path / "no" / "other.csv"), "cannot be written"),
    ):
        refused = invoke("export", *arguments)
        assert refused.exit_code == 2 and sentence in refused.stderr, refused.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cells.csv", "table.tex"]


def test_xarray_opens_a_store_without_being_told_how(swept):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert xr.open_zarr(swept / "small.zarr").sizes == {"kappa": 3, "nu": 5, "direction": 2}


def test_quiet_leaves_nothing_but_mistakes(tmp_path):
    assert invoke("info", "--quiet").output == ""
    mistaken = invoke("check", tmp_path, "-q")
    assert mistaken.exit_code == 2 and mistaken.stdout == "" and "is not a sweep store" in mistaken.stderr
    assert invoke("info").output != ""


def test_figures_are_named_in_help_and_completed_and_claims_by_any_other_word():
    for shown, names in (
        (invoke("figures", "--help").output, NAMES),
        (invoke("verify", "--only", "?").stderr, [claim.id for claim in list_claims()]),
    ):
        assert [name for name in names if name not in " ".join(shown.split())] == []
    program = "import sys; sys.argv[0] = 'phasejax'; from phasejax.__main__ import main; main()"
    asked = {"_PHASEJAX_COMPLETE": "complete_bash", "COMP_WORDS": "phasejax figures va", "COMP_CWORD": "2"}
    done = subprocess.run([sys.executable, "-c", program], env=os.environ | asked, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["variance_trap"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_sixty_columns(command):
    shown = runner.invoke(app, [command, "--help"], env={"COLUMNS": "60", "NO_COLOR": "1"}).output
    assert shown.count("--help") == 1 and max(map(len, shown.splitlines())) <= 60


def test_ctrl_c_is_answered_within_two_seconds_though_a_thread_works_on(tmp_path):
    program = tmp_path / "busy.py"
    program.write_text("""
import sys, time, typer
from concurrent.futures import ThreadPoolExecutor
from phasejax.cli.shared import plain_errors
try:
    with plain_errors(interrupted="all is kept"), ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: (print("begun", flush=True), time.sleep(30))).result()
except typer.Exit as ended:
    sys.exit(ended.exit_code)
""")
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert time.monotonic() - began < 2 + 3  # two seconds, and what a busy machine adds
        assert process.stderr.read() == "phasejax: interrupted; all is kept.\n"


@pytest.mark.parametrize("package", ["phasejax.cli", "typer.core", "jax", "zarr"])
def test_ctrl_c_while_a_command_is_loaded_is_a_sentence_too(tmp_path, package):
    program = f"""
import os, signal, sys
class Interrupting:
    def find_spec(self, name, *_):
        if name == {package!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
from phasejax.__main__ import main
main()
"""
    ended = subprocess.run([sys.executable, "-c", program, "check", tmp_path], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "phasejax: interrupted; nothing was written.\n"


def test_json_lines_are_for_machines(spec, tmp_path):
    command = [sys.executable, "-m", "phasejax", "sweep", spec, "--out", tmp_path, "--log-json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines[-1]["cells_done"] == 15 and lines[-1]["trials_done"] == 90
    assert {"cells_done", "trials_done", "trials_per_s", "elapsed_s"} <= set(lines[-1])
    assert "regime" in result.stderr


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


LOADED = """import sys
from phasejax.__main__ import main
try: main()
finally: print(*{"jax", "numpy"} & sys.modules.keys())"""


def helped(*arguments):
    """What help prints, and last which heavy packages it loaded."""
    program = [sys.executable, "-c", LOADED, *arguments, "--help"]
    return subprocess.run(program, capture_output=True, text=True, check=True).stdout.splitlines()


def test_help_lists_every_command_and_loads_none():
    shown = helped()
    assert shown[-1] == ""
    for name, help_line in COMMANDS.items():
        assert name in "\n".join(shown)
        function = getattr(importlib.import_module(f"phasejax.cli.{name}"), name)
        assert inspect.getdoc(function).splitlines()[0] == help_line


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_loads_nothing_heavy(command):
    shown = helped(command)
    assert "--quiet" in "\n".join(shown) and shown[-1] == ""


def test_what_the_environment_sets_is_kept_and_a_home_is_not_needed(tmp_path):
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=3", "XDG_CACHE_HOME": "", "HOME": ""}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")} | flags
    command = [sys.executable, "-m", "phasejax", "info"]
    shown = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert shown.returncode == 0 and "3 × cpu" in shown.stdout and not any(tmp_path.iterdir()), shown
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", "relative")
        patch.setenv("HOME", "/home/nobody")
        assert runtime.cache_directory() == Path("/home/nobody/.cache/phasejax")
        patch.setattr("os.path.expanduser", lambda path: path)  # as for a user whom no table knows
        assert runtime.cache_directory() == Path(tempfile.gettempdir(), "phasejax")
        patch.setenv("XDG_CACHE_HOME", "/cache")
        assert runtime.cache_directory() == Path("/cache/phasejax")


def test_info_names_devices_versions_and_places():
    result = invoke("info")
    assert result.exit_code == 0
    for what in ("devices", "cpu", "jax", "precision", "results", "cache"):
        assert what in result.output

"""Two processes that share a sweep over loopback leave the store that one process leaves."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from specs import raw, toml
from typer.testing import CliRunner

from phasejax.cli import app
from phasejax.sweep import load, parse_spec, run

COMMAND = [sys.executable, "-m", "phasejax", "sweep"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


SOLVED = raw(trials=60_000, axes={"kappa": [0.5, 1.0, 2.0], "nu": [0.2, 0.6]})
TRAINED = SOLVED | {
    "trials": 16,
    "axes": {"kappa": [0.8, 2.0], "nu": [0.0, 0.9]},
    "training": {"steps": 20, "batch": 30, "learning_rate": 0.1, "objectives": {"prediction": {}}},
}


def started(path: Path, out: Path, *options: object) -> subprocess.Popen:
    """The command with one CPU device, progress as JSON lines."""
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "1", "XDG_CACHE_HOME": str(out.parent / "cache")}
    command = [*COMMAND, path, "--out", out, "--log-json", *map(str, options)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def pair(path: Path, out: Path, *options: object) -> list[subprocess.Popen]:
    """Two processes that share a sweep."""
    cluster = ["--coordinator", f"127.0.0.1:{free_port()}", "--processes", 2]
    return [started(path, out, *options, *cluster, "--process-id", number) for number in range(2)]


@pytest.mark.parametrize("spec", [SOLVED, TRAINED], ids=["solved", "trained"])
def test_two_processes_write_the_store_of_one(spec, tmp_path):
    # As many trials a cell as make each cell a tile of its own, so that both processes have work.
    path = tmp_path / "small.toml"
    path.write_text(toml(spec))
    processes = pair(path, tmp_path / "two")
    outputs = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    # Process 0 reports its own share alone, half of the tiles, and what the other is slow with; process 1 is silent.
    last = json.loads(outputs[0][0].strip().splitlines()[-1])
    alone = run(parse_spec(spec), devices=tuple(jax.devices()[:1]))
    assert alone.status.size / 2 <= last["cells_done"] <= alone.status.size
    assert last["trials_done"] == last["cells_done"] * spec["trials"]
    assert outputs[1][0] == ""
    together = load(tmp_path / "two" / "small.zarr")
    assert together.attrs["device"].startswith("2 × ")
    for name in alone.data_vars:
        np.testing.assert_allclose(together[name], alone[name], rtol=1e-5, atol=1e-7, err_msg=name)


def test_the_tiles_of_a_killed_process_are_done_by_the_other_though_it_was_the_coordinator(tmp_path):
    spec = SOLVED | {"trials": 100_000}
    path = tmp_path / "small.toml"
    path.write_text(toml(spec))
    coordinator, peer = pair(path, tmp_path / "two", "--wait", 100)
    assert coordinator.stdout is not None
    coordinator.stdout.readline()  # its first tile
    coordinator.kill()
    errors = peer.communicate(timeout=200)[1]
    coordinator.communicate()
    assert peer.returncode == 0 and coordinator.returncode == -signal.SIGKILL, errors
    alone, store = run(parse_spec(spec), devices=tuple(jax.devices("cpu")[:1])), load(tmp_path / "two" / "small.zarr")
    np.testing.assert_allclose(store["distance_ca"], alone["distance_ca"], rtol=1e-5, atol=1e-7)
    assert not np.any(store.status)


def test_others_that_are_not_there_are_a_sentence(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(toml(SOLVED))
    at = ["--processes", 2, "--wait", 1, "--coordinator"]
    alone = [started(path, tmp_path / "out", *at, f"127.0.0.1:{free_port()}", "--process-id", number) for number in (0, 1)]
    for process in alone:  # without a peer, without a coordinator
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 2 and not output and len(errors.splitlines()) == 1, errors
        assert "did not meet within 1 s" in errors
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--coordinator", "nonsense", "--processes", 2, "--process-id", 1],
            "--coordinator nonsense is not allowed: HOST:PORT",
        ),
        (["--coordinator", "a:9", "--processes", 2, "--process-id", 2], "--process-id 2 is not allowed: it lies in 0..1"),
        (["--coordinator", "a:9"], "--coordinator, --processes and --process-id go together"),
        (["--hosts"], "the other processes cannot be joined: "),
    ],
)
def test_a_mistake_about_the_others_is_a_sentence(options, sentence, tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(toml(SOLVED))
    result = CliRunner().invoke(app, ["sweep", str(path), "--out", str(tmp_path / "out"), *map(str, options)])
    assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1 and sentence in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_specification_is_read_without_running_jax(tmp_path):
    """Processes can only be joined before the first of JAX's devices is asked for."""
    path = tmp_path / "small.toml"
    path.write_text(toml(TRAINED))
    program = (
        "import sys, phasejax.sweep, jax._src.xla_bridge as bridge; "
        "phasejax.sweep.load_spec(sys.argv[1]); assert not bridge.backends_are_initialized()"
    )
    subprocess.run([sys.executable, "-c", program, path], check=True)

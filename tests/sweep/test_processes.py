"""Two processes that share a sweep over loopback leave the store that one process leaves."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr
from specs import raw, toml
from typer.testing import CliRunner

from phasejax.cli import app
from phasejax.sweep import load, parse_spec, run

COMMAND = [sys.executable, "-m", "phasejax", "sweep"]


SOLVED = raw(trials=100_000, axes={"kappa": [0.5, 1.0, 2.0], "nu": [0.2, 0.6]})
"""As many trials a cell as make each cell a tile of its own, so that both processes have work."""

TRAINED = SOLVED | {
    "trials": 16,
    "axes": {"kappa": [0.8, 2.0], "nu": [0.0, 0.9]},
    "training": {"steps": 20, "batch": 30, "learning_rate": 0.1, "objectives": {"prediction": {}}},
}


@pytest.fixture
def coordinators():
    """Addresses, one after another, that nobody else takes: bound here, and shared with the coordinator, who alone listens."""
    with ExitStack() as held:

        def addresses() -> Iterator[str]:
            while True:
                port = held.enter_context(socket.socket())
                port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                port.bind(("127.0.0.1", 0))
                yield f"127.0.0.1:{port.getsockname()[1]}"

        yield addresses()


def started(path: Path, out: Path, *options: object) -> subprocess.Popen:
    """The command with one CPU device, progress as JSON lines."""
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "1", "XDG_CACHE_HOME": str(out.parent / "cache")}
    command = [*COMMAND, path, "--out", out, "--log-json", *map(str, options)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def pair(coordinator: str, path: Path, out: Path, *options: object) -> list[subprocess.Popen]:
    """Two processes that share a sweep."""
    cluster = ["--coordinator", coordinator, "--processes", 2]
    return [started(path, out, *options, *cluster, "--process-id", number) for number in range(2)]


def same(one: xr.Dataset, other: xr.Dataset) -> None:
    """To the last places, as befits cells that were computed beside others."""
    assert set(one.data_vars) == set(other.data_vars)
    for name in other.data_vars:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-5, atol=1e-7, err_msg=name)


def test_two_processes_write_the_store_of_one(coordinators, tmp_path):
    path, spec = tmp_path / "small.toml", TRAINED
    path.write_text(toml(spec))
    processes = pair(next(coordinators), path, tmp_path / "two")
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
    same(together, alone)


def test_the_tiles_of_a_killed_process_are_done_by_the_other_though_it_was_the_coordinator(coordinators, tmp_path, optimised):
    path = tmp_path / "small.toml"
    path.write_text(toml(SOLVED))
    coordinator, peer = pair(next(coordinators), path, tmp_path / "two", "--wait", 100)
    assert coordinator.stdout is not None
    coordinator.stdout.readline()  # its first tile
    coordinator.kill()
    errors = peer.communicate(timeout=200)[1]
    coordinator.communicate()
    assert peer.returncode == 0 and coordinator.returncode == -signal.SIGKILL, errors
    alone, store = run(parse_spec(SOLVED), devices=tuple(jax.devices()[:1])), load(tmp_path / "two" / "small.zarr")
    assert not np.any(store.status)
    same(store, alone)


def test_others_that_are_not_there_are_a_sentence(coordinators, tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(toml(SOLVED))
    at = ["--processes", 2, "--wait", 1, "--coordinator"]
    alone = [started(path, tmp_path / "out", *at, next(coordinators), "--process-id", number) for number in (0, 1)]
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

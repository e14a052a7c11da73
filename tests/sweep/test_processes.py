"""Two processes that share a sweep over loopback leave the store that one process leaves."""

import json
import os
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest
from specs import raw, toml

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
    "training": {"steps": 40, "batch": 30, "learning_rate": 0.1, "objectives": {"prediction": {}, "infonce": {}}},
}


@pytest.mark.parametrize("spec", [SOLVED, TRAINED], ids=["solved", "trained"])
def test_two_processes_write_the_store_of_one(spec, tmp_path):
    # As many trials a cell as make each cell a tile of its own, so that both processes have work.
    path = tmp_path / "small.toml"
    path.write_text(toml(spec))
    port = free_port()
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "1", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    cluster = ["--coordinator", f"127.0.0.1:{port}", "--processes", "2"]
    processes = [
        subprocess.Popen(
            [*COMMAND, path, "--out", tmp_path / "two", "--log-json", *cluster, "--process-id", str(i)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for i in range(2)
    ]  # fmt: skip
    outputs = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    # Process 0 reports its own share alone, half of the tiles; process 1 is silent.
    last = json.loads(outputs[0][0].strip().splitlines()[-1])
    alone = run(parse_spec(spec), devices=tuple(jax.devices()[:1]))
    assert last["cells_done"] == alone.status.size / 2 and last["trials_done"] == last["cells_done"] * spec["trials"]
    assert outputs[1][0] == ""
    together = load(tmp_path / "two" / "small.zarr")
    assert together.attrs["device"].startswith("2 × ")
    for name in alone.data_vars:
        np.testing.assert_allclose(together[name], alone[name], rtol=1e-5, atol=1e-7, err_msg=name)


def test_a_specification_is_read_without_running_jax(tmp_path):
    """Processes can only be joined before the first of JAX's devices is asked for."""
    path = tmp_path / "small.toml"
    path.write_text(toml(TRAINED))
    program = (
        "import sys, phasejax.sweep, jax._src.xla_bridge as bridge; "
        "phasejax.sweep.load_spec(sys.argv[1]); assert not bridge.backends_are_initialized()"
    )
    subprocess.run([sys.executable, "-c", program, path], check=True)

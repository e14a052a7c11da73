"""Two processes that share a sweep over loopback leave the store that one process leaves."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
from specs import raw, small, toml

from phasejax.sweep import load, run

COMMAND = [sys.executable, "-m", "phasejax", "sweep"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_two_processes_write_the_store_of_one(tmp_path):
    # More tiles than processes, so that both have work: trials beyond one call make each cell a tile of its own.
    spec = raw(trials=60_000, axes={"kappa": [0.5, 1.0, 2.0], "nu": [0.2, 0.6]})
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
    # Process 0 reports its own share alone, half of the six tiles; process 1 is silent.
    last = json.loads(outputs[0][0].strip().splitlines()[-1])
    assert last["cells_done"] == 3 and last["trials_done"] == 180_000
    assert outputs[1][0] == ""
    together = load(tmp_path / "two" / "small.zarr")
    assert together.attrs["device"].startswith("2 × ")
    alone = run(small(trials=60_000, axes=spec["axes"]))
    for name in alone.data_vars:
        np.testing.assert_allclose(together[name], alone[name], rtol=1e-5, atol=1e-7, err_msg=name)

"""A sweep on a Dask cluster over loopback is the sweep of one process, though a worker is killed in mid-run."""

import gc
import os
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from specs import small

from phasejax.sweep import StoreError, run
from phasejax.sweep.cluster import _tile

DASK = [sys.executable, "-m", "dask"]
SPEC = {"trials": 60_000, "axes": {"kappa": [0.5, 1.0, 1.5, 2.0], "nu": [0.2, 0.4, 0.6]}}
"""As many trials a cell as make each cell a tile of its own."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a scheduler, and its three workers, which nobody starts again."""
    tmp_path = tmp_path_factory.mktemp("cluster")
    file = tmp_path / "scheduler.json"
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "1", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "0"  # as under `optimised`
    at = ["--host", "127.0.0.1", "--scheduler-file", file, "--no-dashboard"]
    worker = ["worker", *at, "--no-nanny", "--nthreads", "1", "--local-directory", tmp_path]
    commands = [["scheduler", *at, "--port", "0"], worker, worker, worker]
    with open(tmp_path / "log", "w") as log:
        started = [
            subprocess.Popen([*DASK, *command], env=environment, cwd=tmp_path, stdout=log, stderr=log) for command in commands
        ]
    until = time.monotonic() + 60
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.05)
    yield f"tcp://{file.read_text().split('tcp://')[1].split('"')[0]}", started[1:]
    for process in started:
        process.kill()
        process.wait()


def test_a_cluster_with_another_phasejax_is_a_sentence_before_it_dies_of_it(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr("phasejax.sweep.cluster.version", lambda name: "9.0")
    with pytest.raises(StoreError, match=r"the Dask cluster needs phasejax 9\.0, as it is here: the scheduler has \d"):
        run(small(), path=tmp_path / "s.zarr", cluster=cluster[0])
    assert not (tmp_path / "s.zarr").exists()


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path):
    with pytest.raises(StoreError, match=r"s\.zarr is not there for the worker on .*: all workers need the same folder"):
        _tile((slice(0, 1), slice(0, 5)), run="one", spec=small(), precision=32, at=str(tmp_path / "s.zarr"))


def test_the_tiles_of_a_killed_worker_are_done_by_the_others(cluster, tmp_path, optimised):
    address, workers = cluster
    spec, told = small(**SPEC), []

    def on_progress(progress):
        told.append(progress)
        if len(told) == 1:
            workers[0].send_signal(signal.SIGKILL)

    together = run(spec, path=tmp_path / "s.zarr", cluster=address, on_progress=on_progress)
    assert workers[0].wait(10) == -signal.SIGKILL and workers[1].poll() is None
    assert [progress.cells_done for progress in told] == list(range(1, 13)) and told[-1].cells == 12
    assert "workers, 1 × cpu (cpu) each" in together.attrs["device"]
    alone = run(spec, devices=tuple(jax.devices()[:1]))
    for name in alone.data_vars:
        np.testing.assert_allclose(together[name], alone[name], rtol=1e-5, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("at", ["nobody", "a stranger", "nonsense://x", "tcp://host", "tls://127.0.0.1:9", "--resume"])
def test_a_scheduler_that_is_not_there_is_a_sentence_in_time(at, tmp_path):
    """A stranger listens and says nothing; the others are no addresses. No client is left that would wait for its own end."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = {"nobody": "tcp://127.0.0.1:9", "a stranger": f"tcp://127.0.0.1:{mute.getsockname()[1]}"}.get(at, at)
        began = time.monotonic()
        with pytest.raises(StoreError, match=f"Dask scheduler at {address} cannot be reached within 1 s: ") as caught:
            run(small(), path=tmp_path / "s.zarr", cluster=address, wait_s=1)
        assert ("nobody answers" in str(caught.value)) == (at in ("nobody", "a stranger"))
        del caught
        gc.collect()
        assert time.monotonic() - began < 6
    assert not (tmp_path / "s.zarr").exists()

"""Run the small sweep tile by tile, again and again, each time until it dies by SIGKILL at a random write to disk.

Every life is a fork of this process, which has imported everything and begun nothing. It prints how many cells those before
it did; so does one after the last.

Usage: dying_sweep.py FOLDER SEED, with what the sweep gives in FOLDER/intact.npz
"""

import os
import signal
import sys
from pathlib import Path

import dask.array  # noqa: F401  xarray would, in every life
import numpy as np
from specs import remembered, small
from zarr.storage import _local

from phasejax import sweep
from phasejax.sweep import running
from phasejax.sweep.store import Store

put = _local._put


def live(store: Path, values: dict, writes: int) -> None:
    """Count the writes; at the last one die with half the value on disk under its temporary name."""
    print(done(store), flush=True)

    def dying_put(*arguments, **options):
        nonlocal writes
        writes -= 1
        if writes == 0:
            path = arguments[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".half.partial").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        return put(*arguments, **options)

    _local._put = dying_put
    os.fsync = lambda handle: None  # a killed process loses nothing of what it wrote: only a machine that stops does
    running.tile_shape = lambda shape, target: (1,) * len(shape)
    running.engine_for = remembered(values)
    sweep.run(spec, path=store, resume=True)


def done(store: Path) -> int:
    """Killed before the store was whole, there is none; the draft left beside it is never taken for one."""
    return Store(store).cells_done() if store.exists() else 0


def forked(work, *arguments) -> int:
    """The exit code of a child that does some work."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    work(*arguments)
    os._exit(0)


folder, rng = Path(sys.argv[1]), np.random.default_rng(int(sys.argv[2]))
store, values, spec = folder / "small.zarr", dict(np.load(folder / "intact.npz")), small()
ended = None
while ended != 0:
    ended = forked(live, store, values, int(rng.integers(1, 80)))
    if ended not in (0, -signal.SIGKILL):
        sys.exit(1)
sys.exit(forked(lambda: print(done(store), flush=True)))

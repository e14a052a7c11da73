"""Run the small sweep tile by tile, resuming it, and die by SIGKILL at the given write to disk.

Usage: dying_sweep.py FOLDER WRITES
"""

import os
import signal
import sys
from pathlib import Path

import jax
from specs import small
from zarr.storage import _local

from phasejax import sweep
from phasejax.sweep import running

folder, writes = Path(sys.argv[1]), int(sys.argv[2])
jax.config.update("jax_compilation_cache_dir", str(folder.parent / "cache"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_num_cpu_devices", 4)  # as in the uninterrupted run
put = _local._put


def dying_put(*arguments, **options):
    """Count the writes; at the last one die with half the value on disk under its temporary name."""
    global writes
    writes -= 1
    if writes == 0:
        path = arguments[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".half.partial").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    return put(*arguments, **options)


_local._put = dying_put
running.tile_shape = lambda shape, target: (1,) * len(shape)
sweep.run(small(), path=folder / "small.zarr", resume=True)

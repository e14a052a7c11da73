"""Run the small trained sweep cell by cell, and die by SIGKILL at the given write to its store.

Usage: dying_training.py STORE WRITES
"""

import os
import signal
import sys

import jax
from trained_specs import small
from zarr.storage import _local

from phasejax import sweep
from phasejax.sweep import running

store, writes = sys.argv[1], int(sys.argv[2])
jax.config.update("jax_num_cpu_devices", 4)  # as in the uninterrupted run
put = _local._put


def dying_put(*arguments, **options):
    """Count the writes and die at the last one."""
    global writes
    writes -= os.path.exists(store)
    if writes == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return put(*arguments, **options)


_local._put = dying_put
running.tile_shape = lambda shape, target: (1,) * len(shape)
sweep.run(small(), path=store)

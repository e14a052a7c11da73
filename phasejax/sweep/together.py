"""The processes of a multi-host run: how they meet, and what they tell each other. The rest is in the store.

They go by the coordination service of `jax.distributed`, not by collectives, which wait for the dead. That service ends every
process once one is gone: so those who met here to run one sweep leave it as soon as the store is ready.
"""

import threading
from collections.abc import Callable
from itertools import count

import jax
from jax._src.distributed import global_state

from phasejax.sweep.place import StoreError

_PATIENCE_MS = 24 * 3600 * 1000  # for checking the largest store; a leader that dies is noticed before
_FAREWELL_MS = 15 * 1000

_runs = count()
_leaving = False


def join(
    coordinator: str | None, processes: int | None, process_id: int | None, wait_s: float, on_silence: Callable[[], None]
) -> None:
    """Join the other processes, for one sweep.

    Without `coordinator`, HOST:PORT of process 0, JAX detects the cluster (Slurm, Open MPI, GKE, TPU pods); otherwise all three
    must be given. JAX aborts a process that waits in vain: `on_silence` is called after `wait_s` seconds, before it can, from a
    thread of its own, and ends the process in a better way.
    """
    global _leaving
    clock = threading.Timer(wait_s, on_silence)
    clock.daemon = True
    clock.start()
    try:
        jax.distributed.initialize(coordinator, processes, process_id, initialization_timeout=int(wait_s) + 60)
        jax.devices()  # all exchange what they have
    finally:
        clock.cancel()
    _leaving = True


def led(work: Callable[[], None]) -> None:
    """Process 0 does some work, which the others wait for. **Raises:** its `StoreError` in all of them."""
    if global_state.client is None:
        return work()
    key, sentence = f"phasejax/{next(_runs)}", ""
    if jax.process_index() == 0:
        try:
            work()
        except StoreError as error:
            sentence = str(error)
        global_state.client.key_value_set(key, f"told: {sentence}")
    else:
        sentence = global_state.client.blocking_key_value_get(key, _PATIENCE_MS).removeprefix("told: ")
    if _leaving:
        jax.distributed.shutdown()  # which waits until all are here
    if sentence:
        raise StoreError(sentence)


def parted() -> None:
    """Wait for the others to come here too, where they still need process 0; not for those that died, and not for long."""
    if global_state.client is not None:
        try:
            global_state.client.wait_at_barrier(f"phasejax/{next(_runs)}", _FAREWELL_MS)
        except jax.errors.JaxRuntimeError:
            pass

"""What the processes of a multi-host run tell each other: the store is ready, all are done. The rest is in the store.

It goes by the coordination service that `jax.distributed` has started, not by collectives, which wait for the dead.
"""

from collections.abc import Callable
from itertools import count

import jax
from jax._src.distributed import global_state

from phasejax.sweep.place import StoreError

_PATIENCE_MS = 24 * 3600 * 1000  # for checking the largest store; a leader that dies is noticed before
_FAREWELL_MS = 15 * 1000

_runs = count()


def led(work: Callable[[], None]) -> None:
    """Process 0 does some work, which the others wait for. **Raises:** its `StoreError` in all of them."""
    if global_state.client is None:
        return work()
    key = f"phasejax/{next(_runs)}"
    if jax.process_index() > 0:
        if sentence := global_state.client.blocking_key_value_get(key, _PATIENCE_MS).removeprefix("ready"):
            parted()
            raise StoreError(sentence)
        return
    try:
        work()
    except StoreError as error:
        global_state.client.key_value_set(key, str(error))
        parted()
        raise
    global_state.client.key_value_set(key, "ready")


def parted() -> None:
    """Wait for the others to come here too, since they need process 0; not for those that died, and not for long."""
    if global_state.client is not None:
        try:
            global_state.client.wait_at_barrier(f"phasejax/{next(_runs)}", _FAREWELL_MS)
        except jax.errors.JaxRuntimeError:
            pass

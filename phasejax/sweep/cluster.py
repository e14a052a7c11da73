"""A sweep over the workers of a Dask cluster: a tile is a task, and the worker that computes it writes it into the store.

Workers come and go, and others do the tiles of one that was killed: what a cell holds does not depend on who computed it.
"""

import asyncio
import uuid
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache, partial
from importlib.metadata import version
from socket import gethostname
from threading import Lock
from typing import cast

from phasejax import runtime
from phasejax.sweep.grid import Grid
from phasejax.sweep.kind import Engine
from phasejax.sweep.place import StoreError, place, reached, reason
from phasejax.sweep.running import Meter, Plan, computed, engine_for
from phasejax.sweep.spec import SweepSpec
from phasejax.sweep.store import Region, Store

try:
    from distributed import Client, KilledWorker, Security, as_completed
    from distributed.comm.core import connect
except ImportError:
    raise StoreError("a Dask cluster needs the extra dask: pip install 'phasejax[dask]'.") from None


class Cluster:
    """The workers of a scheduler."""

    def __init__(self, client: Client, spec: SweepSpec, precision: int):
        self._client, self._spec, self._precision = client, spec, precision

    @classmethod
    @contextmanager
    def at(cls, address: str, spec: SweepSpec, precision: int, limit: float) -> Iterator["Cluster"]:
        """The cluster of the scheduler at an address.

        **Raises:** `StoreError` if that does not answer, or has no worker, within `limit` seconds, and if it or one of its
        workers lacks this very version of phasejax: it would die of what it is sent.
        """
        try:
            with ThreadPoolExecutor(1) as aside:  # a notebook's own thread has a loop already
                aside.submit(asyncio.run, _meet(address, limit)).result()
            client = Client(address, timeout=limit, set_as_default=False)
        except (OSError, ValueError, TypeError, ImportError) as error:  # a timeout, an odd address, one without its library
            why = "nobody answers" if isinstance(error, OSError) else reason(error)
            raise StoreError(f"the Dask scheduler at {address} cannot be reached within {limit:g} s: {why}.") from error
        with client:
            try:
                client.wait_for_workers(1, timeout=limit)
            except TimeoutError:
                raise StoreError(f"the Dask scheduler at {address} has no worker after {limit:g} s.") from None
            here, there = version("phasejax"), cast(dict, client.get_versions(packages=["phasejax"]))
            for who, found in (("the scheduler", there["scheduler"]), *there["workers"].items()):
                if (theirs := found["packages"].get("phasejax")) != here:
                    raise StoreError(f"the Dask cluster needs phasejax {here}, as it is here: {who} has {theirs or 'none'}.")
            yield cls(client, spec, precision)

    def plan(self) -> Plan:
        """How the sweep is cut, which a worker is asked: the devices are theirs."""
        with _living():
            plan = self._client.submit(_plan, self._spec, self._precision, pure=False).result()
        workers = len(self._client.scheduler_info(n_workers=-1)["workers"])
        return Plan(plan.block, plan.provenance | {"device": f"{workers} workers, {plan.provenance['device']} each"})

    def compute(self, store: Store, meter: Meter) -> None:
        """Have every pending tile computed and written. **Raises:** `StoreError` if that cannot be done to the end."""
        run, regions = uuid.uuid4().hex[:8], list(store.pending())
        names = [f"{self._spec.name}-{number}-{run}" for number in range(len(regions))]
        tile = partial(_tile, run=run, spec=self._spec, precision=self._precision, at=store.place.address)
        futures = self._client.map(tile, regions, key=names)
        meter.begin(regions)
        try:
            with _living():
                for future in as_completed(futures, loop=self._client.loop):
                    meter.add(future.result())
        finally:
            self._client.cancel(futures)


@contextmanager
def _living() -> Iterator[None]:
    """**Raises:** `StoreError` once a cluster has come to its end."""
    try:
        yield
    except (KilledWorker, CancelledError, OSError) as error:  # a lost scheduler's among them
        why = "its workers die of this sweep" if isinstance(error, KilledWorker) else "its scheduler is gone"
        raise StoreError(f"the Dask cluster stopped: {why}. What is done is kept; --resume continues.") from error


async def _meet(address: str, limit: float) -> None:
    """Shake hands with a scheduler. A client would wait for ever for the hand of a stranger, and for its own end where an
    address is none."""
    async with asyncio.timeout(limit):
        comm = await connect(address, timeout=limit, **Security().get_connection_args("client"))
    await comm.close()


def _plan(spec: SweepSpec, precision: int) -> Plan:
    runtime.prepare()
    return Plan.of(spec, engine_for(spec, precision))


def _tile(region: Region, run: str, spec: SweepSpec, precision: int, at: str) -> int:
    """On a worker: compute a tile and write it; the number of its cells."""
    with reached(at):
        with _READYING:
            engine, store = _ready(run, spec.model_dump_json(), precision, at)
        cells = Grid(store.spec).cells(region)
        store.write(region, computed(engine, cells)())
    return cells.size


_READYING = Lock()


@lru_cache(1)
def _ready(run: str, spec: str, precision: int, at: str) -> tuple[Engine, Store]:
    """This worker's engine, compiled, and the store, opened: once a run."""
    if not place(at).exists():
        raise StoreError(f"{at} is not there for the worker on {gethostname()}: all workers need the same folder.")
    runtime.prepare()
    store = Store(at)
    if store.version != version("phasejax"):
        raise StoreError(f"{at} is computed by phasejax {store.version}, and a worker has {version('phasejax')}.")
    engine = engine_for(store.spec, precision)
    engine.compile()
    return engine, store

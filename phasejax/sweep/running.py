"""A sweep, tile by tile, into a store or a dataset: what is to be done, who does it, and how far it has come."""

import math
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, Self

import jax
import numpy as np
import xarray as xr

from phasejax.memory import NotAffordable, affordable, most_held
from phasejax.sweep import together
from phasejax.sweep.grid import Grid, tile_shape
from phasejax.sweep.kind import Engine
from phasejax.sweep.layout import store_bytes
from phasejax.sweep.place import StoreError, place, reached
from phasejax.sweep.spec import SpecError, SweepSpec
from phasejax.sweep.store import Memory, Store, load


@dataclass(frozen=True)
class SweepProgress:
    """How far a sweep has come, this process's tiles alone; `trials_per_s` leaves compilation out."""

    cells_done: int
    cells: int
    trials_done: int
    trials_per_s: float
    elapsed_s: float

    @property
    def left_s(self) -> float:
        """Seconds left at the present rate."""
        return (self.cells - self.cells_done) * self.trials_done / self.cells_done / self.trials_per_s


@dataclass(frozen=True)
class Cost:
    """What a sweep would take on this process's devices: the store's size, the most memory that one call of it held, which
    does not grow with their number, and the time of its draws, compilation apart."""

    cells: int
    trials: int
    bytes: int
    memory: float
    compile_s: float
    run_s: float
    trials_per_s: float


def estimate(spec: SweepSpec, *, precision: int = 32, devices: tuple[jax.Device, ...] | None = None) -> Cost:
    """Calibrate on one compiled call of the sweep, timed warm, and extrapolate to all of it. Writes nothing."""
    engine = engine_for(spec, precision, devices)
    compile_s, run_s = engine.time()
    cells = Grid(spec).size
    trials = cells * spec.trials
    return Cost(cells, trials, store_bytes(spec), most_held(), compile_s, run_s, trials / run_s)


def run(
    spec: SweepSpec,
    *,
    path: str | Path | None = None,
    resume: bool = False,
    precision: int = 32,
    devices: tuple[jax.Device, ...] | None = None,
    cluster: str | None = None,
    wait_s: float = 60.0,
    on_progress: Callable[[SweepProgress], None] = lambda progress: None,
    on_notice: Callable[[str], None] = warnings.warn,
) -> xr.Dataset:
    """Run a sweep and return its dataset, with one dimension per axis.

    **Arguments:**

    - `path`: where the Zarr store goes, a folder or the URL of an object store; without it the result lives in memory alone.
    - `resume`: continue the store at `path`, or begin it if there is none.
    - `precision`: 32 or 64 bits for draws and linear algebra. Analytic variables are always computed in 64.
    - `devices`: this process's devices to use, all of them by default.
    - `cluster`: address of a Dask scheduler; its workers compute the tiles, each on all its devices, and write them to `path`,
      which all of them reach. `wait_s`: seconds to wait for it and its first worker.
    - `on_progress`: called after each tile.
    - `on_notice`: hears, in a sentence each, what was damaged and is computed again, on what else the sweep was begun, and what
      is waited for.

    With several processes (`jax.distributed`) each computes its share of the tiles and all return the whole.

    **Raises:** `StoreError` if the store cannot be created, continued or written.
    """
    if cluster is not None:
        if path is None:
            raise StoreError("the workers of a cluster share a sweep by its store: a path is needed.")
        from phasejax.sweep.cluster import Cluster

        with Cluster.at(cluster, spec, precision, wait_s) as crew:
            return _stored(spec, crew, path, resume, on_progress, on_notice)
    crew = Devices(spec, engine_for(spec, precision, devices))
    if path is not None:
        return _stored(spec, crew, path, resume, on_progress, on_notice)
    if jax.process_count() > 1:
        raise StoreError("several processes share a sweep by its store: a path is needed.")
    memory = Memory(spec, *crew.plan())
    crew.compute(memory, Meter(spec, on_progress))
    return memory.dataset


def _stored(spec: SweepSpec, crew, path: str | Path, resume: bool, on_progress: Callable, on_notice: Callable) -> xr.Dataset:
    """Begin or continue a store, have the crew compute what it lacks, and read it."""
    plan = crew.plan()
    with reached(path), ExitStack() as held:

        def ready() -> None:
            created = _create(spec, path, resume, plan)
            held.enter_context(place(path).alone(on_notice))
            if not created:
                for sentence in Store.resume(path, plan.provenance):
                    on_notice(sentence)

        together.led(ready)
        crew.compute(Store(path), Meter(spec, on_progress))
        together.parted()
    return load(path)


class Plan(NamedTuple):
    """How a sweep is cut into tiles, and what made it: enough to make it again."""

    block: tuple[int, ...]
    provenance: dict[str, Any]

    @classmethod
    def of(cls, spec: SweepSpec, engine: Engine) -> Self:
        device = engine.devices[0]
        provenance = {
            "spec": spec.model_dump_json(exclude_none=True),
            "precision": engine.precision,
            "seed": spec.seed,
            "formulation": engine.method,
            "device": f"{len(engine.devices) * jax.process_count()} × {device.device_kind} ({device.platform})",
            "versions": {name: version(name) for name in ("phasejax", "jax", "jaxlib", "numpy", "zarr")},
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        return cls(tile_shape(Grid(spec).shape, engine.tile_cells), provenance)


class Meter:
    """Counts the cells that are done, from the moment that compilation is over, and tells it."""

    def __init__(self, spec: SweepSpec, on_progress: Callable[[SweepProgress], None]):
        self._trials, self._tell = spec.trials, on_progress
        self._began = self._compiled = time.monotonic()
        self._done, self._cells = 0, 0

    def begin(self, regions: Iterable[tuple[slice, ...]]) -> None:
        """These are tiles to do, now that all that had to be compiled is."""
        if not self._cells:
            self._compiled = time.monotonic()
        self._cells += sum(math.prod(part.stop - part.start for part in region) for region in regions)

    def add(self, cells: int) -> None:
        """A tile of so many cells is in the store."""
        self._done += cells
        now = time.monotonic()
        trials = self._done * self._trials
        self._tell(SweepProgress(self._done, self._cells, trials, trials / (now - self._compiled), now - self._began))


class Devices:
    """This process's devices. With several processes each computes its share of the tiles, then what is left of the others':
    theirs who are slower, or were killed."""

    def __init__(self, spec: SweepSpec, engine: Engine):
        self._spec, self._engine = spec, engine

    def plan(self) -> Plan:
        return Plan.of(self._spec, self._engine)

    def compute(self, store: Store | Memory, meter: Meter) -> None:
        """Compute and write the pending tiles, one being computed while the one before it is written."""
        share, shares = jax.process_index(), jax.process_count()
        regions = list(store.pending(share, shares))
        if regions:
            self._engine.compile()
        cells = Grid(self._spec).cells
        while regions:
            meter.begin(regions)
            for region, finish in _ahead(regions, lambda region: computed(self._engine, cells(region))):
                store.write(region, finish())
                meter.add(cells(region).size)
            left = list(store.pending()) if shares > 1 else []
            regions = left[share * len(left) // shares :][:1]


def engine_for(spec: SweepSpec, precision: int, devices: tuple[jax.Device, ...] | None = None) -> Engine:
    """What computes this sweep on this process.

    **Raises:** `ValueError` on the precision, `SpecError` on a value beyond it and on a trial or a grid that no memory holds.
    """
    if precision not in (32, 64):
        raise ValueError(f"precision = {precision} is not allowed: 32 or 64 bits.")
    spec.check_precision(precision)
    try:
        affordable(f"a grid of {Grid(spec).size:,} cells", 8 * Grid(spec).size)  # their status, and the tiles they are in
        return spec.kind.engine(spec, precision=precision, devices=tuple(devices or jax.local_devices()))
    except NotAffordable as error:
        raise SpecError(str(error)) from error


def computed(engine: Engine, cells: np.ndarray) -> Callable[[], dict[str, np.ndarray]]:
    """Begin the trials of a tile of cells (…); the returned function waits for all its variables, each (…, further)."""
    finish = engine.measure(cells.ravel())

    def values() -> dict[str, np.ndarray]:
        found = engine.analytic(cells.ravel()) | finish()
        return {name: value.reshape(cells.shape + value.shape[1:]) for name, value in found.items()}

    return values


def _ahead(items: Iterable, start: Callable, depth: int = 1) -> Iterator:
    """(item, start(item)) in order, with the next `depth` items started before each is handed out."""
    waiting = deque()
    for item in items:
        waiting.append((item, start(item)))
        if len(waiting) > depth:
            yield waiting.popleft()
    yield from waiting


def _create(spec: SweepSpec, path: str | Path, resume: bool, plan: Plan) -> bool:
    """Whether a store was created; if not, there is one to continue."""
    if resume and place(path).exists():
        return False
    try:
        Store.create(path, spec, *plan)
    except StoreError:
        if resume and place(path).exists():  # another process was first
            return False
        raise
    return True

"""A sweep, tile by tile, into a store or a dataset: what is to be done, who does it, and how far it has come."""

import math
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import jax
import xarray as xr
from jax.experimental import multihost_utils

from phasejax.memory import most_held
from phasejax.sweep.grid import Grid, tile_shape
from phasejax.sweep.integrity import alone
from phasejax.sweep.kind import Engine
from phasejax.sweep.spec import SweepSpec
from phasejax.sweep.store import Memory, Store, StoreError, load, store_bytes


@dataclass(frozen=True)
class Progress:
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
    engine = _engine(spec, precision, devices)
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
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_notice: Callable[[str], None] = warnings.warn,
) -> xr.Dataset:
    """Run a sweep and return its dataset, with one dimension per axis.

    **Arguments:**

    - `path`: where the Zarr store goes; without it the result lives in memory alone.
    - `resume`: continue the store at `path`, or begin it if there is none.
    - `precision`: 32 or 64 bits for draws and linear algebra. Analytic variables are always computed in 64.
    - `devices`: this process's devices to use, all of them by default.
    - `on_progress`: called after each tile.
    - `on_notice`: hears, in a sentence each, what was damaged and is computed again, and what is waited for.

    With several processes (`jax.distributed`) each computes its share of the tiles and all return the whole.

    **Raises:** `StoreError` if the store cannot be created, continued or written.
    """
    engine = _engine(spec, precision, devices)
    block, provenance = tile_shape(Grid(spec).shape, engine.tile_cells), _provenance(spec, engine)
    if path is None:
        if jax.process_count() > 1:
            raise StoreError("several processes share a sweep by its store: a path is needed.")
        memory = Memory(spec, block, provenance)
        _run_tiles(spec, engine, memory, on_progress)
        return memory.dataset
    path = Path(path)
    first = jax.process_index() == 0  # creates the store, or checks that it may be continued, before the others open it
    created = first and _create(spec, path, resume, block, provenance)
    with alone(path, on_notice) if first else nullcontext():
        if first and not created:
            mended = Store.resume(path, provenance)
            if mended:
                on_notice(mended)
        _barrier("phasejax store ready")
        _run_tiles(spec, engine, Store.open(path), on_progress)
        _barrier("phasejax sweep finished")
    return load(path)


def _engine(spec: SweepSpec, precision: int, devices: tuple[jax.Device, ...] | None) -> Engine:
    """What computes this sweep. **Raises:** `ValueError` on the precision, or a value beyond it."""
    if precision not in (32, 64):
        raise ValueError(f"precision = {precision} is not allowed: 32 or 64 bits.")
    spec.check_precision(precision)
    return spec.kind.engine(spec, precision=precision, devices=tuple(devices or jax.local_devices()))


def _run_tiles(spec: SweepSpec, engine: Engine, store: Store | Memory, on_progress: Callable[[Progress], None]) -> None:
    """Compute and write this process's pending tiles, one being computed while the one before it is written."""
    mine = list(store.pending(jax.process_index(), jax.process_count()))
    if not mine:
        return
    began = time.monotonic()
    engine.compile()
    compiled = time.monotonic()  # throughput is counted from here
    grid, done, trials = Grid(spec), 0, spec.trials
    cells = sum(math.prod(part.stop - part.start for part in region) for region in mine)
    work = ((region, grid.cells(region)) for region in mine)
    for (region, numbers), finish in _ahead(work, lambda tile: engine.measure(tile[1].ravel())):
        values = engine.analytic(numbers.ravel()) | finish()
        store.write(region, {name: value.reshape(numbers.shape + value.shape[1:]) for name, value in values.items()})
        done += numbers.size
        now = time.monotonic()
        on_progress(Progress(done, cells, done * trials, done * trials / (now - compiled), now - began))


def _ahead(items: Iterable, start: Callable, depth: int = 1) -> Iterator:
    """(item, start(item)) in order, with the next `depth` items started before each is handed out."""
    waiting = deque()
    for item in items:
        waiting.append((item, start(item)))
        if len(waiting) > depth:
            yield waiting.popleft()
    yield from waiting


def _create(spec: SweepSpec, path: Path, resume: bool, block: tuple[int, ...], provenance: dict) -> bool:
    """Whether a store was created; if not, there is one to continue."""
    if resume and path.exists():
        return False
    try:
        Store.create(path, spec, block, provenance)
    except StoreError:
        if resume and path.exists():  # another process was first
            return False
        raise
    return True


def _barrier(name: str) -> None:
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)


def _provenance(spec: SweepSpec, engine: Engine) -> dict:
    """What made a store: enough to make it again."""
    device = engine.devices[0]
    return {
        "spec": spec.model_dump_json(exclude_none=True),
        "precision": engine.precision,
        "seed": spec.seed,
        "formulation": engine.method,
        "device": f"{len(engine.devices) * jax.process_count()} × {device.device_kind} ({device.platform})",
        "versions": {name: version(name) for name in ("phasejax", "jax", "jaxlib", "numpy", "zarr")},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }

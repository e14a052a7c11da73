"""The compiled sweep: rows of trials mapped over devices, tile by tile, into a store or a dataset.

A row is one cell and one block of its trials. Every device call computes the same number of rows, so a sweep compiles once;
draws are keyed by (cell, trial), so no result depends on how rows are laid over calls, devices or processes.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array

from phasejax.simulation.draws import lane_keys
from phasejax.simulation.statistics import RowSums, measured, merged, summed
from phasejax.simulation.trial import Formulation, choose
from phasejax.simulation.wishart import bartlett
from phasejax.sweep.grid import Grid, cell_model, tile_shape
from phasejax.sweep.population import Population, check_precision
from phasejax.sweep.spec import SweepSpec
from phasejax.sweep.store import Store, load, store_bytes
from phasejax.sweep.trained import TrainedEngine


@dataclass(frozen=True)
class Layout:
    """How trials are laid out: `trials_per_row` × `rows` a call, in lanes of `chunk` at a time on each device."""

    devices: tuple[jax.Device, ...]
    trials_per_row: int
    rows: int
    blocks: int
    chunk: int

    @classmethod
    def plan(cls, spec: SweepSpec, devices: tuple[jax.Device, ...], cells: int) -> "Layout":
        """Enough lanes a call to hide its overhead, few enough to bound memory."""
        d = max(spec.model.dimensions)
        cpu = devices[0].platform == "cpu"
        # A CPU core wants its chunk in cache, and a call of some tenths of a second, against which writing the tile is little.
        # An accelerator wants many lanes in flight: about 32 matrices of d² numbers a lane within 8 GiB.
        chunk = max(16, min(64, 64 * 32 // d)) if cpu else min(1 << 16, max(256, (8 << 30) // (128 * d * d)))
        lanes = chunk * max(1, min(1024, 1024 * 400 // (d * d))) if cpu else 8 * chunk
        blocks = math.ceil(spec.trials / lanes)
        trials_per_row = math.ceil(spec.trials / blocks)
        wanted = min(len(devices) * max(1, lanes // trials_per_row), cells * blocks)
        rows = len(devices) * math.ceil(wanted / len(devices))
        return cls(devices, trials_per_row, rows, blocks, chunk)


def row_sums(spec: SweepSpec, layout: Layout, formulation: Formulation, key: Array, rows: dict[str, Array]) -> RowSums:
    """All trials of the rows on one device: swept values (rows,), `cell` and `block` (rows,) → sums with a leading row axis."""
    rows = dict(rows)
    cell, block = rows.pop("cell"), rows.pop("block")
    model, n = jax.vmap(partial(cell_model, spec), out_axes=-1)(rows)
    cholesky = jax.vmap(lambda m: m.cholesky(), in_axes=-1, out_axes=-1)(model)
    row_of_lane = jnp.repeat(jnp.arange(cell.size), layout.trials_per_row)
    trial = (block[:, None] * layout.trials_per_row + jnp.arange(layout.trials_per_row, dtype=block.dtype)).ravel()

    def chunk_of_trials(lane):
        row, trial = lane
        here = jax.tree.map(lambda leaf: leaf[..., row], (cholesky, n))
        factor = bartlett(lane_keys(key, cell[row], trial), here[1], *spec.model.dimensions, dtype=here[1].dtype)
        return formulation(here[0], factor, here[1], spec.model.k)

    outcome = _map_chunks(chunk_of_trials, (row_of_lane, trial), layout.chunk)
    per_row = jax.tree.map(lambda leaf: leaf.reshape(*leaf.shape[:-1], cell.size, layout.trials_per_row), outcome)
    overlap = jnp.stack([per_row.ca, per_row.cp])
    return summed(overlap, per_row.status, trial.reshape(cell.size, -1) < spec.trials, spec.threshold)


def _map_chunks(function: Callable, lanes: tuple[Array, ...], chunk: int):
    """`function` over lanes, `chunk` at a time: (L,) arguments, results with lanes last."""
    size = lanes[0].size
    count = math.ceil(size / chunk)
    # The last chunk is filled up by repeating the last lane; what that yields is cut off again.
    padded = tuple(jnp.pad(x, (0, count * chunk - size), mode="edge").reshape(count, chunk) for x in lanes)
    results = jax.lax.map(function, padded)
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -2).reshape(*leaf.shape[1:-1], -1)[..., :size], results)


class Engine:
    """A sweep made ready to run on this process's devices; compiled once, on first use."""

    def __init__(self, spec: SweepSpec, *, precision: int = 32, devices: tuple[jax.Device, ...] | None = None):
        check_precision(precision)
        self.spec = spec
        self.grid = Grid(spec)
        self._population = Population(self.grid)
        self.precision = precision
        devices = tuple(devices or jax.local_devices())
        self.layout = Layout.plan(spec, devices, self.grid.size)
        self._mesh = Mesh(np.array(devices), ("device",))
        self.formulation = choose(self.layout.devices[0].platform, spec.model.dimensions, self.grid.smallest_n())

    @property
    def devices(self) -> tuple[jax.Device, ...]:
        """This process's devices."""
        return self.layout.devices

    @property
    def tile_cells(self) -> int:
        """Cells that fill one call."""
        return max(1, self.layout.rows // self.layout.blocks)

    @property
    def method(self) -> str:
        """How cells are computed, for the record."""
        return self.formulation.__name__

    @cached_property
    def compiled(self):
        """The device call, compiled ahead of time for the one shape it is ever called with."""
        mesh, rows, everywhere = self._mesh, PartitionSpec("device"), PartitionSpec()
        body = partial(row_sums, self.spec, self.layout, self.formulation)
        mapped = jax.shard_map(body, mesh=mesh, in_specs=(everywhere, rows), out_specs=rows, check_vma=False)
        with jax.enable_x64(self.precision == 64):
            example = self._arguments(np.zeros(1, np.int64), np.zeros(1, np.int64))
            return jax.jit(mapped).lower(*example).compile(compiler_options(self.layout.devices[0]))

    def _arguments(self, cells: np.ndarray, blocks: np.ndarray):
        """Device arguments for some rows, filled up to a whole call by repeating the last one."""
        fill = (0, self.layout.rows - len(cells))
        cells, blocks = np.pad(cells, fill, mode="edge"), np.pad(blocks, fill, mode="edge")
        dtype = np.dtype(f"f{self.precision // 8}")
        rows = {name: values.astype(dtype) for name, values in self.grid.parameters(cells).items()}
        rows |= {"cell": cells.astype(np.uint32), "block": blocks.astype(np.uint32)}
        everywhere, by_row = (NamedSharding(self._mesh, PartitionSpec(*names)) for names in ((), ("device",)))
        return jax.device_put(jax.random.key(self.spec.seed), everywhere), jax.device_put(rows, by_row)

    def call(self, cells: np.ndarray, blocks: np.ndarray) -> RowSums:
        """One device call for at most `layout.rows` rows, enqueued; its first results are theirs."""
        with jax.enable_x64(self.precision == 64):
            return self.compiled(*self._arguments(cells, blocks))

    def start(self, cells: np.ndarray) -> Callable[[], RowSums]:
        """Enqueue all trials of some cells; the returned function waits and gives their sums, cells leading."""
        blocks, step = self.layout.blocks, self.layout.rows
        row_cell, row_block = np.repeat(cells, blocks), np.tile(np.arange(blocks), len(cells))
        calls = [self.call(row_cell[i : i + step], row_block[i : i + step]) for i in range(0, len(row_cell), step)]

        def finish() -> RowSums:
            sums = [
                np.concatenate(leaves)[: len(row_cell)] for leaves in zip(*(map(np.asarray, c) for c in calls), strict=True)
            ]
            return merged(RowSums(*(leaf.reshape(len(cells), blocks, *leaf.shape[1:]) for leaf in sums)))

        return finish

    def analytic(self, cells: np.ndarray) -> dict[str, np.ndarray]:
        """The analytic variables of a store at the given cells, in float64 whatever the precision of the draws."""
        return self._population(cells, self.layout.rows)

    def measure(self, cells: np.ndarray) -> Callable[[], dict[str, np.ndarray]]:
        """Enqueue all trials of some cells; the returned function waits and gives the measured variables of a store."""
        finish = self.start(cells)
        return lambda: measured(finish())

    def time(self) -> tuple[float, float]:
        """Seconds to compile, and to run the whole sweep, extrapolated from one call timed warm."""
        began = time.monotonic()
        _ = self.compiled
        compile_s = time.monotonic() - began
        calls = math.ceil(self.grid.size * self.layout.blocks / self.layout.rows)
        one_call = np.arange(self.layout.rows) % self.grid.size
        seconds = []
        for _ in range(4):
            began = time.monotonic()
            jax.block_until_ready(self.call(one_call, np.zeros_like(one_call)))
            seconds.append(time.monotonic() - began)
        return compile_s, calls * sorted(seconds[1:])[1]  # the first one warms up


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
    """What a sweep would take on this process's devices: the store's size and the time of its draws, compilation apart."""

    cells: int
    trials: int
    bytes: int
    compile_s: float
    run_s: float
    trials_per_s: float


def engine_of(spec: SweepSpec, precision: int, devices: tuple[jax.Device, ...] | None) -> Engine | TrainedEngine:
    """What computes this sweep."""
    return (Engine if spec.training is None else TrainedEngine)(spec, precision=precision, devices=devices)


def estimate(spec: SweepSpec, *, precision: int = 32, devices: tuple[jax.Device, ...] | None = None) -> Cost:
    """Calibrate on one compiled call of the sweep, timed warm, and extrapolate to all of it. Writes nothing."""
    engine = engine_of(spec, precision, devices)
    compile_s, run_s = engine.time()
    trials = engine.grid.size * spec.trials
    return Cost(engine.grid.size, trials, store_bytes(engine.grid), compile_s, run_s, trials / run_s)


def run(
    spec: SweepSpec,
    *,
    path: str | Path | None = None,
    resume: bool = False,
    precision: int = 32,
    devices: tuple[jax.Device, ...] | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> xr.Dataset:
    """Run a sweep and return its dataset, with one dimension per axis.

    **Arguments:**

    - `path`: where the Zarr store goes; without it the result lives in memory alone.
    - `resume`: continue the store at `path`, or begin it if there is none.
    - `precision`: 32 or 64 bits for draws and linear algebra. Analytic variables are always computed in 64.
    - `devices`: this process's devices to use, all of them by default.
    - `on_progress`: called after each tile.

    With several processes (`jax.distributed`) each computes its share of the tiles and all return the whole.

    **Raises:** `StoreError` if the store cannot be created, continued or written.
    """
    if path is None:
        with TemporaryDirectory() as folder:
            return run(spec, path=Path(folder) / "sweep.zarr", precision=precision, devices=devices, on_progress=on_progress)
    engine = engine_of(spec, precision, devices)
    store = _shared_store(engine, Path(path), resume)
    _run_tiles(engine, store, on_progress)
    _barrier("phasejax sweep finished")
    return load(path)


def _run_tiles(engine: Engine | TrainedEngine, store: Store, on_progress: Callable[[Progress], None]) -> None:
    """Compute and write this process's pending tiles, one being computed while the one before it is written."""
    mine = list(store.pending(jax.process_index(), jax.process_count()))
    if not mine:
        return
    began = time.monotonic()
    _ = engine.compiled, engine.analytic(np.zeros(1, np.int64))
    compiled = time.monotonic()  # throughput is counted from here
    grid, done, trials = engine.grid, 0, engine.spec.trials
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


def _shared_store(engine: Engine | TrainedEngine, path: Path, resume: bool) -> Store:
    """The one store of all processes: the first creates it, or checks that it may be continued, before the others open it."""
    provenance = _provenance(engine)
    if jax.process_index() == 0:
        if resume and path.exists():
            Store.resume(path, provenance)
        else:
            Store.create(path, engine.grid, tile_shape(engine.grid.shape, engine.tile_cells), provenance)
    _barrier("phasejax store ready")
    return Store.open(path)


def _barrier(name: str) -> None:
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)


def _provenance(engine: Engine | TrainedEngine) -> dict:
    """What made a store: enough to make it again."""
    device = engine.devices[0]
    return {
        "spec": engine.spec.model_dump_json(exclude_none=True),
        "precision": engine.precision,
        "seed": engine.spec.seed,
        "formulation": engine.method,
        "device": f"{len(engine.devices) * jax.process_count()} × {device.device_kind} ({device.platform})",
        "versions": {name: version(name) for name in ("phasejax", "jax", "jaxlib", "numpy", "zarr")},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def compiler_options(device: jax.Device) -> dict[str, str]:
    """What the kernel is compiled with on a device."""
    # Trials lie side by side in vector lanes; LLVM prefers half-width vectors on AVX-512 unless told otherwise.
    return {"xla_cpu_prefer_vector_width": "512"} if device.platform == "cpu" else {}

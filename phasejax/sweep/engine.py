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
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array

from phasejax import theory
from phasejax.draws import bartlett, lane_keys
from phasejax.solvers import Status
from phasejax.sweep.grid import Grid, cell_model, tile_shape
from phasejax.sweep.spec import SweepSpec
from phasejax.sweep.store import Store, load, store_bytes
from phasejax.sweep.trial import Formulation, choose


class RowSums(NamedTuple):
    """What remains of a row's trials. Statistics are ordered: distance, overlap of each direction, count, success."""

    mean: Array | np.ndarray  # (2, k + 3) for CA and CP, over finite trials
    squares: Array | np.ndarray  # (2, k + 3) sums of squared deviations from the mean
    trials: Array | np.ndarray  # () finite trials
    failed: Array | np.ndarray  # () non-finite trials
    status: Array | np.ndarray  # () worst `Status` of any trial


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

    @property
    def tile_cells(self) -> int:
        """Cells that fill one call."""
        return max(1, self.rows // self.blocks)


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
    return _summed(per_row, trial.reshape(cell.size, -1) < spec.trials, spec.threshold)


def _map_chunks(function: Callable, lanes: tuple[Array, ...], chunk: int):
    """`function` over lanes, `chunk` at a time: (L,) arguments, results with lanes last."""
    size = lanes[0].size
    count = math.ceil(size / chunk)
    # The last chunk is filled up by repeating the last lane; what that yields is cut off again.
    padded = tuple(jnp.pad(x, (0, count * chunk - size), mode="edge").reshape(count, chunk) for x in lanes)
    results = jax.lax.map(function, padded)
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -2).reshape(*leaf.shape[1:-1], -1)[..., :size], results)


def _summed(outcome, valid: Array, threshold: float) -> RowSums:
    """Mean and squared deviations over the trials (last axis) of each row, non-finite trials left out and counted."""
    overlap = jnp.stack([outcome.ca, outcome.cp])  # (2, k, rows, trials)
    k = overlap.shape[1]
    failed = valid & (outcome.status == Status.NONFINITE)
    used = valid & ~failed
    count = jnp.sum(overlap > threshold, axis=1, keepdims=True)
    statistics = jnp.concatenate([1 - jnp.mean(overlap, axis=1, keepdims=True), overlap, count, count == k], axis=1)
    statistics = jnp.where(used, statistics, 0)
    trials = jnp.sum(used, axis=-1, dtype=jnp.int32)
    mean = jnp.sum(statistics, axis=-1) / jnp.maximum(trials, 1)
    squares = jnp.sum(jnp.where(used, statistics - mean[..., None], 0) ** 2, axis=-1)
    status = jnp.max(jnp.where(valid, outcome.status, 0), axis=-1)
    failed = jnp.sum(failed, axis=-1, dtype=jnp.int32)
    return RowSums(jnp.moveaxis(mean, -1, 0), jnp.moveaxis(squares, -1, 0), trials, failed, status)


class Engine:
    """A sweep made ready to run on this process's devices; compiled once, on first use."""

    def __init__(self, spec: SweepSpec, *, precision: int = 32, devices: tuple[jax.Device, ...] | None = None):
        if precision not in (32, 64):
            raise ValueError(f"precision = {precision} is not allowed: 32 or 64 bits.")
        self.spec = spec
        self.grid = Grid(spec)
        self.precision = precision
        devices = tuple(devices or jax.local_devices())
        self.layout = Layout.plan(spec, devices, self.grid.size)
        self._mesh = Mesh(np.array(devices), ("device",))
        self.formulation = choose(self.layout.devices[0].platform, spec.model.dimensions, self.grid.smallest_n())

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
            return _merged(RowSums(*(leaf.reshape(len(cells), blocks, *leaf.shape[1:]) for leaf in sums)))

        return finish

    @cached_property
    def _population(self) -> Callable:
        def one(swept):
            model, _ = cell_model(self.spec, swept)
            return (
                theory.separation(model)._asdict() | theory.recovery_counts(model)._asdict() | {"regime": theory.regime(model)}
            )

        return jax.jit(jax.vmap(one))

    def analytic(self, cells: np.ndarray) -> dict[str, np.ndarray]:
        """The analytic variables of a store at the given cells, in float64 whatever the precision of the draws."""
        # Whole multiples of a call, so that the last, smaller tile compiles nothing new.
        padded = np.pad(cells, (0, -len(cells) % self.layout.rows), mode="edge")
        with jax.enable_x64(True):
            values = self._population(self.grid.parameters(padded))
        return {name: np.asarray(value)[: len(cells)] for name, value in values.items()}


def _merged(parts: RowSums) -> RowSums:
    """Sums over all blocks of a cell (axis 1) from the sums of each, in float64 (Chan, Golub & LeVeque 1983)."""
    weight = parts.trials[:, :, None, None].astype(np.float64)
    total = np.maximum(weight.sum(axis=1), 1)
    mean = (weight * parts.mean).sum(axis=1) / total
    spread = weight * (parts.mean - mean[:, None]) ** 2
    squares = (parts.squares + spread).sum(axis=1)
    return RowSums(mean, squares, parts.trials.sum(axis=1), parts.failed.sum(axis=1), parts.status.max(axis=1))


def measured(sums: RowSums) -> dict[str, np.ndarray]:
    """The measured variables of a store, cells leading, from the sums of all trials. No finite trial: NaN."""
    trials = sums.trials[:, None, None].astype(np.float64)
    mean = np.where(trials > 0, sums.mean, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.where(trials > 1, np.sqrt(sums.squares / (trials - 1) / trials), np.nan)
    values: dict[str, np.ndarray] = {"failed_trials": np.asarray(sums.failed), "status": np.asarray(sums.status)}
    for objective, label in enumerate(("ca", "cp")):
        for suffix, table in (("", mean[:, objective]), ("_se", error[:, objective])):
            values[f"distance_{label}{suffix}"] = table[:, 0]
            values[f"overlap_{label}{suffix}"] = table[:, 1:-2]
            values[f"count_{label}{suffix}"] = table[:, -2]
            values[f"success_{label}{suffix}"] = table[:, -1]
    # Successes are whole numbers; their rounded mean must not decide a draw between half and not quite half.
    recovers_ca, recovers_cp = (2 * np.rint(sums.mean[:, o, -1] * sums.trials) >= sums.trials for o in (0, 1))
    values["regime_empirical"] = np.where(sums.trials > 0, recovers_ca + 2 * recovers_cp, -1)
    return values


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


def estimate(spec: SweepSpec, *, precision: int = 32, devices: tuple[jax.Device, ...] | None = None) -> Cost:
    """Calibrate on one compiled call of the sweep, timed warm, and extrapolate to all of it. Writes nothing."""
    engine = Engine(spec, precision=precision, devices=devices)
    began = time.monotonic()
    _ = engine.compiled
    compile_s = time.monotonic() - began
    calls = math.ceil(engine.grid.size * engine.layout.blocks / engine.layout.rows)
    one_call = np.arange(engine.layout.rows) % engine.grid.size
    seconds = []
    for _ in range(4):
        began = time.monotonic()
        jax.block_until_ready(engine.call(one_call, np.zeros_like(one_call)))
        seconds.append(time.monotonic() - began)
    run_s = calls * sorted(seconds[1:])[1]  # the first one warms up
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
    engine = Engine(spec, precision=precision, devices=devices)
    store = _shared_store(engine, Path(path), resume)
    _run_tiles(engine, store, on_progress)
    _barrier("phasejax sweep finished")
    return load(path)


def _run_tiles(engine: Engine, store: Store, on_progress: Callable[[Progress], None]) -> None:
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
    for (region, numbers), finish in _ahead(work, lambda tile: engine.start(tile[1].ravel())):
        values = engine.analytic(numbers.ravel()) | measured(finish())
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


def _shared_store(engine: Engine, path: Path, resume: bool) -> Store:
    """The one store of all processes: the first creates it, or checks that it may be continued, before the others open it."""
    provenance = _provenance(engine)
    if jax.process_index() == 0:
        if resume and path.exists():
            Store.resume(path, provenance)
        else:
            Store.create(path, engine.grid, tile_shape(engine.grid.shape, engine.layout.tile_cells), provenance)
    _barrier("phasejax store ready")
    return Store.open(path)


def _barrier(name: str) -> None:
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)


def _provenance(engine: Engine) -> dict:
    """What made a store: enough to make it again."""
    device = engine.layout.devices[0]
    return {
        "spec": engine.spec.model_dump_json(exclude_none=True),
        "precision": engine.precision,
        "seed": engine.spec.seed,
        "formulation": engine.formulation.__name__,
        "device": f"{len(engine.layout.devices) * jax.process_count()} × {device.device_kind} ({device.platform})",
        "versions": {name: version(name) for name in ("phasejax", "jax", "jaxlib", "numpy", "zarr")},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def compiler_options(device: jax.Device) -> dict[str, str]:
    """What the kernel is compiled with on a device."""
    # Trials lie side by side in vector lanes; LLVM prefers half-width vectors on AVX-512 unless told otherwise.
    return {"xla_cpu_prefer_vector_width": "512"} if device.platform == "cpu" else {}

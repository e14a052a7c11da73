"""Rows of trials on one device, and how many to give it: a row is one cell and one block of its trials."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.stages import Compiled
from jaxtyping import Array

from phasejax.programs import kept
from phasejax.simulation.cell import Cell
from phasejax.simulation.draws import lane_keys
from phasejax.simulation.statistics import RowSums, summed
from phasejax.simulation.trial import Formulation
from phasejax.simulation.wishart import bartlett


@dataclass(frozen=True)
class Layout:
    """How trials are laid out: `trials_per_row` × `rows` a call, in lanes of `chunk` at a time on each device."""

    devices: tuple[jax.Device, ...]
    trials_per_row: int
    rows: int
    blocks: int
    chunk: int

    @property
    def mesh(self) -> Mesh:
        """The devices in a row."""
        return Mesh(np.array(self.devices), ("device",))

    @classmethod
    def plan(cls, dimensions: tuple[int, int], trials: int, cells: int, devices: tuple[jax.Device, ...]) -> "Layout":
        """Enough lanes a call to hide its overhead, few enough to bound memory, for so many trials of each of the cells."""
        d = max(dimensions)
        cpu = devices[0].platform == "cpu"
        # A CPU core wants its chunk in cache, and a call of some tenths of a second, against which writing the tile is little.
        # An accelerator wants many lanes in flight: about 32 matrices of d² numbers a lane within 16 GiB.
        chunk = max(16, min(64, 64 * 32 // d)) if cpu else min(1 << 18, max(256, (16 << 30) // (128 * d * d)))
        lanes = chunk * max(1, min(1024, 1024 * 400 // (d * d))) if cpu else 8 * chunk
        if trials * cells <= lanes * len(devices):
            # One call: a little too large a call costs less than compiling anew for every other size.
            trials, cells = _rounded_up(trials), _rounded_up(cells)
        blocks = math.ceil(trials / lanes)
        trials_per_row = math.ceil(trials / blocks)
        wanted = min(len(devices) * max(1, lanes // trials_per_row), cells * blocks)
        rows = math.ceil(wanted / len(devices))  # of each device
        return cls(devices, trials_per_row, len(devices) * rows, blocks, _evenly(rows * trials_per_row, chunk))


class Numbers(NamedTuple):
    """Everything about a call that is a number: other ones compile nothing anew."""

    key: Array  # of all draws
    trials: Array  # () of each cell
    threshold: Array  # () of squared overlap above which a direction counts as recovered
    fixed: dict[str, Array]  # name → what is the same in all rows
    swept: dict[str, Array]  # name → (rows,)
    cell: Array  # (rows,) its number
    block: Array  # (rows,) of the cell's trials


@dataclass(frozen=True)
class Program:
    """Everything about a call that is fixed when it is compiled; equal programs are compiled once in a process.

    - `fixed`: name and shape of each number that is the same in all rows; `swept`: names of the others.
    """

    cell: Cell
    layout: Layout
    formulation: Formulation
    precision: int
    fixed: tuple[tuple[str, tuple[int, ...]], ...]
    swept: tuple[str, ...]

    def compile(self) -> Compiled:
        """`row_sums` over all devices, compiled ahead of time."""
        return _compiled(self)

    def __call__(self, numbers: Numbers) -> RowSums:
        """The sums of a call's rows, enqueued."""
        with jax.enable_x64(self.precision == 64):
            return RowSums(*self.compile()(*numbers))

    def numbers(
        self,
        key: Array,
        trials: int,
        threshold: float,
        fixed: dict[str, np.ndarray],
        swept: dict[str, np.ndarray],
        cell: np.ndarray,
        block: np.ndarray,
    ) -> Numbers:
        """The numbers of a call, in the precision of this program and on its devices."""
        real = partial(jax.tree.map, lambda x: np.asarray(x, f"f{self.precision // 8}"))
        typed: Any = key, np.uint32(trials), real(threshold), real(fixed), real(swept), cell.astype("u4"), block.astype("u4")
        with jax.enable_x64(self.precision == 64):
            mesh = self.layout.mesh
            shardings = _each(NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, PartitionSpec("device")))
            return jax.device_put(Numbers(*typed), shardings)

    def example(self) -> Numbers:
        """Numbers of the right shapes."""
        fixed, rows = {name: np.ones(shape) for name, shape in self.fixed}, np.ones(self.layout.rows)
        return self.numbers(jax.random.key(0), 1, 0.5, fixed, dict.fromkeys(self.swept, rows), rows, rows)


def _each(everywhere: Any, by_row: Any) -> Numbers:
    """One of two things for each of the numbers: those that all rows share, and those with an axis of rows."""
    return Numbers(everywhere, everywhere, everywhere, everywhere, by_row, by_row, by_row)


@lru_cache(maxsize=16)
def _compiled(program: Program) -> Compiled:
    layout, rows, everywhere = program.layout, PartitionSpec("device"), PartitionSpec()

    def body(*numbers):
        return tuple(row_sums(program.cell, layout, program.formulation, Numbers(*numbers)))

    mapped = jax.shard_map(body, mesh=layout.mesh, in_specs=tuple(_each(everywhere, rows)), out_specs=rows, check_vma=False)
    laid = replace(layout, devices=()), len(layout.devices)
    name = f"row sums {program.cell} {program.formulation.__name__} {laid}"
    with jax.enable_x64(program.precision == 64):
        example = program.example()
        return jax.jit(kept(mapped, name, *example)).lower(*example).compile(compiler_options(layout.devices[0]))


def compiler_options(device: jax.Device) -> dict[str, str]:
    """What the kernel is compiled with on a device."""
    # Trials lie side by side in vector lanes; LLVM prefers half-width vectors on AVX-512 unless told otherwise.
    return {"xla_cpu_prefer_vector_width": "512"} if device.platform == "cpu" else {}


def _evenly(lanes: int, chunk: int) -> int:
    """The size, a multiple of 16, of as few equal chunks as do not exceed `chunk`: little is computed to fill up the last."""
    chunks = math.ceil(lanes / chunk)
    return 16 * math.ceil(lanes / chunks / 16)


def _rounded_up(count: int) -> int:
    """The next number with three binary digits and zeros: at most a quarter more."""
    step = 1 << max(0, count.bit_length() - 3)
    return step * math.ceil(count / step)


def row_sums(cell: Cell, layout: Layout, formulation: Formulation, numbers: Numbers) -> RowSums:
    """All trials of the rows on one device → their sums, rows leading."""
    key, trials, threshold, fixed, swept, number, block = numbers
    (model, n), ridges = jax.vmap(lambda swept: (cell(fixed | swept), cell.ridges(fixed | swept)), out_axes=-1)(swept)
    k = model.kappa.shape[0]
    cholesky = jax.vmap(lambda m: m.cholesky(), in_axes=-1, out_axes=-1)(model)
    d_x, d_y = cholesky.a.shape[0], cholesky.c.shape[0]
    row_of_lane = jnp.repeat(jnp.arange(number.size), layout.trials_per_row)
    trial = (block[:, None] * layout.trials_per_row + jnp.arange(layout.trials_per_row, dtype=block.dtype)[None, :]).ravel()

    def chunk_of_trials(lane):
        row, trial = lane
        here, size, ridge = jax.tree.map(lambda leaf: leaf[..., row], (cholesky, n, ridges))
        factor = bartlett(lane_keys(key, number[row], trial), size, d_x, d_y, dtype=size.dtype)
        return formulation(here, factor, size, k, ridge)

    outcome = _map_chunks(chunk_of_trials, (row_of_lane, trial), layout.chunk)
    per_row = jax.tree.map(lambda leaf: leaf.reshape(*leaf.shape[:-1], number.size, layout.trials_per_row), outcome)
    recovered = jax.tree.map(lambda *of_each: jnp.stack(of_each), per_row.ca, per_row.cp)
    return summed(recovered, per_row.status, trial.reshape(number.size, -1) < trials, threshold)


def _map_chunks(function: Callable, lanes: tuple[Array, ...], chunk: int):
    """`function` over lanes, `chunk` at a time: (L,) arguments, results with lanes last."""
    size = lanes[0].size
    count = math.ceil(size / chunk)
    # The last chunk is filled up by repeating the last lane; what that yields is cut off again.
    padded = tuple(jnp.pad(x, (0, count * chunk - size), mode="edge").reshape(count, chunk) for x in lanes)
    results = jax.lax.map(function, padded)
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -2).reshape(*leaf.shape[1:-1], -1)[..., :size], results)

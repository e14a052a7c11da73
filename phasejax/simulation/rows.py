"""Rows of trials on one device, and how many to give it: a row is one cell and one block of its trials."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array

from phasejax.simulation.draws import lane_keys
from phasejax.simulation.statistics import RowSums, summed
from phasejax.simulation.trial import Formulation
from phasejax.simulation.wishart import bartlett
from phasejax.spiked import SpikedModel


@dataclass(frozen=True)
class Layout:
    """How trials are laid out: `trials_per_row` × `rows` a call, in lanes of `chunk` at a time on each device."""

    devices: tuple[jax.Device, ...]
    trials_per_row: int
    rows: int
    blocks: int
    chunk: int

    @classmethod
    def plan(cls, dimensions: tuple[int, int], trials: int, cells: int, devices: tuple[jax.Device, ...]) -> "Layout":
        """Enough lanes a call to hide its overhead, few enough to bound memory, for so many trials of each of the cells."""
        d = max(dimensions)
        cpu = devices[0].platform == "cpu"
        # A CPU core wants its chunk in cache, and a call of some tenths of a second, against which writing the tile is little.
        # An accelerator wants many lanes in flight: about 32 matrices of d² numbers a lane within 8 GiB.
        chunk = max(16, min(64, 64 * 32 // d)) if cpu else min(1 << 16, max(256, (8 << 30) // (128 * d * d)))
        lanes = chunk * max(1, min(1024, 1024 * 400 // (d * d))) if cpu else 8 * chunk
        blocks = math.ceil(trials / lanes)
        trials_per_row = math.ceil(trials / blocks)
        wanted = min(len(devices) * max(1, lanes // trials_per_row), cells * blocks)
        rows = len(devices) * math.ceil(wanted / len(devices))
        return cls(devices, trials_per_row, rows, blocks, chunk)


@dataclass(frozen=True)
class Experiment:
    """What is simulated: the model and the sample size at swept values, so many trials of it, and when a direction counts."""

    cell: Callable[[dict[str, Array]], tuple[SpikedModel, Array]]
    trials: int
    threshold: float


def row_sums(experiment: Experiment, layout: Layout, formulation: Formulation, key: Array, rows: dict[str, Array]) -> RowSums:
    """All trials of the rows on one device: swept values (rows,), `cell` and `block` (rows,) → sums with a leading row axis."""
    rows = dict(rows)
    cell, block = rows.pop("cell"), rows.pop("block")
    model, n = jax.vmap(experiment.cell, out_axes=-1)(rows)
    k = model.kappa.shape[0]
    cholesky = jax.vmap(lambda m: m.cholesky(), in_axes=-1, out_axes=-1)(model)
    d_x, d_y = cholesky.a.shape[0], cholesky.c.shape[0]
    row_of_lane = jnp.repeat(jnp.arange(cell.size), layout.trials_per_row)
    trial = (block[:, None] * layout.trials_per_row + jnp.arange(layout.trials_per_row, dtype=block.dtype)).ravel()

    def chunk_of_trials(lane):
        row, trial = lane
        here, size = jax.tree.map(lambda leaf: leaf[..., row], (cholesky, n))
        factor = bartlett(lane_keys(key, cell[row], trial), size, d_x, d_y, dtype=size.dtype)
        return formulation(here, factor, size, k)

    outcome = _map_chunks(chunk_of_trials, (row_of_lane, trial), layout.chunk)
    per_row = jax.tree.map(lambda leaf: leaf.reshape(*leaf.shape[:-1], cell.size, layout.trials_per_row), outcome)
    overlap = jnp.stack([per_row.ca, per_row.cp])
    return summed(overlap, per_row.status, trial.reshape(cell.size, -1) < experiment.trials, experiment.threshold)


def _map_chunks(function: Callable, lanes: tuple[Array, ...], chunk: int):
    """`function` over lanes, `chunk` at a time: (L,) arguments, results with lanes last."""
    size = lanes[0].size
    count = math.ceil(size / chunk)
    # The last chunk is filled up by repeating the last lane; what that yields is cut off again.
    padded = tuple(jnp.pad(x, (0, count * chunk - size), mode="edge").reshape(count, chunk) for x in lanes)
    results = jax.lax.map(function, padded)
    return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -2).reshape(*leaf.shape[1:-1], -1)[..., :size], results)


def compiler_options(device: jax.Device) -> dict[str, str]:
    """What the kernel is compiled with on a device."""
    # Trials lie side by side in vector lanes; LLVM prefers half-width vectors on AVX-512 unless told otherwise.
    return {"xla_cpu_prefer_vector_width": "512"} if device.platform == "cpu" else {}

"""The compiled sweep of CA and CP: rows of trials mapped over devices.

A row is one cell and one block of its trials. Every device call computes the same number of rows, so a sweep compiles once;
draws are keyed by (cell, trial), so no result depends on how rows are laid over calls, devices or processes.
"""

import math
import time
from collections.abc import Callable

import jax
import numpy as np

from phasejax.experiments.spiked.model import cell_of
from phasejax.experiments.spiked.population import Population
from phasejax.experiments.spiked.spec import SpikedSpec
from phasejax.keys import root_key
from phasejax.memory import affordable
from phasejax.simulation.rows import Layout, Program
from phasejax.simulation.statistics import RowSums, measured, merged
from phasejax.simulation.trial import choose
from phasejax.sweep.grid import Grid


class SolvedEngine:
    """A sweep of CA and CP made ready to run on this process's devices; compiled once, on first use."""

    def __init__(self, spec: SpikedSpec, *, precision: int, devices: tuple[jax.Device, ...]):
        d = sum(spec.model.dimensions)
        affordable(f"a trial of d_x + d_y = {d}", 4 * d * d * precision // 8)
        self.spec = spec
        self.grid = Grid(spec)
        self.precision = precision
        self._population = Population(spec)
        self.layout = Layout.plan(spec.model.dimensions, spec.trials, self.grid.size, devices)
        self._key = root_key(spec.seed)
        smallest_n = int(spec.values()["n"].min())
        self.formulation = choose(devices[0].platform, spec.model.dimensions, smallest_n)

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
        """The formulation of a trial."""
        return self.formulation.__name__

    @property
    def program(self) -> Program:
        """The device call; the programs of specifications that differ in numbers alone are equal."""
        shapes = tuple((name, np.shape(value)) for name, value in self.spec.model.fixed().items())
        swept = tuple(self.grid.axes)
        return Program(cell_of(self.spec), self.layout, self.formulation, self.precision, shapes, swept)

    def compile(self) -> None:
        """Compile what theory says, and the device call, for the one shape it is ever called with."""
        self.analytic(np.zeros(1, np.int64))
        self.program.compile()

    def call(self, cells: np.ndarray, blocks: np.ndarray) -> RowSums:
        """One device call for at most `layout.rows` rows, enqueued; its first results are theirs."""
        fill = (0, self.layout.rows - len(cells))
        cells, blocks = np.pad(cells, fill, mode="edge"), np.pad(blocks, fill, mode="edge")
        spec, swept, program = self.spec, self.grid.parameters(cells), self.program
        return program(program.numbers(self._key, spec.trials, spec.threshold, spec.model.fixed(), swept, cells, blocks))

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
        """The analytic variables at the given cells, in float64 whatever the precision of the draws."""
        return self._population(cells, self.layout.rows)

    def measure(self, cells: np.ndarray) -> Callable[[], dict[str, np.ndarray]]:
        """Enqueue all trials of some cells; the returned function waits and gives the measured variables."""
        finish = self.start(cells)
        return lambda: measured(finish())

    def time(self) -> tuple[float, float]:
        """Seconds to compile, and to run the whole sweep, extrapolated from one call timed warm."""
        began = time.monotonic()
        self.compile()
        compile_s = time.monotonic() - began
        calls = math.ceil(self.grid.size * self.layout.blocks / self.layout.rows)
        one_call = np.arange(self.layout.rows) % self.grid.size
        seconds = []
        for _ in range(4):
            began = time.monotonic()
            jax.block_until_ready(self.call(one_call, np.zeros_like(one_call)))
            seconds.append(time.monotonic() - began)
        return compile_s, calls * sorted(seconds[1:])[1]  # the first one warms up

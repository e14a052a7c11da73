"""A sweep whose encoders are trained: every trial draws its pairs and trains on every objective, tile by tile.

Trials are keyed by (cell, trial) alone: all objectives of a trial see the same pairs and begin with the same encoders, and no
result depends on how cells are laid over tiles or devices.
"""

import math
import time
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from phasejax.simulation.statistics import RowSums, moments, summed
from phasejax.solvers import Status
from phasejax.spiked import SpikedModel
from phasejax.sweep.grid import Grid, cell_model
from phasejax.sweep.population import Population, check_precision
from phasejax.sweep.spec import SweepSpec
from phasejax.training.data import SpikedPairs
from phasejax.training.encoders import Linear
from phasejax.training.loop import Lane, Loop, Outcome, State, leg_all, prepare
from phasejax.training.metrics import signal_overlap
from phasejax.training.task import Task, split
from phasejax.training.train import ADAM, make_lanes, run_legs

LEGS = 20
LANES = 16
"""Trainings side by side on one CPU core: more fall out of its cache."""


class TrainedEngine:
    """A trained sweep made ready to run on this process's devices; one compiled loop for each objective."""

    method = "trained"

    def __init__(self, spec: SweepSpec, *, precision: int = 32, devices: tuple[jax.Device, ...] | None = None):
        check_precision(precision)
        assert spec.training is not None
        self.spec = spec
        self.training = spec.training
        self.grid = Grid(spec)
        self.precision = precision
        self.devices = tuple(devices or jax.local_devices())
        self._population = Population(self.grid)
        self.tile_cells = min(self.grid.size, max(1, self._lanes_in_memory() * len(self.devices) // spec.trials))

    def _lanes_in_memory(self) -> int:
        """Trainings side by side on one device: an accelerator wants many, within 8 GiB of rows and of batch × batch tables."""
        if self.devices[0].platform == "cpu":
            return LANES
        assert self.spec.model.n is not None
        numbers = self.spec.model.n * sum(self.spec.model.dimensions) + 8 * self.training.batch**2
        return max(LANES, (8 << 30) // (numbers * self.precision // 8))

    @cached_property
    def tasks(self) -> dict[str, tuple[Loop, dict[str, Any]]]:
        """Label → the loop of an objective, and its fixed hyperparameters that are arrays."""
        return {label: self._task(label) for label in self.training.objectives}

    def _task(self, label: str) -> tuple[Loop, dict[str, Any]]:
        name, hyperparameters = self.training.hyperparameters(label)
        task, parameters = split(name, hyperparameters)
        loop = Loop(
            loss=task,
            dimensions=self.spec.model.dimensions,
            recipe=Linear(self.training.width or self.spec.model.k),
            rows=self.spec.model.n,
            batch=self.training.batch,
            legs=LEGS,
            leg_steps=self.training.steps // LEGS,
            patience=None,
            tolerance=0.0,
            transform=ADAM,
            metrics=(),
            devices=self.devices,
        )
        return loop, parameters

    def _lanes(self, label: str, cells: np.ndarray) -> Lane:
        """All trials of a whole tile of cells, cells leading, for one objective."""
        loop, fixed = self.tasks[label]
        trials, dtype = self.spec.trials, np.dtype(f"f{self.precision // 8}")
        cell, trial = np.repeat(cells, trials), np.tile(np.arange(trials), len(cells))
        swept = {name: values.astype(dtype) for name, values in self.grid.parameters(cell).items()}
        model = self._models(swept)
        assert isinstance(loop.loss, Task)
        parameters = fixed | {name: swept[name] for name in loop.loss.objective.swept if name in swept}
        keys = _trial_keys(jax.random.key(self.spec.seed), cell, trial)
        rate = swept["learning_rate"] if "learning_rate" in swept else self.training.learning_rate
        assert rate is not None
        return make_lanes(loop, keys, rate, parameters, SpikedPairs(model))

    def _train(self, label: str, cells: np.ndarray) -> dict[str, np.ndarray]:
        """The measured variables of one objective at some cells, as many at a time as this machine takes."""
        starts = range(0, len(cells), self.tile_cells)  # a store that is continued may have larger tiles
        parts = [self._train_tile(label, cells[start : start + self.tile_cells]) for start in starts]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _train_tile(self, label: str, cells: np.ndarray) -> dict[str, np.ndarray]:
        loop, _ = self.tasks[label]
        padded = np.pad(cells, (0, self.tile_cells - len(cells)), mode="edge")
        with jax.enable_x64(self.precision == 64):
            lanes = self._lanes(label, padded)
            state = run_legs(loop, lanes)
            assert isinstance(lanes.source, SpikedPairs)
            sums, loss = self._outcome(lanes.source, state)
        sums = RowSums(*(np.asarray(leaf)[: len(cells)] for leaf in sums))
        values = moments(sums, ("x", "y")) | {"failed_trials": np.asarray(sums.failed), "status": np.asarray(sums.status)}
        values["loss"] = np.where(sums.trials > 0, np.asarray(loss, np.float64)[: len(cells)], np.nan)
        assert isinstance(loop.loss, Task)
        for modality, side in enumerate("xy"):
            if not loop.loss.trains(modality):
                values |= {name: np.full_like(v, np.nan) for name, v in values.items() if f"_{side}" in name}
        return values

    def measure(self, cells: np.ndarray) -> Callable[[], dict[str, np.ndarray]]:
        """A function that trains every objective at some cells and gives the measured variables of a store."""

        def finish() -> dict[str, np.ndarray]:
            by_objective = [self._train(label, cells) for label in self.training.objectives]
            stacked = {name: np.stack([values[name] for values in by_objective], axis=1) for name in by_objective[0]}
            return stacked | {"status": stacked["status"].max(axis=1)}

        return finish

    def analytic(self, cells: np.ndarray) -> dict[str, np.ndarray]:
        """The analytic variables of a store at the given cells, in float64 whatever the precision of the training."""
        return self._population(cells, self.tile_cells)

    @cached_property
    def _models(self) -> Callable[[dict[str, np.ndarray]], SpikedModel]:
        """Swept values along an axis → models stacked along it."""
        return jax.jit(jax.vmap(lambda swept: cell_model(self.spec, swept)[0]))

    @cached_property
    def _outcome(self) -> Callable[[SpikedPairs, State], tuple[RowSums, Array]]:
        """Sums over the trials of each cell of a tile, and the mean loss of those that did not diverge."""
        cells, trials, k = self.tile_cells, self.spec.trials, self.spec.model.k

        def outcome(source: SpikedPairs, state: State) -> tuple[RowSums, Array]:
            source, state = jax.tree.map(lambda leaf: leaf[: cells * trials], (source, state))
            covariance = jax.vmap(lambda pairs: pairs.model.covariance())(source)
            overlap = jnp.stack(
                [
                    jax.vmap(partial(signal_overlap, k=k))(encoder.weight, sigma)
                    for encoder, sigma in zip(state.weights, (covariance.xx, covariance.yy), strict=True)
                ]
            )  # (2, lanes, k)
            overlap = jnp.moveaxis(overlap.reshape(2, cells, trials, k), -1, 1)
            diverged = (state.outcome == Outcome.DIVERGED).reshape(cells, trials)
            status = jnp.where(diverged, Status.NONFINITE, Status.OK)
            sums = summed(overlap, status, jnp.ones_like(diverged), self.spec.threshold)
            loss = jnp.where(diverged, 0, state.loss[:, -1].reshape(cells, trials))
            return sums, jnp.sum(loss, axis=1) / jnp.maximum(sums.trials, 1)

        return jax.jit(outcome)

    @cached_property
    def compiled(self) -> None:
        """Compile every loop, by one leg of it."""
        self._legs()

    def _legs(self) -> float:
        """Seconds that one leg of every objective takes on a tile, the first time with compilation."""
        began = time.monotonic()
        with jax.enable_x64(self.precision == 64):
            for label, (loop, _) in self.tasks.items():
                lanes = self._lanes(label, np.arange(self.tile_cells))
                jax.block_until_ready(leg_all(loop, jnp.asarray(0, jnp.int32), None, *prepare(loop, lanes)))
        return time.monotonic() - began

    def time(self) -> tuple[float, float]:
        """Seconds to compile, and to run the whole sweep, extrapolated from one leg timed warm."""
        cold, warm = self._legs(), self._legs()
        return max(0.0, cold - warm), warm * LEGS * math.ceil(self.grid.size / self.tile_cells)


@jax.jit
def _trial_keys(root: Array, cell: Array, trial: Array) -> Array:
    return jax.vmap(lambda c, t: jax.random.fold_in(jax.random.fold_in(root, c), t))(cell, trial)

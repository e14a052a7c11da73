"""A sweep whose encoders are trained: every trial draws its pairs and trains on every objective, tile by tile.

Trials are keyed by (cell, trial) alone: all objectives of a trial see the same pairs and begin with the same encoders, and no
result depends on how cells are laid over tiles or devices.
"""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike

from phasejax.experiments.spiked.model import cell_of
from phasejax.experiments.spiked.population import Population
from phasejax.experiments.trained.spec import LEGS, TrainedSpec
from phasejax.keys import root_key
from phasejax.objectives import get
from phasejax.simulation.cell import Cell
from phasejax.simulation.statistics import Recovered, RowSums, moments, summed
from phasejax.solvers import Status
from phasejax.spiked import SpikedModel
from phasejax.sweep.grid import Grid
from phasejax.training import Linear, SpikedPairs, Trained, signal_overlap, train

LANES = 16
"""Trainings side by side on one CPU core: more fall out of its cache."""


class TrainedEngine:
    """A trained sweep made ready to run on this process's devices; one compiled loop for each objective."""

    method = "trained"

    def __init__(self, spec: TrainedSpec, *, precision: int, devices: tuple[jax.Device, ...]):
        self.spec = spec
        self.training = spec.training
        self.grid = Grid(spec)
        self.precision = precision
        self.devices = devices
        self._population = Population(spec)
        self.tile_cells = min(self.grid.size, max(1, self._lanes_in_memory() * len(devices) // spec.trials))

    def _lanes_in_memory(self) -> int:
        """Trainings side by side on one device: an accelerator wants many, within 8 GiB of rows and of batch × batch tables."""
        if self.devices[0].platform == "cpu":
            return LANES
        assert self.spec.model.n is not None
        numbers = self.spec.model.n * sum(self.spec.model.dimensions) + 8 * self.training.batch**2
        return max(LANES, (8 << 30) // (numbers * self.precision // 8))

    def measure(self, cells: np.ndarray) -> Callable[[], dict[str, np.ndarray]]:
        """A function that trains every objective at some cells and gives the measured variables of a store."""

        def finish() -> dict[str, np.ndarray]:
            by_objective = [self._measured(label, cells) for label in self.training.objectives]
            stacked = {name: np.stack([values[name] for values in by_objective], axis=1) for name in by_objective[0]}
            return stacked | {"status": stacked["status"].max(axis=1)}

        return finish

    def analytic(self, cells: np.ndarray) -> dict[str, np.ndarray]:
        """The analytic variables of a store at the given cells, in float64 whatever the precision of the training."""
        return self._population(cells, self.tile_cells)

    def _measured(self, label: str, cells: np.ndarray) -> dict[str, np.ndarray]:
        """The measured variables of one objective at some cells, as many at a time as this machine takes."""
        starts = range(0, len(cells), self.tile_cells)  # a store that is continued may have larger tiles
        parts = [self._measured_tile(label, cells[start : start + self.tile_cells]) for start in starts]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _measured_tile(self, label: str, cells: np.ndarray) -> dict[str, np.ndarray]:
        models, trained = self._train(label, np.pad(cells, (0, self.tile_cells - len(cells)), mode="edge"))
        with jax.enable_x64(self.precision == 64):
            sums, loss = _outcome(models, trained, self.spec.trials, self.spec.threshold)
        sums = RowSums(*(np.asarray(leaf)[: len(cells)] for leaf in sums))
        values = moments(sums, ("x", "y")) | {"failed_trials": np.asarray(sums.failed), "status": np.asarray(sums.status)}
        values["loss"] = np.where(sums.trials > 0, np.asarray(loss, np.float64)[: len(cells)], np.nan)
        name, fixed = self.training.hyperparameters(label)
        for modality, side in enumerate("xy"):
            if not get(name).trains(modality, fixed):
                values |= {name: np.full_like(v, np.nan) for name, v in values.items() if f"_{side}" in name}
        return values

    def _train(self, label: str, cells: np.ndarray, on_leg: Callable[[], None] = lambda: None) -> tuple[SpikedModel, Trained]:
        """All trials of a whole tile of cells, cells leading, on one objective: their models, and what came of them."""
        trials, training = self.spec.trials, self.training
        cell, trial = np.repeat(cells, trials), np.tile(np.arange(trials), len(cells))
        name, fixed = training.hyperparameters(label)
        with jax.enable_x64(self.precision == 64):
            swept = {n: values.astype(f"f{self.precision // 8}") for n, values in self.grid.parameters(cell).items()}
            models = _models(cell_of(self.spec), self.spec.model.fixed(), swept)
            rate = swept.get("learning_rate") if training.learning_rate is None else training.learning_rate
            assert rate is not None
            trained = train(
                name,
                SpikedPairs(models),
                key=_trial_keys(root_key(self.spec.seed), cell, trial),
                encoder=Linear(training.width or self.spec.model.k),
                steps=training.steps,
                batch=training.batch,
                rows=self.spec.model.n,
                learning_rate=rate,
                hyperparameters=fixed | {n: swept[n] for n in get(name).swept if n in swept},
                legs=LEGS,
                devices=self.devices,
                on_progress=lambda progress: on_leg(),
            )
        return models, trained

    def compile(self) -> None:
        """Compile every loop, by one leg of it."""
        self._legs(1)

    def _legs(self, count: int) -> list[float]:
        """Seconds that each of the first legs takes on a tile, all objectives together."""
        seconds = np.zeros(count)
        for label in self.training.objectives:
            times = [time.monotonic()]

            def on_leg(times=times) -> None:
                times.append(time.monotonic())
                if len(times) > count:
                    raise _Enough

            try:
                self._train(label, np.arange(self.tile_cells), on_leg)
            except _Enough:
                seconds += np.diff(times)
        return seconds.tolist()

    def time(self) -> tuple[float, float]:
        """Seconds to compile, and to run the whole sweep, extrapolated from one leg timed warm."""
        cold, warm = self._legs(2)
        return max(0.0, cold - warm), warm * LEGS * math.ceil(self.grid.size / self.tile_cells)


class _Enough(Exception):
    """Ends a training of which only the first legs are wanted."""


@jax.jit
def _trial_keys(root: Array, cell: Array, trial: Array) -> Array:
    return jax.vmap(lambda c, t: jax.random.fold_in(jax.random.fold_in(root, c), t))(cell, trial)


@partial(jax.jit, static_argnums=0)
def _models(cell: Cell, fixed: dict[str, Array], swept: dict[str, Array]) -> SpikedModel:
    """Models stacked along the axis of the swept values."""
    return jax.vmap(lambda swept: cell.model(fixed | swept))(swept)


@eqx.filter_jit
def _outcome(models: SpikedModel, trained: Trained, trials: int, threshold: ArrayLike) -> tuple[RowSums, Array]:
    """Sums over the trials of each cell of a tile, and the mean loss of those that did not diverge."""
    k = models.kappa.shape[-1]
    covariance = jax.vmap(lambda model: model.covariance())(models)
    weights = (cast(eqx.nn.Linear, encoder).weight for encoder in trained.encoders)
    sides = zip(weights, (covariance.xx, covariance.yy), strict=True)
    overlap = jnp.stack([jax.vmap(partial(signal_overlap, k=k))(*side) for side in sides])  # (2, lanes, k)
    overlap = jnp.moveaxis(overlap.reshape(2, -1, trials, k), -1, 1)
    diverged = trained.diverged.reshape(-1, trials)
    status = jnp.where(diverged, Status.NONFINITE, Status.OK)
    recovered = Recovered(overlap, 1 - jnp.mean(overlap, axis=1))
    sums = summed(recovered, status, jnp.ones_like(diverged), threshold)
    loss = jnp.where(diverged, 0, trained.loss[:, -1].reshape(-1, trials))
    return sums, jnp.sum(loss, axis=1) / jnp.maximum(sums.trials, 1).astype(loss.dtype)

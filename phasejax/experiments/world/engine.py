"""A sweep whose networks are trained on a world and then read, frozen, on pictures apart.

Trials are keyed by (cell, trial) alone: all objectives of a trial see the same pictures and begin with the same encoder of x.
"""

import math
import time
from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from phasejax.experiments.world.networks import WORLDS, Worlds, plan, told
from phasejax.experiments.world.spec import LEGS, WorldSpec
from phasejax.keys import root_key
from phasejax.solvers import Status
from phasejax.sweep.grid import Grid
from phasejax.training import features, train
from phasejax.training.encoders import Encoders, project
from phasejax.training.probes import READINGS, Rows, readings

VIEWS = ("x", "y")
REPRESENTATIONS = ("features", "output")
ROOM = 8 << 30
"""Bytes of pictures that lanes side by side on an accelerator may draw; what their training needs beside is as much again."""


class WorldEngine:
    """A sweep of worlds made ready to run on this process's devices; one compiled loop for each objective."""

    method = "world"

    def __init__(self, spec: WorldSpec, *, precision: int, devices: tuple[jax.Device, ...]):
        self.spec, self.table, self.grid = spec, spec.world, Grid(spec)
        self.precision, self.devices = precision, devices
        # A tile is what an interruption costs: a GPU trains cells side by side, a CPU one network at a time on each core.
        numbers = sum(map(math.prod, self._worlds(np.zeros(1, int)).dimensions)) * (self.table.samples + self.table.held_out)
        fit = max(1, ROOM // (numbers * precision // 8 * spec.trials))
        least = math.ceil(len(devices) / spec.trials)
        self.tile_cells = min(self.grid.size, least if devices[0].platform == "cpu" else fit * len(devices))

    def compile(self) -> None:
        """Every objective compiles with its first tile."""

    def time(self) -> tuple[float, float]:
        """Seconds of compilation are part of the run's, extrapolated from one cell."""
        began = time.monotonic()
        self.measure(np.zeros(1, int))()
        return 0.0, (time.monotonic() - began) * self.grid.size

    def analytic(self, cells: np.ndarray) -> dict[str, np.ndarray]:
        """The correlation of the nuisance of the two modalities, a mean over what it consists of."""
        nu = np.asarray(self._worlds(cells).nu, np.float64)
        return {"nu": nu.reshape(len(cells), -1).mean(axis=1)}

    def measure(self, cells: np.ndarray) -> Callable[[], dict[str, np.ndarray]]:
        """A function that trains every objective at some cells and gives the measured variables of a store."""

        def finish() -> dict[str, np.ndarray]:
            with jax.enable_x64(self.precision == 64):
                found = [self._measured(label, cells) for label in self.table.objectives]
            values = {name: np.stack([one[name] for one in found], axis=1) for name in found[0]}
            failed = values["failed_trials"].max(axis=1) > 0
            return values | {"status": np.where(failed, Status.NONFINITE, Status.OK)}

        return finish

    def _worlds(self, cells: np.ndarray) -> Worlds:
        """The worlds at some cells, stacked."""
        build = partial(WORLDS[self.table.name], size=self.table.size)
        knobs = {name: jnp.full(len(cells), value) for name, value in self.table.knobs.items()}
        knobs |= {name: jnp.asarray(values) for name, values in self.grid.parameters(cells).items()}
        return eqx.filter_vmap(lambda given: build(**given))(knobs)

    def _measured(self, label: str, cells: np.ndarray) -> dict[str, np.ndarray]:
        """The measured variables of one objective at some cells."""
        trials, shape, table = self.spec.trials, (len(cells), self.spec.trials), self.table
        cell, trial = np.repeat(cells, trials), np.tile(np.arange(trials), len(cells))
        keys = _keys(root_key(self.spec.seed), cell, trial)
        worlds = self._worlds(cell)
        training = plan(table, table.trial(label), worlds)
        trained = train(
            training.objective,
            training.source,
            key=keys[:, 0],
            steps=table.steps,
            batch=table.batch,
            rows=table.samples,
            held_out=table.held_out,
            learning_rate=table.learning_rate,
            legs=LEGS,
            devices=self.devices,
            **training.options,
        )
        good = ~np.asarray(trained.diverged).reshape(shape)
        values = {"failed_trials": trials - good.sum(axis=1)}
        values["loss"] = _mean(np.asarray(trained.loss)[:, -1].reshape(shape), good)[0]
        for name, read in zip(("accuracy", "r2"), self._read(trained.encoders, worlds, keys[:, 1]), strict=True):
            values[name], values[f"{name}_se"] = _mean(read.reshape(*shape, *read.shape[1:]), good)
        return values

    def _read(self, encoders: Encoders, worlds: Worlds, keys: Key[Array, " lanes"]) -> tuple[np.ndarray, np.ndarray]:
        """Accuracy of the class and R² of the nuisance, (lanes, views, representations, readings), NaN where none is."""
        found = _represented(encoders, worlds, keys, self.table.read, self.table.batch)
        blank = np.full((len(keys), len(VIEWS), len(REPRESENTATIONS), len(READINGS)), np.nan)
        accuracy, r2 = blank, blank.copy()
        together = 1 if self.devices[0].platform == "cpu" else len(keys)
        for side in range(len(VIEWS)):
            for which, z in enumerate(found.z[side]):
                rows = Rows(z, found.classes, found.values)
                told = _probed(rows, keys, len(worlds.classes), together)
                accuracy[:, side, which], r2[:, side, which] = (np.asarray(part, np.float64) for part in told)
        return accuracy, r2


class Represented(eqx.Module):
    """Rows apart, as trained encoders of both views represent them, `z[view]` their features and output, and what is true."""

    z: tuple[tuple[Float[Array, "lanes n _"], ...], ...]
    classes: Array
    values: Array


@eqx.filter_jit
def _represented(encoders: Encoders, worlds: Worlds, keys: Key[Array, " lanes"], rows: int, batch: int) -> Represented:
    """One lane after another, a batch at a time: pictures are large. An encoder that is none represents nothing."""
    arrays, static = eqx.partition(encoders[: len(VIEWS)], eqx.is_array)

    def one(given):
        arrays, world, key = given
        drawn = world.draw(rows, key=key)
        z = []
        for encoder, view in zip(eqx.combine(arrays, static), drawn.views, strict=True):
            represent = partial(_features_and_output, encoder)
            z.append(() if encoder is None else jax.lax.map(represent, view, batch_size=batch))
        return Represented(tuple(z), *told(drawn))

    return jax.lax.map(one, (arrays, worlds, keys))


def _features_and_output(encoder: Callable[[Array], Array], row: Array) -> tuple[Float[Array, " _"], Float[Array, " _"]]:
    """Of one row."""
    (read,) = features((encoder,), (row[None],))
    assert read is not None
    return read[0], project((encoder,), (read,))[0, 0]


@partial(jax.jit, static_argnums=(2, 3))
def _probed(rows: Rows, keys: Key[Array, " lanes"], classes: int, together: int) -> tuple[Array, Array]:
    """Probes fitted on the first half of each lane's rows and judged on the second, so many lanes at a time."""

    def one(given):
        rows, key = given
        half = len(rows.z) // 2
        fit, judge = (jax.tree.map(lambda leaf, part=part: leaf[part], rows) for part in (slice(half), slice(half, None)))
        return readings(fit, judge, classes, key=jax.random.fold_in(key, 1))

    return jax.lax.map(one, (rows, keys), batch_size=together)


def _mean(table: np.ndarray, good: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the good trials (axis 1) and its standard error; NaN where there are none, or only one."""
    weight = good.reshape(*good.shape, *(1,) * (table.ndim - 2))
    count = weight.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(weight, table, 0).sum(axis=1) / count
        squares = (np.where(weight, table - mean[:, None], 0) ** 2).sum(axis=1)
        return mean, np.sqrt(squares / (count - 1) / count)


@jax.jit
def _keys(root: Array, cell: Array, trial: Array) -> Array:
    """(lanes, 2): of the training, and of the pictures that it is read on."""
    return jax.vmap(lambda c, t: jax.random.split(jax.random.fold_in(jax.random.fold_in(root, c), t)))(cell, trial)

"""A sweep whose networks are trained on a stereo world and then read, frozen, on pictures apart.

Trials are keyed by (cell, trial) alone: all objectives of a trial see the same pictures and begin with the same encoder of x.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from phasejax.experiments.world.spec import LEGS, SUPERVISED, WorldSpec
from phasejax.keys import root_key
from phasejax.solvers import Status
from phasejax.sweep.grid import Grid
from phasejax.training import MLP, Convolutional, Decoder, Projected, ToClasses, ToPicture, Trained, embed, features, train
from phasejax.training.probes import Rows, readings
from phasejax.worlds import Stereo, StereoSolids, StereoSprites

WORLDS: dict[str, type[Stereo]] = {"sprites": StereoSprites, "solids": StereoSolids}


class Labelled(eqx.Module):
    """The world with its class as a third modality, which a supervised decoder predicts."""

    world: Stereo

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.world.batch_shape

    def sample(self, n: int, *, key: Key[Array, ""]) -> tuple[Array, ...]:
        drawn = self.world.draw(n, key=key)
        return *drawn.views, drawn.signal["class"].astype(jnp.int32)


class WorldEngine:
    """A sweep of worlds made ready to run on this process's devices; one compiled loop for each objective."""

    method = "world"

    def __init__(self, spec: WorldSpec, *, precision: int, devices: tuple[jax.Device, ...]):
        self.spec, self.table, self.grid = spec, spec.world, Grid(spec)
        self.precision, self.devices = precision, devices
        # A tile is what an interruption costs; a GPU trains cells side by side, a CPU one network at a time.
        side_by_side = 1 if devices[0].platform == "cpu" else 8
        self.tile_cells = min(self.grid.size, side_by_side * len(devices))

    def compile(self) -> None:
        """Every objective compiles with its first tile."""

    def time(self) -> tuple[float, float]:
        """Seconds of compilation are part of the run's, extrapolated from one cell."""
        began = time.monotonic()
        self.measure(np.zeros(1, int))()
        return 0.0, (time.monotonic() - began) * self.grid.size

    def analytic(self, cells: np.ndarray) -> dict[str, np.ndarray]:
        """The correlation of the positions in the two views."""
        return {"nu": np.asarray(self._worlds(cells).nu, np.float64)}

    def measure(self, cells: np.ndarray) -> Callable[[], dict[str, np.ndarray]]:
        """A function that trains every objective at some cells and gives the measured variables of a store."""

        def finish() -> dict[str, np.ndarray]:
            with jax.enable_x64(self.precision == 64):
                found = [self._measured(label, cells) for label in self.table.objectives]
            values = {name: np.stack([one[name] for one in found], axis=1) for name in found[0]}
            failed = values["failed_trials"].max(axis=1) > 0
            return values | {"status": np.where(failed, Status.NONFINITE, Status.OK)}

        return finish

    def _worlds(self, cells: np.ndarray) -> Stereo:
        """The worlds at some cells, stacked."""
        build = partial(WORLDS[self.table.name], size=self.table.size)
        knobs = {name: jnp.full(len(cells), value) for name, value in self.table.fixed().items()}
        knobs |= {name: jnp.asarray(values) for name, values in self.grid.parameters(cells).items()}
        return eqx.filter_vmap(lambda given: build(**given))(knobs)

    def _measured(self, label: str, cells: np.ndarray) -> dict[str, np.ndarray]:
        trials, shape = self.spec.trials, (len(cells), self.spec.trials)
        cell, trial = np.repeat(cells, trials), np.tile(np.arange(trials), len(cells))
        keys = _keys(root_key(self.spec.seed), cell, trial)
        worlds = self._worlds(cell)
        trained, side = self._train(label, worlds, keys[:, 0])
        accuracy, r2 = _read(trained.encoders, worlds, keys[:, 1], self.table.read, side)
        good = ~np.asarray(trained.diverged).reshape(shape)
        values = {"failed_trials": trials - good.sum(axis=1)}
        values["loss"] = _mean(np.asarray(trained.loss)[:, -1].reshape(shape), good)[0]
        for name, table in (("accuracy", accuracy), ("r2", r2)):
            table = np.asarray(table, np.float64).reshape(*shape, *table.shape[1:])
            values[name], values[f"{name}_se"] = _mean(table, good)
        return values

    def _train(self, label: str, worlds: Stereo, keys: Key[Array, " lanes"]) -> tuple[Trained, int]:
        """What came of the training, and the modality whose encoder is read."""
        table = self.table
        name, rest = table.hyperparameters(label)
        backbone = Convolutional(table.features, channels=table.channels)
        options: dict[str, Any] = {"encoder": Projected(backbone, MLP(table.width, table.features))}
        data, side = worlds, 0
        if name == SUPERVISED:
            name, data = "reconstruction", Labelled(worlds)
            options = {"encoder": (backbone, None, None), "decoder": Decoder(ToClasses(len(worlds.classes)), 0, 2)}
        elif name == "reconstruction":
            side = int(rest.get("source", 0))
            decoder = Decoder(ToPicture(table.channels[::-1]), side, 1 - side)
            options = {"encoder": (backbone, None) if side == 0 else (None, backbone), "decoder": decoder}
        else:
            options["hyperparameters"] = rest
        return train(
            name,
            data,
            key=keys,
            steps=table.steps,
            batch=table.batch,
            rows=table.samples,
            learning_rate=table.learning_rate,
            legs=LEGS,
            devices=self.devices,
            **options,
        ), side


@eqx.filter_jit
def _read(encoders, worlds: Stereo, keys: Key[Array, " lanes"], rows: int, side: int) -> tuple[Array, Array]:
    """Accuracy of the class and R² of the position, (lanes, 2, readings), of features and output of one view."""

    def one(given):
        encoders, world, key = given
        key_rows, key_probe = jax.random.split(key)
        drawn = world.draw(rows, key=key_rows)
        mine = (encoders[side],)
        read = features(mine, (drawn.views[side],))[0]
        assert read is not None  # the encoder that is read has been trained
        both = read, embed(mine, (drawn.views[side],))[0]
        told = [_split_read(z, drawn, len(world.classes), key_probe) for z in both]
        return jnp.stack([a for a, _ in told]), jnp.stack([r for _, r in told])

    arrays, static = eqx.partition(encoders, eqx.is_array)
    return jax.lax.map(lambda given: one((eqx.combine(given[0], static), *given[1:])), (arrays, worlds, keys))


def _split_read(z: Array, drawn, classes: int, key: Array) -> tuple[Array, Array]:
    """Probes fitted on the first half of the rows and judged on the second."""
    half = len(z) // 2
    rows = Rows(z, drawn.signal["class"], drawn.nuisance["position"])
    fit, judge = (jax.tree.map(lambda leaf, part=part: leaf[part], rows) for part in (slice(half), slice(half, None)))
    return readings(fit, judge, classes, key=key)


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

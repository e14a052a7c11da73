"""Train encoders on an objective: one training, or thousands side by side."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, Float, Int, Key

from phasejax.spiked import SpikedModel
from phasejax.training.checkpoint import Checkpoint
from phasejax.training.data import Source, SpikedPairs, Views
from phasejax.training.encoders import Encoders, Linear, Recipe
from phasejax.training.loop import Lane, Loop, Loss, Metric, Outcome, State, leg_all, prepare
from phasejax.training.task import split

ADAM = optax.scale_by_adam()
LINEAR_8 = Linear(8)


class Trained(eqx.Module):
    """What came of a training; of many, every array but `step` has a leading axis of lanes.

    - `encoders`: one per modality.
    - `step`: (legs,) steps after which history was taken; `loss`: (legs,) mean over the steps before; `metrics`: (legs, …).
      Once a lane has ended its history repeats; from where it diverged its loss is NaN.
    - `outcome`: an `Outcome` code; `steps`: steps taken.
    """

    encoders: Encoders
    step: Int[Array, " legs"]
    loss: Float[Array, "*lanes legs"]
    metrics: dict[str, Array]
    outcome: Int[Array, "*lanes"]
    steps: Int[Array, "*lanes"]

    @property
    def diverged(self) -> Array:
        """Whether a lane's encoders are only the last good ones before it diverged: it belongs in no average."""
        return self.outcome == Outcome.DIVERGED


@dataclass(frozen=True)
class Progress:
    """How far a training has come: steps taken of `steps`, and how many of the lanes have ended early."""

    step: int
    steps: int
    ended: int
    lanes: int


def train(
    objective: str | Loss,
    data: SpikedModel | Source | Views,
    *,
    key: Key[Array, "*lanes"],
    encoder: Recipe = LINEAR_8,
    steps: int = 1000,
    batch: int = 256,
    rows: int | None = None,
    learning_rate: ArrayLike = 1e-2,
    hyperparameters: Mapping[str, Any] | None = None,
    start: Encoders | None = None,
    patience: int | None = None,
    tolerance: float = 1e-3,
    legs: int = 20,
    metrics: Mapping[str, Metric] | None = None,
    transform: optax.GradientTransformation = ADAM,
    devices: tuple[jax.Device, ...] | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Trained:
    """Train one encoder for each modality. With keys (L,), L trainings at once: compiled once, whatever their numbers.

    **Arguments:**

    - `objective`: a name of `phasejax.objectives.REGISTRY`, or `loss(z, views, **hyperparameters)` with `z` (M, batch, width).
    - `data`: a `SpikedModel` or another source, of batch shape () or (L,); or arrays (n, d_m), one a modality.
    - `encoder`: the kind and its width; `start`: encoders to begin from, of that kind, with or without an axis of lanes.
    - `steps`, a multiple of `legs`, the number of points of the history; `batch` rows a step.
    - `rows`: so many rows are drawn from the source once and visited in shuffled epochs; None draws fresh rows for every step.
    - `learning_rate` > 0: its value at the first step, from which it falls to 0 along a cosine; scalar or (L,).
    - `hyperparameters` of the objective; those with a float default may be scalars or (L,).
    - `patience`: a lane ends when the mean loss of a leg has not improved by the share `tolerance` for so many legs.
    - `metrics`: name → metric(encoders, z), taken after each leg on the latest batch.
    - `transform`: the Optax transformation of gradients, before the learning rate scales them.
    - `devices`: over which lanes are spread, all local ones by default.
    - `checkpoint`: a file, replaced after each leg; `resume` continues from it, to the same bits as without interruption.

    **Raises:** `ValueError` on a bad argument, `CheckpointError` on a file that exists, does not fit, or cannot be written.
    """
    given, source = _data(data)
    dimensions = tuple(view.shape[1] for view in given) if given is not None else source.dimensions
    rows = given[0].shape[0] if given is not None else rows
    _check(steps, legs, batch, rows, learning_rate, patience)
    parameters = hyperparameters or {}
    if isinstance(objective, str):
        loss, parameters = split(objective, parameters, modalities=len(dimensions))
    else:
        loss = objective
    loop = Loop(
        loss=loss,
        dimensions=dimensions,
        recipe=encoder,
        rows=rows,
        batch=batch,
        legs=legs,
        leg_steps=steps // legs,
        patience=patience,
        tolerance=tolerance,
        transform=transform,
        metrics=tuple((metrics or {}).items()),
        devices=tuple(devices or jax.local_devices()),
    )
    lanes = make_lanes(loop, key, learning_rate, parameters, source, start)
    count = max(1, key.size)
    saved = None if checkpoint is None else Checkpoint(Path(checkpoint), loop, lanes, given)
    state = run_legs(loop, lanes, given, saved, resume, on_progress, count)
    return finished(loop, state, count, squeeze=key.ndim == 0)


def make_lanes(
    loop: Loop,
    key: Key[Array, "*lanes"],
    learning_rate: ArrayLike,
    parameters: Mapping[str, ArrayLike],
    source: Source | None,
    start: Encoders | None = None,
) -> Lane:
    """Lanes with a leading axis, spread over the devices; the last one repeats until every device has as many."""
    if key.ndim > 1:
        raise ValueError(f"key has shape {key.shape}: one key or a vector of them is allowed.")
    count = max(1, key.size)

    def along(name: str, leaf: ArrayLike, rank: int) -> Array:
        """Broadcast over lanes what is given once, then fill up."""
        leaf = jnp.asarray(leaf)
        if leaf.ndim == rank:
            leaf = jnp.broadcast_to(leaf, (count, *leaf.shape))
        if leaf.ndim != rank + 1 or leaf.shape[0] != count:
            raise ValueError(f"{name} has shape {leaf.shape}: it is given once or for each of the {count} lanes.")
        return jnp.concatenate([leaf, jnp.repeat(leaf[-1:], -count % len(loop.devices), axis=0)])

    stacked = 0 if source is None else len(source.batch_shape)
    weights = None
    if start is not None:
        weights = eqx.filter(start, eqx.is_array)
        like = loop.weights_like
        if jax.tree.structure(weights) != jax.tree.structure(like) or any(
            leaf.shape[-wanted.ndim :] != wanted.shape
            for leaf, wanted in zip(jax.tree.leaves(weights), jax.tree.leaves(like), strict=True)
        ):
            raise ValueError(f"start does not fit encoder = {loop.recipe}: it must have the same kind and sizes.")
        weights = jax.tree.map(lambda leaf, wanted: along("start", leaf, wanted.ndim), weights, like)
    lanes = Lane(
        key=along("key", key, 0),
        learning_rate=along("learning_rate", jnp.asarray(learning_rate, float), 0),
        parameters={name: along(name, jnp.asarray(value, float), 0) for name, value in parameters.items()},
        source=jax.tree.map(lambda leaf: along("data", leaf, leaf.ndim - stacked), source),
        start=weights,
    )
    return jax.device_put(lanes, loop.by_lane)


def run_legs(
    loop: Loop,
    lanes: Lane,
    given: Views | None = None,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    count: int | None = None,
) -> State:
    """All legs of all lanes, or as many as it takes until every lane has ended."""
    lanes, drawn, state = prepare(loop, lanes)
    done = 0
    if checkpoint is not None:
        done, state = checkpoint.load(state) if checkpoint.begin(resume) else (0, state)
    for number in range(done, loop.legs):
        if number and np.all(np.asarray(state.outcome) != Outcome.OUT_OF_STEPS):
            return _repeat_history(state, number)
        state = leg_all(loop, jnp.asarray(number, jnp.int32), given, lanes, drawn, state)
        if checkpoint is not None:
            checkpoint.save(number + 1, state)
        outcome = np.asarray(state.outcome)[:count]
        ended = int(np.sum(outcome != Outcome.OUT_OF_STEPS))
        on_progress(Progress((number + 1) * loop.leg_steps, loop.legs * loop.leg_steps, ended, outcome.size))
    return state


def finished(loop: Loop, state: State, count: int, *, squeeze: bool = False) -> Trained:
    """The first `count` lanes of a final state."""
    cut = (lambda leaf: leaf[0]) if squeeze else (lambda leaf: leaf[:count])
    state = jax.tree.map(cut, state)
    step = loop.leg_steps * (1 + np.arange(loop.legs))
    return Trained(loop.assemble(state.weights), jnp.asarray(step), state.loss, state.metrics, state.outcome, state.steps)


def _repeat_history(state: State, done: int) -> State:
    """The history of lanes that have all ended after `done` legs, to its full length."""
    fill = lambda rows: rows.at[:, done:].set(rows[:, done - 1 : done])  # noqa: E731
    return state._replace(loss=fill(state.loss), metrics=jax.tree.map(fill, state.metrics))


def _data(data: SpikedModel | Source | Views) -> tuple[Views | None, Any]:
    """(given rows, None) or (None, source)."""
    if isinstance(data, SpikedModel):
        return None, SpikedPairs(data)
    if not isinstance(data, tuple):
        return None, data
    views = tuple(jnp.asarray(view, float) for view in data)
    shapes = [view.shape for view in views]
    if len(views) < 2 or any(len(shape) != 2 or shape[0] != shapes[0][0] for shape in shapes):
        raise ValueError(f"data has shapes {shapes}: two or more (n, d_m) with the same n are allowed.")
    if not all(bool(jnp.all(jnp.isfinite(view))) for view in views):
        raise ValueError("data holds NaN or infinity: finite values are needed.")
    return views, None


def _check(steps: int, legs: int, batch: int, rows: int | None, learning_rate: ArrayLike, patience: int | None) -> None:
    if legs < 1 or steps < 1 or steps % legs:
        raise ValueError(f"steps = {steps} is not allowed with legs = {legs}: a positive multiple of the number of legs is.")
    if batch < 2:
        raise ValueError(f"batch = {batch} is not allowed: at least two rows a step are needed.")
    if rows is not None and rows < batch:
        raise ValueError(f"batch = {batch} is not allowed with {rows} rows: a batch takes different rows.")
    if not np.all(np.asarray(learning_rate) > 0):
        raise ValueError(f"learning_rate = {np.min(np.asarray(learning_rate)):g} is not allowed: it must be > 0.")
    if patience is not None and patience < 1:
        raise ValueError(f"patience = {patience} is not allowed: None or at least one leg is.")

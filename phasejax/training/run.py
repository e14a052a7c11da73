"""Train encoders on an objective: one training, or thousands side by side."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, Float, Int, Key

from phasejax import checks
from phasejax.spiked import SpikedModel
from phasejax.training.checkpoint import Checkpoint
from phasejax.training.data import Source, SpikedPairs, Views, rows_of
from phasejax.training.decoders import Decoder
from phasejax.training.encoders import Encoders, Linear, Recipe
from phasejax.training.lanes import by_lane, leg_all, prepare
from phasejax.training.loop import Lane, Loop, Loss, Metric, Outcome, Rows, State, with_histories
from phasejax.training.task import split

ADAM = optax.scale_by_adam()
LINEAR_8 = Linear(8)


class Trained(eqx.Module):
    """What came of a training; of many, every array but `step` has a leading axis of lanes.

    - `encoders`: one per modality, None for one that has none; `decoder`: of the source's features, if something is predicted.
      Where rows are held out they are those of the leg that did best on them.
    - `step`: (legs,) steps after which history was taken; `loss`: (legs,) mean over the steps before; `held_out`: (legs,) loss
      on the rows held out; `metrics`: (legs, …). Once a lane has ended its history repeats; where it diverged losses are NaN.
    - `outcome`: an `Outcome` code; `steps`: steps taken.
    """

    encoders: Encoders
    decoder: Callable[[Array], Array] | None
    step: Int[Array, " legs"]
    loss: Float[Array, "*lanes legs"]
    held_out: Float[Array, "*lanes legs"] | None
    metrics: dict[str, Array]
    outcome: Int[Array, "*lanes"]
    steps: Int[Array, "*lanes"]

    @property
    def diverged(self) -> Array:
        """Whether a lane's encoders are only the last good ones before it diverged: it belongs in no average."""
        return self.outcome == Outcome.DIVERGED


@dataclass(frozen=True)
class TrainingProgress:
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
    encoder: Recipe | tuple[Recipe | None, ...] = LINEAR_8,
    decoder: Decoder | None = None,
    steps: int = 1000,
    batch: int = 256,
    rows: int | None = None,
    held_out: int | Views | None = None,
    learning_rate: ArrayLike = 1e-2,
    schedule: optax.Schedule | None = None,
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
    on_progress: Callable[[TrainingProgress], None] = lambda progress: None,
) -> Trained:
    """Train one encoder for each modality. With keys (L,), L trainings at once: compiled once, whatever their numbers.

    **Arguments:**

    - `objective`: a name of `phasejax.objectives.REGISTRY`, or `loss(z, views, **hyperparameters)` with `z` (M, batch, width);
      with a decoder `loss(z, views, predicted, **hyperparameters)`.
    - `data`: a `SpikedModel` or another source, of batch shape () or (L,); or arrays `(n, *row)`, one a modality.
    - `encoder`: the kind and its width, for all modalities or for each; None for one that is only predicted. `start`: encoders
      to begin from, of that kind, with or without an axis of lanes.
    - `decoder`: what predicts which modality from the features of which, for objectives of a prediction; either direction.
    - `steps`, a multiple of `legs`, the number of points of the history; `batch` rows a step.
    - `rows`: so many rows are drawn from the source once and visited in shuffled epochs; None draws fresh rows for every step.
    - `held_out`: rows that no step sees and whose loss is taken after each leg, in batches: so many drawn anew from the source,
      or arrays. The networks that did best on them are kept; since they choose, test on others.
    - `learning_rate` > 0, scalar or (L,); `schedule`: an Optax schedule, step → the share of it that is taken; by default it
      falls from 1 to 0 along a cosine.
    - `hyperparameters` of the objective; those that are numbers (`Objective.swept`) may be scalars or (L,).
    - `patience`: a lane ends when the loss of a leg, on the rows held out if there are any, has not improved by the share
      `tolerance` for so many legs.
    - `metrics`: name → metric(encoders, z), taken after each leg on the latest batch.
    - `transform`: the Optax transformation of gradients, before the learning rate scales them.
    - `devices`: over which lanes are spread, all local ones by default.
    - `checkpoint`: a file, replaced after each leg; `resume` continues from it, to the same bits as without interruption.

    **Raises:** `ValueError` on a bad argument, `CheckpointError` on a file that exists, does not fit, or cannot be written.
    """
    if isinstance(data, tuple):
        views = _arrays("data", data)
        source, given, rows, of_a_row = None, Rows(views), len(views[0]), rows_of(views)
    else:
        source, given = SpikedPairs(data) if isinstance(data, SpikedModel) else data, Rows()
        of_a_row = rows_of(source)
    if isinstance(held_out, tuple):
        given = given._replace(held_out=_held_out(held_out, of_a_row))
        held_out = len(held_out[0])
    elif held_out is not None and source is None:
        raise ValueError(f"held_out = {held_out} is not allowed where the rows are given: give the rows held out as well.")
    _check(steps, legs, batch, rows, held_out, learning_rate, patience)
    recipes = encoder if isinstance(encoder, tuple) else (encoder,) * len(of_a_row)
    if len(recipes) != len(of_a_row):
        raise ValueError(f"encoder has {len(recipes)} entries: one for all or one for each of {len(of_a_row)} modalities.")
    parameters = hyperparameters or {}
    if isinstance(objective, str):
        loss, parameters = split(objective, parameters, modalities=len(of_a_row), decoder=decoder)
        if "z" in loss.objective.inputs and None in recipes:
            raise ValueError(f"encoder is None for modality {recipes.index(None)}: the objective {objective!r} needs all.")
    else:
        loss = objective
    loop = Loop(
        loss=loss,
        rows=of_a_row,
        recipes=recipes,
        decoder=decoder,
        drawn=rows,
        held_out=held_out,
        batch=batch,
        legs=legs,
        leg_steps=steps // legs,
        patience=patience,
        tolerance=tolerance,
        transform=transform,
        schedule=schedule or cosine(steps),
        metrics=tuple((metrics or {}).items()),
        devices=tuple(devices or jax.local_devices()),
    )
    lanes = make_lanes(loop, key, learning_rate, parameters, source, start)
    count = max(1, key.size)
    saved = None if checkpoint is None else Checkpoint(Path(checkpoint), loop, lanes, given)
    state = run_legs(loop, lanes, given, saved, resume, on_progress, count)
    return _finished(loop, state, count, squeeze=key.ndim == 0)


@cache
def cosine(steps: int) -> optax.Schedule:
    """From 1 at the first step to 0 after the last; the same object for the same number, so that nothing compiles anew."""
    return optax.cosine_decay_schedule(1.0, steps)


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
        like = loop.weights_like.encoders
        if jax.tree.structure(weights) != jax.tree.structure(like) or any(
            leaf.shape[-wanted.ndim :] != wanted.shape
            for leaf, wanted in zip(jax.tree.leaves(weights), jax.tree.leaves(like), strict=True)
        ):
            raise ValueError(f"start does not fit encoder = {loop.recipes}: it must have the same kinds and sizes.")
        weights = jax.tree.map(lambda leaf, wanted: along("start", leaf, wanted.ndim), weights, like)
    lanes = Lane(
        key=along("key", key, 0),
        learning_rate=along("learning_rate", jnp.asarray(learning_rate, float), 0),
        parameters={name: along(name, jnp.asarray(value, float), 0) for name, value in parameters.items()},
        source=jax.tree.map(lambda leaf: along("data", leaf, leaf.ndim - stacked), source),
        start=weights,
    )
    return jax.device_put(lanes, by_lane(loop))


def run_legs(
    loop: Loop,
    lanes: Lane,
    given: Rows,
    checkpoint: Checkpoint | None = None,
    resume: bool = False,
    on_progress: Callable[[TrainingProgress], None] = lambda progress: None,
    count: int | None = None,
) -> State:
    """All legs of all lanes, or as many as it takes until every lane has ended."""
    lanes, drawn, state = prepare(loop, lanes, given)
    done = 0
    if checkpoint is not None:
        done, state = checkpoint.load(state) if checkpoint.begin(resume) else (0, state)
    for number in range(done, loop.legs):
        if number and np.all(np.asarray(state.outcome) != Outcome.OUT_OF_STEPS):
            return with_histories(lambda rows: rows.at[:, number:].set(rows[:, number - 1 : number]), state)  # noqa: B023
        state = leg_all(loop, jnp.asarray(number, jnp.int32), given, lanes, drawn, state)
        if checkpoint is not None:
            checkpoint.save(number + 1, state)
        outcome = np.asarray(state.outcome)[:count]
        ended = int(np.sum(outcome != Outcome.OUT_OF_STEPS))
        on_progress(TrainingProgress((number + 1) * loop.leg_steps, loop.legs * loop.leg_steps, ended, outcome.size))
    return state


def _finished(loop: Loop, state: State, count: int, *, squeeze: bool = False) -> Trained:
    """The first `count` lanes of a final state."""
    cut = (lambda leaf: leaf[0]) if squeeze else (lambda leaf: leaf[:count])
    state = jax.tree.map(cut, state)
    step = loop.leg_steps * (1 + np.arange(loop.legs))
    weights, held_out = (state.weights, None) if state.kept is None else (state.kept.weights, state.kept.history)
    networks = loop.assemble(weights)
    return Trained(
        encoders=networks.encoders,
        decoder=networks.decoder,
        step=jnp.asarray(step),
        loss=state.loss,
        held_out=held_out,
        metrics=state.metrics,
        outcome=state.outcome,
        steps=state.steps,
    )


def _arrays(name: str, data: Views) -> Views:
    """Arrays with one row a tuple: integers of tokens and classes as they are, other numbers as floats."""
    views = tuple(view if jnp.issubdtype(view.dtype, jnp.integer) else view.astype(float) for view in map(jnp.asarray, data))
    shapes = [view.shape for view in views]
    if len(views) < 2 or any(not shape or shape[0] != shapes[0][0] for shape in shapes):
        raise ValueError(f"{name} has shapes {shapes}: two or more (n, *row) with the same n are allowed.")
    for view in views:
        checks.finite(name, view)
    return views


def _held_out(views: Views, rows: tuple[jax.ShapeDtypeStruct, ...]) -> Views:
    """The rows held out, like those trained on."""
    views = _arrays("held_out", views)
    given, wanted = ([row.shape for row in some] for some in (rows_of(views), rows))
    if given != wanted:
        raise ValueError(f"held_out has rows of shapes {given}: {wanted} are allowed.")
    return views


def _check(
    steps: int,
    legs: int,
    batch: int,
    rows: int | None,
    held_out: int | None,
    learning_rate: ArrayLike,
    patience: int | None,
) -> None:
    if legs < 1 or steps < 1 or steps % legs:
        raise ValueError(f"steps = {steps} is not allowed with legs = {legs}: a positive multiple of the number of legs is.")
    if batch < 2:
        raise ValueError(f"batch = {batch} is not allowed: at least two rows a step are needed.")
    if rows is not None and rows < batch:
        raise ValueError(f"batch = {batch} is not allowed with {rows} rows: a batch takes different rows.")
    if held_out is not None and held_out < batch:
        raise ValueError(f"held_out = {held_out} is not allowed with batch = {batch}: at least one batch of rows is needed.")
    if not np.all(np.asarray(learning_rate) > 0):
        raise ValueError(f"learning_rate = {np.min(np.asarray(learning_rate)):g} is not allowed: it must be > 0.")
    if patience is not None and patience < 1:
        raise ValueError(f"patience = {patience} is not allowed: None or at least one leg is.")

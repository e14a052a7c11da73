"""The training loop of one lane, and its vmapped, sharded, compiled shell.

A lane is one training: a key, a learning rate, the objective's parameters, its data. A run is cut into legs of equally many
steps; one compiled function takes all lanes through one leg, and between legs the host may look, save, or stop.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property, partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int, Key

from phasejax.training.data import Source, Views, epoch_order
from phasejax.training.encoders import Encoders, Recipe, build_encoders, embed

EXPLOSION = 10.0
"""A lane has diverged when its loss exceeds the first one by this many times 1 + |first loss|."""

Loss = Callable[..., Float[Array, ""]]
"""loss(z, views, **parameters): the embeddings (M, B, width) of a batch, its rows, and named numbers."""

Metric = Callable[[Encoders, Float[Array, "M B width"]], Array]
"""metric(encoders, z): anything of a fixed shape, from the encoders and the embeddings of the latest batch."""


class Outcome(IntEnum):
    """How a training ended."""

    OUT_OF_STEPS = 0  # also: not ended yet
    CONVERGED = 1  # the mean loss of a leg had not improved for `patience` legs
    DIVERGED = 2  # the loss or its gradient was not finite, or the loss exploded; the encoders are the last good ones


class Lane(eqx.Module):
    """What may differ between trainings; a batch of lanes has a leading axis on every leaf.

    `source` is None where the rows are given; `start` holds the array leaves of the first encoders, None for fresh ones.
    """

    key: Key[Array, ""]
    learning_rate: Float[Array, ""]
    parameters: dict[str, Float[Array, ""]]
    source: Source | None = None
    start: Any = None


class LaneKeys(NamedTuple):
    """What a lane's key is split into: one for rows that are drawn once, one for encoders, one for the batches."""

    rows: Key[Array, ""]
    encoders: Key[Array, ""]
    batches: Key[Array, ""]


def lane_keys(key: Key[Array, ""]) -> LaneKeys:
    return LaneKeys(*jax.random.split(key, 3))


class State(NamedTuple):
    """What a lane carries from step to step, and all that a checkpoint holds."""

    weights: Any  # array leaves of the encoders
    optimizer: optax.OptState
    order: Int[Array, " n"] | None  # of the fixed rows, in this epoch
    first: Float[Array, ""]  # the first loss
    best: Float[Array, ""]  # the smallest mean loss of a leg
    stale: Int[Array, ""]  # legs since it improved
    outcome: Int[Array, ""]
    steps: Int[Array, ""]  # steps taken
    loss: Float[Array, " legs"]  # mean over each leg, NaN from where the lane diverged
    metrics: dict[str, Array]  # (legs, …), after each leg


@dataclass(frozen=True)
class Loop:
    """Everything that is the same for all lanes, and fixed at compilation.

    - `loss`, `metrics`: see `Loss` and `Metric`; `recipe` of the encoders; `dimensions` of the data.
    - `rows`: number of rows drawn once, or given; None draws fresh ones for every step. `batch` rows a step.
    - `legs` × `leg_steps` steps; `patience` legs without an improvement by the share `tolerance` end a lane, None never does.
    - `transform`: the Optax transformation of gradients that the learning rate scales.
    """

    loss: Loss
    dimensions: tuple[int, ...]
    recipe: Recipe
    rows: int | None
    batch: int
    legs: int
    leg_steps: int
    patience: int | None
    tolerance: float
    transform: optax.GradientTransformation
    metrics: tuple[tuple[str, Metric], ...]
    devices: tuple[jax.Device, ...]

    # --- one lane -------------------------------------------------------------------------------------------------------

    def begin(self, lane: Lane) -> State:
        """The state before the first step."""
        weights = lane.start
        if weights is None:
            weights = eqx.filter(build_encoders(self.recipe, self.dimensions, key=lane_keys(lane.key).encoders), eqx.is_array)
        blank = jnp.full((), jnp.inf, lane.learning_rate.dtype)
        zero = jnp.zeros((), jnp.int32)
        history = jax.tree.map(
            lambda leaf: jnp.full((self.legs, *leaf.shape), jnp.nan, leaf.dtype),
            jax.eval_shape(self._measured, weights, self._blank_views()),
        )
        return State(
            weights=weights,
            optimizer=self.transform.init(weights),
            order=None if self.rows is None else jnp.arange(self.rows, dtype=jnp.int32),
            first=blank,
            best=blank,
            stale=zero,
            outcome=zero,
            steps=zero,
            loss=jnp.full(self.legs, jnp.nan, blank.dtype),
            metrics=history,
        )

    def leg(self, number: Int[Array, ""], given: Views | None, lane: Lane, drawn: Views | None, state: State) -> State:
        """One leg of one lane, on rows given to all, drawn once for it, or drawn anew; once ended it stays as it is."""
        views = given if drawn is None else drawn
        steps = number * self.leg_steps + jnp.arange(self.leg_steps, dtype=jnp.int32)

        def one(state, step):
            order, batch = self._batch(views, lane, state.order, step)
            return self._step(lane, state._replace(order=order), batch, step)

        after, losses = jax.lax.scan(one, state, steps)
        _, last_batch = self._batch(views, lane, after.order, steps[-1])
        mean = jnp.mean(losses)
        improved = mean < state.best - self.tolerance * jnp.abs(jnp.where(jnp.isinf(state.best), 0, state.best))
        stale = jnp.where(improved, 0, state.stale + 1)
        outcome = after.outcome
        if self.patience is not None:
            outcome = jnp.where((outcome == Outcome.OUT_OF_STEPS) & (stale >= self.patience), Outcome.CONVERGED, outcome)
        record = jax.tree.map(
            lambda rows, row: rows.at[number].set(row), after.metrics, self._measured(after.weights, last_batch)
        )
        after = after._replace(
            outcome=outcome.astype(jnp.int32),
            best=jnp.where(improved, mean, state.best),
            stale=stale,
            loss=after.loss.at[number].set(jnp.where(outcome == Outcome.DIVERGED, jnp.nan, mean)),
            metrics=record,
        )
        # A lane that had ended keeps everything, its last loss and metrics included.
        previous = jnp.maximum(number - 1, 0)
        frozen = state._replace(
            order=after.order,
            loss=state.loss.at[number].set(state.loss[previous]),
            metrics=jax.tree.map(lambda rows: rows.at[number].set(rows[previous]), state.metrics),
        )
        return _choose(state.outcome == Outcome.OUT_OF_STEPS, after, frozen)

    def _step(self, lane: Lane, state: State, views: Views, step: Array) -> tuple[State, Array]:
        loss, gradient = jax.value_and_grad(self._loss)(state.weights, views, lane.parameters)
        first = jnp.where(state.steps == 0, loss, state.first)
        finite = jnp.isfinite(loss) & jnp.all(jnp.stack([jnp.all(jnp.isfinite(g)) for g in jax.tree.leaves(gradient)]))
        healthy = finite & (loss <= first + EXPLOSION * (1 + jnp.abs(first)))
        running = state.outcome == Outcome.OUT_OF_STEPS
        direction, optimizer = self.transform.update(gradient, state.optimizer, state.weights)
        decay = (1 + jnp.cos(jnp.pi * step / (self.legs * self.leg_steps))) / 2
        rate = lane.learning_rate * decay.astype(lane.learning_rate.dtype)
        weights = jax.tree.map(lambda w, u: w - rate * u, state.weights, direction)
        moved = state._replace(weights=weights, optimizer=optimizer, first=first, steps=state.steps + 1)
        still = state._replace(outcome=jnp.where(running & ~healthy, Outcome.DIVERGED, state.outcome).astype(jnp.int32))
        return _choose(running & healthy, moved, still), loss

    def _batch(self, views: Views | None, lane: Lane, order: Array | None, step: Array) -> tuple[Array | None, Views]:
        key = lane_keys(lane.key).batches
        if views is None:
            assert lane.source is not None
            return order, lane.source.sample(self.batch, key=jax.random.fold_in(key, step))
        assert order is not None
        order, chosen = epoch_order(order, step, self.batch, key=key)
        return order, tuple(view[chosen] for view in views)

    def _loss(self, weights, views: Views, parameters: dict[str, Array]) -> Array:
        return self.loss(embed(self.assemble(weights), views), views, **parameters)

    def _measured(self, weights, views: Views) -> dict[str, Array]:
        encoders = self.assemble(weights)
        z = embed(encoders, views)
        return {name: metric(encoders, z) for name, metric in self.metrics}

    def _blank_views(self) -> Views:
        return tuple(jnp.zeros((self.batch, d)) for d in self.dimensions)

    @cached_property
    def _example(self) -> Encoders:
        return eqx.filter_eval_shape(build_encoders, self.recipe, self.dimensions, key=jax.random.key(0))

    @property
    def weights_like(self):
        """Shapes and dtypes of the array leaves of the encoders."""
        return eqx.filter(self._example, _is_shape)

    def assemble(self, weights) -> Encoders:
        """The encoders with these array leaves."""
        return eqx.combine(weights, eqx.filter(self._example, _is_shape, inverse=True))

    # --- all lanes ------------------------------------------------------------------------------------------------------

    @property
    def by_lane(self) -> NamedSharding:
        """A leading axis of lanes spread over the devices."""
        return NamedSharding(Mesh(np.array(self.devices), ("lane",)), PartitionSpec("lane"))


@partial(jax.jit, static_argnums=(0, 1))
def draw_all(by_lane: NamedSharding, rows: int, keys: Key[Array, " lanes"], sources: Source) -> Views:
    """The rows that every lane draws once. On its own, since it is the same for all objectives and long to compile."""

    def draw(key, source: Source) -> Views:
        return source.sample(rows, key=lane_keys(key).rows)

    spec = by_lane.spec
    return jax.shard_map(jax.vmap(draw), mesh=by_lane.mesh, in_specs=spec, out_specs=spec, check_vma=False)(keys, sources)


@partial(jax.jit, static_argnums=0)
def begin_all(loop: Loop, lanes: Lane) -> State:
    """`Loop.begin` for lanes with a leading axis, their number a multiple of the number of devices."""
    mesh, by_lane = loop.by_lane.mesh, loop.by_lane.spec
    return jax.shard_map(jax.vmap(loop.begin), mesh=mesh, in_specs=by_lane, out_specs=by_lane, check_vma=False)(lanes)


@partial(jax.jit, static_argnums=0)
def leg_all(loop: Loop, number: Array, given: Views | None, lanes: Lane, drawn: Views | None, state: State) -> State:
    """`Loop.leg` for all lanes."""
    mesh, by_lane, everywhere = loop.by_lane.mesh, loop.by_lane.spec, PartitionSpec()

    def on_one_device(number, given, *by_lane):
        leg = lambda one: loop.leg(number, given, *one)  # noqa: E731
        return jax.lax.map(leg, by_lane, batch_size=_side_by_side(lanes.key.size // len(loop.devices), loop.devices[0]))

    specs = (everywhere, everywhere, by_lane, by_lane, by_lane)
    mapped = jax.shard_map(on_one_device, mesh=mesh, in_specs=specs, out_specs=by_lane, check_vma=False)
    return mapped(number, given, lanes, drawn, state)


def _side_by_side(lanes: int, device: jax.Device) -> int:
    """How many lanes a device takes at a time: all, but on a CPU 8 to 16 where that divides them, to stay in its cache."""
    if device.platform != "cpu":
        return lanes
    return max((size for size in range(8, 17) if lanes % size == 0), default=lanes)


def prepare(loop: Loop, lanes: Lane) -> tuple[Lane, Views | None, State]:
    """What legs take: the lanes, the rows that each drew once, and the first states."""
    state = begin_all(loop, lanes)
    lanes = replace(lanes, start=None)  # nothing further depends on it, nor should its compilation
    if loop.rows is None or lanes.source is None:
        return lanes, None, state
    return lanes, draw_all(loop.by_lane, loop.rows, lanes.key, lanes.source), state


def _is_shape(leaf) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct)


def _choose(condition: Array, yes: State, no: State) -> State:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)

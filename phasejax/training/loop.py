"""The training loop of one lane.

A lane is one training: a key, a learning rate, the objective's parameters, its data. A run is cut into legs of equally many
steps; between them the host may look, save, or stop. `phasejax.training.lanes` takes many lanes through a leg at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key

from phasejax.training.data import Source, Views, epoch_order
from phasejax.training.decoders import Decoder
from phasejax.training.encoders import Encoders, Recipe, Row, embed
from phasejax.training.networks import Networks, arrays, build_networks, outputs

EXPLOSION = 10.0
"""A lane has diverged when its loss exceeds the first one by this many times 1 + |first loss|."""

Loss = Callable[..., Float[Array, ""]]
"""loss(z, views, **parameters): the embeddings (M, B, width) of a batch, its rows, and named numbers.

With a decoder it is loss(z, views, predicted, **parameters), what the decoder makes of its source's features in third place.
"""

Metric = Callable[[Encoders, Float[Array, "M B width"]], Array]
"""metric(encoders, z): anything of a fixed shape without NaN, from the encoders and the embeddings of the latest batch."""


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
    """What a lane's key is split into: for rows that are drawn once, for the networks, for the batches, for rows held out."""

    rows: Key[Array, ""]
    networks: Key[Array, ""]
    batches: Key[Array, ""]
    held_out: Key[Array, ""]

    @classmethod
    def split(cls, key: Key[Array, ""]) -> "LaneKeys":
        rows, networks, batches = jax.random.split(key, 3)
        return cls(rows, networks, batches, jax.random.fold_in(rows, 1))


class Rows(NamedTuple):
    """Rows that stay: to train on (None: there are fresh ones for every step), and held out (None: none are)."""

    training: Views | None = None
    held_out: Views | None = None


class State(NamedTuple):
    """What a lane carries from step to step, and all that a checkpoint holds."""

    weights: Networks  # array leaves
    optimizer: optax.OptState
    order: Int[Array, " n"] | None  # of the fixed rows, in this epoch
    first: Float[Array, ""]  # the first loss
    best: Float[Array, ""]  # the mean loss of a leg, on held-out rows if there are any, that a better one must undercut
    stale: Int[Array, ""]  # legs since one did
    outcome: Int[Array, ""]
    steps: Int[Array, ""]  # steps taken
    loss: Float[Array, " legs"]  # mean over each leg, NaN from where the lane diverged
    metrics: dict[str, Array]  # (legs, …), after each leg
    kept: "Kept | None"


class Kept(NamedTuple):
    """The weights that did best on the held-out rows, their loss, and that after each leg, NaN where the lane diverged."""

    weights: Networks
    loss: Float[Array, ""]
    history: Float[Array, " legs"]


@dataclass(frozen=True)
class Loop:
    """Everything that is the same for all lanes, and fixed at compilation.

    - `loss`, `metrics`: see `Loss` and `Metric`; `rows`: what a row of each modality is.
    - `recipes`: of the encoders, None for a modality that has none; `decoder`: what predicts which modality, if anything.
    - `drawn`: number of rows drawn once, or given; None draws fresh ones for every step. `held_out`: of rows
      apart from them, or None. `batch` rows a step.
    - `legs` × `leg_steps` steps; `patience` legs without an improvement by the share `tolerance` end a lane, None never does.
    - `transform`: the Optax transformation of gradients that the learning rate scales; `schedule`: step → the share of the
      learning rate.
    """

    loss: Loss
    rows: tuple[Row, ...]
    recipes: tuple[Recipe | None, ...]
    decoder: Decoder | None
    drawn: int | None
    held_out: int | None
    batch: int
    legs: int
    leg_steps: int
    patience: int | None
    tolerance: float
    transform: optax.GradientTransformation
    schedule: optax.Schedule
    metrics: tuple[tuple[str, Metric], ...]
    devices: tuple[jax.Device, ...]

    # --- one lane -------------------------------------------------------------------------------------------------------

    def begin(self, lane: Lane) -> State:
        """The state before the first step."""
        weights = arrays(build_networks(self.recipes, self.decoder, self.rows, key=LaneKeys.split(lane.key).networks))
        if lane.start is not None:
            weights = weights._replace(encoders=lane.start)
        blank = jnp.full((), jnp.inf, lane.learning_rate.dtype)
        zero = jnp.zeros((), jnp.int32)
        history = jax.tree.map(
            lambda leaf: jnp.zeros((self.legs, *leaf.shape), leaf.dtype),  # not NaN: JAX_DEBUG_NANS would stop here
            jax.eval_shape(self._measured, weights, tuple(Row((self.batch, *row.shape), row.dtype) for row in self.rows)),
        )
        unmeasured = jnp.zeros(self.legs, blank.dtype)
        return State(
            weights=weights,
            optimizer=self.transform.init(cast(optax.Params, weights)),
            order=None if self.drawn is None else jnp.arange(self.drawn, dtype=jnp.int32),
            first=blank,
            best=blank,
            stale=zero,
            outcome=zero,
            steps=zero,
            loss=unmeasured,
            metrics=history,
            kept=None if self.held_out is None else Kept(weights, blank, unmeasured),
        )

    def leg(self, number: Int[Array, ""], given: Rows, lane: Lane, drawn: Rows, state: State) -> State:
        """One leg of one lane, on rows given to all, drawn once for it, or drawn anew; once ended it stays as it is."""
        views = given.training if drawn.training is None else drawn.training
        held_out = given.held_out if drawn.held_out is None else drawn.held_out
        steps = number * self.leg_steps + jnp.arange(self.leg_steps, dtype=jnp.int32)

        def one(state, step):
            order, batch = self._batch(views, lane, state.order, step)
            return self._step(lane, state._replace(order=order), batch, step)

        after, losses = jax.lax.scan(one, state, steps)
        _, last_batch = self._batch(views, lane, after.order, steps[-1])
        mean = jnp.mean(losses)
        judged = mean if held_out is None else self._loss_of(after.weights, held_out, lane)
        improved = judged < state.best - self.tolerance * jnp.abs(jnp.where(jnp.isinf(state.best), 0, state.best))
        stale = jnp.where(improved, 0, state.stale + 1)
        outcome = after.outcome
        if self.patience is not None:
            outcome = jnp.where((outcome == Outcome.OUT_OF_STEPS) & (stale >= self.patience), Outcome.CONVERGED, outcome)
        diverged = outcome == Outcome.DIVERGED
        after = after._replace(
            outcome=outcome.astype(jnp.int32),
            best=jnp.where(improved, judged, state.best),
            stale=stale,
            loss=after.loss.at[number].set(jnp.where(diverged, jnp.nan, mean)),
            metrics=_recorded(after.metrics, number, self._measured(after.weights, last_batch)),
        )
        if after.kept is not None:
            better = ~diverged & (judged < after.kept.loss)
            weights, loss = _choose(better, (after.weights, judged), (after.kept.weights, after.kept.loss))
            history = after.kept.history.at[number].set(jnp.where(diverged, jnp.nan, judged))
            after = after._replace(kept=Kept(weights, loss, history))
        # A lane that had ended keeps everything, its last loss and metrics included.
        repeat = lambda rows: rows.at[number].set(rows[jnp.maximum(number - 1, 0)])  # noqa: E731
        frozen = with_histories(repeat, state._replace(order=after.order))
        return _choose(state.outcome == Outcome.OUT_OF_STEPS, after, frozen)

    def _step(self, lane: Lane, state: State, views: Views, step: Array) -> tuple[State, Array]:
        loss, gradient = jax.value_and_grad(self._loss)(state.weights, views, lane.parameters)
        first = jnp.where(state.steps == 0, loss, state.first)
        finite = jnp.isfinite(loss) & jnp.all(jnp.stack([jnp.all(jnp.isfinite(g)) for g in jax.tree.leaves(gradient)]))
        healthy = finite & (loss <= first + EXPLOSION * (1 + jnp.abs(first)))
        running = state.outcome == Outcome.OUT_OF_STEPS
        with jax.numpy_dtype_promotion("standard"):  # Optax mixes floats with integer counts of steps
            direction, optimizer = self.transform.update(gradient, state.optimizer, cast(optax.Params, state.weights))
            share = jnp.asarray(self.schedule(step), lane.learning_rate.dtype)
        rate = lane.learning_rate * share
        weights = jax.tree.map(lambda w, u: w - rate * u, state.weights, direction)
        moved = state._replace(weights=weights, optimizer=optimizer, first=first, steps=state.steps + 1)
        still = state._replace(outcome=jnp.where(running & ~healthy, Outcome.DIVERGED, state.outcome).astype(jnp.int32))
        return _choose(running & healthy, moved, still), loss

    def _batch(self, views: Views | None, lane: Lane, order: Array | None, step: Array) -> tuple[Array | None, Views]:
        key = LaneKeys.split(lane.key).batches
        if views is None:
            assert lane.source is not None
            return order, lane.source.sample(self.batch, key=jax.random.fold_in(key, step))
        assert order is not None
        order, chosen = epoch_order(order, step, self.batch, key=key)
        return order, tuple(view[chosen] for view in views)

    def _loss(self, weights, views: Views, parameters: dict[str, Array]) -> Array:
        return self.loss(*outputs(self.assemble(weights), self.decoder, views), **parameters)

    def _loss_of(self, weights, views: Views, lane: Lane) -> Array:
        """Mean loss over all whole batches of some rows, in order."""
        size = views[0].shape[0] // self.batch
        batches = tuple(view[: size * self.batch].reshape(size, self.batch, *view.shape[1:]) for view in views)
        return jnp.mean(jax.lax.map(lambda batch: self._loss(weights, batch, lane.parameters), batches))

    def _measured(self, weights, views: Views) -> dict[str, Array]:
        encoders = self.assemble(weights).encoders
        z = embed(encoders, views)
        return {name: metric(encoders, z) for name, metric in self.metrics}

    @cached_property
    def _example(self) -> Networks:
        return eqx.filter_eval_shape(build_networks, self.recipes, self.decoder, self.rows, key=jax.random.key(0))

    @property
    def weights_like(self) -> Networks:
        """Shapes and dtypes of the array leaves of the networks."""
        return eqx.filter(self._example, _is_shape)

    def assemble(self, weights: Networks) -> Networks:
        """The networks with these array leaves."""
        return eqx.combine(weights, eqx.filter(self._example, _is_shape, inverse=True))


def with_histories(change: Callable[[Array], Array], state: State) -> State:
    """The state with something done to everything that has an entry for each leg."""
    kept = state.kept and state.kept._replace(history=change(state.kept.history))
    return state._replace(loss=change(state.loss), metrics=jax.tree.map(change, state.metrics), kept=kept)


def _recorded(histories: dict[str, Array], number: Array, measured: dict[str, Array]) -> dict[str, Array]:
    return jax.tree.map(lambda rows, row: rows.at[number].set(row), histories, measured)


def _is_shape(leaf) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct)


def _choose[T](condition: Array, yes: T, no: T) -> T:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)

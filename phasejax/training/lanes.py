"""Many lanes at once: the loop's vmapped, sharded, compiled shell. Everything of a lane has a leading axis here."""

from dataclasses import replace
from functools import partial

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Key

from phasejax.training.data import Source, Views, rows_of
from phasejax.training.loop import Lane, LaneKeys, Loop, Rows, State


def by_lane(loop: Loop) -> NamedSharding:
    """A leading axis of lanes spread over the devices."""
    return NamedSharding(Mesh(np.array(loop.devices), ("lane",)), PartitionSpec("lane"))


def prepare(loop: Loop, lanes: Lane, given: Rows) -> tuple[Lane, Rows, State]:
    """What legs take beside the rows that are given: the lanes, the rows that each drew once, and the first states."""
    state = begin_all(loop, lanes)
    lanes = replace(lanes, start=None)  # nothing further depends on it, nor should its compilation
    if lanes.source is None:
        return lanes, Rows(), state
    spread, keys = by_lane(loop), jax.jit(jax.vmap(LaneKeys.split))(lanes.key)
    training = None if loop.drawn is None else draw_all(spread, loop.drawn, keys.rows, lanes.source)
    drawn = loop.held_out if given.held_out is None else None
    held_out = None if drawn is None else draw_all(spread, drawn, keys.held_out, lanes.source)
    return lanes, Rows(training, held_out), state


@partial(jax.jit, static_argnums=(0, 1))
def draw_all(spread: NamedSharding, rows: int, keys: Key[Array, " lanes"], sources: Source) -> Views:
    """The rows that every lane draws once. On its own, since it is the same for all objectives and long to compile."""
    pictures = any(len(row.shape) == 3 for row in rows_of(sources))  # several times their room is held while they are drawn

    def draw(keys: Key[Array, " lanes"], sources: Source) -> Views:
        one = lambda key, source: source.sample(rows, key=key)  # noqa: E731
        return jax.lax.map(lambda lane: one(*lane), (keys, sources)) if pictures else jax.vmap(one)(keys, sources)

    return jax.shard_map(draw, mesh=spread.mesh, in_specs=spread.spec, out_specs=spread.spec, check_vma=False)(keys, sources)


@partial(jax.jit, static_argnums=0)
def begin_all(loop: Loop, lanes: Lane) -> State:
    """`Loop.begin` for lanes with a leading axis, their number a multiple of the number of devices."""
    mesh, spec = by_lane(loop).mesh, by_lane(loop).spec
    return jax.shard_map(jax.vmap(loop.begin), mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)(lanes)


@partial(jax.jit, static_argnums=0)
def leg_all(loop: Loop, number: Array, given: Rows, lanes: Lane, drawn: Rows, state: State) -> State:
    """`Loop.leg` for all lanes."""
    mesh, spec, everywhere = by_lane(loop).mesh, by_lane(loop).spec, PartitionSpec()

    def on_one_device(number, given, *lanes):
        leg = lambda one: loop.leg(number, given, *one)  # noqa: E731
        return jax.lax.map(leg, lanes, batch_size=_side_by_side(loop, lanes[0].key.size))

    specs = (everywhere, everywhere, spec, spec, spec)
    mapped = jax.shard_map(on_one_device, mesh=mesh, in_specs=specs, out_specs=spec, check_vma=False)
    return mapped(number, given, lanes, drawn, state)


def _side_by_side(loop: Loop, lanes: int) -> int | None:
    """How many lanes a device takes at a time: all, but on a CPU 8 to 16 where that divides them, to stay in its cache.

    Convolutions on a CPU take one at a time: products with patches gain nothing from company.
    """
    if loop.devices[0].platform != "cpu":
        return lanes
    if any(len(row.shape) == 3 for row in loop.rows):
        return None
    return max((size for size in range(8, 17) if lanes % size == 0), default=lanes)

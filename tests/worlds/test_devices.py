"""Every world: the same key gives the same pixels, words and numbers, stacked on four devices as alone on one."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from phasejax.training.lanes import draw_all
from phasejax.worlds import CaptionedScenes, Starlight, StereoSolids, StereoSprites, TriModalScenes, XorTriples

WORLDS = {
    StereoSprites: ("jitter", {"size": "tiny"}),
    StereoSolids: ("jitter", {"size": "tiny"}),
    CaptionedScenes: ("style_jitter", {"size": "tiny"}),
    TriModalScenes: ("nu", {"size": "tiny"}),
    Starlight: ("nu", {"size": "tiny"}),
    XorTriples: ("amplitude", {}),
}

N = 32  # as in the tests of shapes and values: one compilation serves both


@pytest.mark.parametrize("world", WORLDS)
def test_one_key_draws_the_same_on_one_device_and_on_four(world):
    knob, rest = WORLDS[world]
    values = jnp.array([0.0, 0.2, 0.4, 0.6])
    stack = eqx.filter_vmap(lambda value: world(**{knob: value}, **rest))(values)
    assert stack.batch_shape == (4,)
    keys = jax.random.split(jax.random.key(5), 4)
    spread = NamedSharding(Mesh(np.array(jax.devices()), ("lane",)), PartitionSpec("lane"))
    views = draw_all(spread, N, keys, stack)
    for i, value in enumerate(values):
        alone = world(**{knob: value}, **rest).sample(N, key=keys[i])
        for many, one in zip(views, alone, strict=True):
            assert len(many.sharding.device_set) == 4
            np.testing.assert_array_equal(np.asarray(many)[i], one)

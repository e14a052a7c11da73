"""Stereo worlds: what is drawn is what the truth says, the correlation is the one that is named, keys decide everything."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from phasejax.worlds import StereoSolids, StereoSprites
from phasejax.worlds.stereo import BASELINE, FLOOR, LIT, PLAIN, SHADED, SOLID, WALL

WORLDS = [StereoSprites, StereoSolids]
both = pytest.mark.parametrize("world", WORLDS)
QUIET = {"noise_x": 0.0, "noise_y": 0.0, "rotation": 0.0}


@both
def test_shapes_and_values(world):
    world = world(size="tiny", noise_y=0.9)
    drawn = world.draw(32, key=jax.random.key(0))
    assert tuple(view.shape[1:] for view in drawn.views) == world.dimensions
    assert all(view.min() >= 0 and view.max() <= 1 for view in drawn.views)
    assert set(np.unique(drawn.signal["class"])) == set(range(len(world.classes)))
    np.testing.assert_array_equal(drawn.views[0], world.sample(32, key=jax.random.key(0))[0])


def test_the_sprite_is_where_the_truth_says():
    """Its centroid in each view, for those that are wholly on the canvas; and the two views see one class."""
    world = StereoSprites(size="published", jitter=0.1, **QUIET)
    drawn = world.draw(200, key=jax.random.key(1))
    grid = (2 * np.arange(64) + 1) / 64 - 1
    for view, center in zip(drawn.views, (drawn.nuisance["position_x"], drawn.nuisance["position_y"]), strict=True):
        whole = np.abs(center).max(axis=1) < 0.55
        assert whole.sum() > 50
        mass = np.asarray(view[:, 0])[whole]
        found = np.stack([(mass.sum(axis=1) * grid).sum(-1), (mass.sum(axis=2) * grid).sum(-1)], axis=1)
        np.testing.assert_allclose(found / mass.sum(axis=(1, 2))[:, None], np.asarray(center)[whole], atol=3e-3)
        areas = mass.sum(axis=(1, 2))
        for label, expected in enumerate((393.7, 283.7, 307.3)):  # 32² times the shape's area
            np.testing.assert_allclose(areas[np.asarray(drawn.signal["class"])[whole] == label], expected, rtol=0.02)


@both
@pytest.mark.parametrize(("jitter", "nu"), [(0.0, 1.0), (0.2, 0.6757), (0.5, 0.25)])
def test_positions_correlate_as_named(world, jitter, nu):
    n = 4000
    world = world(size="tiny", jitter=jitter)
    truth = jax.jit(lambda key: world.draw(n, key=key).nuisance)(jax.random.key(2))  # what is not asked for is not rendered
    x, y = (np.asarray(truth[name]) for name in ("position_x", "position_y"))
    np.testing.assert_allclose(y.mean(axis=0) - x.mean(axis=0), [BASELINE, 0], atol=5 * (jitter + 1e-5) * np.sqrt(2 / n))
    assert float(world.nu) == pytest.approx(nu, abs=1e-4)
    for axis in range(2):
        found = np.corrcoef(x[:, axis], y[:, axis])[0, 1]
        assert found == pytest.approx(nu, abs=4 * (1 - nu**2) / np.sqrt(n) + 1e-5)


@both
def test_moving_the_object_by_whole_pixels_moves_the_picture(world):
    world = world(size="tiny")
    pixel = 2 / world.pixels
    for label in range(len(world.classes)):
        still = world.picture(jnp.asarray(label), jnp.zeros(2), 0.0)
        moved = world.picture(jnp.asarray(label), jnp.array([3 * pixel, -2 * pixel]), 0.0)
        np.testing.assert_allclose(moved[:, :-2, 3:], still[:, 2:, :-3], atol=1e-5)


def test_solids_have_their_colours():
    world = StereoSolids(size="published")
    for label in range(4):
        picture = np.asarray(world.picture(jnp.asarray(label), jnp.zeros(2), 0.0))
        np.testing.assert_allclose(picture[:, 1, 1], WALL, atol=1e-6)
        np.testing.assert_allclose(picture[:, -2, 1], FLOOR, atol=1e-6)
        ratio = picture.reshape(3, -1) / np.array(SOLID)[:, None]
        for tone in (LIT, PLAIN, SHADED):
            assert np.sum(np.all(np.abs(ratio - tone) < 1e-4, axis=0)) > 25
        # What the scene leaves free is black.
        away = np.asarray(world.picture(jnp.asarray(label), jnp.array([1.0, 0.0]), 0.0))
        assert np.all(away[:, :, :31] == 0) and np.all(away[:, 1, 33:].max(axis=0) > 0)


@both
def test_noise_is_of_the_named_size(world):
    """On a pixel that the picture leaves at mid-grey enough the cut hardly bites; elsewhere it is half-rectified."""
    world = world(size="small", noise_x=0.05, noise_y=0.0, rotation=0.0)
    drawn = world.draw(8, key=jax.random.key(3))
    clean = jax.vmap(world.picture)(drawn.signal["class"], drawn.nuisance["position_x"], jnp.zeros(8))
    deviation = np.asarray(drawn.views[0] - clean)
    inner = deviation[(np.asarray(clean) > 0.3) & (np.asarray(clean) < 0.7)]
    expected = deviation[np.asarray(clean) == 0]
    if world.channels == 3:
        assert inner.size > 1000
        assert inner.std() == pytest.approx(0.05, rel=0.05)
    assert expected.mean() == pytest.approx(0.05 / np.sqrt(2 * np.pi), rel=0.05)


@both
def test_keys_decide_everything(world):
    world = world(size="tiny", jitter=0.3)
    one, again, other = (world.sample(32, key=jax.random.key(seed))[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.any(np.all(np.asarray(one).reshape(32, -1) == np.asarray(other).reshape(32, -1), axis=1))


@both
@pytest.mark.parametrize("knob", ["jitter", "rotation", "noise_x", "noise_y", "position_range"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_knobs_out_of_range(world, knob, value):
    with pytest.raises(ValueError, match=rf"^{knob} = {value:g} is not allowed: {knob} must be finite and ≥ 0\.$"):
        world(**{knob: value})


@both
def test_an_unknown_size(world):
    with pytest.raises(ValueError, match=r"^size = 'huge' is not allowed: choose one of tiny, small, published\.$"):
        world(size="huge")

"""Shapes against plane geometry: area, centroid, symmetry, and their distance against the nearest point of the edge."""

from math import pi, sin

import jax.numpy as jnp
import numpy as np
import pytest

from phasejax.worlds import shapes

PIXELS = 256
PIXEL_AREA = (2 / PIXELS) ** 2
HEXAGON = [(0, -0.4), (0.35, -0.2), (0.35, 0.2), (0, 0.4), (-0.35, 0.2), (-0.35, -0.2)]
SHAPES = {
    "rectangle": (lambda q: shapes.rectangle(q, 0.3, 0.45), 4 * 0.3 * 0.45),
    "disc": (lambda q: shapes.disc(q, 0.4), pi * 0.4**2),
    "ellipse": (lambda q: shapes.ellipse(q, 0.21, 0.42), pi * 0.21 * 0.42),
    "capsule": (lambda q: shapes.capsule(q, 0.24, 0.2), 4 * 0.24 * 0.2 + pi * 0.2**2),
    "heart": (lambda q: shapes.heart(q, 0.41), 0.41**2 * (1 + pi / 4)),
    "hexagon": (lambda q: shapes.polygon(q, *HEXAGON), 0.35 * 0.4 * 3),
    "triangle": (lambda q: shapes.regular(q, 3, 0.4), 1.5 * 0.4**2 * sin(2 * pi / 3)),
    "pentagon": (lambda q: shapes.regular(q, 5, 0.4), 2.5 * 0.4**2 * sin(2 * pi / 5)),
}
every_shape = pytest.mark.parametrize("name", SHAPES)


def cover(name, center=(0.0, 0.0), angle=0.0):
    points = shapes.seen_from(shapes.pixel_centers(PIXELS), jnp.array(center), angle)
    return np.asarray(shapes.coverage(SHAPES[name][0](points), PIXELS), np.float64)


def centroid(picture):
    points = np.asarray(shapes.pixel_centers(PIXELS))
    return np.array([(axis * picture).sum() for axis in points]) / picture.sum()


@every_shape
@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_area_and_centroid(name, angle):
    picture = cover(name, (0.13, -0.22), angle)
    np.testing.assert_allclose(picture.sum() * PIXEL_AREA, SHAPES[name][1], rtol=2e-3)
    np.testing.assert_allclose(centroid(picture), (0.13, -0.22), atol=1e-3)


@every_shape
def test_mirror_symmetry(name):
    picture = cover(name)
    np.testing.assert_allclose(picture, picture[:, ::-1], atol=1e-4)


@pytest.mark.parametrize("name", ["heart", "triangle", "pentagon"])
def test_upright(name):
    """The heart's tip points down, the polygons' corner up: that is where the narrow end is."""
    rows = np.flatnonzero(cover(name).sum(axis=1) > 0)
    top, bottom = (cover(name)[row].sum() for row in (rows[2], rows[-3]))
    assert (top > bottom) == (name == "heart")


@every_shape
def test_moving_by_whole_pixels_moves_the_picture(name):
    moved = cover(name, (10 * 2 / PIXELS, -7 * 2 / PIXELS))
    np.testing.assert_allclose(moved, np.roll(cover(name), (-7, 10), axis=(0, 1)), atol=1e-4)


def test_a_quarter_turn_turns_the_picture():
    turned = cover("heart", angle=pi / 2)
    np.testing.assert_allclose(turned, np.rot90(cover("heart"), -1), atol=1e-4)


@every_shape
def test_distance_is_that_to_the_nearest_point_outside(name):
    """The zero level found on a fine grid, by brute force, for points near the edge."""
    distance, _ = SHAPES[name]
    grid = np.asarray(shapes.pixel_centers(400)).reshape(2, -1)
    level = np.asarray(distance(tuple(jnp.asarray(grid))))
    inside = grid[:, level <= 0]
    near = grid[:, (level > 0.005) & (level < 0.03)][:, ::37]
    expected = np.sqrt(((near[:, :, None] - inside[:, None, :]) ** 2).sum(axis=0).min(axis=1))
    # The polygons' distance is to a side's line: shorter than to a corner.
    found = np.asarray(distance(tuple(jnp.asarray(near))))
    assert np.all(found <= expected + 0.006)
    assert np.mean(np.abs(found - expected) < 0.006) > 0.85


def test_paint_covers_by_the_share():
    picture = shapes.paint(jnp.zeros((3, 1, 2)), jnp.array([1.0, 0.5, 0.25]), jnp.array([[1.0, 0.5]]))
    np.testing.assert_allclose(picture[:, 0], [[1, 0.5], [0.5, 0.25], [0.25, 0.125]])

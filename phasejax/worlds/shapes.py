"""Flat shapes on a canvas by their signed distance, negative inside, and how much of each pixel they cover.

The canvas is [−1, 1]², x to the right and y downwards, as pictures are stored. Points are a pair of arrays (x, y), distances an
array of their shape. Every shape but a free polygon has its centroid at the origin.
"""

from functools import reduce
from math import cos, hypot, pi, sin, sqrt

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

# Coordinates are kept apart, not stacked: XLA fuses a shape into one loop, and a concatenation would break it up.
Points = tuple[Float[Array, "..."], Float[Array, "..."]]
Distance = Float[Array, "..."]


def pixel_centers(pixels: int) -> Points:
    """The centre of each pixel of a square picture, (row, column)."""
    along = (2 * jnp.arange(pixels) + 1) / pixels - 1
    x, y = jnp.meshgrid(along, along)
    return x, y


def coverage(distance: Distance, pixels: int) -> Distance:
    """The share of each pixel that a shape covers, in [0, 1]: exact where its edge runs along the pixels' sides, and within a
    few per cent elsewhere."""
    return jnp.clip(0.5 - distance * (pixels / 2), 0, 1)


def seen_from(points: Points, center: Float[Array, "2"], angle: ArrayLike = 0.0) -> Points:
    """The points in the coordinates of an object at `center`, turned by `angle` radians (clockwise on the screen)."""
    x, y = points[0] - center[0], points[1] - center[1]
    return jnp.cos(angle) * x + jnp.sin(angle) * y, jnp.cos(angle) * y - jnp.sin(angle) * x


def rectangle(points: Points, half_width: ArrayLike, half_height: ArrayLike) -> Distance:
    """Of area 4 · half_width · half_height."""
    x, y = jnp.abs(points[0]) - half_width, jnp.abs(points[1]) - half_height
    return _length(jnp.maximum(x, 0), jnp.maximum(y, 0)) + jnp.minimum(jnp.maximum(x, y), 0)


def disc(points: Points, radius: ArrayLike) -> Distance:
    return _length(*points) - radius


def ellipse(points: Points, a: ArrayLike, b: ArrayLike) -> Distance:
    """Half-axes a along x and b along y; the distance is of first order, right at the edge."""
    x, y = points
    level, slope = _length(x / a, y / b), _length(x / a**2, y / b**2)
    return level * (level - 1) / jnp.maximum(slope, 1e-6)


def capsule(points: Points, half_height: ArrayLike, radius: ArrayLike) -> Distance:
    """Upright: all that is within `radius` of a segment of length 2 · half_height."""
    return _length(points[0], jnp.maximum(jnp.abs(points[1]) - half_height, 0)) - radius


def polygon(points: Points, *corners: tuple[float, float]) -> Distance:
    """Convex, its corners in clockwise order on the screen; the distance is to the nearest side's line."""
    x, y = points
    sides = (
        ((y1 - y0) * (x - x0) - (x1 - x0) * (y - y0)) / hypot(x1 - x0, y1 - y0)
        for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True)
    )
    return reduce(jnp.maximum, sides)


def regular(points: Points, corners: int, radius: float) -> Distance:
    """A regular polygon with one corner up, `radius` from centre to corner: of area ½ corners radius² sin(2π/corners)."""
    turns = (2 * pi * i / corners - pi / 2 for i in range(corners))
    return polygon(points, *((radius * cos(turn), radius * sin(turn)) for turn in turns))


def heart(points: Points, side: float) -> Distance:
    """A square of that side standing on its corner, and a half-disc on each of its upper sides: of area side² (1 + π/4)."""
    # The centroid of a half-disc lies 2 side/(3π) beyond its diameter, whose middle is side/√8 above the square's centre.
    lift = pi / 4 * side * (1 / sqrt(8) + 2 / (3 * pi * sqrt(2))) / (1 + pi / 4)
    x, y = points[0], points[1] - lift
    diamond = rectangle(((x + y) / sqrt(2), (x - y) / sqrt(2)), side / 2, side / 2)
    lobe = disc((jnp.abs(x) - side / sqrt(8), y + side / sqrt(8)), side / 2)
    return jnp.minimum(diamond, lobe)


def paint(picture: Float[Array, "c h w"], color: Float[Array, " c"], cover: Float[Array, "h w"]) -> Float[Array, "c h w"]:
    """The picture with a colour laid over it."""
    cover = cover[None]
    return (1 - cover) * picture + cover * color[:, None, None]


def _length(x: Array, y: Array) -> Array:
    """√(x² + y²). Canvas coordinates cannot overflow, against which `jnp.hypot` would guard at several times the cost."""
    return jnp.sqrt(x * x + y * y)

"""Stereo views of one object (the central nonlinear experiment of arXiv 2606.11190): its class is shared, and so is its place.

    centre in view v  =  p + (±baseline/2, 0) + σ_j g_v,      p ~ U[−range/2, range/2]²,

so the class is the signal, the world position p the cross-modal nuisance, and jitter breaks it: the positions of the two views
correlate by ν = Var p/(Var p + σ_j²) where the paper's axis is labelled 1 − σ_j. An object turns about its own centre, by an
angle of each view's own; as published it turned about the canvas's.
"""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int, Key

from phasejax import checks
from phasejax.worlds.shapes import (
    Points,
    capsule,
    coverage,
    disc,
    ellipse,
    heart,
    paint,
    pixel_centers,
    polygon,
    rectangle,
    seen_from,
)
from phasejax.worlds.world import PIXELS, Drawn, Size, World, noisy, size_field

KNOBS = ("jitter", "rotation", "noise_x", "noise_y", "position_range")
BASELINE = 0.4
"""Between the eyes: the x view is shifted by −½ of it, the y view by +½."""


class Stereo(World):
    """One object in front of two eyes.

    **Arguments:** all ≥ 0, in units where the canvas is [−1, 1]².

    - `jitter` σ_j of each view's position; `rotation` σ in radians of each view's angle.
    - `noise_x`, `noise_y`: standard deviation of the noise on each view's pixels.
    - `position_range`: the width of the square from which the world position is drawn.
    - `size`: "tiny", "small" or "published", 16, 32 or 64 pixels a side.

    **Raises:** `ValueError` on a knob out of range.
    """

    jitter: Float[Array, ""] = eqx.field(converter=checks.floats, default=0.0, kw_only=True)
    rotation: Float[Array, ""] = eqx.field(converter=checks.floats, default=0.0, kw_only=True)
    noise_x: Float[Array, ""] = eqx.field(converter=checks.floats, default=0.1, kw_only=True)
    noise_y: Float[Array, ""] = eqx.field(converter=checks.floats, default=0.5, kw_only=True)
    position_range: Float[Array, ""] = eqx.field(converter=checks.floats, default=1.0, kw_only=True)
    size: Size = size_field()

    def __check_init__(self):
        checks.choice("size", self.size, PIXELS)
        checks.nonnegative(**{name: getattr(self, name) for name in KNOBS})

    @property
    @abstractmethod
    def channels(self) -> int: ...

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""

    @abstractmethod
    def picture(self, label: Int[Array, ""], center: Float[Array, "2"], angle: ArrayLike) -> Float[Array, "c h w"]:
        """The noiseless view of one object."""

    @property
    def pixels(self) -> int:
        """Along a side."""
        return PIXELS[self.size]

    @property
    def dimensions(self) -> tuple[tuple[int, ...], ...]:
        return ((self.channels, self.pixels, self.pixels),) * 2

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.jitter.shape

    @property
    def nu(self) -> Array:
        """The correlation of the positions in the two views, in [0, 1]."""
        variance = self.position_range**2 / 12
        return jnp.where(variance > 0, variance / jnp.maximum(variance + self.jitter**2, 1e-30), 0)

    def one(self, key: Key[Array, ""]) -> Drawn:
        keys = jax.random.split(key, 6)
        label = jax.random.randint(keys[0], (), 0, len(self.classes))
        position = self.position_range * jax.random.uniform(keys[1], (2,), minval=-0.5, maxval=0.5)
        eyes = position[None, :] + BASELINE / 2 * jnp.array([[-1.0, 0.0], [1.0, 0.0]])
        centers = eyes + self.jitter * jax.random.normal(keys[2], (2, 2))
        angles = self.rotation * jax.random.normal(keys[3], (2,))
        views = tuple(
            noisy(self.picture(label, center, angle), deviation, key=k)
            for center, angle, deviation, k in zip(centers, angles, (self.noise_x, self.noise_y), keys[4:], strict=True)
        )
        nuisance = {"position": position, "position_x": centers[0], "position_y": centers[1], "angle": angles}
        return Drawn(views, {"class": label}, nuisance)


class StereoSprites(Stereo):
    """White shapes on black, one channel: a square, an ellipse or a heart, about 20 of 64 pixels wide."""

    @property
    def channels(self) -> int:
        return 1

    @property
    def classes(self) -> tuple[str, ...]:
        return "square", "ellipse", "heart"

    def picture(self, label, center, angle):
        points = seen_from(pixel_centers(self.pixels), center, angle)
        distances = [rectangle(points, 0.31, 0.31), ellipse(points, 0.21, 0.42), heart(points, 0.41)]
        return coverage(jnp.select([label == i for i in range(2)], distances[:2], distances[2]), self.pixels)[None]


WALL, FLOOR, SOLID = (0.55, 0.7, 0.95), (0.45, 0.55, 0.35), (0.9, 0.25, 0.2)
HORIZON = 0.25
LIT, PLAIN, SHADED = 1.0, 0.75, 0.5
"""Tones of a solid's faces: turned to the light, to the eye, and away."""


class StereoSolids(Stereo):
    """A red, flat-shaded cube, cylinder, sphere or capsule before a wall and a floor, three channels.

    The whole scene moves with the object, and black flows in at its border, so position is visible everywhere.
    """

    rotation: Float[Array, ""] = eqx.field(converter=checks.floats, default=0.02, kw_only=True)

    @property
    def channels(self) -> int:
        return 3

    @property
    def classes(self) -> tuple[str, ...]:
        return "cube", "cylinder", "sphere", "capsule"

    def picture(self, label, center, angle):
        points = seen_from(pixel_centers(self.pixels), center, angle)
        faces = list(zip(*(_faces(points)[name] for name in self.classes), strict=True))
        scene = jnp.broadcast_to(jnp.array(WALL)[:, None, None], (3, self.pixels, self.pixels))
        scene = paint(scene, jnp.array(FLOOR), coverage(HORIZON - points[1], self.pixels))
        for tone, distances in zip((PLAIN, LIT, SHADED), faces, strict=True):
            distance = jnp.select([label == i for i in range(3)], distances[:3], distances[3])
            scene = paint(scene, tone * jnp.array(SOLID), coverage(distance, self.pixels))
        return scene * coverage(rectangle(points, 1.0, 1.0), self.pixels)[None]


def _faces(points: Points) -> dict[str, tuple[Array, Array, Array]]:
    """For each solid the distances to its silhouette, to what the light falls on, and to what it does not reach."""
    x, y = points
    silhouette = polygon(points, (0, -0.4), (0.35, -0.2), (0.35, 0.2), (0, 0.4), (-0.35, 0.2), (-0.35, -0.2))
    top = polygon(points, (0, -0.4), (0.35, -0.2), (0, 0), (-0.35, -0.2))
    right = polygon(points, (0.35, -0.2), (0.35, 0.2), (0, 0.4), (0, 0))
    cap, foot = (ellipse((x, y + offset), 0.3, 0.12) for offset in (0.28, -0.28))
    body = jnp.minimum(rectangle(points, 0.3, 0.28), jnp.minimum(cap, foot))
    ball, pill = disc(points, 0.36), capsule(points, 0.24, 0.2)
    return {
        "cube": (silhouette, top, right),
        "cylinder": (body, cap, jnp.maximum(jnp.maximum(body, -cap), 0.12 - x)),
        "sphere": (ball, disc((x + 0.1, y + 0.12), 0.14), jnp.maximum(ball, -disc((x + 0.16, y + 0.18), 0.4))),
        "capsule": (pill, capsule((x + 0.06, y), 0.22, 0.06), jnp.maximum(pill, 0.08 - x)),
    }

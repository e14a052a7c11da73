"""Pictures and their captions: what is drawn is the signal, the style it is drawn in the nuisance that both can tell.

    picture: one of 4 shapes in one of 4 hues, of some size at some place, drawn in a style;
    caption: "a large red square top left", then for each style that is named "slightly warm", "very striped", …

A style group's kind is written into the picture; the caption names another kind of the group with probability `style_jitter`,
so kinds correlate by ν = 1 − style_jitter · K/(K−1) for a group of K. Styles that are drawn but never named are noise of the
picture alone, and dropped words noise of the caption alone.
"""

from itertools import accumulate

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from phasejax import checks
from phasejax.worlds.shapes import Points, coverage, disc, heart, paint, pixel_centers, rectangle, regular, seen_from
from phasejax.worlds.world import PIXELS, Drawn, Size, World, noisy, size_field

PAD, UNKNOWN = 0, 1
SHAPES = ("square", "disc", "triangle", "heart")
HUES = {"red": (0.9, 0.2, 0.2), "green": (0.2, 0.75, 0.25), "blue": (0.25, 0.35, 0.95), "yellow": (0.95, 0.85, 0.2)}
SCALES = ("small", "large")
ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "center", "right")
DEGREES = ("slightly", "rather", "very")
STYLES = {
    "cast": ("warm", "cool", "greenish", "purple"),
    "exposure": ("dark", "bright"),
    "contrast": ("flat", "stark"),
    "texture": ("striped", "dotted", "checked", "wavy"),
    "saturation": ("faded", "rich"),
    "light": ("leftlit", "rightlit"),
}
_KINDS = np.array([len(kinds) for kinds in STYLES.values()], np.int32)
_CASTS = np.array([(0.3, 0.05, -0.3), (-0.3, 0.0, 0.3), (-0.2, 0.3, -0.2), (0.15, -0.3, 0.2)])
CONTENT = (("a",), SCALES, tuple(HUES), SHAPES, ROWS, COLUMNS)
WORDS = ("", "unknown", *(word for group in (*CONTENT, DEGREES, *STYLES.values()) for word in group))
"""The vocabulary: a caption is places in it."""
_FIRST = tuple(accumulate((len(group) for group in (*CONTENT, DEGREES, *STYLES.values())), initial=2))


class CaptionedScenes(World):
    """A picture, three channels, and its caption of 6 + 12 words, those of styles that are not named left empty.

    **Arguments:**

    - `style_jitter` in [0, 1]: the probability that the caption names another style of a group than the picture's.
    - `word_dropout` in [0, 1]: the probability that a word is unknown.
    - `unnamed` in [0, 1]: how strongly the groups that are not named are drawn all the same.
    - `noise` ≥ 0: standard deviation of the noise on each pixel.
    - `styles`: how many of the 6 groups are drawn and named, in the order of `STYLES`.
    - `size`: "tiny", "small" or "published", 16, 32 or 64 pixels a side.

    **Raises:** `ValueError` on a knob out of range.
    """

    style_jitter: Float[Array, ""] = eqx.field(converter=checks.floats, default=0.0, kw_only=True)
    word_dropout: Float[Array, ""] = eqx.field(converter=checks.floats, default=0.0, kw_only=True)
    unnamed: Float[Array, ""] = eqx.field(converter=checks.floats, default=0.0, kw_only=True)
    noise: Float[Array, ""] = eqx.field(converter=checks.floats, default=0.1, kw_only=True)
    styles: int = eqx.field(static=True, default=6, kw_only=True)
    size: Size = size_field()

    def __check_init__(self):
        checks.choice("size", self.size, PIXELS)
        checks.whole("styles", self.styles, 0, len(STYLES))
        checks.nonnegative(noise=self.noise)
        for name in ("style_jitter", "word_dropout", "unnamed"):
            checks.entries(name, getattr(self, name), lambda v: (v >= 0) & (v <= 1), "in [0, 1]")

    @property
    def dimensions(self) -> tuple[tuple[int, ...], ...]:
        return (3, PIXELS[self.size], PIXELS[self.size]), (len(CONTENT) + 2 * len(STYLES),)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.style_jitter.shape

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, hue within shape."""
        return tuple(f"{hue} {shape}" for shape in SHAPES for hue in HUES)

    @property
    def nu(self) -> Float[Array, "*batch 6"]:
        """The correlation of each group's kind in the picture with that in the caption; 0 for groups that are not named."""
        kinds = _KINDS.astype(self.style_jitter.dtype)
        correlation = 1 - jnp.multiply.outer(self.style_jitter, kinds / (kinds - 1))
        return jnp.where(jnp.arange(len(STYLES)) < self.styles, correlation, 0)

    def one(self, key: Key[Array, ""]) -> Drawn:
        keys = jax.random.split(key, 3)
        u = jax.random.uniform(keys[0], (7 + 4 * len(STYLES),))
        scale, hue, shape, row, column = _choose(u[:5], jnp.array([len(group) for group in CONTENT[1:]]))
        kinds = _KINDS.astype(u.dtype)
        kind, shift = (_choose(part, kinds) for part in (u[7:13], u[13:19] * (kinds - 1) / kinds))
        mistaken = u[19:25] < self.style_jitter
        told = jnp.where(mistaken, (kind + 1 + shift) % _KINDS, kind)
        degree = u[25:31]  # of 1: the caption tells its third
        strength = (0.3 + 0.7 * degree) * jnp.where(jnp.arange(len(STYLES)) < self.styles, 1, self.unnamed)
        place = (jnp.stack([column, row]).astype(u.dtype) - 1) * 0.5 + 0.2 * (u[5:7] - 0.5)
        picture = styled(self._points, shape, hue, scale, place, kind, strength, PIXELS[self.size])
        words = self._words(scale, hue, shape, row, column, told, _choose(degree, 3))
        dropped = jax.random.uniform(keys[1], words.shape) < self.word_dropout
        caption = jnp.where(dropped & (words != PAD), UNKNOWN, words)
        nuisance = {"position": place, "style": kind, "style_told": told}
        views = noisy(picture, self.noise, key=keys[2]), caption
        return Drawn(views, {"class": shape * len(HUES) + hue}, nuisance)

    @property
    def _points(self) -> Points:
        return pixel_centers(PIXELS[self.size])

    def _words(self, scale, hue, shape, row, column, told: Int[Array, "6"], degree: Int[Array, "6"]) -> Int[Array, "18"]:
        content = jnp.stack([jnp.zeros_like(scale), scale, hue, shape, row, column]) + jnp.array(
            _FIRST[: len(CONTENT)], jnp.int32
        )
        degrees = degree + _FIRST[len(CONTENT)]
        kinds = told + np.array(_FIRST[len(CONTENT) + 1 : -1], np.int32)
        named = jnp.arange(len(STYLES))[:, None] < self.styles
        style = jnp.where(named, jnp.stack([degrees, kinds], axis=1), PAD)
        return jnp.concatenate([content, style.ravel()]).astype(jnp.int32)


def words(caption) -> str:
    """A caption to be read."""
    return " ".join(WORDS[int(word)] for word in caption if word != PAD)


def styled(
    points: Points,
    shape: Int[Array, ""],
    hue: Int[Array, ""],
    scale: Int[Array, ""],
    place: Float[Array, "2"],
    kind: Int[Array, "6"],
    strength: Float[Array, "6"],
    pixels: int,
) -> Float[Array, "3 h w"]:
    """One shape on a grey ground, then each style as strong as it is said to be: at 0 a style changes nothing."""
    zoom = jnp.where(scale == 0, 1.35, 0.9)
    x, y = seen_from(points, place)
    at = zoom * x, zoom * y
    kinds = [rectangle(at, 0.26, 0.26), disc(at, 0.3), regular(at, 3, 0.4), heart(at, 0.4)]
    distance = jnp.select([shape == i for i in range(3)], kinds[:3], kinds[3]) / zoom
    cover = coverage(distance, pixels)
    x, y = points
    waves = [jnp.sin(20 * x), jnp.sin(16 * x) * jnp.sin(16 * y), jnp.sign(jnp.sin(10 * x) * jnp.sin(10 * y)),
             jnp.sin(14 * y + 2 * jnp.sin(4 * x))]  # fmt: skip
    texture = jnp.select([kind[3] == i for i in range(3)], waves[:3], waves[3])
    ground = jnp.broadcast_to(0.45 + 0.2 * strength[3] * texture, (3, pixels, pixels))
    picture = paint(ground, jnp.array(list(HUES.values()))[hue], cover)
    sign = 2.0 * kind.astype(strength.dtype) - 1  # of the groups of two
    picture = picture + strength[0] * jnp.asarray(_CASTS, strength.dtype)[kind[0]][:, None, None]
    grey = jnp.mean(picture, axis=0, keepdims=True)
    picture = grey + (picture - grey) * (1 + 0.6 * sign[4] * strength[4])
    picture = 0.45 + (picture - 0.45) * (1 + 0.5 * sign[2] * strength[2])
    picture = picture + 0.25 * sign[1] * strength[1] + (0.25 * sign[5] * strength[5] * x)[None]
    return jnp.clip(picture, 0, 1)


def _choose(u: Float[Array, "..."], kinds) -> Int[Array, "..."]:
    """Uniform numbers in [0, 1) as whole ones below `kinds`."""
    kinds = jnp.asarray(kinds, u.dtype)
    return jnp.minimum(u * kinds, kinds - 1).astype(jnp.int32)

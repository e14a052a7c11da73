"""One scene told three ways, a picture, a caption and a sound, with the spiked model's own nuisance correlation.

Five factors make a scene: shape, colour, size, column and row, 4 · 6 · 3 · 4 · 4 = 1152 scenes. Nuisance of modality m is

    v_m = √ν u + √(1−ν) e_m ∈ R³,

so that it correlates by ν between any two: the picture's stripes, the caption's style words, the sound's hum and hiss.
"""

from functools import partial
from math import pi, prod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from phasejax import checks
from phasejax.worlds.shapes import coverage, disc, heart, paint, pixel_centers, rectangle, regular, seen_from
from phasejax.worlds.world import PIXELS, Drawn, Size, World, size_field

FACTORS = {"shape": 4, "color": 6, "scale": 3, "column": 4, "row": 4}
SCENES = prod(FACTORS.values())
COLORS = ((0.9, 0.2, 0.2), (0.2, 0.75, 0.25), (0.25, 0.35, 0.95), (0.95, 0.85, 0.2), (0.85, 0.3, 0.85), (0.2, 0.8, 0.85))
LEVELS = 7
"""Words for each of a caption's three nuisances, of equal probability."""
SYNONYMS = (("square", "box"), ("disc", "circle"), ("triangle", "wedge"), ("heart", "love"),
            ("red", "scarlet"), ("green", "emerald"), ("blue", "azure"), ("yellow", "golden"), ("purple", "violet"),
            ("cyan", "teal"), ("small", "tiny"), ("medium", "middling"), ("large", "huge"))  # fmt: skip
PLACES = ("farleft", "left", "right", "farright", "top", "upper", "lower", "bottom")
STYLE_WORDS = tuple(f"{word}{level}" for word in ("mood", "tone", "pace") for level in range(LEVELS))
WORDS = (*(word for pair in SYNONYMS for word in pair), *PLACES, *STYLE_WORDS)
"""The vocabulary of 55: a caption is places in it."""
RATE, FRAMES, FRAME = 4000, 16, 64
"""Samples a second of a sound, its frames, and the samples of each: a quarter of a second."""
ORDERS = np.array([(0, 1, 2, 3, 4), (2, 1, 0, 4, 3), (3, 4, 2, 1, 0)], np.int32)


class TriModalScenes(World):
    """A picture, three channels; a caption of 8 words; a sound as the logarithm of its spectrogram, (1, 32, 16).

    **Arguments:** `nu` in [0, 1], `nuisance` ≥ 0 its strength, and the `size` of the picture: 16, 32 or 64 pixels a side.

    **Raises:** `ValueError` on a knob out of range.
    """

    nu: Float[Array, ""] = eqx.field(converter=checks.floats, default=0.5, kw_only=True)
    nuisance: Float[Array, ""] = eqx.field(converter=checks.floats, default=1.0, kw_only=True)
    size: Size = size_field()

    def __check_init__(self):
        checks.choice("size", self.size, PIXELS)
        checks.entries("nu", self.nu, lambda v: (v >= 0) & (v <= 1), "in [0, 1]")
        checks.nonnegative(nuisance=self.nuisance)

    @property
    def dimensions(self) -> tuple[tuple[int, ...], ...]:
        return (3, PIXELS[self.size], PIXELS[self.size]), (len(FACTORS) + 3,), (1, FRAME // 2, FRAMES)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.nu.shape

    def one(self, key: Key[Array, ""]) -> Drawn:
        key_scene, key = jax.random.split(key)
        return self.scene(jax.random.randint(key_scene, (), 0, SCENES), key=key)

    def distinct(self, n: int, *, key: Key[Array, ""]) -> Drawn:
        """n different scenes, for retrieval: every query has one answer. **Raises:** `ValueError` for n > 1152."""
        checks.whole("n", n, 1, SCENES)
        return self._distinct(n, key)

    @partial(jax.jit, static_argnums=1)
    def _distinct(self, n: int, key: Key[Array, ""]) -> Drawn:
        key_order, key = jax.random.split(key)
        scenes = jax.random.permutation(key_order, SCENES)[:n]
        return jax.vmap(lambda scene, k: self.scene(scene, key=k))(scenes, jax.random.split(key, n))

    def scene(self, number: Int[Array, ""], *, key: Key[Array, ""]) -> Drawn:
        """The scene of a number in 0..1151, with nuisance of its own."""
        keys = jax.random.split(key, 4)
        factors, rest = {}, number
        for name, count in FACTORS.items():
            rest, factors[name] = jnp.divmod(rest, count)
        u, e = jax.random.normal(keys[0], (3,)), jax.random.normal(keys[1], (3, 3))
        v = jnp.sqrt(self.nu) * u[None, :] + jnp.sqrt(1 - self.nu) * e
        views = (
            picture(factors, self.nuisance * v[0], PIXELS[self.size]),
            caption(factors, v[1], key=keys[2]),
            spectrogram(sound(factors, self.nuisance * v[2], key=keys[3])),
        )
        return Drawn(views, factors, {"nuisance_x": v[0], "nuisance_y": v[1], "nuisance_z": v[2]})


def picture(factors: dict[str, Array], v: Float[Array, "3"], pixels: int) -> Float[Array, "3 h w"]:
    """A shape before stripes, whose strength, tint and slant are the nuisance."""
    x, y = points = pixel_centers(pixels)
    stripes = jnp.sin(9 * (x + jnp.tanh(v[2]) * y))
    shade = 0.45 + 0.15 * jnp.tanh(v[0]) * stripes
    ground = jnp.stack([shade + 0.2 * jnp.tanh(v[1]), shade, shade - 0.2 * jnp.tanh(v[1])])
    place = (jnp.stack([factors["column"], factors["row"]]).astype(float) - 1.5) * 0.4
    scale = 1 / (0.6 + 0.25 * factors["scale"].astype(float))
    x, y = seen_from(points, place)
    at = x * scale, y * scale
    shapes = [rectangle(at, 0.3, 0.3), disc(at, 0.34), regular(at, 3, 0.44), heart(at, 0.46)]
    distance = jnp.select([factors["shape"] == i for i in range(3)], shapes[:3], shapes[3]) / scale
    return jnp.clip(paint(ground, jnp.array(COLORS)[factors["color"]], coverage(distance, pixels)), 0, 1)


def caption(factors: dict[str, Array], v: Float[Array, "3"], *, key: Key[Array, ""]) -> Int[Array, "8"]:
    """Five words for the factors, of either synonym and in one of three orders, and a word for the level of each nuisance."""
    key_synonym, key_order = jax.random.split(key)
    meaning = jnp.stack([factors["shape"], 4 + factors["color"], 10 + factors["scale"]])
    content = 2 * meaning + jax.random.bernoulli(key_synonym, shape=(3,)).astype(meaning.dtype)
    places = 2 * len(SYNONYMS) + jnp.stack([factors["column"], 4 + factors["row"]])
    told = jnp.concatenate([content, places])[jnp.asarray(ORDERS)[jax.random.randint(key_order, (), 0, len(ORDERS))]]
    level = jnp.clip(LEVELS * jax.scipy.stats.norm.cdf(v), 0, LEVELS - 1).astype(int)
    style = 2 * len(SYNONYMS) + len(PLACES) + LEVELS * jnp.arange(3) + level
    return jnp.concatenate([told, style]).astype(jnp.int32)


def sound(factors: dict[str, Array], v: Float[Array, "3"], *, key: Key[Array, ""]) -> Float[Array, " samples"]:
    """A note: its overtones are the shape, its pitch the colour, its decay the size, its onset the column, its tremolo the row;
    its nuisance the strength of a hum, of a hiss, and the hum's pitch."""
    time = jnp.arange(FRAMES * FRAME) / RATE
    color, size, column, row = (factors[name].astype(float) for name in ("color", "scale", "column", "row"))
    pitch = 250 * 2 ** (color / 5.0)
    overtones = jnp.array([(1, 0, 0, 0), (1, 0.8, 0, 0), (1, 0, 0.8, 0), (1, 0.5, 0.5, 0.8)])[factors["shape"]]
    note = overtones @ jnp.sin(2 * pi * pitch * jnp.arange(1.0, 5)[:, None] * time[None, :])
    since = time - 0.04 * column
    envelope = jnp.where(since >= 0, jnp.exp(-since / (0.03 * 2.0**size)), 0)
    tremolo = 1 + 0.6 * jnp.cos(2 * pi * 16 * row * time)
    hum = 0.15 * jnp.exp(0.5 * v[0]) * jnp.sin(2 * pi * (120 + 20 * jnp.tanh(v[2])) * time)
    hiss = 0.05 * jnp.exp(0.5 * v[1]) * jax.random.normal(key, time.shape)
    return note * envelope * tremolo + hum + hiss


def spectrogram(samples: Float[Array, " samples"]) -> Float[Array, "1 frequencies frames"]:
    """The logarithm of the power at each frequency above 0, in frames under a Hann window."""
    frames = samples.reshape(FRAMES, FRAME) * jnp.hanning(FRAME)[None, :]
    power = jnp.abs(jnp.fft.rfft(frames)[:, 1:]) ** 2
    return jnp.log(power.T + 1e-2)[None]


def words(caption) -> str:
    """A caption to be read."""
    return " ".join(WORDS[int(word)] for word in caption)

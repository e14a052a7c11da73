"""What every world is: a source of views for training that knows what it drew."""

from abc import abstractmethod
from functools import partial
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

Size = Literal["tiny", "small", "published"]
PIXELS: dict[Size, int] = {"tiny": 16, "small": 32, "published": 64}
"""Pixels along a picture's side: for tests, for two CPU cores, and as published."""


class Drawn(NamedTuple):
    """Samples and what is true of them; with a leading axis of samples, or of one sample without it.

    `signal` and `nuisance` name what the views share and what gets in the way: whole numbers are classes, others are values.
    """

    views: tuple[Array, ...]
    signal: dict[str, Array]
    nuisance: dict[str, Array]


class World(eqx.Module):
    """A source of views rendered from keys. Its knobs are array leaves, so that worlds can be stacked and vmapped.

    Pictures are (channels, height, width) with values in [0, 1], the first row on top; captions are whole numbers, one a word.
    """

    @property
    @abstractmethod
    def dimensions(self) -> tuple[tuple[int, ...], ...]:
        """The shape of each view of one sample."""

    @property
    @abstractmethod
    def batch_shape(self) -> tuple[int, ...]: ...

    @abstractmethod
    def one(self, key: Key[Array, ""]) -> Drawn:
        """One sample."""

    @partial(jax.jit, static_argnums=1)
    def draw(self, n: int, *, key: Key[Array, ""]) -> Drawn:
        """n samples, each from a key of its own."""
        return jax.vmap(self.one)(jax.random.split(key, n))

    def sample(self, n: int, *, key: Key[Array, ""]) -> tuple[Array, ...]:
        """The views of n samples."""
        return self.draw(n, key=key).views


def size_field() -> Any:
    """A field that is a size, "small" by default, given by its name."""
    return eqx.field(static=True, default="small", kw_only=True)


def noisy(picture: Array, deviation: Array, *, key: Key[Array, ""]) -> Array:
    """The picture with Gaussian noise on every pixel, cut to [0, 1]: on black the noise is half-rectified."""
    # Drawn flat: XLA:CPU takes fifteen times as long to compile draws whose last axis is short.
    noise = jax.random.normal(key, (picture.size,)).reshape(picture.shape)
    return jnp.clip(picture + deviation * noise, 0, 1)

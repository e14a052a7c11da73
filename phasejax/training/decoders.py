"""Decoders: what maps the features of one modality to a row of another. A recipe says which kind; `build` makes one.

A picture or a vector is predicted itself, a text or a class by its logits, (L, vocabulary) or (classes,); the loss that fits
either is `phasejax.objectives.reconstruction`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from phasejax.training.convolution import Transposed
from phasejax.training.encoders import Row


class DecoderRecipe(Protocol):
    """A kind of decoder with its sizes; hashable, since it is fixed at compilation."""

    def build(self, features: int, row: Row, *, key: Key[Array, ""]) -> Callable[[Array], Array]:
        """**Raises:** `ValueError` on a row that this kind cannot give."""
        ...


@dataclass(frozen=True)
class Decoder:
    """Which decoder predicts which modality from the features of which; modalities are counted from 0."""

    recipe: DecoderRecipe
    source: int = 0
    target: int = 1


@dataclass(frozen=True)
class ToVector:
    """A vector (d,), by a perceptron with `depth` ≥ 0 hidden layers of `hidden` ReLU units; an affine map by default."""

    hidden: int = 64
    depth: int = 0

    def build(self, features: int, row: Row, *, key: Key[Array, ""]) -> eqx.nn.MLP:
        _fits(self, row, "vectors (d,) of floats", rank=1, of=jnp.floating)
        return eqx.nn.MLP(features, row.shape[0], self.hidden, self.depth, key=key)


@dataclass(frozen=True)
class ToPicture:
    """A picture (C, H, W), by a layer onto the smallest map and a transposed convolution for each of `channels`.

    The convolutions are 4×4 of stride 2, with ReLU between and a linear output. The defaults are the published decoder.
    """

    channels: tuple[int, ...] = (64, 64, 32, 32)

    def build(self, features: int, row: Row, *, key: Key[Array, ""]) -> eqx.nn.Sequential:
        _fits(self, row, "pictures (C, H, W) of floats", rank=3, of=jnp.floating)
        c, height, width = row.shape
        scale = 2 ** len(self.channels)
        if height % scale or width % scale:
            raise ValueError(f"{self} cannot give pictures of {height}×{width}: the sides must be multiples of {scale}.")
        smallest = (self.channels[0], height // scale, width // scale)
        below, *keys = jax.random.split(key, 1 + len(self.channels))
        layers: list = [
            eqx.nn.Linear(features, smallest[0] * smallest[1] * smallest[2], key=below),
            eqx.nn.Lambda(lambda flat: flat.reshape(smallest)),
        ]
        for before, after, k in zip(self.channels, (*self.channels[1:], c), keys, strict=True):
            layers += [eqx.nn.Lambda(jax.nn.relu), Transposed(before, after, key=k)]
        return eqx.nn.Sequential(layers)


@dataclass(frozen=True)
class ToTokens:
    """The logits (L, vocabulary) of a text (L,), all places at once, by a perceptron with a hidden layer."""

    vocabulary: int
    hidden: int = 256

    def build(self, features: int, row: Row, *, key: Key[Array, ""]) -> eqx.nn.Sequential:
        _fits(self, row, "texts (L,) of integer tokens", rank=1, of=jnp.integer)
        shape = (row.shape[0], self.vocabulary)
        mlp = eqx.nn.MLP(features, shape[0] * shape[1], self.hidden, 1, key=key)
        return eqx.nn.Sequential([mlp, eqx.nn.Lambda(lambda flat: flat.reshape(shape))])


@dataclass(frozen=True)
class ToClasses:
    """The logits (classes,) of a class, by an affine map: supervised training, the ceiling of every other."""

    classes: int

    def build(self, features: int, row: Row, *, key: Key[Array, ""]) -> eqx.nn.Linear:
        _fits(self, row, "classes () of integers", rank=0, of=jnp.integer)
        return eqx.nn.Linear(features, self.classes, key=key)


def _fits(recipe: DecoderRecipe, row: Row, what: str, *, rank: int, of: type) -> None:
    if len(row.shape) != rank or not jnp.issubdtype(row.dtype, of):
        raise ValueError(f"{recipe} cannot give rows of shape {row.shape} and type {row.dtype}: it gives {what}.")

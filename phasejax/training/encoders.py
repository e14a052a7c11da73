"""Encoders: what maps a row of a modality to its embedding. A recipe says which kind; `build` makes one for a row and a key.

A row is a `jax.ShapeDtypeStruct`, its shape and type (`phasejax.training.data`). The embedding is what the objective sees; the
features are the same vector, except under a projection head, which they enter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from phasejax.training.convolution import Convolution
from phasejax.training.transformer import TokenEncoder

Row = jax.ShapeDtypeStruct

Encoders = tuple[Callable[[Array], Array] | None, ...]
"""One encoder (row) → (width,) per modality; None for one that is not encoded."""


class Recipe(Protocol):
    """A kind of encoder with its sizes; hashable, since it is fixed at compilation."""

    def build(self, row: Row, *, key: Key[Array, ""]) -> Callable[[Array], Array]:
        """**Raises:** `ValueError` on a row that this kind does not take."""
        ...


@dataclass(frozen=True)
class Linear:
    """z = W x with W of shape (width, d), no bias: the population has mean zero."""

    width: int

    def build(self, row: Row, *, key: Key[Array, ""]) -> eqx.nn.Linear:
        """Entries uniform in ±1/√d."""
        return eqx.nn.Linear(_length(self, row), self.width, use_bias=False, key=key)


@dataclass(frozen=True)
class MLP:
    """A multilayer perceptron with `depth` ≥ 0 hidden layers of `hidden` ReLU units."""

    width: int
    hidden: int = 64
    depth: int = 1

    def build(self, row: Row, *, key: Key[Array, ""]) -> eqx.nn.MLP:
        return eqx.nn.MLP(_length(self, row), self.width, self.hidden, self.depth, key=key)


@dataclass(frozen=True)
class Convolutional:
    """Pictures: a 4×4 convolution of stride 2 for each of `channels`, a hidden layer, and the width; ReLU between.

    The defaults at width 128 and 64×64 pixels are the published encoder.
    """

    width: int
    channels: tuple[int, ...] = (32, 32, 64, 64)
    hidden: int = 256

    def build(self, row: Row, *, key: Key[Array, ""]) -> eqx.nn.Sequential:
        if len(row.shape) != 3 or not jnp.issubdtype(row.dtype, jnp.floating):
            raise ValueError(f"{self} cannot take rows of {_described(row)}: it takes pictures (C, H, W) of floats.")
        c, h, w = row.shape
        halvings = len(self.channels)
        if min(h, w) < 2**halvings:
            raise ValueError(f"pictures of {h}×{w} are too small for {self}: {2**halvings} pixels a side are needed.")
        keys = jax.random.split(key, halvings + 2)
        layers: list = []
        for before, after, k in zip((c, *self.channels), self.channels, keys, strict=False):
            layers += [Convolution(before, after, key=k), eqx.nn.Lambda(jax.nn.relu)]
        flat = (self.channels[-1] if self.channels else c) * (h >> halvings) * (w >> halvings)
        layers += [eqx.nn.Lambda(jnp.ravel), eqx.nn.Linear(flat, self.hidden, key=keys[-2]), eqx.nn.Lambda(jax.nn.relu)]
        return eqx.nn.Sequential([*layers, eqx.nn.Linear(self.hidden, self.width, key=keys[-1])])


@dataclass(frozen=True)
class Transformer:
    """Texts: `depth` blocks of self-attention on `size` numbers a token, averaged over the places that hold one."""

    width: int
    vocabulary: int
    size: int = 64
    heads: int = 4
    depth: int = 2

    def build(self, row: Row, *, key: Key[Array, ""]) -> TokenEncoder:
        if len(row.shape) != 1 or not jnp.issubdtype(row.dtype, jnp.integer):
            raise ValueError(f"{self} cannot take rows of {_described(row)}: it takes texts (L,) of integer tokens.")
        if self.size % self.heads:
            raise ValueError(f"size = {self.size} is not allowed with heads = {self.heads}: a multiple of the heads is.")
        return TokenEncoder(row.shape[0], self, key=key)


@dataclass(frozen=True)
class Projected:
    """An encoder whose output is the features, and a head on top of them whose output the objective sees."""

    encoder: Recipe
    head: MLP

    def build(self, row: Row, *, key: Key[Array, ""]) -> "Projection":
        below, above = jax.random.split(key)
        backbone = self.encoder.build(row, key=below)
        features = jax.eval_shape(backbone, row)
        return Projection(backbone, self.head.build(Row(features.shape, features.dtype), key=above))


@dataclass(frozen=True)
class Identity:
    """Vectors as they are: what is given is an embedding already."""

    def build(self, row: Row, *, key: Key[Array, ""]) -> eqx.nn.Identity:
        _length(self, row)
        return eqx.nn.Identity()


class Projection(eqx.Module):
    """An encoder and the head on its features."""

    backbone: Callable[[Array], Array]
    head: Callable[[Array], Array]

    def __call__(self, row: Array) -> Float[Array, " width"]:
        return self.head(self.backbone(row))


def build_encoders(recipes: tuple[Recipe | None, ...], rows: tuple[Row, ...], *, key: Key[Array, ""]) -> Encoders:
    """One encoder for each modality that has a recipe, independently initialised."""
    keys = jax.random.split(key, len(rows))
    return tuple(None if r is None else r.build(row, key=k) for r, row, k in zip(recipes, rows, keys, strict=True))


def from_matrices(*weights: Float[Array, "width d"]) -> Encoders:
    """Linear encoders with the given matrices, for instance those of `solvers.align`."""
    return tuple(_with_weight(jnp.asarray(weight)) for weight in weights)


def _with_weight(weight: Array) -> eqx.nn.Linear:
    width, d = weight.shape
    blank = eqx.nn.Linear(d, width, use_bias=False, key=jax.random.key(0))
    return eqx.tree_at(lambda linear: linear.weight, blank, weight)


def features(encoders: Encoders, views: tuple[Array, ...]) -> tuple[Float[Array, "B features"] | None, ...]:
    """The features of every row of every view, None for a modality that is not encoded: what a projection head is given."""

    def of(encoder, rows):
        backbone = encoder.backbone if isinstance(encoder, Projection) else encoder
        return None if encoder is None else jax.vmap(backbone)(rows)

    return tuple(of(encoder, rows) for encoder, rows in zip(encoders, views, strict=True))


def project(encoders: Encoders, given: tuple[Float[Array, "B features"] | None, ...]) -> Float[Array, "M B width"]:
    """The embeddings of the modalities that are encoded, from their features."""
    heads = [jax.vmap(encoder.head) if isinstance(encoder, Projection) else (lambda rows: rows) for encoder in encoders]
    return jnp.stack([head(rows) for head, rows in zip(heads, given, strict=True) if rows is not None])


def embed(encoders: Encoders, views: tuple[Array, ...]) -> Float[Array, "M B width"]:
    """The embedding of every row of every view that is encoded: what the objective sees."""
    return project(encoders, features(encoders, views))


def _length(recipe: Recipe, row: Row) -> int:
    if len(row.shape) != 1 or not jnp.issubdtype(row.dtype, jnp.floating):
        raise ValueError(f"{recipe} cannot take rows of {_described(row)}: it takes vectors (d,) of floats.")
    return row.shape[0]


def _described(row: Row) -> str:
    return f"shape {row.shape} and type {row.dtype}"

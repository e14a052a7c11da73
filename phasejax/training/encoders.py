"""Encoders: what maps each modality to its embedding. A recipe says which kind; `build` makes one for a dimension and a key."""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

Encoders = tuple[Callable[[Array], Array], ...]
"""One encoder (d_m,) → (width,) per modality."""


@dataclass(frozen=True)
class Linear:
    """z = W x with W of shape (width, d), no bias: the population has mean zero."""

    width: int

    def build(self, d: int, *, key: Key[Array, ""]) -> eqx.nn.Linear:
        """Entries uniform in ±1/√d."""
        return eqx.nn.Linear(d, self.width, use_bias=False, key=key)


@dataclass(frozen=True)
class MLP:
    """A multilayer perceptron with `depth` ≥ 0 hidden layers of `hidden` ReLU units."""

    width: int
    hidden: int = 64
    depth: int = 1

    def build(self, d: int, *, key: Key[Array, ""]) -> eqx.nn.MLP:
        return eqx.nn.MLP(d, self.width, self.hidden, self.depth, key=key)


Recipe = Linear | MLP


def build_encoders(recipe: Recipe, dimensions: tuple[int, ...], *, key: Key[Array, ""]) -> Encoders:
    """One encoder for each modality, independently initialised."""
    keys = jax.random.split(key, len(dimensions))
    return tuple(recipe.build(d, key=k) for d, k in zip(dimensions, keys, strict=True))


def from_matrices(*weights: Float[Array, "width d"]) -> Encoders:
    """Linear encoders with the given matrices, for instance those of `solvers.align`."""
    return tuple(_with_weight(jnp.asarray(weight)) for weight in weights)


def _with_weight(weight: Array) -> eqx.nn.Linear:
    width, d = weight.shape
    blank = eqx.nn.Linear(d, width, use_bias=False, key=jax.random.key(0))
    return eqx.tree_at(lambda linear: linear.weight, blank, weight)


def embed(encoders: Encoders, views: tuple[Float[Array, "B d"], ...]) -> Float[Array, "M B width"]:
    """The embedding of every row of every view."""
    return jnp.stack([jax.vmap(encoder)(rows) for encoder, rows in zip(encoders, views, strict=True)])

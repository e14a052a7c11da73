"""What encoders are trained on: rows drawn from a population, anew for every step or once, or arrays that are given.

A source is a population: `sample(n, key=)` gives n rows of each modality as an array (n, *shape), row i of all of them
belonging together. What a row is, its shape and type say:

| a row is | array | encoders that take it |
|---|---|---|
| a vector | (n, d), floating | `Linear`, `MLP` |
| a picture, channels first | (n, C, H, W), floating | `Convolutional` |
| a text, one token a place, 0 where there is none | (n, L), int32 | `Transformer` |
| a class | (n,), int32 | none: it can only be a target |

Sources may be stacked along leading axes, the `batch_shape`; they are sampled one at a time, under `vmap`.
"""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key, Shaped

from phasejax.sampling import sample_pairs
from phasejax.spiked import SpikedModel

Views = tuple[Shaped[Array, "n ..."], ...]
"""Rows of each modality, row i of all of them belonging together."""


class Source(Protocol):
    """A population of M modalities. Its numbers are array leaves, so that populations can be stacked and vmapped."""

    @property
    def batch_shape(self) -> tuple[int, ...]: ...

    def sample(self, n: int, *, key: Key[Array, ""]) -> Views: ...


class SpikedPairs(eqx.Module):
    """Gaussian pairs of a `SpikedModel`, in canonical coordinates."""

    model: SpikedModel

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.model.kappa.shape[:-1]

    def sample(self, n: int, *, key: Key[Array, ""]) -> Views:
        return sample_pairs(self.model, n, key=key)


def rows_of(data: Source | Views) -> tuple[jax.ShapeDtypeStruct, ...]:
    """The shape and type of one row of each modality."""
    if isinstance(data, tuple):
        return tuple(jax.ShapeDtypeStruct(view.shape[1:], view.dtype) for view in data)

    def sampled(source):
        first = jax.tree.map(lambda leaf: leaf[(0,) * len(data.batch_shape)], source)
        return first.sample(1, key=jax.random.key(0))

    return rows_of(jax.eval_shape(sampled, data))


def epoch_order(
    order: Int[Array, " n"], step: Int[Array, ""], batch: int, *, key: Key[Array, ""]
) -> tuple[Int[Array, " n"], Int[Array, " batch"]]:
    """The order of rows at a step, shuffled anew when an epoch begins, and the rows of the step's batch, all different.

    An epoch is n // batch steps; the n mod batch rows that it leaves over differ from epoch to epoch.
    """
    epoch, place = jnp.divmod(step, order.size // batch)
    rows = jnp.arange(order.size, dtype=order.dtype)
    shuffled = lambda: jax.random.permutation(jax.random.fold_in(key, epoch), rows)  # noqa: E731
    order = jax.lax.cond(place == 0, shuffled, lambda: order)
    return order, jax.lax.dynamic_slice_in_dim(order, place * batch, batch)

"""A small transformer that reads a text of fixed length; token 0 marks a place that holds none."""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key


class Sizes(Protocol):
    """What `TokenEncoder` takes from the recipe `Transformer`."""

    @property
    def width(self) -> int: ...
    @property
    def vocabulary(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def heads(self) -> int: ...
    @property
    def depth(self) -> int: ...


class Block(eqx.Module):
    """Self-attention, then a perceptron, each on normalised tokens and added to them."""

    before_attention: eqx.nn.LayerNorm
    attention: eqx.nn.MultiheadAttention
    before_mlp: eqx.nn.LayerNorm
    mlp: eqx.nn.MLP

    def __init__(self, size: int, heads: int, *, key: Key[Array, ""]):
        attend, think = jax.random.split(key)
        self.before_attention, self.before_mlp = eqx.nn.LayerNorm(size), eqx.nn.LayerNorm(size)
        self.attention = eqx.nn.MultiheadAttention(heads, size, key=attend)
        self.mlp = eqx.nn.MLP(size, size, 2 * size, 1, activation=jax.nn.gelu, key=think)

    def __call__(self, x: Float[Array, "L size"], present: Bool[Array, " L"]) -> Float[Array, "L size"]:
        y = jax.vmap(self.before_attention)(x)
        x = x + self.attention(y, y, y, mask=jnp.broadcast_to(present, (len(x), len(x))))
        return x + jax.vmap(self.mlp)(jax.vmap(self.before_mlp)(x))


class TokenEncoder(eqx.Module):
    """(L,) tokens → (width,): embeddings of tokens and places, blocks, the mean over the places that hold a token."""

    tokens: eqx.nn.Embedding
    places: Float[Array, "L size"]
    blocks: tuple[Block, ...]
    norm: eqx.nn.LayerNorm
    out: eqx.nn.Linear

    def __init__(self, length: int, sizes: Sizes, *, key: Key[Array, ""]):
        token_key, place_key, out_key, *block_keys = jax.random.split(key, 3 + sizes.depth)
        self.tokens = eqx.nn.Embedding(sizes.vocabulary, sizes.size, key=token_key)
        self.places = jax.random.normal(place_key, (length, sizes.size))
        self.blocks = tuple(Block(sizes.size, sizes.heads, key=k) for k in block_keys)
        self.norm = eqx.nn.LayerNorm(sizes.size)
        self.out = eqx.nn.Linear(sizes.size, sizes.width, key=out_key)

    def __call__(self, text: Int[Array, " L"]) -> Float[Array, " width"]:
        # A text without a token is read as one of empty places: an average over nothing is not a number.
        present = (text != 0) | jnp.all(text == 0)
        x = jax.vmap(self.tokens)(text) + self.places
        for block in self.blocks:
            x = block(x, present)
        x = jnp.where(present[:, None], jax.vmap(self.norm)(x), 0)
        return self.out(jnp.sum(x, axis=0) / jnp.sum(present, dtype=x.dtype))

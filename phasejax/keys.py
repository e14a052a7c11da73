"""From a seed to a key."""

import jax
from jaxtyping import Array, Key

__all__ = ["root_key"]


def root_key(seed: int) -> Key[Array, ""]:
    """The typed key of a seed in [0, 2⁶³), all bits of which count: without 64 bits JAX would take it modulo 2³²."""
    with jax.enable_x64(True):
        return jax.random.key(seed)

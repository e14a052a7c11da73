"""Roots and other small tools of the theory."""

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

__all__ = ["Scalar", "bisect"]

type Scalar = Array | float  # one number, or numbers that broadcast

_BISECTIONS = 70  # a bracket 120 wide shrinks below double precision


def bisect(above: Callable[[Array], Array], low: Scalar, high: Scalar, *, steps: int = _BISECTIONS) -> Array:
    """The point of [low, high] from which on `above` holds; `high` where it never does, `low` where it always does."""

    def step(_, bracket):
        low, high = bracket
        middle = (low + high) / 2
        holds = above(middle)
        return jnp.where(holds, low, middle), jnp.where(holds, middle, high)

    return lax.fori_loop(0, steps, step, (jnp.asarray(low), jnp.asarray(high)))[1]

"""Roots and other small tools of the theory."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

__all__ = ["Scalar", "bisect", "implicit", "on_grid", "one_by_one", "rising_root"]

type Scalar = Array | float  # one number, or numbers that broadcast

_BISECTIONS = 70  # a bracket 120 wide shrinks below double precision
_SECANTS = 60  # at most


def bisect(above: Callable[[Array], Array], low: Scalar, high: Scalar, *, steps: int = _BISECTIONS) -> Array:
    """The point of [low, high] from which on `above` holds; `high` where it never does, `low` where it always does."""

    def step(_, bracket):
        low, high = bracket
        middle = (low + high) / 2
        holds = above(middle)
        return jnp.where(holds, low, middle), jnp.where(holds, middle, high)

    return lax.fori_loop(0, steps, step, (jnp.asarray(low), jnp.asarray(high)))[1]


def rising_root(function: Callable[[Array], Array], low: Scalar, high: Scalar, *, tolerance: float) -> Array:
    """The point of [low, high], to `tolerance`, from which on a rising function is ≥ 0; `high` where it never is, `low` where
    it always is. Secants between the ends, the value of an end that stays twice counted half (the Illinois method)."""
    low, high = jnp.asarray(low), jnp.asarray(high)
    width = jnp.maximum(tolerance, 4 * jnp.finfo(high.dtype).eps * jnp.maximum(jnp.abs(low), jnp.abs(high)))

    def narrow(state):
        step, low, high, f_low, f_high, was_above = state
        secant = jnp.clip(high - f_high / (f_high - f_low) * (high - low), low + width / 2, high - width / 2)
        x = jnp.where(step == 0, high, jnp.where(step == 1, low, secant))
        value = function(x)
        above = value >= 0
        half_low = jnp.where(was_above & (step > 2), f_low / 2, f_low)
        half_high = jnp.where(~was_above & (step > 2), f_high / 2, f_high)
        low, f_low = jnp.where(above, low, x), jnp.where(above, half_low, value)
        high, f_high = jnp.where(above, x, high), jnp.where(above, value, half_high)
        return step + 1, low, high, f_low, f_high, above

    def wide(state):
        return (state[0] < _SECANTS) & (state[2] - state[1] > width)

    start = 0, low, high, -jnp.ones_like(high), jnp.ones_like(high), jnp.zeros((), bool)
    return lax.while_loop(wide, narrow, start)[2]


def implicit(residual: Callable[[Array], Array], root: Scalar) -> Array:
    """A root with its derivative: one step of Newton's method whose slope is not differentiated."""
    value, slope = jax.value_and_grad(residual)(lax.stop_gradient(root))
    return lax.stop_gradient(root) - value / lax.stop_gradient(slope)


def one_by_one[R](function: Callable[[Any], R]) -> Callable[[Any], R]:
    """A function of one element as a function of many, compiled: as `jax.vmap`, but one after the other.

    For searches of unequal length, of which a batch would wait for the longest.
    """
    return jax.jit(partial(lax.map, function))


def on_grid(function: Callable[..., Any], *axes: Array) -> Any:
    """A function of one number for each axis at every point of their grid, `one_by_one`; axes lead in what it gives."""
    grid = jnp.meshgrid(*axes, indexing="ij")
    values = one_by_one(lambda point: function(*point))(tuple(axis.ravel() for axis in grid))
    return jax.tree.map(lambda leaf: leaf.reshape(*grid[0].shape, *leaf.shape[1:]), values)

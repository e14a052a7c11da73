"""Direct numerical minimisation, the route to an optimum that knows nothing of closed forms."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PyTree


def minimise(loss: Callable[[PyTree], Array], start: PyTree, *, steps: int = 200) -> tuple[PyTree, Float[Array, ""]]:
    """A local minimum of `loss` and its value, by L-BFGS with a zoom line search from `start`."""
    optimiser = optax.lbfgs()
    value_and_grad = optax.value_and_grad_from_state(loss)

    def step(carry, _):
        point, state = carry
        value, gradient = value_and_grad(point, state=state)
        with jax.numpy_dtype_promotion("standard"):  # Optax mixes floats with integer counts of steps
            update, state = optimiser.update(gradient, state, point, value=value, grad=gradient, value_fn=loss)
        return (optax.apply_updates(point, update), state), None

    (point, _), _ = jax.lax.scan(step, (start, optimiser.init(start)), length=steps)
    return point, loss(point)


def starts(key: Array, count: int, *shapes: tuple[int, ...]) -> tuple[Array, ...]:
    """`count` standard normal starting points for each of some matrices, with the starts leading."""
    keys = jax.random.split(key, len(shapes))
    return tuple(jax.random.normal(k, (count, *shape), jnp.float64) for k, shape in zip(keys, shapes, strict=True))

"""Root finders against roots that are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from phasejax.theory.numerics import implicit, on_grid, rising_root


@pytest.mark.parametrize(
    ("function", "root"),
    [
        (lambda x: x**3 - 0.2, 0.2 ** (1 / 3)),
        (lambda x: jnp.tanh(40 * (x - 0.3)), 0.3),
        (lambda x: jnp.where(x < 0.7, -0.1, 3.0), 0.7),  # a jump
        (lambda x: jnp.exp(30 * x) - 1e3, np.log(1e3) / 30),
        (lambda x: x + 1, 0.0),  # always
        (lambda x: x - 2, 1.0),  # never
    ],
)
def test_rising_root_is_the_root(function, root):
    np.testing.assert_allclose(rising_root(function, 0.0, 1.0, tolerance=1e-9), root, atol=1e-9)
    calls = jnp.array([0.5, 1.0])
    found = jax.vmap(lambda scale: rising_root(lambda x: function(x) * scale, 0.0, 1.0, tolerance=1e-9))(calls)
    np.testing.assert_allclose(found, [root, root], atol=1e-9)


def test_an_implicit_root_has_its_derivative():
    def root(power):
        return implicit(lambda x: x**power - 2, 2 ** (1 / jax.lax.stop_gradient(power)))

    np.testing.assert_allclose(jax.grad(root)(3.0), -np.log(2) / 9 * 2 ** (1 / 3), rtol=1e-12)


def test_on_a_grid_every_point_has_its_value():
    """Points of unequal length: each counts as far as it must."""
    x, y = jnp.arange(1.0, 4.0), jnp.array([5.0, 50.0])

    def at(x, y):
        return {"steps": jax.lax.while_loop(lambda total: total < y, lambda total: total + x, 0.0), "both": jnp.stack([x, y])}

    found = on_grid(at, x, y)
    wanted = [[a * np.ceil(b / a) for b in y] for a in x]
    np.testing.assert_array_equal(found["steps"], wanted)
    np.testing.assert_array_equal(found["both"], np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1))

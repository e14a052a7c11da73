"""Undo the inflation of sample singular values: find the population that, simulated at this n, shows the observed spectrum.

A population in canonical coordinates is drawn through Bartlett's factor, so a draw costs no more than its singular values.
Rotate the n rows so that x̃ fills the first r_x of them. There x̃ = R11 and y = diag(b) R11 + diag(c) R21, in the other rows
y = diag(c) R22; R11 and R22 are triangular with χ on the diagonal, R21 is normal. The random factors do not depend on the
population, so every step of the search sees the same ones.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from phasejax.diagnosis.sample import Sizes

_STEPS = 4  # more steps chase the noise of the sample
_LARGEST = 0.998  # canonical correlations beyond this cannot be told from 1


class Factors(NamedTuple):
    """S draws of Bartlett's factor of n pairs of white views, blocks (S, m, m); rows and columns of padding are 0."""

    r11: Float[Array, "S m m"]
    r21: Float[Array, "S m m"]
    r22: Float[Array, "S m m"]
    n: Float[Array, ""]


def draw_factors(sizes: Sizes, m: int, seed: int, draws: int = 4) -> Factors:
    """Factors for views of r_x, r_y ≤ m components and n pairs, any real number; n < r_x + r_y is approximate."""
    rng = np.random.default_rng(seed)
    n, r_x, r_y = (float(value) for value in (sizes.n, sizes.r_x, sizes.r_y))
    index = np.arange(m)
    in_x, in_y = index < r_x, index < r_y

    def triangle(dof: np.ndarray, inside: np.ndarray) -> np.ndarray:
        diagonal = np.sqrt(rng.chisquare(np.maximum(dof, 1), (draws, m)))
        factor = np.tril(rng.normal(size=(draws, m, m)), -1) + diagonal[:, :, None] * np.eye(m)
        return factor * (inside[:, None] & inside)

    r21 = rng.normal(size=(draws, m, m)) * (in_y[:, None] & in_x)
    r11, r22 = triangle(n - index, in_x), triangle(n - r_x - index, in_y)
    return Factors(*(jnp.asarray(block, float) for block in (r11, r21, r22)), n=jnp.asarray(n, float))


@jax.jit
def simulate_ca(values: Float[Array, " m"], factors: Factors) -> Float[Array, " m"]:
    """Mean sample canonical correlations, descending, of a population with canonical correlations `values` (m,)."""
    values = jnp.clip(values, 0, _LARGEST)[:, None]
    rest = jnp.sqrt(1 - values**2)

    def one(r11, r21, r22):
        padding = jnp.diag(jnp.where(jnp.diag(r22) > 0, 0.0, 1.0))
        odds = jnp.linalg.svd(solve_triangular(rest * r22 + padding, values * r11 + rest * r21, lower=True), compute_uv=False)
        return odds / jnp.sqrt(1 + odds**2)

    return jnp.mean(jax.vmap(one)(*factors[:3]), axis=0)


@jax.jit
def simulate_cp(values: Float[Array, " m"], variances: Float[Array, " m"], factors: Factors) -> Float[Array, " m"]:
    """Mean sample singular values of A, descending, for population values ξ (m,) and target variances (m,) ≥ ξ²."""
    rest = jnp.sqrt(jnp.maximum(variances - values**2, 0))[:, None]
    spectra = jax.vmap(lambda r11, r21: jnp.linalg.svd(values[:, None] * r11 + rest * r21, compute_uv=False))(*factors[:2])
    return jnp.mean(spectra, axis=0) / jnp.sqrt(factors.n)


@jax.jit
def debias_ca(observed: Float[Array, " m"], factors: Factors) -> Float[Array, " m"]:
    """Population canonical correlations whose simulated spectrum matches the observed one; 0 for what chance explains."""
    return _match(observed, lambda values: simulate_ca(values, factors), jnp.full_like(observed, _LARGEST))


@jax.jit
def debias_cp(observed: Float[Array, " m"], variances: Float[Array, " m"], factors: Factors) -> Float[Array, " m"]:
    """Population singular values of A, as `debias_ca`; no value exceeds the root of its target variance (m,)."""
    return _match(observed, lambda values: simulate_cp(values, variances, factors), jnp.sqrt(variances))


def _match(observed: Array, simulate, largest: Array) -> Array:
    """Move each squared value by what its simulated counterpart misses of the observed one, and never above that."""
    largest = jnp.minimum(observed, largest)

    def step(_, values):
        squared = values**2 + observed**2 - simulate(values) ** 2
        return jnp.minimum(jnp.sqrt(jnp.maximum(squared, 0)), largest)

    values = jax.lax.fori_loop(0, _STEPS, step, largest)
    return jnp.sort(values, descending=True)

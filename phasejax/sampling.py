"""Finite samples of a `SpikedModel`: covariances straight from their Wishart law, or drawn data where that is not enough.

Products are asked for at the highest precision: accelerators that round to TF32 would lose half the digits of a covariance.
"""

from functools import partial
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from phasejax import checks
from phasejax.memory import affordable
from phasejax.simulation.wishart import BartlettFactor, bartlett, covariance_from_bartlett
from phasejax.spiked import Covariance, SpikedModel

__all__ = ["Law", "covariance_of", "sample_covariance", "sample_pairs"]

Law = Literal["gaussian", "laplace", "student_t"]


def sample_covariance(model: SpikedModel, n: ArrayLike, *, key: Key[Array, ""]) -> Covariance:
    """Sample covariance triple of n zero-mean Gaussian pairs (divided by n), drawn exactly from its Wishart law.

    n·S = T R Rᵀ Tᵀ with T the population Cholesky factor and R Bartlett's triangular factor, so the cost does not depend on
    n, which may be a traced array. For n < d_x + d_y the factor is trapezoidal and the draw is the singular Wishart, exact
    as well: S then has rank n, just as the covariance of n drawn rows has.

    **Arguments:** `n` integer ≥ 1, the number of pairs; `key` a typed key. Canonical coordinates.

    **Raises:** `ValueError` for n < 1 where n is known.
    """
    checks.shape("n", n, ())
    checks.entries("n", n, lambda v: (v >= 1) & (v <= 1e15) & (v == np.round(v)), "a whole number of pairs in 1..10¹⁵")
    return _drawn(model, jnp.asarray(n, model.kappa.dtype), key)


@jax.jit
def _drawn(model: SpikedModel, n: Float[Array, ""], key: Key[Array, ""]) -> Covariance:
    lane_key = jax.random.bits(key, (2, 1), "uint32")
    factor = bartlett(lane_key, n[None], model.d_x, model.d_y, dtype=n.dtype)
    return covariance_from_bartlett(model.cholesky(), BartlettFactor(*(block[..., 0] for block in factor)), n)


def sample_pairs(
    model: SpikedModel, n: int, *, key: Key[Array, ""], law: Law = "gaussian", dof: float = 5.0
) -> tuple[Float[Array, "n d_x"], Float[Array, "n d_y"]]:
    """n drawn pairs, rows of x (n, d_x) and y (n, d_y), in canonical coordinates.

    Every latent source (the signal z, the two noises, the shared and the private part of nuisance) is independent with
    mean 0, variance 1 and the given law, so all laws share the model's population covariance:

        x_i = κ_i z_i + √γ^x_i g_i,  y_i = κ_i z_i + √γ^y_i g'_i;  x_j = √γ̃^x_j u_j,  y_j = √γ̃^y_j (ν_j u_j + √(1−ν_j²) w_j).

    **Arguments:** `n` ≥ 1; `law` one of "gaussian", "laplace", "student_t"; `dof` > 2, degrees of freedom of "student_t".

    **Raises:** `ValueError` on a bad n, law or dof.
    """
    checks.whole("n", n, 1)
    affordable(f"n = {checks.brief(n)} pairs", 8 * n * (model.d_x + model.d_y))
    checks.choice("law", law, get_args(Law))
    if law == "student_t":
        checks.shape("dof", dof, ())
        checks.entries("dof", dof, lambda v: (v > 2) & (v <= 1e6), "> 2, so that the source has a variance, and ≤ 10⁶")
    k, m = model.k, model.eta.size
    dtype = model.kappa.dtype
    key_z, key_x, key_y = jax.random.split(key, 3)
    z = _standard_sources(key_z, (n, k), law, dof, dtype)
    source_x = _standard_sources(key_x, (n, model.d_x), law, dof, dtype)
    source_y = _standard_sources(key_y, (n, model.d_y), law, dof, dtype)
    signal = model.kappa[None, :] * z
    signal_x = signal + jnp.sqrt(model.gamma_x)[None, :] * source_x[:, :k]
    signal_y = signal + jnp.sqrt(model.gamma_y)[None, :] * source_y[:, :k]
    _, b, c = model.cholesky()
    shared = source_x[:, k : k + m] * b[None, k:]
    nuisance_y = (source_y[:, k:] * c[None, k:]).at[:, :m].add(shared)
    nuisance_x = source_x[:, k:] * jnp.sqrt(model.gamma_tilde_x)[None, :]
    return jnp.concatenate([signal_x, nuisance_x], axis=1), jnp.concatenate([signal_y, nuisance_y], axis=1)


def covariance_of(x: Float[Array, "n d_x"], y: Float[Array, "n d_y"], *, center: bool = False) -> Covariance:
    """Covariance triple of paired rows, divided by n; `center=True` subtracts the column means first (real data).

    A column constant to rounding then has covariance 0 with everything, itself included.

    **Raises:** `ValueError` for views of different length.
    """
    checks.same_rows(x, y)
    return _second_moments(x, y, center)


@partial(jax.jit, static_argnums=2)
def _second_moments(x: Float[Array, "n d_x"], y: Float[Array, "n d_y"], center: bool) -> Covariance:
    if center:
        x, y = _centred(x), _centred(y)
    n = x.shape[0]
    with jax.default_matmul_precision("highest"):
        return Covariance(x.T @ x / n, x.T @ y / n, y.T @ y / n)


def _centred(rows: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """Rows less their mean. What rounding leaves of a constant would correlate perfectly with another such rest: it is 0."""
    low, high = jnp.min(rows, axis=0), jnp.max(rows, axis=0)
    constant = high - low <= 4 * jnp.finfo(rows.dtype).eps * jnp.maximum(jnp.abs(low), jnp.abs(high))
    return jnp.where(constant, 0, rows - jnp.mean(rows, axis=0, keepdims=True))


def _standard_sources(key: Key[Array, ""], shape: tuple[int, ...], law: Law, dof: float, dtype) -> Array:
    """Independent draws of mean 0 and variance 1."""
    if law == "gaussian":
        return jax.random.normal(key, shape, dtype)
    if law == "laplace":
        return jax.random.laplace(key, shape, dtype) / jnp.sqrt(jnp.asarray(2, dtype))
    return _student_t(key, shape, dof, dtype) * jnp.sqrt(jnp.asarray((dof - 2) / dof, dtype))


def _student_t(key: Key[Array, ""], shape: tuple[int, ...], dof: float, dtype) -> Array:
    """Student-t without rejection (Bailey 1994): √(ν (e^{2E/ν} − 1)) cos 2πU, E exponential and U uniform.

    About 30 times as fast on a CPU as a normal over the root of a gamma, whose rejections keep every lane waiting.
    """
    radius_key, angle_key = jax.random.split(key)
    radius = jnp.sqrt(dof * jnp.expm1(2 / dof * jax.random.exponential(radius_key, shape, dtype)))
    return radius * jnp.cos(2 * np.pi * jax.random.uniform(angle_key, shape, dtype))

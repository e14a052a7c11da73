"""What every objective needs of its embeddings: numbers, unit rows, pairs of modalities, distances, whitening.

Embeddings are `z` (M, B, d): M modalities of B tuples, row i of every modality belonging to tuple i. An objective takes `z` as
it is given. Those defined on the unit sphere say so, and their callers normalise with `unit_rows`. Integers and half precision
are converted: everything is computed in float32 or float64.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from phasejax import checks


def floating(**arrays: ArrayLike) -> tuple[Array, ...]:
    """The arrays in one type, float64 if one of them is and else float32; integers count as the default type.

    **Raises:** `ValueError` on what is not real, under the name it is given by.
    """
    given = {name: jnp.asarray(array) for name, array in arrays.items()}
    for name, array in given.items():
        if not jnp.issubdtype(array.dtype, jnp.integer) and not jnp.issubdtype(array.dtype, jnp.floating):
            raise ValueError(f"{name} has type {array.dtype}: real numbers are allowed.")
    default = jnp.zeros(()).dtype
    types = [array.dtype if jnp.issubdtype(array.dtype, jnp.floating) else default for array in given.values()]
    wide = jnp.float64 if jnp.dtype(jnp.float64) in types else jnp.float32
    return tuple(array.astype(wide) for array in given.values())


def as_embeddings(z: ArrayLike, *, modalities: int = 2, tuples: int = 2) -> Float[Array, "M B d"]:
    """z as `floating`.

    **Raises:** `ValueError` unless it is (M, B, d) with at least the given M and B, and d ≥ 1.
    """
    (z,) = floating(z=z)
    if z.ndim != 3 or z.shape[0] < modalities or z.shape[1] < tuples or z.shape[2] < 1:
        raise ValueError(f"z has shape {z.shape}: (M, B, d) with M ≥ {modalities}, B ≥ {tuples} and d ≥ 1 is allowed.")
    return z


def unit_rows(z: Float[Array, "*axes d"]) -> Float[Array, "*axes d"]:
    """Rows divided by their Euclidean norm; a zero row stays zero and passes no gradient."""
    (z,) = floating(z=z)
    largest = jnp.max(jnp.abs(z), axis=-1, keepdims=True)  # dividing by it first keeps the squares from under- and overflow
    zero = largest == 0
    scaled = z / jnp.where(zero, 1, jax.lax.stop_gradient(largest))
    norm = jnp.sqrt(jnp.sum(jnp.where(zero, 1, scaled) ** 2, axis=-1, keepdims=True))
    return jnp.where(zero, 0, scaled / norm)


def pair_indices(modalities: int, anchor: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The unordered pairs of modalities, (P,) and (P,): all of them, or those of the anchor (first) with each other one."""
    if anchor is None:
        return np.triu_indices(modalities, 1)
    checks.whole("anchor", anchor, 0, modalities - 1)
    others = np.delete(np.arange(modalities), anchor)
    return np.full_like(others, anchor), others


def inner_products(x: Float[Array, "*#p n d"], y: Float[Array, "*#p m d"]) -> Float[Array, "*#p n m"]:
    """⟨x_i, y_j⟩ at the highest precision: divided by a temperature of .01, a TF32 product would be off by .1."""
    return jnp.matmul(x, jnp.swapaxes(y, -1, -2), precision=jax.lax.Precision.HIGHEST)


def squared_distances(x: Float[Array, "*#p n d"], y: Float[Array, "*#p m d"]) -> Float[Array, "*#p n m"]:
    """‖x_i − y_j‖², clipped at 0, from one product around the mean of y: rounding grows with the extent of the two clouds, not
    with their distance from the origin.
    """
    origin = jax.lax.stop_gradient(jnp.mean(y, axis=tuple(range(y.ndim - 1)), keepdims=True))
    x, y = x - origin, y - origin
    norms = jnp.sum(x**2, axis=-1)[..., :, None] + jnp.sum(y**2, axis=-1)[..., None, :]
    return jnp.maximum(norms - 2 * inner_products(x, y), 0)


def safe_sqrt(v: Float[Array, "..."]) -> Float[Array, "..."]:
    """√v, with derivative 0 at v = 0."""
    return jnp.where(v > 0, jnp.sqrt(jnp.where(v > 0, v, 1)), 0)


def centered(z: Float[Array, "*p B d"]) -> Float[Array, "*p B d"]:
    """Rows minus the mean of their batch; exactly 0 where all rows are alike."""
    z = z - jax.lax.stop_gradient(z[..., :1, :])  # the rounded mean of equal rows may differ from them
    return z - jnp.mean(z, axis=-2, keepdims=True)


def whitened(z: Float[Array, "*p B d"], ridge: ArrayLike) -> Float[Array, "*p B d"]:
    """Centred rows times L⁻ᵀ, where L Lᵀ = S + ridge·(mean eigenvalue of S)·I and S is the covariance (divided by B).

    At ridge = 0 the result has covariance I. A constant batch gives zeros, whatever the ridge.
    """
    z = centered(z)
    size = z.shape[-1]
    with jax.default_matmul_precision("highest"):
        s = jnp.swapaxes(z, -1, -2) @ z / z.shape[-2]
    mean = jnp.trace(s, axis1=-2, axis2=-1)[..., None, None] / size
    constant = mean == 0
    scale = jnp.where(constant, 1, mean)
    eye = jnp.broadcast_to(jnp.eye(size, dtype=z.dtype), s.shape)
    factor = jnp.linalg.cholesky(jnp.where(constant, eye, s / scale + ridge * eye))
    return jax.lax.linalg.triangular_solve(factor, z / jnp.sqrt(scale), left_side=False, lower=True, transpose_a=True)

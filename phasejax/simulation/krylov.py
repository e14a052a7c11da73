"""Leading right singular vectors of many large matrices from a block Krylov space: thin products, and no Gram matrix."""

import math

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

_OVERSAMPLED = 3  # columns of a block beyond the vectors asked for


def top_right_vectors(f: Array, k: int) -> Array:
    """Orthonormal right singular vectors of the k largest singular values: f (L, p, d) → (L, d, k), to rounding.

    Where one matrix of the batch has not converged, as none does in float64, all go through `eigh`.
    """
    found, converged = from_krylov_space(f, k)
    return lax.cond(jnp.all(converged), lambda: found, lambda: jnp.linalg.eigh(jnp.swapaxes(f, 1, 2) @ f)[1][..., -k:])


def from_krylov_space(f: Array, k: int) -> tuple[Array, Array]:
    """The same, and whether the vectors of each matrix are right to float rounding, (L,).

    Block Lanczos with full reorthogonalisation (Golub & Underwood 1977) on FᵀF, with so many steps that the edge of a bulk,
    where nothing sets the k-th value apart, is resolved to float32's rounding.
    """
    d = f.shape[-1]
    width = min(k + _OVERSAMPLED, d)
    steps = min(math.ceil(1.15 * math.sqrt(d)) + 1, d // width)
    transposed = jnp.swapaxes(f, 1, 2)
    start = np.linalg.qr(np.random.default_rng(0).normal(size=(d, width)))[0]
    block = jnp.broadcast_to(jnp.asarray(start, f.dtype), (len(f), d, width))
    basis, images = block, f @ block
    for _ in range(steps - 1):
        block = transposed @ images[..., -width:]
        for _ in range(2):  # twice is enough (Kahan–Parlett)
            block = _orthonormal(block - basis @ (jnp.swapaxes(basis, 1, 2) @ block))
        basis, images = jnp.concatenate([basis, block], axis=2), jnp.concatenate([images, f @ block], axis=2)
    values, vectors = jnp.linalg.eigh(jnp.swapaxes(images, 1, 2) @ images)
    values, vectors = values[:, None, -k:], vectors[..., -k:]
    found = basis @ vectors
    residual = jnp.linalg.norm(transposed @ (images @ vectors) - found * values, axis=1)
    return found, jnp.all(residual <= 64 * jnp.finfo(f.dtype).eps * values[:, 0, -1:], axis=1)  # NaN is not


def _orthonormal(x: Array) -> Array:
    """An orthonormal basis of the columns of x (L, d, w), by Cholesky factors of their Gram matrices, thrice; the first is
    shifted away from singular ones (Fukaya et al. 2020).
    """
    for shift in (100 * jnp.finfo(x.dtype).eps, 0, 0):
        gram = jnp.swapaxes(x, 1, 2) @ x
        trace = jnp.trace(gram, axis1=1, axis2=2)[:, None, None]
        lower = lax.linalg.cholesky(gram + shift * trace * jnp.eye(x.shape[-1], dtype=x.dtype)[None])
        x = lax.linalg.triangular_solve(lower, x, left_side=False, lower=True, transpose_a=True)
    return x

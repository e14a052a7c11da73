"""Random spiked models by the batch, and what they mean in dense NumPy, without the library's formulas."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from phasejax.spiked import SpikedModel
from phasejax.theory.numerics import one_by_one

EXACT = 1e-9
"""Relative error below which two float64 numbers are called equal."""


class Shape(NamedTuple):
    """Sizes of a batch of models; the number of paired nuisance coordinates is min(d_x, d_y) − k."""

    k: int
    d_x: int
    d_y: int


SHAPES = (Shape(1, 4, 4), Shape(2, 6, 5), Shape(3, 8, 8), Shape(3, 7, 9))


class Dense(NamedTuple):
    """Covariance blocks in rotated coordinates, and the true signal directions of x: (B, d_x, k)."""

    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray
    signal_x: np.ndarray


def batched(**fields: np.ndarray) -> SpikedModel:
    """A batch of models from fields with a leading batch axis."""
    return jax.vmap(lambda leaves: SpikedModel(**leaves))({name: np.asarray(value) for name, value in fields.items()})


def stack(models: Sequence[SpikedModel]) -> SpikedModel:
    """Models of one shape as a batch."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *models)


def evaluate(function: Callable, models: SpikedModel) -> list[np.ndarray]:
    """A function of one model over a batch, the leaves of its result as NumPy arrays."""
    return [np.asarray(leaf) for leaf in jax.tree.leaves(jax.jit(jax.vmap(function))(models))]


def evaluate_one_by_one(function: Callable, models: SpikedModel) -> list[np.ndarray]:
    """As `evaluate`, one model after the other: for searches of unequal length, in which a batch waits for the longest."""
    return [np.asarray(leaf) for leaf in jax.tree.leaves(one_by_one(function)(models))]


def random_models(rng: np.random.Generator, shape: Shape, count: int) -> SpikedModel:
    """`count` heterogeneous models: everything differs between coordinates, ν anywhere in [0, 1)."""
    k, d_x, d_y = shape
    m = min(d_x, d_y) - k
    tilde_x, tilde_y = np.exp(rng.uniform(-1.5, 2, (count, d_x - k))), np.exp(rng.uniform(-1.5, 2, (count, d_y - k)))
    nu = rng.uniform(0, 1, (count, 1)) * rng.uniform(0.3, 1, (count, m))
    return batched(
        kappa=rng.uniform(0.5, 3, (count, k)),
        gamma_x=np.exp(rng.uniform(-3, 1.5, (count, k))),
        gamma_y=np.exp(rng.uniform(-3, 1.5, (count, k))),
        gamma_tilde_x=tilde_x,
        gamma_tilde_y=tilde_y,
        eta=nu * np.sqrt(tilde_x[:, :m] * tilde_y[:, :m]),
    )


def homogeneous_models(rng: np.random.Generator, shape: Shape, count: int) -> SpikedModel:
    """`count` models whose coordinates of one kind are alike."""
    k, d_x, d_y = shape
    kappa, gamma_x, gamma_y, tilde_x, tilde_y = np.exp(rng.uniform(-1, 1.5, (5, count, 1)))
    nu = rng.uniform(0, 1, (count, 1))
    return batched(
        kappa=np.repeat(kappa, k, 1),
        gamma_x=np.repeat(gamma_x, k, 1),
        gamma_y=np.repeat(gamma_y, k, 1),
        gamma_tilde_x=np.repeat(tilde_x, d_x - k, 1),
        gamma_tilde_y=np.repeat(tilde_y, d_y - k, 1),
        eta=np.repeat(nu * np.sqrt(tilde_x * tilde_y), min(d_x, d_y) - k, 1),
    )


def dense(models: SpikedModel, rng: np.random.Generator) -> Dense:
    """Covariances of a batch from the generating equations, each coordinate a row of loadings on independent sources."""
    kappa, gamma_x, gamma_y, tilde_x, tilde_y, eta = (np.asarray(leaf) for leaf in jax.tree.leaves(models))
    count, k = kappa.shape
    m_x, m_y, m = tilde_x.shape[1], tilde_y.shape[1], eta.shape[1]
    z, g_x, g_y, u, w = np.split(np.eye(3 * k + m_x + m_y), np.cumsum([k, k, k, m_x]))
    nu = np.zeros((count, m_y, 1))
    nu[:, :m, 0] = eta / np.sqrt(tilde_x[:, :m] * tilde_y[:, :m])
    partner = np.zeros_like(w)
    partner[:m] = u[:m]
    signal_x = kappa[..., None] * z + np.sqrt(gamma_x)[..., None] * g_x
    signal_y = kappa[..., None] * z + np.sqrt(gamma_y)[..., None] * g_y
    nuisance_x = np.sqrt(tilde_x)[..., None] * u
    nuisance_y = np.sqrt(tilde_y)[..., None] * (nu * partner + np.sqrt(1 - np.minimum(nu, 1) ** 2) * w)
    basis_x, basis_y = (np.linalg.qr(rng.normal(size=(count, k + size, k + size)))[0] for size in (m_x, m_y))
    x = basis_x @ np.concatenate([signal_x, nuisance_x], axis=1)
    y = basis_y @ np.concatenate([signal_y, nuisance_y], axis=1)
    x_t, y_t = x.swapaxes(1, 2), y.swapaxes(1, 2)
    return Dense(x @ x_t, x @ y_t, y @ y_t, basis_x[..., :k])


def whitened(cov: Dense) -> tuple[np.ndarray, np.ndarray]:
    """C = Σxx^-½ Σxy Σyy^-½ and Aᵀ = Σxx^-½ Σxy of a batch."""
    a = inverse_root(cov.xx) @ cov.xy
    return a @ inverse_root(cov.yy), a


def inverse_root(s: np.ndarray) -> np.ndarray:
    """S^-½ of positive definite matrices."""
    values, vectors = np.linalg.eigh(s)
    return (vectors / np.sqrt(values)[..., None, :]) @ vectors.swapaxes(-1, -2)


def signal_energy(cov: Dense, cross: np.ndarray, k: int) -> np.ndarray:
    """‖UᵀÛ‖²_F, (B,), of the true signal directions with the top-k encoder of a whitened cross-covariance."""
    u = np.linalg.svd(cross, full_matrices=False)[0][..., :k]
    rows = np.linalg.qr(inverse_root(cov.xx) @ u)[0]
    return np.sum((cov.signal_x.swapaxes(1, 2) @ rows) ** 2, axis=(1, 2))


def dense_separation(cov: Dense, cross: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Smallest signal over largest nuisance singular value, (B,), of cross-covariances with `left` applied to x.

    A direction is the signal's where most of its encoder's energy lies there.
    """
    u, values, _ = np.linalg.svd(cross, full_matrices=False)
    rows = left @ u
    signal = 2 * np.sum((cov.signal_x.swapaxes(1, 2) @ rows) ** 2, axis=1) > np.sum(rows**2, axis=1)
    return np.where(signal, values, np.inf).min(axis=1) / np.where(signal, 0, values).max(axis=1)


def dense_separations(cov: Dense) -> tuple[np.ndarray, np.ndarray]:
    """Δ_CA and Δ_CP, (B,) each."""
    left = inverse_root(cov.xx)
    ca, cp = (dense_separation(cov, cross, left) for cross in whitened(cov))
    return ca, cp

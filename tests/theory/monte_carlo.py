"""Simulated distances in NumPy: Wishart draws, the two objectives by textbook linear algebra, nothing from the library."""

from typing import NamedTuple

import numpy as np
from models import blocks


class Simulated(NamedTuple):
    """Means and standard errors of the distances (CA, CP), and the mean squared singular values of each, descending."""

    mean: np.ndarray
    error: np.ndarray
    squares: np.ndarray


def simulate(model, n, trials, seed=0):
    """`trials` samples of n zero-mean Gaussian pairs."""
    inverse_x, inverse_y, half = _whitened(model, n, trials, seed)
    distances, squares = [], []
    for whitened in (half @ inverse_y.swapaxes(1, 2), half):
        u, sigma, _ = np.linalg.svd(whitened, full_matrices=False)
        distances.append(_distances(inverse_x, u[:, :, : model.k]))
        squares.append(np.mean(sigma**2, axis=0))
    distances = np.array(distances)
    return Simulated(distances.mean(1), distances.std(1) / np.sqrt(trials), np.array(squares))


def simulate_jointly(model, n, weights, trials, seed=0):
    """Mean distances of the joint objective, and their standard errors, at each weight; the same samples at all."""
    inverse_x, inverse_y, half = _whitened(model, n, trials, seed)
    found = []
    for weight in weights:
        both = np.concatenate([half, np.sqrt(weight) * half @ inverse_y.swapaxes(1, 2)], axis=2)
        found.append(_distances(inverse_x, np.linalg.svd(both, full_matrices=False)[0][:, :, : model.k]))
    return np.mean(found, axis=1), np.std(found, axis=1) / np.sqrt(trials)


def _distances(inverse_x, u):
    k = u.shape[2]
    rows = np.linalg.qr(inverse_x.swapaxes(1, 2) @ u)[0]
    return 1 - np.sum(rows[:, :k] ** 2, axis=(1, 2)) / k


def _whitened(model, n, trials, seed):
    """Inverse Cholesky factors of the sample covariances of x and of y, and the cross-covariance whitened on x."""
    rng = np.random.default_rng(seed)
    d_x = model.d_x
    cov = blocks(model)
    joint = np.linalg.cholesky(np.block([[cov.xx, cov.xy], [cov.xy.T, cov.yy]]))
    size = len(joint)
    factor = np.tril(rng.normal(size=(trials, size, size)), -1)  # Bartlett: W = L B Bᵀ Lᵀ
    factor[:, np.arange(size), np.arange(size)] = np.sqrt(rng.chisquare(n - np.arange(size), size=(trials, size)))
    root = joint @ factor / np.sqrt(n)
    sample = root @ root.swapaxes(1, 2)
    inverse_x = np.linalg.inv(np.linalg.cholesky(sample[:, :d_x, :d_x]))
    inverse_y = np.linalg.inv(np.linalg.cholesky(sample[:, d_x:, d_x:]))
    return inverse_x, inverse_y, inverse_x @ sample[:, :d_x, d_x:]

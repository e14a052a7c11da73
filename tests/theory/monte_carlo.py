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
    rng = np.random.default_rng(seed)
    k, d_x = model.k, model.d_x
    cov = blocks(model)
    joint = np.linalg.cholesky(np.block([[cov.xx, cov.xy], [cov.xy.T, cov.yy]]))
    size = len(joint)
    factor = np.tril(rng.normal(size=(trials, size, size)), -1)  # Bartlett: W = L B Bᵀ Lᵀ
    factor[:, np.arange(size), np.arange(size)] = np.sqrt(rng.chisquare(n - np.arange(size), size=(trials, size)))
    root = joint @ factor / np.sqrt(n)
    sample = root @ root.swapaxes(1, 2)
    inverse_x = np.linalg.inv(np.linalg.cholesky(sample[:, :d_x, :d_x]))
    inverse_y = np.linalg.inv(np.linalg.cholesky(sample[:, d_x:, d_x:]))
    half = inverse_x @ sample[:, :d_x, d_x:]
    distances, squares = [], []
    for whitened in (half @ inverse_y.swapaxes(1, 2), half):
        u, sigma, _ = np.linalg.svd(whitened, full_matrices=False)
        rows = np.linalg.qr(inverse_x.swapaxes(1, 2) @ u[:, :, :k])[0]
        distances.append(1 - np.sum(rows[:, :k] ** 2, axis=(1, 2)) / k)
        squares.append(np.mean(sigma**2, axis=0))
    distances = np.array(distances)
    return Simulated(distances.mean(1), distances.std(1) / np.sqrt(trials), np.array(squares))

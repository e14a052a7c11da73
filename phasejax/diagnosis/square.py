"""Encoders in the whitening square, from moments: CA, CP in both directions and PLS are its corners.

M(α_x, α_y) = W_x Σxy W_y with W = ((1 − α) Σ/s + α I)^-½, s the mean variance: α = ε/(ε + s) is the ridge ε on a scale that
units do not change; 0 whitens a view fully and 1 not at all. Encoders are M's leading singular vectors behind the whitening.
"""

import numpy as np
import scipy.linalg
from jaxtyping import Float

FULL = 1e-3 / (1 + 1e-3)  # what "whitened fully" means for a sample: a ridge of a thousandth of the mean variance
NONE = 1.0


def whiteners(covariance: Float[np.ndarray, "r r"], alphas: tuple[float, ...]) -> Float[np.ndarray, "A r r"]:
    """The symmetric W of each α."""
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, 0) / values.mean()
    return np.stack([(vectors / np.sqrt((1 - alpha) * values + alpha)) @ vectors.T for alpha in alphas])


def leading_pairs(
    white_x: Float[np.ndarray, "r_x r_x"], m: Float[np.ndarray, "r_x r_y"], white_y: Float[np.ndarray, "r_y r_y"], k: int
) -> tuple[Float[np.ndarray, "r_x k"], Float[np.ndarray, "r_y k"]]:
    """Encoders of x and of y from M = W_x Σxy W_y, columns by descending singular value; min(r_x, r_y) columns at most."""
    if wide := m.shape[0] > m.shape[1]:
        m, white_x, white_y = m.T, white_y, white_x
    r = len(m)
    values, u = scipy.linalg.eigh(m @ m.T, subset_by_index=(max(r - k, 0), r - 1))
    u = u[:, ::-1]
    v = m.T @ u / np.sqrt(np.maximum(values[::-1], 1e-300))
    pair = white_x @ u, white_y @ v
    return pair[::-1] if wide else pair


def encoders(
    covariances: tuple[Float[np.ndarray, "r_x r_x"], Float[np.ndarray, "r_x r_y"], Float[np.ndarray, "r_y r_y"]],
    alphas: tuple[float, ...],
    k: int,
) -> tuple[Float[np.ndarray, "A A r_x k"], Float[np.ndarray, "A A r_y k"]]:
    """Encoders of both views at every (own α, α of the other view), from (Σxx, Σxy, Σyy)."""
    xx, xy, yy = covariances
    white_x, white_y = whiteners(xx, alphas), whiteners(yy, alphas)
    half = white_x @ xy
    pairs = [[leading_pairs(one, m @ other, other, k) for other in white_y] for one, m in zip(white_x, half, strict=True)]
    e_x = np.stack([np.stack([pair[0] for pair in row]) for row in pairs])
    e_y = np.stack([np.stack([pair[1] for pair in row]) for row in pairs])
    return e_x, e_y.swapaxes(0, 1)

"""The published procedure (arXiv 2606.11190, Algorithm 1), for comparison with the default estimator.

Every component is called signal or nuisance by how well its score predicts the labels out of fold; the cut is the elbow of
the sorted R². Its singular values are those of the sample, its ridge is absolute, and it always finds a signal.
"""

from typing import NamedTuple

import numpy as np

_FOLDS = 5
_PENALTY = 1.0  # of the ridge regression of labels on scores
RIDGE = 1e-4


class Elbow(NamedTuple):
    """One objective: singular values (m,) descending, R² (m,) of each component, which are signal, and Δ̂ = min/max."""

    values: np.ndarray
    r_squared: np.ndarray
    signal: np.ndarray
    delta: float

    @property
    def recovered(self) -> int:
        """Signal components above every nuisance component."""
        return int(np.sum(self.values[self.signal] > self.values[~self.signal].max(initial=0)))


def elbow_ca(x: np.ndarray, y: np.ndarray, rows: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> Elbow:
    """Algorithm 1 for CA: C = (Σxx+εI)^-½ Σxy (Σyy+εI)^-½, joint scores; `folds` (n_labelled,) as the rows."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    white_x, white_y = _inverse_root(x.T @ x / len(x)), _inverse_root(y.T @ y / len(y))
    u, sigma, vt = np.linalg.svd(white_x @ (x.T @ y / len(x)) @ white_y, full_matrices=False)
    scores = np.stack([x[rows] @ (white_x @ u), y[rows] @ (white_y @ vt.T)], axis=2)
    return _classify(sigma, scores, labels, folds)


def elbow_cp(x: np.ndarray, y: np.ndarray, rows: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> Elbow:
    """Algorithm 1 for CP from x to y: A = Σyx (Σxx+εI)^-½, source scores."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    white_x = _inverse_root(x.T @ x / len(x))
    u, sigma, _ = np.linalg.svd(white_x @ (x.T @ y / len(x)), full_matrices=False)
    return _classify(sigma, (x[rows] @ (white_x @ u))[:, :, None], labels, folds)


def folds_of(groups: np.ndarray, seed: int) -> np.ndarray:
    """Fold 0 … 4 of each row; a group is never split."""
    _, codes = np.unique(groups, return_inverse=True)
    size = codes.max() + 1
    if size < 2:
        raise ValueError("all labelled rows are in one group: at least two groups are needed.")
    return (np.random.default_rng(seed).permutation(size) % min(_FOLDS, size))[codes]


def cut_at_elbow(values: np.ndarray) -> int:
    """How many of the descending values come before the elbow: the cut at which two straight lines fit them best."""
    errors = [_line_error(values[:cut]) + _line_error(values[cut:]) for cut in range(1, len(values))]
    return 1 + int(np.argmin(errors)) if errors else 1


def _classify(sigma: np.ndarray, scores: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> Elbow:
    r_squared = _cross_validated(scores, labels, folds)
    order = np.argsort(-r_squared, kind="stable")
    signal = np.zeros(sigma.size, bool)
    signal[order[: cut_at_elbow(r_squared[order])]] = True
    largest = sigma[~signal].max(initial=0)
    return Elbow(sigma, r_squared, signal, float(sigma[signal].min() / largest) if largest > 0 else np.inf)


def _cross_validated(scores: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Out-of-fold R² (m,) of ridge regressions of labels (n, L) on each component's scores (n, m, f), summed over columns."""
    residual = np.zeros((scores.shape[1], labels.shape[1]))
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        centre, level = scores[train].mean(axis=0), labels[train].mean(axis=0)
        f, g = (scores[train] - centre).transpose(1, 2, 0), labels[train] - level
        normal = f @ f.transpose(0, 2, 1) + _PENALTY * np.eye(f.shape[1])
        weights = np.linalg.solve(normal, f @ g)
        predicted = (scores[test] - centre).transpose(1, 0, 2) @ weights + level
        residual += np.sum((labels[test] - predicted) ** 2, axis=1)
    return np.sum(1 - residual / np.sum((labels - labels.mean(axis=0)) ** 2, axis=0), axis=1)


def _inverse_root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors / np.sqrt(np.maximum(values, 0) + RIDGE)) @ vectors.T


def _line_error(values: np.ndarray) -> float:
    """Squared error of the best straight line."""
    if values.size < 3:
        return 0.0
    position = np.arange(values.size) - (values.size - 1) / 2
    slope = position @ values / (position @ position)
    return float(np.sum((values - values.mean() - slope * position) ** 2))

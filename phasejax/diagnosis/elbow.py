"""Algorithm 1 of arXiv 2606.11190 as its authors run it.

Each view on at most 100 principal components, C = (Σxx+εI)^-½ Σxy (Σyy+εI)^-½ and A = Σyx (Σxx+εI)^-½ with an absolute ε, their
50 leading components. A component is signal or nuisance by how well its score predicts the labels out of fold: R² of each label
column, no less than 0, summed; the cut is the elbow of the sorted sums. Where all sums are 0 there is no signal.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

COMPONENTS = 50
FOLDS = 5
PRINCIPAL = 100
RIDGE = 1e-6
_FLOOR = 1e-12  # of the eigenvalues of Σ + εI
_PENALTY = 1.0  # of the ridge regression of labels on scores
_SHUFFLE = 42  # the authors' seed of the folds


class Elbow(NamedTuple):
    """One objective: singular values (m,) descending, R² (m,) summed over label columns, which are signal.

    `delta` is the least singular value of signal over the largest of nuisance: +∞ without nuisance, 0 without signal.
    """

    values: Float[np.ndarray, " m"]
    r_squared: Float[np.ndarray, " m"]
    signal: Bool[np.ndarray, " m"]
    delta: float

    @property
    def recovered(self) -> int:
        """Signal components above every nuisance component."""
        return int(np.sum(self.values[self.signal] > self.values[~self.signal].max(initial=0)))


class Seen(NamedTuple):
    """Which rows are labelled, their labels as given (classes one-hot), and the folds of these rows."""

    rows: Int[np.ndarray, " n_labelled"]
    labels: Float[np.ndarray, "n_labelled L"]
    folds: Int[np.ndarray, " n_labelled"]


def elbow_ca(
    x: Float[np.ndarray, "n d_x"],
    y: Float[np.ndarray, "n d_y"],
    seen: Seen,
    *,
    ridge: float = RIDGE,
) -> Elbow:
    """Algorithm 1 for CA, whose scores are those of x and of y together."""
    x, y = _principal(x), _principal(y)
    white_x, white_y = (_inverse_root(view.T @ view / len(view), ridge) for view in (x, y))
    u, sigma, vt = np.linalg.svd(white_x @ (x.T @ y / len(x)) @ white_y, full_matrices=False)
    scores = np.stack([x[seen.rows] @ (white_x @ u), y[seen.rows] @ (white_y @ vt.T)], axis=2)
    return _classify(sigma[:COMPONENTS], scores[:, :COMPONENTS], seen)


def elbow_cp(
    x: Float[np.ndarray, "n d_x"],
    y: Float[np.ndarray, "n d_y"],
    seen: Seen,
    *,
    ridge: float = RIDGE,
) -> Elbow:
    """Algorithm 1 for CP from x to y, whose scores are those of the source."""
    x, y = _principal(x), _principal(y)
    white_x = _inverse_root(x.T @ x / len(x), ridge)
    u, sigma, _ = np.linalg.svd(white_x @ (x.T @ y / len(x)), full_matrices=False)
    scores = (x[seen.rows] @ (white_x @ u))[:, :, None]
    return _classify(sigma[:COMPONENTS], scores[:, :COMPONENTS], seen)


def shuffled_folds(groups: np.ndarray) -> Int[np.ndarray, " n"]:
    """The authors' five folds of rows that are groups of their own; whole groups, shuffled alike, where there are fewer."""
    codes = np.unique(groups, return_inverse=True)[1]
    order = np.arange(codes.max() + 1)
    np.random.RandomState(_SHUFFLE).shuffle(order)
    fold = np.empty(order.size, int)
    for index, part in enumerate(np.array_split(order, min(FOLDS, order.size))):
        fold[part] = index
    return fold[codes]


def cut_at_elbow(values: Float[np.ndarray, " m"]) -> int:
    """How many of the descending values come before the elbow: the cut at which two straight lines fit them best."""
    errors = [_line_error(values[:cut]) + _line_error(values[cut:]) for cut in range(1, len(values))]
    return 1 + int(np.argmin(errors)) if errors else 1


def _classify(sigma: np.ndarray, scores: np.ndarray, seen: Seen) -> Elbow:
    r_squared = _cross_validated(scores, seen)
    signal = np.zeros(sigma.size, bool)
    if r_squared.max() <= 0:
        return Elbow(sigma, r_squared, signal, 0.0)
    order = np.argsort(-r_squared, kind="stable")
    signal[order[: cut_at_elbow(r_squared[order])]] = True
    largest = sigma[~signal].max(initial=0)
    return Elbow(sigma, r_squared, signal, float(sigma[signal].min() / largest) if largest > 0 else np.inf)


def _cross_validated(scores: Float[np.ndarray, "n m f"], seen: Seen) -> Float[np.ndarray, " m"]:
    """R² of ridge regressions of labels on each component's scores: 1 − Σ residual/Σ total over folds, the total about the
    mean of the fold that is predicted, no less than 0 for each label column, summed over columns."""
    residual, total = np.zeros((scores.shape[1], seen.labels.shape[1])), np.zeros(seen.labels.shape[1])
    for fold in np.unique(seen.folds):
        train, test = seen.folds != fold, seen.folds == fold
        centre, level = scores[train].mean(axis=0), seen.labels[train].mean(axis=0)
        f, g = (scores[train] - centre).transpose(1, 2, 0), seen.labels[train] - level
        weights = np.linalg.solve(f @ f.transpose(0, 2, 1) + _PENALTY * np.eye(f.shape[1]), f @ g)
        told = (scores[test] - centre).transpose(1, 0, 2) @ weights + level
        residual += np.sum((seen.labels[test] - told) ** 2, axis=1)
        total += np.sum((seen.labels[test] - seen.labels[test].mean(axis=0)) ** 2, axis=0)
    varies = total > 0
    return np.sum(np.maximum(1 - residual[:, varies] / total[varies], 0), axis=1)


def _principal(view: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n r"]:
    """The centred view, on its leading principal components where it has more than 100 columns."""
    view = np.asarray(view, float) - np.mean(view, axis=0, dtype=float)
    if view.shape[1] <= PRINCIPAL:
        return view
    u, values, _ = np.linalg.svd(view, full_matrices=False)
    return u[:, :PRINCIPAL] * values[:PRINCIPAL]


def _inverse_root(covariance: np.ndarray, ridge: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance + ridge * np.eye(len(covariance)))
    return (vectors / np.sqrt(np.maximum(values, _FLOOR))) @ vectors.T


def _line_error(values: np.ndarray) -> float:
    """Squared error of the best straight line."""
    if values.size < 3:
        return 0.0
    position = np.arange(values.size) - (values.size - 1) / 2
    slope = position @ values / (position @ position)
    return float(np.sum((values - values.mean() - slope * position) ** 2))

"""The published procedure (arXiv 2606.11190, Algorithm 1), for comparison with the default estimator.

Every component is called signal or nuisance by how well its score predicts the labels out of fold; the cut is the elbow of
the sorted R². Its singular values are those of the sample, its ridge is absolute, and it always finds a signal. The
probabilities of its `Diagnosis` are the fractions of regimes over half-samples.
"""

from typing import NamedTuple

import numpy as np

from phasejax.diagnosis.advice import OBJECTIVES
from phasejax.diagnosis.labels import Labels
from phasejax.diagnosis.result import Diagnosis, Estimate, Reduction, Side, Spectrum
from phasejax.folds import group_folds
from phasejax.theory import Regime

FOLDS = 5
_PENALTY = 1.0  # of the ridge regression of labels on scores
RIDGE = 1e-4
_RESAMPLES = 8


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


def elbow_ca(
    x: np.ndarray, y: np.ndarray, rows: np.ndarray, labels: np.ndarray, folds: np.ndarray, ridge: float = RIDGE
) -> Elbow:
    """Algorithm 1 for CA: C = (Σxx+εI)^-½ Σxy (Σyy+εI)^-½, joint scores; `folds` (n_labelled,) as the rows."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    white_x, white_y = _inverse_root(x.T @ x / len(x), ridge), _inverse_root(y.T @ y / len(y), ridge)
    u, sigma, vt = np.linalg.svd(white_x @ (x.T @ y / len(x)) @ white_y, full_matrices=False)
    scores = np.stack([x[rows] @ (white_x @ u), y[rows] @ (white_y @ vt.T)], axis=2)
    return _classify(sigma, scores, labels, folds)


def elbow_cp(
    x: np.ndarray, y: np.ndarray, rows: np.ndarray, labels: np.ndarray, folds: np.ndarray, ridge: float = RIDGE
) -> Elbow:
    """Algorithm 1 for CP from x to y: A = Σyx (Σxx+εI)^-½, source scores."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    white_x = _inverse_root(x.T @ x / len(x), ridge)
    u, sigma, _ = np.linalg.svd(white_x @ (x.T @ y / len(x)), full_matrices=False)
    return _classify(sigma, (x[rows] @ (white_x @ u))[:, :, None], labels, folds)


def diagnose_by_elbow(x: np.ndarray, y: np.ndarray, labels: Labels, groups: np.ndarray, k: int | None, seed: int) -> Diagnosis:
    """Algorithm 1 on all rows, and on halves of the groups for its spread. It does not estimate k: `k` counts its signals."""
    if np.unique(groups[labels.rows]).size < 2:
        raise ValueError("all labelled rows are in one group: at least two groups are needed.")
    x, y = np.asarray(x, float), np.asarray(y, float)
    full = _elbows(x, y, labels, groups, np.ones(len(x), bool), seed)
    rng = np.random.default_rng(seed)
    size = groups.max() + 1
    halves = [(rng.permutation(size) < size / 2)[groups] for _ in range(_RESAMPLES)]
    halves = [
        half for half in halves if half[labels.rows].sum() >= 10 and np.unique(groups[labels.rows[half[labels.rows]]]).size > 1
    ]
    cloud = np.array(
        [[e.delta for e in _elbows(x, y, labels, groups, half, seed)] for half in halves] + [[e.delta for e in full]]
    )
    codes = (cloud[:, 0] > 1) + 2 * (cloud[:, 1] > 1)
    probabilities = {regime: float(np.mean(codes == regime)) for regime in Regime}
    intervals = np.quantile(cloud, [0.05, 0.95], axis=0, method="nearest").T
    sides = [
        Side(Estimate(e.delta, *interval.tolist()), float(np.mean(column > 1)), e.recovered, _spectrum(e), None)
        for e, interval, column in zip(full, intervals, cloud.T, strict=True)
    ]
    best = int(np.argmax([side.delta.value for side in sides]))
    recovers = sides[best].delta.value > 1
    objective, direction, verb = OBJECTIVES[best]
    stronger = float(np.mean(cloud[:, 1] > cloud[:, 2]))
    return Diagnosis(
        objective=objective if recovers else "neither",
        direction=direction if recovers else None,
        advice=f"{verb}, by the published procedure." if recovers else "Neither, by the published procedure.",
        ca=sides[0],
        cp=sides[1],
        cp_reverse=sides[2],
        regime=Regime(int(full[0].delta > 1) + 2 * int(full[1].delta > 1)),
        regime_probabilities=probabilities,
        these_pairs=None,
        stronger_source="x" if full[1].delta >= full[2].delta else "y",
        stronger_source_probability=max(stronger, 1 - stronger),
        k=k if k is not None else int(full[0].signal.sum()),
        n=len(x),
        n_effective=float(len(x)),
        n_labelled=labels.rows.size,
        x=_reduction(x),
        y=_reduction(y),
        cloud=cloud,
        method="elbow",
        warnings=("The published procedure reads inflated sample spectra and gives no calibrated probabilities.",),
    )


def _elbows(x, y, labels: Labels, groups: np.ndarray, chosen: np.ndarray, seed: int) -> tuple[Elbow, Elbow, Elbow]:
    kept = chosen[labels.rows]
    rows = (np.cumsum(chosen) - 1)[labels.rows[kept]]
    folds = group_folds(groups[labels.rows[kept]], FOLDS, np.random.default_rng(seed))
    x, y, seen = x[chosen], y[chosen], (rows, labels.columns[kept], folds)
    return elbow_ca(x, y, *seen), elbow_cp(x, y, *seen), elbow_cp(y, x, *seen)


def _spectrum(e: Elbow) -> Spectrum:
    return Spectrum(e.values, e.values, np.zeros_like(e.values), np.clip(e.r_squared, 0, 1), 0.0, e.signal)


def _reduction(view: np.ndarray) -> Reduction:
    return Reduction(view.shape[1], int(np.linalg.matrix_rank(view - view.mean(axis=0))), view.shape[1])


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


def _inverse_root(covariance: np.ndarray, ridge: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors / np.sqrt(np.maximum(values, 0) + ridge)) @ vectors.T


def _line_error(values: np.ndarray) -> float:
    """Squared error of the best straight line."""
    if values.size < 3:
        return 0.0
    position = np.arange(values.size) - (values.size - 1) / 2
    slope = position @ values / (position @ position)
    return float(np.sum((values - values.mean() - slope * position) ** 2))

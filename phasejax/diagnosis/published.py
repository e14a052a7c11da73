"""The published procedure (arXiv 2606.11190, Algorithm 1) as a `Diagnosis`, for comparison with the default estimator.

Its singular values are those of the sample. The probabilities are the fractions of regimes over half-samples.
"""

import numpy as np

from phasejax.diagnosis import words
from phasejax.diagnosis.elbow import Elbow, Seen, elbow_ca, elbow_cp, shuffled_folds
from phasejax.diagnosis.labels import Labels
from phasejax.diagnosis.result import Diagnosis, Estimate, Reduction, Side, Spectrum
from phasejax.theory import Regime

_RESAMPLES = 8


def diagnose_by_elbow(x: np.ndarray, y: np.ndarray, labels: Labels, groups: np.ndarray, k: int | None, seed: int) -> Diagnosis:
    """Algorithm 1 on all rows, and on halves of the groups for its spread. `k` counts CA's signals unless given."""
    if np.unique(groups[labels.rows]).size < 2:
        raise ValueError("all labelled rows are in one group: at least two groups are needed.")
    x, y = np.asarray(x, float), np.asarray(y, float)
    full = _elbows(x, y, labels, groups, np.ones(len(x), bool))
    rng = np.random.default_rng(seed)
    size = groups.max() + 1
    halves = [(rng.permutation(size) < size / 2)[groups] for _ in range(_RESAMPLES)]
    halves = [
        half for half in halves if half[labels.rows].sum() >= 10 and np.unique(groups[labels.rows[half[labels.rows]]]).size > 1
    ]
    cloud = np.array([[e.delta for e in _elbows(x, y, labels, groups, half)] for half in halves] + [[e.delta for e in full]])
    codes = (cloud[:, 0] > 1) + 2 * (cloud[:, 1] > 1)
    probabilities = {regime: float(np.mean(codes == regime)) for regime in Regime}
    intervals = np.quantile(cloud, [0.05, 0.95], axis=0, method="nearest").T
    sides = [
        Side(Estimate(e.delta, *interval.tolist()), float(np.mean(column > 1)), e.recovered, _kept(e), _spectrum(e), None)
        for e, interval, column in zip(full, intervals, cloud.T, strict=True)
    ]
    best = int(np.argmax([side.delta.value for side in sides]))
    recovers = sides[best].delta.value > 1
    objective, direction = words.SIDES[best]
    name = words.name(objective, direction) if recovers else "neither"
    return Diagnosis(
        objective=objective if recovers else "neither",
        direction=direction if recovers else None,
        view=("y" if direction == "y→x" else "x") if recovers else None,
        advice=f"{name[0].upper()}{name[1:]}, by the published procedure.",
        confidence=None,
        loadings=None,
        relation=None,
        trial=None,
        ca=sides[0],
        cp=sides[1],
        cp_reverse=sides[2],
        regime=Regime(int(full[0].delta > 1) + 2 * int(full[1].delta > 1)),
        regime_probabilities=probabilities,
        these_pairs=None,
        sensitivity=(),
        reliability=None,
        cloud=cloud,
        k=k if k is not None else int(full[0].signal.sum()),
        n=len(x),
        n_effective=float(len(x)),
        n_labelled=labels.rows.size,
        x=_reduction(x),
        y=_reduction(y),
        method="elbow",
        warnings=("The published procedure reads inflated sample spectra and gives no calibrated probabilities.",),
    )


def _elbows(x, y, labels: Labels, groups: np.ndarray, chosen: np.ndarray) -> tuple[Elbow, Elbow, Elbow]:
    kept = chosen[labels.rows]
    rows = (np.cumsum(chosen) - 1)[labels.rows[kept]]
    x, y, seen = x[chosen], y[chosen], Seen(rows, labels.raw[kept], shuffled_folds(groups[labels.rows[kept]]))
    return elbow_ca(x, y, seen), elbow_cp(x, y, seen), elbow_cp(y, x, seen)


def _kept(e: Elbow) -> float:
    return float(e.r_squared[: e.signal.sum()].sum() / max(e.r_squared.sum(), 1e-300))


def _spectrum(e: Elbow) -> Spectrum:
    return Spectrum(e.values, e.values, np.zeros_like(e.values), e.r_squared, 0.0, e.r_squared > 0, e.signal)


def _reduction(view: np.ndarray) -> Reduction:
    return Reduction(view.shape[1], int(np.linalg.matrix_rank(view - view.mean(axis=0))), view.shape[1])

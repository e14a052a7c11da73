"""The published procedure's answer as a `Diagnosis`: probabilities are the fractions of regimes over half-samples."""

import numpy as np

from phasejax.diagnosis.diagnosis import OBJECTIVES, Diagnosis, Estimate, Spectrum
from phasejax.diagnosis.elbow import Elbow, elbow_ca, elbow_cp, folds_of
from phasejax.diagnosis.labels import Labels
from phasejax.theory import Regime

_RESAMPLES = 8


def diagnose_by_elbow(x: np.ndarray, y: np.ndarray, labels: Labels, groups: np.ndarray, k: int | None, seed: int) -> Diagnosis:
    """Algorithm 1 on all rows, and on halves of the groups for its spread. It does not estimate k: `k` counts its signals."""
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
    chance = np.mean(cloud > 1, axis=0)
    deltas = [
        Estimate(e.delta, *np.quantile(column, [0.05, 0.95], method="nearest").tolist())
        for e, column in zip(full, cloud.T, strict=True)
    ]
    best = int(np.argmax([d.value for d in deltas]))
    recovers = deltas[best].value > 1
    objective, direction, verb = OBJECTIVES[best]
    stronger = float(np.mean(cloud[:, 1] > cloud[:, 2]))
    return Diagnosis(
        delta_ca=deltas[0],
        delta_cp=deltas[1],
        delta_cp_reverse=deltas[2],
        regime=Regime(int(full[0].delta > 1) + 2 * int(full[1].delta > 1)),
        regime_probabilities=probabilities,
        probability_ca=float(chance[0]),
        probability_cp=float(chance[1]),
        probability_cp_reverse=float(chance[2]),
        recovered_ca=full[0].recovered,
        recovered_cp=full[1].recovered,
        recovered_cp_reverse=full[2].recovered,
        objective=objective if recovers else "neither",
        direction=direction if recovers else None,
        advice=f"{verb}, by the published procedure." if recovers else "Neither, by the published procedure.",
        stronger_source="x" if deltas[1].value >= deltas[2].value else "y",
        stronger_source_probability=max(stronger, 1 - stronger),
        these_pairs=None,
        spectrum_ca=_spectrum(full[0]),
        spectrum_cp=_spectrum(full[1]),
        spectrum_cp_reverse=_spectrum(full[2]),
        k=k if k is not None else int(full[0].signal.sum()),
        n=len(x),
        n_effective=float(len(x)),
        n_labelled=labels.rows.size,
        d_x=x.shape[1],
        d_y=y.shape[1],
        rank_x=int(np.linalg.matrix_rank(x - x.mean(axis=0))),
        rank_y=int(np.linalg.matrix_rank(y - y.mean(axis=0))),
        kept_x=x.shape[1],
        kept_y=y.shape[1],
        cloud=cloud,
        method="elbow",
        warnings=("The published procedure reads inflated sample spectra and gives no calibrated probabilities.",),
    )


def _elbows(x, y, labels: Labels, groups: np.ndarray, chosen: np.ndarray, seed: int) -> tuple[Elbow, Elbow, Elbow]:
    kept = chosen[labels.rows]
    rows = (np.cumsum(chosen) - 1)[labels.rows[kept]]
    x, y, columns, folds = x[chosen], y[chosen], labels.columns[kept], folds_of(groups[labels.rows[kept]], seed)
    return elbow_ca(x, y, rows, columns, folds), elbow_cp(x, y, rows, columns, folds), elbow_cp(y, x, rows, columns, folds)


def _spectrum(e: Elbow) -> Spectrum:
    return Spectrum(e.values, e.values, np.zeros_like(e.values), np.clip(e.r_squared, 0, 1), 0.0, e.signal)

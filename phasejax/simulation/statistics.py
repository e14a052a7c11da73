"""From squared overlaps of single trials to what a store keeps of a cell: means, standard errors, failures."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike

from phasejax.solvers import Status


class Recovered(NamedTuple):
    """What encoders recovered of the signal, any axes beside that of the k directions.

    The distance is not taken as one minus the mean overlap, which would leave nothing but rounding of a small one.
    """

    overlap: Array  # (…, k, …) squared overlap of each signal direction
    distance: Array  # (…, …) subspace distance: the mean squared sine of the principal angles


class RowSums(NamedTuple):
    """What remains of a row's trials. Statistics are ordered: distance, overlap of each direction, count, success."""

    mean: Array | np.ndarray  # (2, k + 3) for two encoders, over finite trials
    squares: Array | np.ndarray  # (2, k + 3) sums of squared deviations from the mean
    trials: Array | np.ndarray  # () finite trials
    failed: Array | np.ndarray  # () non-finite trials
    status: Array | np.ndarray  # () worst `Status` of any trial


def summed(recovered: Recovered, status: Array, valid: Array, threshold: ArrayLike) -> RowSums:
    """Mean and squared deviations over the trials (last axis) of each row, non-finite trials left out and counted.

    **Arguments:** `recovered` by two encoders, overlaps (2, k, rows, trials) and distances (2, rows, trials); `status` a
    `Status` code and `valid` whether the trial counts, both (rows, trials); `threshold` above which a direction is recovered.
    """
    overlap, distance = recovered
    k = overlap.shape[1]
    failed = valid & (status == Status.NONFINITE)
    used = valid & ~failed
    count = jnp.sum(overlap > threshold, axis=1, keepdims=True)
    parts = (distance[:, None], overlap, count, count == k)
    statistics = jnp.concatenate([part.astype(overlap.dtype) for part in parts], axis=1)
    statistics = jnp.where(used, statistics, 0)
    trials = jnp.sum(used, axis=-1, dtype=jnp.int32)
    mean = jnp.sum(statistics, axis=-1) / jnp.maximum(trials, 1).astype(overlap.dtype)[None, None, :]
    squares = jnp.sum(jnp.where(used, statistics - mean[..., None], 0) ** 2, axis=-1)
    status = jnp.max(jnp.where(valid, status, 0), axis=-1)
    failed = jnp.sum(failed, axis=-1, dtype=jnp.int32)
    return RowSums(jnp.moveaxis(mean, -1, 0), jnp.moveaxis(squares, -1, 0), trials, failed, status)


def merged(parts: RowSums) -> RowSums:
    """Sums over all blocks of a cell (axis 1) from the sums of each, in float64 (Chan, Golub & LeVeque 1983)."""
    weight = parts.trials[:, :, None, None].astype(np.float64)
    total = np.maximum(weight.sum(axis=1), 1)
    mean = (weight * parts.mean).sum(axis=1) / total
    spread = weight * (parts.mean - mean[:, None]) ** 2
    squares = (parts.squares + spread).sum(axis=1)
    return RowSums(mean, squares, parts.trials.sum(axis=1), parts.failed.sum(axis=1), parts.status.max(axis=1))


def measured(sums: RowSums) -> dict[str, np.ndarray]:
    """The measured variables of a store, cells leading, from the sums of all trials. No finite trial: NaN."""
    values = {"failed_trials": np.asarray(sums.failed), "status": np.asarray(sums.status)} | moments(sums, ("ca", "cp"))
    # Successes are whole numbers; their rounded mean must not decide a draw between half and not quite half.
    recovers_ca, recovers_cp = (2 * np.rint(sums.mean[:, o, -1] * sums.trials) >= sums.trials for o in (0, 1))
    values["regime_empirical"] = np.where(sums.trials > 0, recovers_ca + 2 * recovers_cp, -1)
    return values


def moments(sums: RowSums, labels: tuple[str, str]) -> dict[str, np.ndarray]:
    """Means and standard errors of the statistics of two encoders, named after their labels, cells leading."""
    trials = sums.trials[:, None, None].astype(np.float64)
    mean = np.where(trials > 0, sums.mean, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.where(trials > 1, np.sqrt(sums.squares / (trials - 1) / trials), np.nan)
    values = {}
    for encoder, label in enumerate(labels):
        for suffix, table in (("", mean[:, encoder]), ("_se", error[:, encoder])):
            values[f"distance_{label}{suffix}"] = table[:, 0]
            values[f"overlap_{label}{suffix}"] = table[:, 1:-2]
            values[f"count_{label}{suffix}"] = table[:, -2]
            values[f"success_{label}{suffix}"] = table[:, -1]
    return values

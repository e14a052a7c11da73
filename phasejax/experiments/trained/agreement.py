"""How often what trained encoders recovered is what the population theory says of CA and of CP."""

import numpy as np
import xarray as xr

from phasejax.sweep.agreement import MARGIN, Agreement


def agreement(dataset: xr.Dataset) -> list[Agreement]:
    """For each objective, how often its x encoder recovers, in at least half of the trials, where CA does and where CP does.

    Cells whose trials all diverged, or that were not computed, are left out; cells are away by the boundary of the side they
    are compared with.
    """
    return [row for objective in dataset.objective.values for row in _sides(dataset.sel(objective=objective))]


def _sides(dataset: xr.Dataset) -> list[Agreement]:
    known = np.isfinite(dataset.success_x.values)
    recovers = dataset.success_x.values[known] >= 0.5
    rows = []
    for bit, side in ((0, "ca"), (1, "cp")):
        right = recovers == (dataset.regime.values[known] >> bit & 1)
        far = np.abs(dataset[f"delta_{side}"].values[known] - 1) > MARGIN
        rows.append(Agreement.of(f"{dataset.objective.item()} as {side.upper()}", right, far))
    return rows

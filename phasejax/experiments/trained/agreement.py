"""How often what trained encoders recovered is what the theory says of CA and of CP, of infinitely many pairs and of n."""

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
    for side in ("ca", "cp"):
        delta, at_n = dataset[f"delta_{side}"].values[known], None
        if (margin := dataset.get(f"margin_{side}")) is not None:
            at_n = recovers == (margin.broadcast_like(dataset.success_x).transpose(*dataset.success_x.dims).values[known] > 0)
        limit, away = recovers == (delta > 1), np.abs(delta - 1) > MARGIN
        rows.append(Agreement(f"{dataset.objective.item()} as {side.upper()}", limit, at_n, away))
    return rows if known.any() else []

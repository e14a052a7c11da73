"""How often what finite samples recovered is what the population theory says."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from phasejax.theory import Regime

MARGIN = 0.1
"""A cell is away from the boundaries when both |Δ − 1| exceed this."""


@dataclass(frozen=True)
class Agreement:
    """Share of cells that agree, in [0, 1] (NaN if there are none), over all cells and over those away from boundaries."""

    what: str
    cells: int
    overall: float
    cells_away: int
    away: float


def agreement(dataset: xr.Dataset) -> list[Agreement]:
    """Agreement of `regime_empirical` with `regime`: for the region, for each objective, and within each analytic region.

    Of a trained sweep: for each objective, how often its x encoder recovers, in at least half of the trials, where CA does and
    where CP does. Cells whose trials all failed, or that were not computed, are left out.
    """
    if "objective" in dataset.dims:
        return [row for objective in dataset.objective.values for row in _sides(dataset.sel(objective=objective))]
    known = (np.isfinite(dataset.success_ca) & np.isfinite(dataset.success_cp)).values
    regime, empirical = dataset.regime.values[known], dataset.regime_empirical.values[known]
    far = (np.abs(dataset.delta_ca.values - 1) > MARGIN) & (np.abs(dataset.delta_cp.values - 1) > MARGIN)
    far = far[known]

    def row(what: str, right: np.ndarray, among: np.ndarray) -> Agreement:
        return Agreement(what, int(among.sum()), _share(right[among]), int((among & far).sum()), _share(right[among & far]))

    everywhere = np.ones_like(far)
    same_region = regime == empirical
    rows = [
        row("region", same_region, everywhere),
        row("CA", regime % 2 == empirical % 2, everywhere),
        row("CP", regime // 2 == empirical // 2, everywhere),
    ]
    return rows + [row(f"where {region}", same_region, regime == region) for region in reversed(Regime)]


def _sides(dataset: xr.Dataset) -> list[Agreement]:
    """One objective beside CA and beside CP; cells are away by the boundary of the side they are compared with."""
    known = np.isfinite(dataset.success_x.values)
    recovers = dataset.success_x.values[known] >= 0.5
    rows = []
    for bit, side in ((0, "ca"), (1, "cp")):
        right = recovers == (dataset.regime.values[known] >> bit & 1)
        far = np.abs(dataset[f"delta_{side}"].values[known] - 1) > MARGIN
        what = f"{dataset.objective.item()} as {side.upper()}"
        rows.append(Agreement(what, right.size, _share(right), int(far.sum()), _share(right[far])))
    return rows


def _share(right: np.ndarray) -> float:
    return float(right.mean()) if right.size else float("nan")

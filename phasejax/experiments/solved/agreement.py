"""How often what finite samples recovered of CA and CP is what the population theory says."""

import numpy as np
import xarray as xr

from phasejax.sweep.agreement import MARGIN, Agreement
from phasejax.theory import Regime


def agreement(dataset: xr.Dataset) -> list[Agreement]:
    """Agreement of `regime_empirical` with `regime`: for the region, for each objective, and within each analytic region.

    Cells whose trials all failed, or that were not computed, are left out; those where |Δ − 1| exceeds the margin for both
    objectives are away from the boundaries.
    """
    known = (np.isfinite(dataset.success_ca) & np.isfinite(dataset.success_cp)).values
    regime, empirical = dataset.regime.values[known], dataset.regime_empirical.values[known]
    far = (np.abs(dataset.delta_ca.values - 1) > MARGIN) & (np.abs(dataset.delta_cp.values - 1) > MARGIN)
    far = far[known]
    same_region = regime == empirical
    rows = [
        Agreement.of("region", same_region, far),
        Agreement.of("CA", regime % 2 == empirical % 2, far),
        Agreement.of("CP", regime // 2 == empirical // 2, far),
    ]
    for region in reversed(Regime):
        there = regime == region
        rows.append(Agreement.of(f"where {region}", same_region[there], far[there]))
    return rows

"""How often what finite samples recovered of CA and CP is what theory says, of infinitely many pairs and of n."""

import numpy as np
import xarray as xr

from phasejax.sweep.agreement import MARGIN, Agreement
from phasejax.theory import Regime


def agreement(dataset: xr.Dataset) -> list[Agreement]:
    """Agreement of `regime_empirical` with `regime`, and with `regime_at_n` where the dataset holds it: for the regime, for
    each objective, and within each regime of the limit that has cells.

    Cells whose trials all failed, or that were not computed, are left out; those where |Δ − 1| exceeds the margin for both
    objectives are away from the boundaries.
    """
    known = (np.isfinite(dataset.success_ca) & np.isfinite(dataset.success_cp)).values
    measured, limit = dataset.regime_empirical.values[known], dataset.regime.values[known]
    at_n = dataset.regime_at_n.values[known].astype(int) if "regime_at_n" in dataset else None
    away = (np.abs(dataset.delta_ca.values - 1) > MARGIN) & (np.abs(dataset.delta_cp.values - 1) > MARGIN)

    def row(what: str, part, there) -> Agreement:
        def right(codes):
            return (part(codes) == part(measured))[there]

        return Agreement(what, right(limit), None if at_n is None else right(at_n), away[known][there])

    everywhere = np.ones(len(limit), bool)
    whole = {"regime": lambda code: code, "CA": lambda code: code % 2, "CP": lambda code: code // 2}
    rows = [row(what, part, everywhere) for what, part in whole.items()]
    rows += [row(f"where {regime}", whole["regime"], limit == regime) for regime in reversed(Regime)]
    return [one for one in rows if len(one.limit)]

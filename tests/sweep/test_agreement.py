"""The agreement table counts what it says it counts."""

import numpy as np
import xarray as xr

from phasejax.experiments.solved.agreement import agreement


def dataset(regime, empirical, delta_ca, delta_cp, success=None):
    success = np.ones(len(regime)) if success is None else success
    columns = dict(regime=regime, regime_empirical=empirical, delta_ca=delta_ca, delta_cp=delta_cp)
    return xr.Dataset(
        {name: ("nu", np.asarray(value)) for name, value in (columns | dict(success_ca=success, success_cp=success)).items()}
    )


def test_shares_by_region_objective_and_distance_from_the_boundary():
    table = dataset(
        regime=[3, 3, 1, 2, 0],
        empirical=[3, 1, 1, 3, 0],
        delta_ca=[np.inf, 1.05, 2.0, 0.5, 0.2],
        delta_cp=[np.inf, 2.0, 0.5, 2.0, 0.2],
    )
    rows = {row.what: (row.cells, row.overall, row.cells_away, row.away) for row in agreement(table)}
    assert rows["region"] == (5, 3 / 5, 4, 3 / 4)
    assert rows["CA"] == (5, 4 / 5, 4, 3 / 4)
    assert rows["CP"] == (5, 4 / 5, 4, 1.0)
    assert rows["where Both"] == (2, 1 / 2, 1, 1.0)
    assert rows["where CP only"] == (1, 0.0, 1, 0.0)
    assert rows["where Neither"] == (1, 1.0, 1, 1.0)


def test_cells_without_a_result_are_left_out():
    table = dataset([3, 3], [3, -1], [2.0, 2.0], [2.0, 2.0], success=np.array([1.0, np.nan]))
    assert agreement(table)[0].cells == 1 and agreement(table)[0].overall == 1.0
    empty = agreement(dataset([3], [-1], [2.0], [2.0], success=np.array([np.nan])))
    assert empty[0].cells == 0 and np.isnan(empty[0].overall)

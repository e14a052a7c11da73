"""The agreement table counts what it says it counts."""

import numpy as np
import xarray as xr

from phasejax.cli.outcome import latex, moved, shares
from phasejax.experiments.solved.agreement import agreement


def dataset(regime, empirical, delta_ca, delta_cp, success=None, **more):
    success = np.ones(len(regime)) if success is None else success
    columns = dict(regime=regime, regime_empirical=empirical, delta_ca=delta_ca, delta_cp=delta_cp)
    columns |= dict(success_ca=success, success_cp=success) | more
    return xr.Dataset({name: ("nu", np.asarray(value)) for name, value in columns.items()})


FIVE = dict(
    regime=[3, 3, 1, 2, 0],
    empirical=[3, 1, 1, 3, 0],
    delta_ca=[np.inf, 1.05, 2.0, 0.5, 0.2],
    delta_cp=[np.inf, 2.0, 0.5, 2.0, 0.2],
)


def test_shares_by_regime_objective_and_distance_from_the_boundary():
    rows = {row.what: shares(row) for row in agreement(dataset(**FIVE))}
    assert rows["regime"] == ["5", "0.600", "–", "4", "0.750", "–"]
    assert rows["CA"] == ["5", "0.800", "–", "4", "0.750", "–"]
    assert rows["CP"] == ["5", "0.800", "–", "4", "1.000", "–"]
    assert rows["where Both"] == ["2", "0.500", "–", "1", "1.000", "–"]
    assert rows["where CP only"] == ["1", "0.000", "–", "1", "0.000", "–"]
    assert rows["where Neither"] == ["1", "1.000", "–", "1", "1.000", "–"]


def test_the_theory_of_n_stands_beside_the_limit_and_says_what_it_explains():
    rows = agreement(dataset(**FIVE, regime_at_n=[3, 1, 1, 2, 1]))
    assert shares(rows[0]) == ["5", "0.600", "0.600", "4", "0.750", "0.500"]
    assert shares(rows[1]) == ["5", "0.800", "0.600", "4", "0.750", "0.500"]
    assert moved(rows[0]) == "2 cells are not in the regime of n = ∞; theory at n expects 1 of them where they are."
    assert moved(agreement(dataset(**FIVE))[0]) == ""


def test_cells_and_regimes_without_a_result_are_left_out():
    table = dataset([3, 3], [3, -1], [2.0, 1.05], [2.0, 2.0], success=np.array([1.0, np.nan]))
    assert [(row.what, shares(row)[:2]) for row in agreement(table)] == [
        (what, ["1", "1.000"]) for what in ("regime", "CA", "CP", "where Both")
    ]
    assert agreement(dataset([3], [-1], [2.0], [2.0], success=np.array([np.nan]))) == []


def test_latex_has_the_same_numbers_and_no_naked_special_characters():
    text = latex(agreement(dataset(**FIVE)), "a_b")
    assert r"CA & 5 & 0.800 & -- & 4 & 0.750 & -- \\" in text
    assert text.count(r"\\") == 2 + 7 and "nan" not in text

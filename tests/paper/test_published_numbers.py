"""The published sweeps, run as they stand in sweeps/, against numbers measured by an independent implementation."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from phasejax.experiments.solved.agreement import agreement
from phasejax.recovery import crossing
from phasejax.sweep import load_spec, run

SWEEPS = Path(__file__).parents[2] / "sweeps"


def published(name: str):
    return run(load_spec(SWEEPS / f"{name}.toml"))


@pytest.fixture(scope="module")
def curve():
    return published("noise_correlation")


def test_where_the_recovery_curves_cross_one_half(curve):
    for label, low, high in (("cp", 0.175, 0.21), ("ca", 0.90, 0.95)):
        found = crossing(curve.nu.values, curve[f"distance_{label}"].values)
        assert low < found < high, (label, found)


def test_alignment_still_recovers_at_nu_075(curve):
    at = curve.sel(nu=0.75)
    assert abs(float(at.distance_ca) - 0.010) < max(0.002, 4 * float(at.distance_ca_se))


def test_prediction_fails_before_its_population_boundary(curve):
    assert 0.3 < float(curve.distance_cp.sel(nu=0.15)) < 0.45  # Δ_CP = 1 lies at ν = .192


@pytest.mark.parametrize(("name", "ca", "cp", "margin"), [
    ("phase_diagram", 0.978, 0.934, 0.01),
    ("phase_diagram_large_n", 1.0, 1.0, 0.005),
])  # fmt: skip
def test_agreement_away_from_the_boundaries(name, ca, cp, margin):
    dataset = published(name)
    assert dataset.sizes["kappa"] >= 61 and dataset.sizes["nu"] >= 61 and load_spec(SWEEPS / f"{name}.toml").trials >= 20
    # κ = 0 and ν = 1 are on the grid, with right answers: nothing is recovered without a signal, nor by CA at ν = 1.
    assert dataset.kappa[0] == 0 and dataset.nu[-1] == 1
    assert np.all(dataset.status == 0) and np.all(np.isfinite(dataset.distance_ca)) and np.all(np.isfinite(dataset.distance_cp))
    assert np.all(dataset.success_ca.sel(kappa=0) == 0) and np.all(dataset.success_ca.sel(nu=1) == 0)
    rows = {row.what: asdict(row) for row in agreement(dataset)}
    assert abs(rows["CA"]["away"] - ca) <= margin and abs(rows["CP"]["away"] - cp) <= margin
    assert rows["CA"]["cells_away"] > 2500

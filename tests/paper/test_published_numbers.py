"""The published sweeps, run as they stand in sweeps/, against numbers measured by an independent implementation."""

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
    ("phase_diagram_loud_nuisance", 0.978, 0.934, 0.01),
    ("phase_diagram_large_n", 1.0, 1.0, 0.005),
])  # fmt: skip
def test_agreement_away_from_the_boundaries(optimised, name, ca, cp, margin):
    dataset = published(name)
    assert dataset.sizes["kappa"] >= 57 and dataset.sizes["nu"] >= 61 and load_spec(SWEEPS / f"{name}.toml").trials >= 20
    # ν = 1 is on the grid, and κ = 0 where it can be: nothing is recovered without a signal, nor by CA at ν = 1.
    dead = dataset.isel(kappa=dataset.kappa.values == 0)
    assert dataset.nu[-1] == 1 and (dead.sizes["kappa"] == 1 or name == "phase_diagram_large_n")
    assert np.all(dataset.status == 0) and np.all(np.isfinite(dataset.distance_ca)) and np.all(np.isfinite(dataset.distance_cp))
    assert np.all(dead.success_ca == 0) and np.all(dataset.success_ca.sel(nu=1) == 0)
    away = {row.what: row.limit[row.away] for row in agreement(dataset)}
    assert abs(away["CA"].mean() - ca) <= margin and abs(away["CP"].mean() - cp) <= margin
    assert away["CA"].size > 2500


def test_the_headline_diagram_shows_four_regimes_none_of_them_small():
    spec = load_spec(SWEEPS / "phase_diagram.toml")
    (qualities,) = {spec.model.quality_x, spec.model.quality_y}
    # With quality q on both sides ρ = q and τ = κ √q: CA lasts until ν = q, CP until κ √(q/γ̃ʸ).
    kappa, nu = np.meshgrid(spec.points("kappa"), spec.points("nu"), indexing="ij")
    aligned, predicted = nu < qualities, nu < kappa * np.sqrt(qualities / spec.model.gamma_tilde_y)
    shares = [np.mean((aligned == ca) & (predicted == cp)) for ca in (True, False) for cp in (True, False)]
    assert min(shares) >= 0.1

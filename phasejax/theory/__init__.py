"""What the model implies, in closed form. Imports nothing that samples or solves: agreement with simulation is evidence."""

from phasejax.theory.finite_sample import (
    ExpectedDistance,
    Route,
    effective_critical_nu,
    effective_separation,
    expected_distance,
    regime_at,
    samples_needed,
)
from phasejax.theory.population import (
    Boundary,
    RecoveryCounts,
    Regime,
    Separation,
    critical_kappa,
    critical_nu,
    nu,
    recovery_counts,
    regime,
    rho,
    separation,
    tau,
    xi,
)

__all__ = [
    "Boundary",
    "ExpectedDistance",
    "RecoveryCounts",
    "Regime",
    "Route",
    "Separation",
    "critical_kappa",
    "critical_nu",
    "effective_critical_nu",
    "effective_separation",
    "expected_distance",
    "nu",
    "recovery_counts",
    "regime",
    "regime_at",
    "rho",
    "samples_needed",
    "separation",
    "tau",
    "xi",
]

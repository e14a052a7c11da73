"""What the model implies, in closed form. Imports nothing that samples or solves: agreement with simulation is evidence."""

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
    "RecoveryCounts",
    "Regime",
    "Separation",
    "critical_kappa",
    "critical_nu",
    "nu",
    "recovery_counts",
    "regime",
    "rho",
    "separation",
    "tau",
    "xi",
]

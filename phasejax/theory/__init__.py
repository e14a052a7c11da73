"""What the model implies, in closed form. Imports nothing that samples or solves: agreement with simulation is evidence."""

from phasejax.theory import components, square
from phasejax.theory.errors import Kept, PredictionError, prediction_error, prediction_errors
from phasejax.theory.finite_sample import (
    effective_critical_nu,
    effective_separation,
    expected_distance,
    expected_overlaps,
    regime,
    samples_needed,
    validity,
)
from phasejax.theory.joint import (
    Window,
    joint_count,
    joint_eigenvalues,
    joint_expected_distance,
    joint_expected_overlaps,
    joint_separation,
    joint_window,
)
from phasejax.theory.objectives import PerObjective, Regime
from phasejax.theory.population import (
    RecoveryCounts,
    critical_kappa,
    critical_nu,
    nu,
    pls_separation,
    recovery_counts,
    rho,
    separation,
    tau,
    xi,
)

__all__ = [
    "Kept",
    "PerObjective",
    "PredictionError",
    "RecoveryCounts",
    "Regime",
    "Window",
    "components",
    "critical_kappa",
    "critical_nu",
    "effective_critical_nu",
    "effective_separation",
    "expected_distance",
    "expected_overlaps",
    "joint_count",
    "joint_eigenvalues",
    "joint_expected_distance",
    "joint_expected_overlaps",
    "joint_separation",
    "joint_window",
    "nu",
    "pls_separation",
    "prediction_error",
    "prediction_errors",
    "recovery_counts",
    "regime",
    "rho",
    "samples_needed",
    "separation",
    "square",
    "tau",
    "validity",
    "xi",
]

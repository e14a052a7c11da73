"""phasejax: align or predict? Simulation and theory verification for multimodal representation learning."""

from phasejax import multimodal, objectives, recovery, sampling, solvers, theory
from phasejax.diagnosis import Diagnosis, diagnose
from phasejax.spiked import Covariance, SpikedModel
from phasejax.theory import Regime

__all__ = [
    "Covariance",
    "Diagnosis",
    "Regime",
    "SpikedModel",
    "diagnose",
    "multimodal",
    "objectives",
    "recovery",
    "sampling",
    "solvers",
    "theory",
]

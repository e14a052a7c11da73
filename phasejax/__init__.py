"""phasejax: align or predict? Simulation and theory verification for multimodal representation learning."""

from phasejax import recovery, sampling, solvers, theory
from phasejax.spiked import Covariance, SpikedModel
from phasejax.theory import Regime

__all__ = ["Covariance", "Regime", "SpikedModel", "recovery", "sampling", "solvers", "theory"]

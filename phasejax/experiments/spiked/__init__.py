"""What kinds share whose cells are spiked models: the specification, the model at a cell, the analytic variables."""

from phasejax.experiments.spiked.model import model_at
from phasejax.experiments.spiked.spec import SpikedSpec

__all__ = ["SpikedSpec", "model_at"]

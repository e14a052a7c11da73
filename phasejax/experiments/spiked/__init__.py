"""What kinds share whose cells are spiked models: the specification, the model at a cell, the analytic variables,
and what theory says beside a finished sweep."""

from phasejax.experiments.spiked.expectation import between, expected
from phasejax.experiments.spiked.model import model_at
from phasejax.experiments.spiked.spec import SpikedSpec

__all__ = ["SpikedSpec", "between", "expected", "model_at"]

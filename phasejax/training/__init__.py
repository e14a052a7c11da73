"""Encoders trained on an objective: one, or thousands side by side."""

from phasejax.training.checkpoint import CheckpointError
from phasejax.training.data import SpikedPairs
from phasejax.training.encoders import MLP, Linear, embed, from_matrices
from phasejax.training.loop import Outcome
from phasejax.training.metrics import leading_rows, probe_r2, signal_overlap
from phasejax.training.train import Progress, Trained, train

__all__ = [
    "MLP",
    "CheckpointError",
    "Linear",
    "Outcome",
    "Progress",
    "SpikedPairs",
    "Trained",
    "embed",
    "from_matrices",
    "leading_rows",
    "probe_r2",
    "signal_overlap",
    "train",
]

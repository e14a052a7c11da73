"""Encoders trained on an objective: one, or thousands side by side.

`train` is all that a study needs: it takes a stack of lanes (keys, populations, learning rates, hyperparameters) through one
compiled loop and gives a `Trained` with the same leading axis. What it is trained on is described in `phasejax.training.data`,
what is trained in `encoders` and `decoders`.
"""

from phasejax.training.checkpoint import CheckpointError
from phasejax.training.data import SpikedPairs
from phasejax.training.decoders import Decoder, ToClasses, ToPicture, ToTokens, ToVector
from phasejax.training.encoders import (
    MLP,
    Convolutional,
    Identity,
    Linear,
    Projected,
    Transformer,
    embed,
    features,
    from_matrices,
)
from phasejax.training.loop import Outcome
from phasejax.training.metrics import leading_rows, probe_r2, signal_overlap
from phasejax.training.run import Trained, TrainingProgress, train

__all__ = [
    "MLP",
    "CheckpointError",
    "Convolutional",
    "Decoder",
    "Identity",
    "Linear",
    "Outcome",
    "Projected",
    "SpikedPairs",
    "ToClasses",
    "ToPicture",
    "ToTokens",
    "ToVector",
    "Trained",
    "TrainingProgress",
    "Transformer",
    "embed",
    "features",
    "from_matrices",
    "leading_rows",
    "probe_r2",
    "signal_overlap",
    "train",
]

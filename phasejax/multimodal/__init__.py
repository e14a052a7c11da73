"""M modalities: the spiked model, generalised CCA, alignment on a graph and multi-source prediction, in theory and by solvers.

`theory` (any model), `homogeneous` (alike modalities), `first_order` and `high_dimensional` say what `solvers` must find in the
blocks that `sampling` draws; neither side imports the other.
"""

from phasejax.multimodal import first_order, high_dimensional, homogeneous, sampling, solvers, theory
from phasejax.multimodal.graph import complete, star
from phasejax.multimodal.model import MultimodalModel

__all__ = [
    "MultimodalModel",
    "complete",
    "first_order",
    "high_dimensional",
    "homogeneous",
    "sampling",
    "solvers",
    "star",
    "theory",
]

"""Linear encoders from a covariance triple: alignment (CA), prediction (CP), both at once, partial least squares; and a probe.

Each solver whitens what its objective whitens (both sides, the source, neither) and keeps the top k singular directions.
They read covariances alone and know nothing of the theory they are compared with.
"""

from phasejax.solvers.components import Reduced, reduce
from phasejax.solvers.linear import align, joint, pls, predict, probe, whiten
from phasejax.solvers.solution import Solution, Status
from phasejax.solvers.whitening import Whitener, whitener

__all__ = [
    "Reduced",
    "Solution",
    "Status",
    "Whitener",
    "align",
    "joint",
    "pls",
    "predict",
    "probe",
    "reduce",
    "whiten",
    "whitener",
]

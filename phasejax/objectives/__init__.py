"""Differentiable objectives on embeddings (M, B, d), divergences between modalities, and conflict measures.

Losses take `z` as it is given; those of the unit sphere (`Objective.unit_rows`) expect their callers to apply `unit_rows`.
"""

from phasejax.objectives.contrastive import infonce, siglip
from phasejax.objectives.decorrelation import cross_correlation, deep_cca, vicreg
from phasejax.objectives.divergence import (
    cauchy_schwarz_divergence,
    frechet_distance,
    hoelder_bound,
    hoelder_divergence,
    hoelder_excess,
    hoelder_importance,
    hoelder_leave_one_out,
    infonce_cauchy_schwarz,
)
from phasejax.objectives.embeddings import unit_rows
from phasejax.objectives.measures import Conflict, Forces, conflict, forces, modality_gap, retrieval_at_1
from phasejax.objectives.predictive import joint, prediction, reconstruction, reconstruction_vicreg
from phasejax.objectives.registry import REGISTRY, Objective, get
from phasejax.objectives.sphere import (
    anchor_alignment,
    centroid_uniformity,
    gram_volume,
    matched_to_infonce,
    pairs_alignment,
    unialign,
    uniformity,
)
from phasejax.objectives.volume import volume_contrast

__all__ = [
    "REGISTRY",
    "Conflict",
    "Forces",
    "Objective",
    "anchor_alignment",
    "cauchy_schwarz_divergence",
    "centroid_uniformity",
    "conflict",
    "cross_correlation",
    "deep_cca",
    "forces",
    "frechet_distance",
    "get",
    "gram_volume",
    "hoelder_bound",
    "hoelder_divergence",
    "hoelder_excess",
    "hoelder_importance",
    "hoelder_leave_one_out",
    "infonce",
    "infonce_cauchy_schwarz",
    "joint",
    "matched_to_infonce",
    "modality_gap",
    "pairs_alignment",
    "prediction",
    "reconstruction",
    "reconstruction_vicreg",
    "retrieval_at_1",
    "siglip",
    "unialign",
    "uniformity",
    "unit_rows",
    "vicreg",
    "volume_contrast",
]

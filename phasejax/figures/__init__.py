"""The figures, one module each: a `draw` that takes the sweeps it needs and gives a matplotlib `Figure` (or an animation).

`phasejax figures [NAME…] [--out DIR]` regenerates them from nothing. The modules are the repository's folder `figures`;
`drawing` draws them, and is loaded when it is first asked for: help shows their names alone.
"""

import inspect
from importlib import import_module
from typing import TYPE_CHECKING

import lazy_loader

from phasejax.shipped import shipped

if TYPE_CHECKING:
    from phasejax.figures.drawing import Sweeps, regenerate

__all__ = ["NAMES", "Sweeps", "caption", "regenerate"]

__getattr__, _, _ = lazy_loader.attach(__name__, submod_attrs={"drawing": ["Sweeps", "regenerate"]})
__path__.append(str(shipped("figures")))

NAMES = (
    "phase_diagram",
    "recovery_against_nu",
    "partial_recovery",
    "ratios_against_target_nuisance",
    "variance_trap",
    "bottlenecks",
    "joint_interpolation",
    "estimation",
    "growing_nuisance",
    "finite_sample_boundary",
    "samples_needed",
    "whitening_square",
    "error_against_ridge",
    "best_objective",
    "trained_in_square",
    "multimodal_boundaries",
    "objective_crossings",
    "conflict_against_modalities",
    "divergence_along_training",
    "retrieval_against_recovery",
    "worlds",
    "three_readings",
    "three_readings_small",
    "three_readings_solids",
    "embeddings",
    "caption_asymmetry",
    "narrow_outputs",
    "retrieval_and_generation",
)


def caption(name: str) -> str:
    """What a figure shows, its sizes and its symbols: the docstring of its module, a line for each paragraph."""
    paragraphs = (inspect.getdoc(import_module(f"{__name__}.{name}")) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)

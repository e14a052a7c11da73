"""The kinds of experiment that a sweep may hold, each by the table of a specification that asks for it.

A kind is imported when it is first asked for: a sweep that trains nothing loads no training.
"""

__all__ = ["KINDS", "SOLVED"]

SOLVED = "phasejax.experiments.solved:SOLVED"
"""CA and CP in closed form on sample covariances: what a specification is that asks for nothing else."""

KINDS = {
    "training": "phasejax.experiments.trained:TRAINED",
    "world": "phasejax.experiments.world:WORLD",
}

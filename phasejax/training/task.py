"""A registered objective as the training loop calls it: unit rows where it wants them, a target to predict, fixed settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxtyping import Array, Float

from phasejax.objectives import Objective, get, unit_rows
from phasejax.training.data import Views


@dataclass(frozen=True)
class Task:
    """loss(z, views, **parameters) of a registered objective.

    - `settings`: hyperparameters that are fixed at compilation, as (name, value) pairs. `source`, where the objective has it,
      is the modality that predicts; its target is the rows of the first other one.
    """

    objective: Objective
    settings: tuple[tuple[str, Any], ...] = ()

    def __call__(self, z: Float[Array, "M B width"], views: Views, **parameters: Array) -> Float[Array, ""]:
        z = unit_rows(z) if self.objective.unit_rows else z
        inputs = {"z": z, "target": views[1 if self.source == 0 else 0]}
        return self.objective(*(inputs[name] for name in self.objective.inputs), **dict(self.settings), **parameters)

    @property
    def source(self) -> int:
        """The modality that predicts, 0 unless it is set."""
        return dict(self.settings).get("source", 0)

    def trains(self, modality: int) -> bool:
        """Whether the loss depends on this modality's encoder at all: a prediction only moves the one that predicts."""
        return not self.objective.one_sided or modality == self.source


def split(name: str, hyperparameters: Mapping[str, Any], *, modalities: int = 2) -> tuple[Task, dict[str, Any]]:
    """The task of a registered objective and, apart from it, those hyperparameters that may be arrays. Runs nothing.

    **Raises:** `ValueError` on an unknown objective or hyperparameter, a value out of its range, or an objective that
    wants more than embeddings.
    """
    objective = get(name)
    if not set(objective.inputs) <= {"z", "target"}:
        raise ValueError(f"the objective {name!r} needs a decoder's output: train {'prediction'!r}, which has its own.")
    objective.check(hyperparameters, modalities=modalities)
    arrays = {key: value for key, value in hyperparameters.items() if key in objective.swept}
    settings = tuple((key, value) for key, value in hyperparameters.items() if key not in objective.swept)
    return Task(objective, settings), arrays

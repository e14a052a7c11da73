"""A registered objective as the training loop calls it: unit rows where it wants them, a target to predict, fixed settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxtyping import Array, Float

from phasejax.objectives import Objective, get, unit_rows
from phasejax.training.data import Views
from phasejax.training.decoders import Decoder


@dataclass(frozen=True)
class Task:
    """loss(z, views[, predicted], **parameters) of a registered objective.

    - `settings`: hyperparameters that are fixed at compilation, as (name, value) pairs. `source`, where the objective has it,
      is the modality that predicts; its target is the rows of the first other one, as vectors.
    - `decoder`: which modality it predicts.
    """

    objective: Objective
    settings: tuple[tuple[str, Any], ...] = ()
    decoder: Decoder | None = None

    def __call__(
        self, z: Float[Array, "M B width"], views: Views, predicted: Array | None = None, **parameters: Array
    ) -> Float[Array, ""]:
        z = unit_rows(z) if self.objective.unit_rows else z
        if self.decoder is None:
            target = views[1 if dict(self.settings).get("source", 0) == 0 else 0]
            target = target.reshape(len(target), -1)
        else:
            target = views[self.decoder.target]
        inputs = {"z": z, "target": target, "predicted": predicted}
        return self.objective(*(inputs[name] for name in self.objective.inputs), **dict(self.settings), **parameters)


def split(
    name: str, hyperparameters: Mapping[str, Any], *, modalities: int = 2, decoder: Decoder | None = None
) -> tuple[Task, dict[str, Any]]:
    """The task of a registered objective and, apart from it, those hyperparameters that may be arrays. Runs nothing.

    **Raises:** `ValueError` on an unknown objective or hyperparameter, a value out of its range, a decoder that is missing, or
    one that the objective has no use for.
    """
    objective = get(name)
    wanted = "predicted" in objective.inputs
    if wanted != (decoder is not None):
        why = "needs a decoder's output: give it a decoder" if wanted else "has no use for a decoder: leave it out"
        raise ValueError(f"the objective {name!r} {why}.")
    objective.check(hyperparameters, modalities=modalities)
    arrays = {key: value for key, value in hyperparameters.items() if key in objective.swept}
    settings = tuple((key, value) for key, value in hyperparameters.items() if key not in objective.swept)
    return Task(objective, settings, decoder), arrays

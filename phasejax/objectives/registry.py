"""Every trainable objective by name, with its hyperparameters and their defaults as its signature gives them."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Array

from phasejax.objectives.contrastive import infonce, siglip
from phasejax.objectives.decorrelation import cross_correlation, deep_cca, vicreg
from phasejax.objectives.divergence import infonce_cauchy_schwarz
from phasejax.objectives.hyperparameters import Range
from phasejax.objectives.predictive import joint, prediction, reconstruction, reconstruction_vicreg
from phasejax.objectives.sphere import unialign
from phasejax.objectives.volume import volume_contrast


@dataclass(frozen=True)
class Objective:
    """A loss and what it asks of its caller.

    - `loss`: takes the `inputs` by position and hyperparameters by keyword, and returns a scalar to minimise. Its signature
      declares what each hyperparameter may be (`phasejax.objectives.hyperparameters`).
    - `inputs`: some of "z", "predicted" and "target", in this order; "predicted" is a decoder's output.
    - `unit_rows`: whether `z` must have unit rows (`embeddings.unit_rows`); the loss does not normalise.
    - `one_sided`: whether it depends on no encoder but that of the modality `source`.
    """

    name: str
    loss: Callable[..., Array] = field(repr=False)  # its address would differ between processes
    inputs: tuple[str, ...] = ("z",)
    unit_rows: bool = False
    one_sided: bool = False

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Every hyperparameter with its default."""
        return {name: parameter.default for name, parameter in self._keywords.items()}

    @property
    def swept(self) -> tuple[str, ...]:
        """The hyperparameters that may be arrays under `vmap` or traced under `jit`; the others are fixed at compilation."""
        return tuple(name for name, allowed in self._ranges.items() if allowed.swept)

    def check(self, hyperparameters: Mapping[str, Any], *, modalities: int | None = None) -> None:
        """Raise a `ValueError` on the first name that is no hyperparameter of this objective, or value out of its range.

        Runs nothing: traced values pass, and a modality passes whose number is not known.
        """
        for name, value in hyperparameters.items():
            if name not in self._ranges:
                allowed = ", ".join(self._ranges) or "none"
                raise ValueError(f"{name!r} is not a hyperparameter of the objective {self.name!r}: allowed are {allowed}.")
            self._ranges[name].check(name, value, modalities)

    def trains(self, modality: int, hyperparameters: Mapping[str, Any]) -> bool:
        """Whether the loss depends on the encoder of this modality at all."""
        return not self.one_sided or modality == hyperparameters.get("source", self.hyperparameters["source"])

    def __call__(self, *inputs: Array, **hyperparameters: Any) -> Array:
        """The loss; hyperparameters left out take their defaults. A wrong name raises a `ValueError`."""
        self.check(hyperparameters)
        return self.loss(*inputs, **hyperparameters)

    @property
    def _ranges(self) -> dict[str, Range]:
        return {name: parameter.annotation.__metadata__[0] for name, parameter in self._keywords.items()}

    @property
    def _keywords(self) -> dict[str, inspect.Parameter]:
        parameters = inspect.signature(self.loss).parameters
        return {name: parameter for name, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY}


REGISTRY: Mapping[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective("infonce", infonce, unit_rows=True),
        Objective("siglip", siglip, unit_rows=True),
        Objective("vicreg", vicreg),
        Objective("cross_correlation", cross_correlation),
        Objective("deep_cca", deep_cca),
        Objective("prediction", prediction, inputs=("z", "target"), one_sided=True),
        Objective("joint", joint, inputs=("z", "target")),
        Objective("reconstruction", reconstruction, inputs=("predicted", "target")),
        Objective("reconstruction_vicreg", reconstruction_vicreg, inputs=("z", "predicted", "target")),
        Objective("unialign", unialign, unit_rows=True),
        Objective("volume_contrast", volume_contrast, unit_rows=True),
        Objective("infonce_cauchy_schwarz", infonce_cauchy_schwarz, unit_rows=True),
    )
}


def get(name: str) -> Objective:
    """The objective of that name.

    **Raises:** `ValueError` naming the allowed ones.
    """
    if name not in REGISTRY:
        raise ValueError(f"{name!r} is not an objective: choose one of {', '.join(REGISTRY)}.")
    return REGISTRY[name]

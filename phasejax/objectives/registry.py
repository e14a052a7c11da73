"""Every trainable objective by name, with its hyperparameters and their defaults as its signature gives them."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Array

from phasejax.objectives.contrastive import infonce, siglip
from phasejax.objectives.decorrelation import cross_correlation, deep_cca, vicreg
from phasejax.objectives.divergence import infonce_cauchy_schwarz
from phasejax.objectives.prediction import joint, prediction, reconstruction
from phasejax.objectives.uniformity import unialign
from phasejax.objectives.volume import volume_contrast


@dataclass(frozen=True)
class Objective:
    """A loss and what it asks of its caller.

    - `loss`: takes the `inputs` by position and hyperparameters by keyword, and returns a scalar to minimise.
    - `unit_rows`: whether `z` must have unit rows (`embeddings.unit_rows`); the loss does not normalise.
    """

    name: str
    loss: Callable[..., Array] = field(repr=False)  # its address would differ between processes
    unit_rows: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the positional arguments: ("z",), ("z", "target") or ("predicted", "target")."""
        return tuple(name for name, p in self._parameters if p.kind is not p.KEYWORD_ONLY)

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Every hyperparameter with its default. Those with a float default may be arrays or traced, the others are static."""
        return {name: p.default for name, p in self._parameters if p.kind is p.KEYWORD_ONLY}

    @property
    def swept(self) -> tuple[str, ...]:
        """The hyperparameters that may be arrays under `vmap` or traced under `jit`."""
        return tuple(name for name, default in self.hyperparameters.items() if isinstance(default, float))

    @property
    def _parameters(self):
        return inspect.signature(self.loss).parameters.items()

    def check(self, hyperparameters: Iterable[str]) -> None:
        """Raise a `ValueError` on the first name that is not a hyperparameter of this objective."""
        for name in hyperparameters:
            if name not in self.hyperparameters:
                allowed = ", ".join(self.hyperparameters) or "none"
                raise ValueError(f"{name!r} is not a hyperparameter of the objective {self.name!r}: allowed are {allowed}.")

    def __call__(self, *inputs: Array, **hyperparameters: Any) -> Array:
        """The loss; hyperparameters left out take their defaults. A wrong name raises a `ValueError`."""
        self.check(hyperparameters)
        return self.loss(*inputs, **hyperparameters)


REGISTRY: Mapping[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective("infonce", infonce, unit_rows=True),
        Objective("siglip", siglip, unit_rows=True),
        Objective("vicreg", vicreg),
        Objective("cross_correlation", cross_correlation),
        Objective("deep_cca", deep_cca),
        Objective("prediction", prediction),
        Objective("joint", joint),
        Objective("reconstruction", reconstruction),
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

"""What a hyperparameter of an objective may be, written where it is declared: `temperature: Positive = 0.1`.

`Objective.check` goes by it without running anything.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike

from phasejax import checks


@dataclass(frozen=True)
class Number:
    """A finite number above `low`, or equal to it if `closed`; it may be an array, or traced.

    One above 0 is divided by, squared or not: its square must be a number too.
    """

    low: float = -np.inf
    closed: bool = False
    swept = True

    def check(self, name: str, value: Any, modalities: int | None = None) -> None:
        """Raise a `ValueError` on what is not such a number; a traced one passes."""
        if not checks.known(value):
            return
        bound = "" if np.isinf(self.low) else f" and {'≥' if self.closed else '>'} {self.low:g}"
        kind = np.asarray(value).dtype
        if not (jnp.issubdtype(kind, jnp.integer) or jnp.issubdtype(kind, jnp.floating)):
            raise ValueError(f"{name} = {value!r} is not allowed: {name} must be a number, finite{bound}.")
        if self.low == 0 and not self.closed:
            checks.scales(**{name: value})
        else:
            checks.entries(name, value, lambda v: v >= self.low if self.closed else v > self.low, f"finite{bound}")


@dataclass(frozen=True)
class Index:
    """The place of a modality, counted from 0, or None if `optional`; fixed at compilation."""

    optional: bool = False
    swept = False

    def check(self, name: str, value: Any, modalities: int | None = None) -> None:
        """Raise a `ValueError` on what is no modality; without their number only on what never is."""
        if not (self.optional and value is None):
            checks.whole(name, value, 0, None if modalities is None else modalities - 1)


type Range = Number | Index

Real = Annotated[ArrayLike, Number()]
Positive = Annotated[ArrayLike, Number(0)]
Nonnegative = Annotated[ArrayLike, Number(0, closed=True)]
Modality = Annotated[int, Index()]
Anchor = Annotated[int | None, Index(optional=True)]
"""A modality that all others are paired with, or None for all pairs."""

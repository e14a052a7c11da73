"""What a hyperparameter of an objective may be, written where it is declared: `temperature: Positive = 0.1`.

The losses check their values by it as they run, `Objective.check` without running anything.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import ArrayLike


@dataclass(frozen=True)
class Number:
    """A finite number above `low`, or equal to it if `closed`. It may be an array, or traced: then its value is not known."""

    low: float = -np.inf
    closed: bool = False
    swept = True

    def check(self, name: str, value: Any, modalities: int | None = None) -> None:
        """Raise a `ValueError` on what is not such a number."""
        if isinstance(value, Tracer):
            return
        known = np.asarray(value)
        bound = "" if np.isinf(self.low) else f" and {'≥' if self.closed else '>'} {self.low:g}"
        if not (jnp.issubdtype(known.dtype, jnp.integer) or jnp.issubdtype(known.dtype, jnp.floating)):
            raise ValueError(f"{name} = {value!r} is not allowed: it must be a number, finite{bound}.")
        bad = known[~(np.isfinite(known) & (known >= self.low if self.closed else known > self.low))]
        if bad.size:
            raise ValueError(f"{name} = {bad[0]} is not allowed: it must be finite{bound}.")


@dataclass(frozen=True)
class Index:
    """The place of a modality, counted from 0, or None if `optional`; fixed at compilation."""

    optional: bool = False
    swept = False

    def check(self, name: str, value: Any, modalities: int | None = None) -> None:
        """Raise a `ValueError` on what is no modality; without their number only on what never is."""
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        known = whole and value >= 0 and (modalities is None or value < modalities)
        if not known and not (self.optional and value is None):
            choice = "a modality, 0, 1, …" if modalities is None else f"a modality in 0..{modalities - 1}"
            raise ValueError(f"{name} = {value} is not allowed: choose {'None or ' * self.optional}{choice}.")


type Range = Number | Index

Real = Annotated[ArrayLike, Number()]
Positive = Annotated[ArrayLike, Number(0)]
Nonnegative = Annotated[ArrayLike, Number(0, closed=True)]
Modality = Annotated[int, Index()]
Anchor = Annotated[int | None, Index(optional=True)]
"""A modality that all others are paired with, or None for all pairs."""


def check_finite(**values: ArrayLike) -> None:
    """Raise a `ValueError` naming the first argument that is not finite."""
    for name, value in values.items():
        Number().check(name, value)


def check_positive(**values: ArrayLike) -> None:
    """Raise a `ValueError` naming the first argument that is not > 0."""
    for name, value in values.items():
        Number(0).check(name, value)


def check_nonnegative(**values: ArrayLike) -> None:
    """Raise a `ValueError` naming the first argument that is not ≥ 0."""
    for name, value in values.items():
        Number(0, closed=True).check(name, value)


def check_modality(modalities: int, **places: int) -> None:
    """Raise a `ValueError` naming the first argument that is not the place of one of the modalities."""
    for name, place in places.items():
        Index().check(name, place, modalities)

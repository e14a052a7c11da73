"""The two objectives: a value for each, and which of them recover the signal."""

from enum import IntEnum
from typing import NamedTuple

import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Bool, Int

__all__ = ["PerObjective", "Regime", "regime_of"]


class PerObjective[T](NamedTuple):
    """One value for alignment (CA) and one for prediction (CP)."""

    ca: T
    cp: T


class Regime(IntEnum):
    """Which objectives recover the whole signal: CA contributes 1, CP contributes 2. Prints as "CA only"."""

    NEITHER = 0
    CA_ONLY = 1
    CP_ONLY = 2
    BOTH = 3

    def __str__(self) -> str:
        return ("Neither", "CA only", "CP only", "Both")[self]

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)  # an IntEnum would print its number


def regime_of(recovers: PerObjective[Bool[Array, ""]]) -> Regime | Int[Array, ""]:
    """The regime in which CA and CP recover or not; its integer code (int32) where the answers are traced."""
    code = recovers.ca.astype(jnp.int32) + 2 * recovers.cp.astype(jnp.int32)
    return code if isinstance(code, Tracer) else Regime(int(code))

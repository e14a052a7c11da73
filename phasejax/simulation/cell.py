"""From the numbers of one cell of a grid to its spiked model and sample size."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike

from phasejax.spiked import SpikedModel, noise_variance

__all__ = ["PARAMETERS", "RIDGES", "Cell", "Ridges"]

PARAMETERS = (
    "kappa",
    "spread",
    "gamma_x",
    "gamma_y",
    "quality_x",
    "quality_y",
    "gamma_tilde_x",
    "gamma_tilde_y",
    "nu",
    "eta",
    "n",
)
"""The numbers that a cell may have: `spread` makes the spikes unequal, κ_i = κ·spread^(i−1); a quality stands for a noise."""

RIDGES = ("ridge_x", "ridge_y")
"""What it may have beside them: a ridge on either view, in mean eigenvalues of its sample covariance."""


class Ridges(NamedTuple):
    """The ridges on x and on y, finite and ≥ 0. CA is regularised by both, CP by that on x."""

    x: Array
    y: Array


@dataclass(frozen=True)
class Cell:
    """What all cells of a grid have in common, the sizes. Everything else is a number, and may be traced."""

    d_x: int
    d_y: int
    k: int

    def __call__(self, numbers: Mapping[str, ArrayLike]) -> tuple[SpikedModel, Array]:
        """The model and the sample size."""
        return self.model(numbers), jnp.asarray(numbers["n"], dtype=float)

    def model(self, numbers: Mapping[str, ArrayLike]) -> SpikedModel:
        """The model alone, for any sample size; numbers that are not a cell's are passed over."""
        given = {name: jnp.asarray(numbers[name], dtype=float) for name in PARAMETERS if name in numbers and name != "n"}
        spread = given.pop("spread", None)
        if spread is not None:
            given["kappa"] = given["kappa"] * spread ** jnp.arange(self.k, dtype=float)
        for side in ("x", "y"):
            quality = given.pop(f"quality_{side}", None)
            if quality is not None:
                given[f"gamma_{side}"] = noise_variance(given["kappa"], quality)
        return SpikedModel.homogeneous(d=self.d_x, d_y=self.d_y, k=self.k, **given)

    def ridges(self, numbers: Mapping[str, ArrayLike]) -> Ridges | None:
        """The ridges; None where no number is one, so that nothing is computed for them."""
        if not any(name in numbers for name in RIDGES):
            return None
        return Ridges(*(jnp.asarray(numbers.get(name, 0.0), dtype=float) for name in RIDGES))

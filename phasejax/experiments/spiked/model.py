"""From the values of a cell to its spiked model."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array

from phasejax.experiments.spiked.spec import RANGES, SpikedSpec
from phasejax.spiked import SpikedModel, noise_variance
from phasejax.sweep.spec import SweepSpec


def model_at(spec: SweepSpec, **swept: ArrayLike) -> SpikedModel:
    """The spiked model of a sweep at one value of each of its axes, which may be traced: `model_at(spec, kappa=1.5, nu=0.2)`.

    Axes that are not the model's, n or a learning rate, may be left out.

    **Raises:** `ValueError` if the sweep has no spiked models, or an axis is missing or unknown.
    """
    if not isinstance(spec, SpikedSpec):
        raise ValueError(f"the sweep {spec.name!r} has no spiked models.")
    for name in swept:
        if name not in spec.axes:
            raise ValueError(f"{name} is not an axis of the sweep {spec.name!r}: its axes are {', '.join(spec.axes)}.")
    for name in spec.axes:
        if name in RANGES and name not in swept and name != "n":
            raise ValueError(f"{name} is missing: it is an axis of the sweep {spec.name!r}.")
    return Cell.of(spec).model(spec.model.fixed() | swept)


@dataclass(frozen=True)
class Cell:
    """What all cells of a sweep have in common, the sizes; everything else is a number, and may be traced."""

    d_x: int
    d_y: int
    k: int

    @classmethod
    def of(cls, spec: SpikedSpec) -> "Cell":
        return cls(*spec.model.dimensions, spec.model.k)

    def __call__(self, values: Mapping[str, ArrayLike]) -> tuple[SpikedModel, Array]:
        """The model and the sample size, from the value of every parameter of the specification."""
        return self.model(values), jnp.asarray(values["n"], dtype=float)

    def model(self, values: Mapping[str, ArrayLike]) -> SpikedModel:
        """The model alone; values that are not the model's are passed over."""
        given = {name: jnp.asarray(value, dtype=float) for name, value in values.items() if name in RANGES and name != "n"}
        spread = given.pop("spread", None)
        if spread is not None:
            given["kappa"] = given["kappa"] * spread ** jnp.arange(self.k)
        for side in ("x", "y"):
            quality = given.pop(f"quality_{side}", None)
            if quality is not None:
                given[f"gamma_{side}"] = noise_variance(given["kappa"], quality)
        return SpikedModel.homogeneous(d=self.d_x, d_y=self.d_y, k=self.k, **given)

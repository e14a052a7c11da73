"""From the values of a cell to its spiked model."""

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
    given = spec.model.fixed() | {name: value for name, value in swept.items() if name in RANGES}
    values = {name: jnp.asarray(value, dtype=float) for name, value in given.items() if name != "n"}
    spread = values.pop("spread", None)
    if spread is not None:
        values["kappa"] = values["kappa"] * spread ** jnp.arange(spec.model.k)
    for side in ("x", "y"):
        quality = values.pop(f"quality_{side}", None)
        if quality is not None:
            values[f"gamma_{side}"] = noise_variance(values["kappa"], quality)
    return SpikedModel.homogeneous(d=spec.model.d, d_y=spec.model.d_y, k=spec.model.k, **values)


def sample_size(spec: SpikedSpec, swept: dict[str, Array]) -> Array:
    """The sample size n of one cell."""
    return jnp.asarray(swept.get("n", spec.model.n), dtype=float)

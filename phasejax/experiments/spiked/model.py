"""From the values of a cell to its spiked model."""

from jax.typing import ArrayLike

from phasejax.experiments.spiked.spec import SpikedSpec
from phasejax.simulation.cell import PARAMETERS, Cell
from phasejax.spiked import SpikedModel
from phasejax.sweep.spec import SweepSpec


def model_at(spec: SweepSpec, **swept: ArrayLike) -> SpikedModel:
    """The spiked model of a sweep at one value of each of its axes, which may be traced: `model_at(spec, kappa=1.5, nu=0.2)`.

    Axes that are not the model's, n, a ridge or a learning rate, may be left out.

    **Raises:** `ValueError` if the sweep has no spiked models, or an axis is missing or unknown.
    """
    if not isinstance(spec, SpikedSpec):
        raise ValueError(f"the sweep {spec.name!r} has no spiked models.")
    for name in swept:
        if name not in spec.axes:
            raise ValueError(f"{name} is not an axis of the sweep {spec.name!r}: its axes are {', '.join(spec.axes)}.")
    for name in spec.axes:
        if name in PARAMETERS and name not in swept and name != "n":
            raise ValueError(f"{name} is missing: it is an axis of the sweep {spec.name!r}.")
    return cell_of(spec).model(spec.model.fixed() | swept)


def cell_of(spec: SpikedSpec) -> Cell:
    """What all cells of a sweep have in common."""
    return Cell(*spec.model.dimensions, spec.model.k)

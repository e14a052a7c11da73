"""The kind of experiment that trains networks on a world of pictures and reads what they hold."""

import jax
import xarray as xr
from matplotlib.figure import Figure

from phasejax.experiments.world.engine import REPRESENTATIONS, VIEWS, WorldEngine
from phasejax.experiments.world.figure import world_figure
from phasejax.experiments.world.spec import WorldSpec
from phasejax.sweep.agreement import Agreement
from phasejax.sweep.kind import Dimensions, Kind, Variables
from phasejax.training.probes import READINGS

__all__ = ["WORLD", "WorldKind"]


class WorldKind:
    """Networks trained on pictures: every cell is a world, every trial a seed."""

    spec = WorldSpec

    def variables(self, spec: WorldSpec) -> Variables:
        read = ("objective", "view", "representation", "reading")
        return {
            "nu": ((), "f8", "correlation of the nuisance in the two views"),
            "accuracy": (read, "f8", "accuracy of the class on rows apart, mean over trials"),
            "accuracy_se": (read, "f8", "its standard error over trials"),
            "r2": (read, "f8", "R² of the shared nuisance on rows apart, mean over trials"),
            "r2_se": (read, "f8", "its standard error over trials"),
            "loss": (("objective",), "f8", "mean loss over the last twentieth of the steps, mean over trials"),
            "failed_trials": (("objective",), "i4", "trials that diverged, left out of the means"),
        }

    def dimensions(self, spec: WorldSpec) -> Dimensions:
        return {
            "objective": tuple(spec.world.objectives),
            "view": VIEWS,
            "representation": REPRESENTATIONS,
            "reading": READINGS,
        }

    def engine(self, spec: WorldSpec, *, precision: int, devices: tuple[jax.Device, ...]) -> WorldEngine:
        return WorldEngine(spec, precision=precision, devices=devices)

    def expected(self, dataset: xr.Dataset) -> xr.Dataset:
        """As it is: the theory is of linear encoders."""
        return dataset

    def agreement(self, dataset: xr.Dataset) -> list[Agreement]:
        """None: no closed form says what a convolutional network recovers."""
        return []

    def figure(self, dataset: xr.Dataset) -> Figure:
        return world_figure(dataset)


WORLD: Kind = WorldKind()

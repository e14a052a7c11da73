"""Linear encoders trained on any objective, beside what the theory says of CA and CP."""

import jax
import xarray as xr
from matplotlib.figure import Figure

from phasejax.experiments.spiked.expectation import expected
from phasejax.experiments.spiked.population import ANALYTIC, recovery
from phasejax.experiments.trained import agreement
from phasejax.experiments.trained.engine import TrainedEngine
from phasejax.experiments.trained.figure import trained_figure
from phasejax.experiments.trained.spec import TrainedSpec
from phasejax.sweep.agreement import Agreement
from phasejax.sweep.kind import Dimensions, Kind, Variables

__all__ = ["TRAINED", "TrainedKind"]


class TrainedKind:
    """The kind of experiment that trains encoders on objectives."""

    spec = TrainedSpec

    def variables(self, spec: TrainedSpec) -> Variables:
        """Analytic variables, and measured ones, which have one more dimension, `objective`."""
        ends: Variables = {
            "loss": ((), "f8", "mean loss over the last twentieth of the steps, mean over trials"),
            "failed_trials": ((), "i4", "trials that diverged, left out of the means"),
        }
        measured = recovery({"x": "x encoder", "y": "y encoder"}) | ends
        return ANALYTIC | {name: (("objective", *extra), dtype, what) for name, (extra, dtype, what) in measured.items()}

    def dimensions(self, spec: TrainedSpec) -> Dimensions:
        return {"objective": tuple(spec.training.objectives), "direction": tuple(range(1, spec.model.k + 1))}

    def engine(self, spec: TrainedSpec, *, precision: int, devices: tuple[jax.Device, ...]) -> TrainedEngine:
        return TrainedEngine(spec, precision=precision, devices=devices)

    def expected(self, dataset: xr.Dataset) -> xr.Dataset:
        return expected(dataset)

    def agreement(self, dataset: xr.Dataset) -> list[Agreement]:
        return agreement.agreement(dataset)

    def figure(self, dataset: xr.Dataset) -> Figure:
        return trained_figure(dataset)


TRAINED: Kind = TrainedKind()

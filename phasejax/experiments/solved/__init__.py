"""CA and CP solved in closed form on sample covariances, beside what the theory says of the population."""

import jax
import xarray as xr
from matplotlib.figure import Figure

from phasejax import plot
from phasejax.experiments.solved import agreement
from phasejax.experiments.solved.engine import SolvedEngine
from phasejax.experiments.spiked.expectation import between, expected
from phasejax.experiments.spiked.population import ANALYTIC, recovery
from phasejax.experiments.spiked.spec import SpikedSpec
from phasejax.sweep.agreement import Agreement
from phasejax.sweep.kind import Dimensions, Kind, Variables

__all__ = ["SOLVED", "Solved"]


class Solved:
    """The kind of experiment that solves for CA and CP."""

    spec = SpikedSpec

    def variables(self, spec: SpikedSpec) -> Variables:
        """Analytic and measured variables; none of them has a dimension that depends on the specification but `direction`."""
        verdicts: Variables = {
            "regime_empirical": ((), "i1", "regime measured: an objective recovers when at least half of its trials do"),
            "failed_trials": ((), "i4", "trials with a non-finite outcome, left out of the means"),
        }
        return ANALYTIC | verdicts | recovery({"ca": "CA", "cp": "CP"})

    def dimensions(self, spec: SpikedSpec) -> Dimensions:
        return {"direction": tuple(range(1, spec.model.k + 1))}

    def engine(self, spec: SpikedSpec, *, precision: int, devices: tuple[jax.Device, ...]) -> SolvedEngine:
        return SolvedEngine(spec, precision=precision, devices=devices)

    def expected(self, dataset: xr.Dataset) -> xr.Dataset:
        return expected(dataset)

    def agreement(self, dataset: xr.Dataset) -> list[Agreement]:
        return agreement.agreement(dataset)

    def figure(self, dataset: xr.Dataset) -> Figure:
        return plot.sweep_figure(dataset, between)


SOLVED: Kind = Solved()

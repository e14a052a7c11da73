"""Where trained objectives lose the signal (d = 20, k = 3, κ = 3, 2, 1.5, γˣ = .5, γʸ = .05, γ̃ˣ = 1, γ̃ʸ = 50, n = 5000).

Left: distance ‖P_Û − P_U‖_F/√(2k) of the x encoder against nuisance correlation ν, linear encoders, 600 steps of batch 256, 5
seeds. Right: the ν at which it reaches ½; bars are where the mean ± 2 standard errors crosses. Grey: the boundaries Δ = 1.
What aligns lasts far beyond prediction, which ends with CP.
"""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from phasejax import plot
from phasejax.experiments.spiked import model_at
from phasejax.experiments.trained.figure import SERIES
from phasejax.figures import Sweeps
from phasejax.recovery import crossing
from phasejax.sweep import spec_of
from phasejax.theory import critical_nu


def draw(sweeps: Sweeps) -> Figure:
    dataset = sweeps("objective_crossings")
    boundary = critical_nu(model_at(spec_of(dataset), nu=0.0))
    figure = Figure(figsize=(plot.PAGE, 2.9), layout="constrained")
    curves, crossings = figure.subplots(1, 2, width_ratios=[1.2, 1])
    names = [str(name) for name in dataset.objective.values]
    for row, (name, (line, color)) in enumerate(zip(names, SERIES, strict=False)):
        one = dataset.sel(objective=name)
        curves.plot(one.nu, np.sqrt(one.distance_x), linestyle=line, color=color, label=name)
        low, middle, high = (_crossing(one, shift) for shift in (2, 0, -2))
        error = [[middle - low], [high - middle]]
        crossings.errorbar(middle, row, xerr=error, fmt="o", color=color, markersize=4, capsize=2)
    for ax in (curves, crossings):
        for label in ("ca", "cp"):
            style = {"color": "0.4", "linestyle": plot.OBJECTIVE_LINES[label], "linewidth": 0.9, "zorder": 0}
            ax.axvline(float(getattr(boundary, label)), label=plot.unity(label), **style)
        ax.set(xlabel=plot.SYMBOLS["nu"], xlim=(0, 1))
    curves.set_ylabel("distance of the x encoder")
    crossings.set(yticks=range(len(names)), yticklabels=names, title="distance reaches ½")
    crossings.invert_yaxis()
    figure.legend(*curves.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _crossing(one: xr.Dataset, errors: float) -> float:
    """The ν at which the mean distance plus so many standard errors reaches ½; 1 where it never does."""
    distance = np.sqrt(np.clip(one.distance_x.values + errors * np.nan_to_num(one.distance_x_se.values), 0, 1))
    return min(1.0, crossing(one.nu.values, distance))

"""The paper's central figure and ours: what probes tell against the correlation of the nuisance, under three readings."""

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phasejax.experiments.trained.figure import SERIES
from phasejax.plot import STYLE, SYMBOLS

READ = (
    ("everything: converged probe", "features", "converged"),
    ("2 leading directions of the output", "output", "leading 2"),
    ("loud directions: published probe", "features", "published"),
)
TOLD = (("accuracy", "accuracy of the class"), ("r2", "R² of the nuisance"))


def world_figure(dataset: xr.Dataset) -> Figure:
    """Against the true correlation where the first axis moves it, else that axis; ± 2 standard errors; of further axes the
    middle. Read is the encoder of x, and of y where only that was trained."""
    first, *others = map(str, dataset.nu.dims)
    dataset = dataset.isel({name: dataset.sizes[name] // 2 for name in others})
    moved = np.ptp(dataset.nu.values) > 0
    x, label = (dataset.nu.values, SYMBOLS["nu"]) if moved else (dataset[first].values, first)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.4), layout="constrained")
        panels = figure.subplots(2, 3, sharex=True, sharey="row")
        for row, (name, what) in zip(panels, TOLD, strict=True):
            for ax, (title, representation, reading) in zip(row, READ, strict=True):
                curves(ax, x, name, dataset.sel(representation=representation, reading=reading))
                ax.set(ylim=(-0.05, 1.05))
                if name == "accuracy":
                    ax.set_title(title)
            row[0].set_ylabel(what)
        for ax in panels[1]:
            ax.set_xlabel(label)
        panels[1, 2].set_axis_off()  # the published probe reads no values
        panels[1, 2].legend(*panels[0, 0].get_legend_handles_labels(), loc="center")
    return figure


def curves(ax: Axes, x: np.ndarray, name: str, dataset: xr.Dataset) -> None:
    """A line for each objective: its mean over seeds and ± 2 standard errors."""
    for objective, (line, color) in zip(dataset.objective.values, SERIES, strict=False):
        one = dataset.sel(objective=objective)
        mean, error = (one[which].sel(view="x").fillna(one[which].sel(view="y")).values for which in (name, f"{name}_se"))
        ax.plot(x, mean, linestyle=line, color=color, label=str(objective))
        ax.fill_between(x, mean - 2 * error, mean + 2 * error, color=color, alpha=0.2, linewidth=0)

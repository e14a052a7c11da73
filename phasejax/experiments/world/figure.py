"""The paper's central figure and ours: what probes tell against the correlation of the positions, under several readings."""

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from phasejax.experiments.trained.figure import SERIES
from phasejax.plot import STYLE

PANELS = (
    ("accuracy", "features", "published", "class, published probe"),
    ("accuracy", "features", "converged", "class, converged probe"),
    ("accuracy", "output", "leading 2", "class, leading 2 of the output"),
    ("r2", "output", "leading 2", "position R², leading 2 of the output"),
)


def world_figure(dataset: xr.Dataset) -> Figure:
    """Against the first axis, or the true correlation where that is jitter; ± 2 standard errors; of further axes the middle."""
    first, *others = map(str, dataset.nu.dims)
    dataset = dataset.isel({name: dataset.sizes[name] // 2 for name in others})
    x = dataset.nu.values if first == "jitter" else dataset[first].values
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.6), layout="constrained")
        for ax, (name, representation, reading, title) in zip(figure.subplots(2, 2).ravel(), PANELS, strict=True):
            for objective, (line, color) in zip(dataset.objective.values, SERIES, strict=False):
                one = dataset.sel(objective=objective, representation=representation, reading=reading)
                mean, error = one[name].values, 2 * np.nan_to_num(one[f"{name}_se"].values)
                ax.plot(x, mean, line, color=color, label=str(objective))
                ax.fill_between(x, mean - error, mean + error, color=color, alpha=0.2, linewidth=0)
            ax.set(title=title, ylim=(-0.05, 1.05), xlabel="correlation of the positions" if first == "jitter" else first)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure

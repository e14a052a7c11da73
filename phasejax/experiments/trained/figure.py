"""The picture of a trained sweep: where each objective recovers, beside the analytic boundaries of CA and CP."""

import math

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phasejax.experiments.spiked.expectation import between
from phasejax.experiments.spiked.spec import RANGES
from phasejax.plot import (
    STYLE,
    SYMBOLS,
    at_n,
    boundaries,
    expected_boundaries,
    expected_key,
    heading,
    named_axes,
    stated,
    unity_key,
    unity_marks,
    value_map,
)

COLUMNS = 4
# Distinct to colour-blind readers (after Okabe & Ito), none of them that of an objective's Δ; in grey line styles tell.
COLORS = ("#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#8a8a8a")
LINES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (9, 2)))
SERIES = tuple((LINES[(i + i // 6) % 6], COLORS[i % 6]) for i in range(36))


def trained_figure(dataset: xr.Dataset) -> Figure:
    """Over one axis of the model: the subspace distance, ± 2 standard errors, for each objective and further axis value.

    Over two: maps of the share of successes, under the boundaries of CA and CP in the limit and, where the dataset holds
    them, at n. Of further axes of the model the middle value is shown.
    """
    dataset = dataset.sortby(list(dataset.delta_ca.dims))
    model_axes = [name for name in map(str, dataset.delta_ca.dims) if name in RANGES]
    middle = {name: dataset.sizes[name] // 2 for name in model_axes[2:]}
    left_out = [f"{stated(name, dataset[name].values)} but the middle one" for name in middle]
    dataset = dataset.isel(middle)
    series = _series(dataset, model_axes[:2])
    with mpl.rc_context(STYLE):
        figure = _maps(series) if len(model_axes) > 1 else _curves(series)
        words = f"In the store and not shown: {'; '.join(left_out)}." if left_out else ""
        figure.suptitle(heading(dataset, figure.get_figwidth(), f"Measured at {at_n(dataset)}. {words}"), fontsize=7)
    return figure


def success_map(ax: Axes, dataset: xr.Dataset) -> Axes:
    """Share of trials whose x encoder recovers all directions, from dark (none) to light (all), under Δ_CA = 1 and Δ_CP = 1."""
    x, y = map(str, dataset.success_x.dims)
    points = {x: dataset[x].values, y: dataset[y].values}
    value_map(ax, points[x], points[y], dataset.success_x.values, cmap="cividis", vmin=0, vmax=1)
    boundaries(named_axes(ax, **points), between(dataset))
    return expected_boundaries(ax, dataset) if "margin_ca" in dataset else ax


def _series(dataset: xr.Dataset, model_axes: list[str]) -> list[tuple[str, xr.Dataset]]:
    """(label, dataset over the axes of the model alone) for each objective and each value of the further axes."""
    further = [str(dim) for dim in dataset.distance_x.dims if dim not in model_axes and dim != "objective"]
    series = []
    for objective in dataset.objective.values:
        for index in np.ndindex(*(dataset.sizes[dim] for dim in further)):
            one = dataset.sel(objective=objective).isel(dict(zip(further, index, strict=True)))
            series.append(("\n".join([str(objective), *(f"{dim} {float(one[dim]):.3g}" for dim in further)]), one))
    return series


def _maps(series: list[tuple[str, xr.Dataset]]) -> Figure:
    columns = min(COLUMNS, len(series))
    rows = math.ceil(len(series) / columns)
    figure = Figure(figsize=(1.0 + 1.7 * columns, 0.6 + 1.9 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for ax, (label, one) in zip(panels, series, strict=False):
        success_map(ax, one).set(title=label, xlabel="", ylabel="")
    x, y = map(str, series[0][1].success_x.dims)
    for ax in panels[len(series) :]:
        ax.set_visible(False)
    figure.supxlabel(SYMBOLS[x], fontsize=8)
    figure.supylabel(SYMBOLS[y], fontsize=8)
    figure.colorbar(panels[0].collections[0], ax=list(panels), label="share of trials that recover the signal", shrink=0.8)
    lines = unity_key() + (expected_key() if "margin_ca" in series[0][1] else [])
    figure.legend(handles=lines, loc="outside lower center", ncols=4)
    return figure


def _curves(series: list[tuple[str, xr.Dataset]]) -> Figure:
    figure = Figure(figsize=(4.8, 3.0), layout="constrained")
    ax = figure.add_subplot()
    (dim,) = map(str, series[0][1].distance_x.dims)
    x = series[0][1][dim].values
    for (label, one), (line, color) in zip(series, SERIES, strict=False):
        mean, error = one.distance_x.values, 2 * np.nan_to_num(one.distance_x_se.values)
        ax.plot(x, mean, linestyle=line, color=color, label=label.replace("\n", ", "))
        ax.fill_between(x, mean - error, mean + error, color=color, alpha=0.2, linewidth=0)
    unity_marks(named_axes(ax, **{dim: x}), between(series[0][1]))
    ax.set(ylabel="subspace distance, x encoder", ylim=(-0.02, 1.02))
    figure.legend(loc="outside right upper")
    return figure

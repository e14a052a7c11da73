"""Pictures of a sweep of CA and CP: functions that take `ax`, draw on it and return it; and the whole picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from phasejax.plot.style import (
    OBJECTIVE_COLORS,
    OBJECTIVE_LINES,
    REGIME_COLORS,
    STYLE,
    SYMBOLS,
    region_key,
    unity,
    unity_key,
)
from phasejax.solvers import Status
from phasejax.theory import Regime

if TYPE_CHECKING:  # a figure that reads no sweep loads none of what sweeps are kept with
    import xarray as xr


def computed(dataset: xr.Dataset) -> xr.DataArray:
    """The cells of a sweep that have been computed."""
    return dataset.status.isin(list(Status))


def flagged(dataset: xr.Dataset) -> xr.DataArray:
    """The computed cells in which the solutions of some trial were not finite or not determined (`solvers.Status`)."""
    return computed(dataset) & (dataset.status != Status.OK)


def region_map(ax: Axes, x: np.ndarray, y: np.ndarray, codes: np.ndarray) -> Axes:
    """The four regions as colours from their codes, (len(x), len(y)); NaN stays blank."""
    colors = ListedColormap([REGIME_COLORS[region] for region in Regime])
    ax.pcolormesh(x, y, np.asarray(codes).T, cmap=colors, vmin=-0.5, vmax=3.5, shading="nearest", rasterized=True)
    return ax


def level_line(ax: Axes, x: np.ndarray, y: np.ndarray, height: np.ndarray, objective: str, **style: Any) -> Axes:
    """The curve height = 0 of one objective ("ca" solid, "cp" dashed), `height` (len(x), len(y)); black with a white rim."""
    if np.nanmin(height) < 0 < np.nanmax(height):
        style = {"colors": "black", "linewidths": 1.2, "linestyles": OBJECTIVE_LINES[objective]} | style
        lines = ax.contour(x, y, np.asarray(height).T, levels=[0], **style)
        lines.set_path_effects([withStroke(linewidth=2.2, foreground="white")])  # visible on the dark region too
    return ax


def regions(ax: Axes, dataset: xr.Dataset, variable: str = "regime") -> Axes:
    """The four regions of a two-axis dataset: first dimension along x, second along y. `variable` names the codes to show."""
    codes = dataset[variable].where(computed(dataset))
    x, y = (dataset[dim].values for dim in codes.dims)
    region_map(ax, x, y, codes.values)
    return _labelled(ax, dict(zip(map(str, codes.dims), (x, y), strict=True)))


def boundaries(ax: Axes, dataset: xr.Dataset) -> Axes:
    """The curves Δ_CA = 1 (solid) and Δ_CP = 1 (dashed) of a two-axis dataset."""
    x, y = (dataset[dim].values for dim in dataset.delta_ca.dims)
    if min(len(x), len(y)) < 2:
        return ax
    for label in ("ca", "cp"):
        # log Δ is smooth across the boundary; 0 and ∞ stay on their side of it.
        with np.errstate(divide="ignore"):
            level_line(ax, x, y, np.clip(np.log(dataset[f"delta_{label}"].values), -20, 20), label)
    return ax


def failures(ax: Axes, dataset: xr.Dataset) -> Axes:
    """A cross on each flagged cell."""
    crossed = np.argwhere(flagged(dataset).values)
    if crossed.size:
        x, y = (dataset[dim].values for dim in dataset.status.dims)
        ax.plot(x[crossed[:, 0]], y[crossed[:, 1]], "x", color="black", markersize=3, markeredgewidth=0.6)
    return ax


def recovery_curve(ax: Axes, dataset: xr.Dataset, label: str) -> Axes:
    """Mean subspace distance of one objective ("ca" or "cp") along a one-axis dataset, ± 2 standard errors, and its Δ = 1."""
    (dim,) = dataset[f"distance_{label}"].dims
    x, mean = dataset[dim].values, dataset[f"distance_{label}"].values
    error = 2 * np.nan_to_num(dataset[f"distance_{label}_se"].values)
    color = OBJECTIVE_COLORS[label]
    ax.plot(x, mean, OBJECTIVE_LINES[label], color=color, label=f"{label.upper()} measured")
    ax.fill_between(x, mean - error, mean + error, color=color, alpha=0.25, linewidth=0)
    recovers = dataset[f"delta_{label}"].values > 1
    for crossing in np.flatnonzero(recovers[1:] != recovers[:-1]):
        middle = (x[crossing] + x[crossing + 1]) / 2
        ax.axvline(middle, color=color, linestyle=":", linewidth=1, label=unity(label))
    ax.set_xlabel(SYMBOLS[str(dim)])
    ax.set_ylabel("subspace distance")
    ax.set_ylim(-0.02, 1.02)
    return ax


def sweep_figure(dataset: xr.Dataset) -> Figure:
    """The picture of a sweep.

    One axis: recovery curves. Two: the analytic diagram beside the measured one. More: the two as rows of small multiples,
    one column for each value of the further axes (at most six, evenly chosen).
    """
    with mpl.rc_context(STYLE):
        return _curves(dataset) if dataset.regime.ndim == 1 else _diagrams(dataset)


def _curves(dataset: xr.Dataset) -> Figure:
    figure = Figure(figsize=(3.6, 2.6), layout="constrained")
    ax = figure.add_subplot()
    for label in ("ca", "cp"):
        recovery_curve(ax, dataset, label)
    if dataset.regime.dims == ("n",):
        ax.set_xscale("log")
    ax.legend()
    return figure


def _diagrams(dataset: xr.Dataset) -> Figure:
    panels = _panels(dataset, dataset.regime.dims[2:])
    if len(panels) == 1:
        figure = Figure(figsize=(6.4, 3.0), layout="constrained")
        grid = figure.subplots(1, 2, sharex=True, sharey=True, squeeze=False).T
    else:
        figure = Figure(figsize=(1.1 + 1.55 * len(panels), 4.2), layout="constrained")
        grid = figure.subplots(2, len(panels), sharex=True, sharey=True, squeeze=False)
    for (title, panel), theory_ax, measured_ax in zip(panels, *grid, strict=True):
        boundaries(regions(theory_ax, panel, "regime"), panel)
        failures(boundaries(regions(measured_ax, panel, "regime_empirical"), panel), panel)
        theory_ax.set_title("\n".join(("theory", *title)))
        measured_ax.set_title("measured")
        for ax in (theory_ax, measured_ax):
            ax.label_outer()
    figure.legend(handles=region_key() + unity_key(), loc="outside lower center", ncols=6)
    return figure


def _panels(dataset: xr.Dataset, further: tuple[str, ...]) -> list[tuple[list[str], xr.Dataset]]:
    """(title lines, two-axis dataset) for each shown combination of the further axes."""
    shape = tuple(dataset.sizes[dim] for dim in further)
    count = math.prod(shape)
    chosen = np.unique(np.linspace(0, count - 1, min(6, count)).round().astype(int))
    panels = []
    for index in chosen:
        place = dict(zip(further, np.unravel_index(index, shape), strict=True))
        panel = dataset.isel({dim: int(i) for dim, i in place.items()})
        panels.append(([f"{SYMBOLS[dim]} = {float(panel[dim]):.3g}" for dim in further], panel))
    return panels


def _labelled(ax: Axes, values: dict[str, np.ndarray]) -> Axes:
    """Name the two axes, x first; sample sizes go on a logarithmic scale."""
    settings = ((ax.set_xlabel, ax.set_xscale), (ax.set_ylabel, ax.set_yscale))
    for (dim, points), (label, scale) in zip(values.items(), settings, strict=True):
        label(SYMBOLS[dim])
        if dim == "n" and len(points) > 1:
            scale("log")
    return ax

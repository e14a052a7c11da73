"""What a picture of a sweep is made of: functions that take `ax`, draw on it and return it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patheffects import withStroke

from phasejax.plot.style import EXPECTED_COLORS, OBJECTIVE_COLORS, OBJECTIVE_LINES, REGIME_COLORS, SYMBOLS, unity
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


def logarithmic(points: np.ndarray) -> bool:
    """Whether an axis is better drawn logarithmically: three or more positive points, spaced more evenly by ratio than by
    difference."""
    if len(points) < 3 or np.min(points) <= 0:
        return False
    steps = (np.diff(np.sort(values)) for values in (np.log(points), points))
    by_ratio, by_difference = (np.std(step) / np.mean(step) for step in steps)
    return bool(by_ratio < by_difference - 1e-9)


def named_axes(ax: Axes, **values: np.ndarray) -> Axes:
    """Name the axes, x first, and let each be linear or logarithmic as its points are."""
    settings = ((ax.set_xlabel, ax.set_xscale), (ax.set_ylabel, ax.set_yscale))
    for (dim, points), (label, scale) in zip(values.items(), settings, strict=False):
        label(SYMBOLS.get(dim, dim))
        scale("log" if logarithmic(points) else "linear")
    return ax


def regime_map(ax: Axes, x: np.ndarray, y: np.ndarray, codes: np.ndarray) -> Axes:
    """The four regimes as colours from their codes, (len(x), len(y)); NaN stays blank."""
    colors = ListedColormap([REGIME_COLORS[regime] for regime in Regime])
    return value_map(ax, x, y, codes, cmap=colors, vmin=-0.5, vmax=3.5)


def value_map(ax: Axes, x: np.ndarray, y: np.ndarray, values: np.ndarray, **style: Any) -> Axes:
    """A cell around each point in the colour of its value, (len(x), len(y)), on axes that are logarithmic where x and y are."""
    ax.pcolormesh(_edges(x), _edges(y), np.asarray(values).T, rasterized=True, **style)
    return ax


def level_line(ax: Axes, x: np.ndarray, y: np.ndarray, height: np.ndarray, objective: str, **style: Any) -> Axes:
    """The curve height = 0 of one objective ("ca" solid, "cp" dashed), `height` (len(x), len(y)); black with a white rim."""
    if min(np.shape(height)) > 1 and np.nanmin(height) < 0 < np.nanmax(height):
        style = {"colors": "black", "linewidths": 1.2, "linestyles": OBJECTIVE_LINES[objective]} | style
        lines = ax.contour(x, y, np.asarray(height).T, levels=[0], **style)
        lines.set_path_effects([withStroke(linewidth=2.2, foreground="white")])  # visible on the dark colour too
    return ax


def regimes(ax: Axes, dataset: xr.Dataset, variable: str = "regime") -> Axes:
    """The four regimes of a two-axis dataset: first dimension along x, second along y. `variable` names the codes to show."""
    codes = dataset[variable].where(computed(dataset))
    x, y = map(str, codes.dims)
    points = {x: dataset[x].values, y: dataset[y].values}
    return named_axes(regime_map(ax, points[x], points[y], codes.values), **points)


def boundaries(ax: Axes, dataset: xr.Dataset) -> Axes:
    """The curves Δ_CA = 1 (solid) and Δ_CP = 1 (dashed) of `delta_ca` and `delta_cp` over two axes.

    They are as fine as the dataset: `experiments.spiked.between` computes Δ between the cells of a sweep.
    """
    x, y = (dataset[dim].values for dim in dataset.delta_ca.dims)
    for objective in ("ca", "cp"):
        # (Δ − 1)/(Δ + 1) = (signal − nuisance)/(signal + nuisance) is smooth where Δ is 0 or ∞.
        level_line(ax, x, y, 1 - 2 / (1 + dataset[f"delta_{objective}"].values), objective)
    return ax


def expected_boundaries(ax: Axes, dataset: xr.Dataset) -> Axes:
    """Where theory expects each objective to stop recovering from n pairs, of `margin_ca` and `margin_cp` over two axes."""
    x, y = (dataset[dim].values for dim in dataset.margin_ca.dims)
    for objective, color in EXPECTED_COLORS.items():
        level_line(ax, x, y, dataset[f"margin_{objective}"].values, objective, colors=color)
    return ax


def failures(ax: Axes, dataset: xr.Dataset) -> Axes:
    """A cross on each flagged cell."""
    crossed = np.argwhere(flagged(dataset).values)
    if crossed.size:
        x, y = (dataset[dim].values for dim in dataset.status.dims)
        ax.plot(x[crossed[:, 0]], y[crossed[:, 1]], "x", color="black", markersize=3, markeredgewidth=0.6)
    return ax


def recovery_curve(ax: Axes, dataset: xr.Dataset, objective: str) -> Axes:
    """Mean subspace distance of one objective ("ca" or "cp") along a one-axis dataset, ± 2 standard errors; dotted what theory
    expects at n, where the dataset holds it (`expected_ca`, `expected_cp`)."""
    (dim,) = map(str, dataset[f"distance_{objective}"].dims)
    x, mean = dataset[dim].values, dataset[f"distance_{objective}"].values
    error = 2 * np.nan_to_num(dataset[f"distance_{objective}_se"].values)
    color = OBJECTIVE_COLORS[objective]
    ax.plot(x, mean, OBJECTIVE_LINES[objective], color=color, linewidth=2, label=f"{objective.upper()} measured")
    ax.fill_between(x, mean - error, mean + error, color=color, alpha=0.25, linewidth=0)
    if f"expected_{objective}" in dataset:
        color = EXPECTED_COLORS[objective]
        ax.plot(
            x, dataset[f"expected_{objective}"], ":", color=color, linewidth=1.2, label=f"{objective.upper()} expected at n"
        )
    ax.set(ylabel="subspace distance", ylim=(-0.02, 1.02))
    return named_axes(ax, **{dim: x})


def unity_marks(ax: Axes, dataset: xr.Dataset) -> Axes:
    """A grey vertical line where Δ of a one-axis dataset crosses 1, in the objective's line style."""
    (dim,) = dataset.delta_ca.dims
    x = dataset[dim].values
    for objective in ("ca", "cp"):
        recovers = dataset[f"delta_{objective}"].values > 1
        for i in np.flatnonzero(recovers[1:] != recovers[:-1]):
            middle = (x[i] + x[i + 1]) / 2
            ax.axvline(
                middle, color="0.4", linestyle=OBJECTIVE_LINES[objective], linewidth=0.9, label=unity(objective), zorder=0
            )
    return ax


def _edges(points: np.ndarray) -> np.ndarray:
    """Borders of the cells around points: halfway between neighbours, and as far beyond the first and the last."""
    points = np.asarray(points, float)
    if len(points) == 1:
        return points[0] + np.array([-0.5, 0.5])
    if logarithmic(points):
        return np.exp(_edges_of_even(np.log(points)))
    return _edges_of_even(points)


def _edges_of_even(points: np.ndarray) -> np.ndarray:
    middles = (points[1:] + points[:-1]) / 2
    return np.concatenate([[2 * points[0] - middles[0]], middles, [2 * points[-1] - middles[-1]]])

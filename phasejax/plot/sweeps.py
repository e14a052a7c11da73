"""The whole picture of a sweep of CA and CP, for any number of axes."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from phasejax.plot.maps import boundaries, expected_boundaries, failures, recovery_curve, regimes, unity_marks
from phasejax.plot.style import COLUMN, PAGE, STYLE, evenly, expected_key, regime_key, stated, unity_key

if TYPE_CHECKING:
    import xarray as xr

MOST = 6
"""Panels side by side; of more values the figure shows an even choice, and names the others."""


def sweep_figure(dataset: xr.Dataset, between: Callable[[xr.Dataset], xr.Dataset]) -> Figure:
    """The picture of a sweep, finished or not; `between` gives Δ_CA and Δ_CP between the cells of a part of it.

    One axis: recovery curves. Two: the regimes of infinitely many pairs, those that theory expects at n where the dataset holds
    them (`regime_at_n`), and those measured. More: the same as rows of small multiples, a column for each value of the further
    axes.
    """
    dataset = dataset.sortby(list(dataset.regime.dims))
    with mpl.rc_context(STYLE):
        return _curves(dataset, between) if dataset.regime.ndim == 1 else _diagrams(dataset, between)


def heading(dataset: xr.Dataset, width: float, left_out: str = "") -> str:
    """Name of a sweep and everything that it holds fixed, in lines that fit a figure of `width` inches."""
    spec = json.loads(dataset.attrs["spec"])
    model = {name: value for name, value in spec["model"].items() if name != "n"}
    fixed = ", ".join(stated(name, value) for name, value in model.items())
    lines = textwrap.wrap(f"{spec['name']}: {fixed}", int(17 * width))
    return "\n".join(lines + textwrap.wrap(left_out, int(17 * width)))


def at_n(dataset: xr.Dataset) -> str:
    """As in "n = 5000", "n" where it is an axis of the dataset."""
    fixed = json.loads(dataset.attrs["spec"])["model"].get("n")
    if fixed is None and dataset.n.ndim == 0:
        fixed = float(dataset.n)
    return "n" if fixed is None else stated("n", fixed)


def _curves(dataset: xr.Dataset, between: Callable[[xr.Dataset], xr.Dataset]) -> Figure:
    figure = Figure(figsize=(1.4 * COLUMN, 3.2), layout="constrained")
    ax = figure.add_subplot()
    for objective in ("ca", "cp"):
        recovery_curve(ax, dataset, objective)
    unity_marks(ax, between(dataset))
    ax.set_title(f"measured at {at_n(dataset)}")
    figure.suptitle(heading(dataset, 1.4 * COLUMN), fontsize=7)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _diagrams(dataset: xr.Dataset, between: Callable[[xr.Dataset], xr.Dataset]) -> Figure:
    panels, left_out = _panels(dataset, dataset.regime.dims[2:])
    rows = {"regime": "n = ∞", "regime_at_n": "expected at {}", "regime_empirical": "measured at {}"}
    rows = {variable: title for variable, title in rows.items() if variable in dataset}
    across = len(panels) == 1  # two axes: the regimes side by side
    if across:
        figure = Figure(figsize=(PAGE, 3.1), layout="constrained")
    else:
        figure = Figure(figsize=(max(PAGE, 1.1 + 1.55 * len(panels)), 1.2 + 1.6 * len(rows)), layout="constrained")
    shape = (1, len(rows)) if across else (len(rows), len(panels))
    grid = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    for (title, panel), column in zip(panels, grid if across else grid.T, strict=True):
        fine = between(panel)
        for ax, (variable, kind) in zip(column, rows.items(), strict=True):
            boundaries(regimes(ax, panel, variable), fine)
            if "margin_ca" in panel and variable != "regime":
                expected_boundaries(ax, panel)
            above = title if title and ax is column[0] else []
            ax.set_title("\n".join((*above, kind.format(at_n(panel)))))
            ax.label_outer()
        failures(column[-1], panel)
    figure.suptitle(heading(dataset, figure.get_figwidth(), left_out), fontsize=7)
    lines = unity_key() + (expected_key() if "margin_ca" in dataset else [])
    figure.legend(handles=regime_key() + lines, loc="outside lower center", ncols=4)
    return figure


def _panels(dataset: xr.Dataset, further: tuple[str, ...]) -> tuple[list[tuple[list[str], xr.Dataset]], str]:
    """(title lines, two-axis dataset) for each shown combination of the further axes, and a sentence naming those left out."""
    shape = tuple(dataset.sizes[dim] for dim in further)
    count = math.prod(shape)
    chosen = evenly(count, MOST)
    panels, left_out = [], []
    for index in range(count):
        place = dict(zip(further, np.unravel_index(index, shape), strict=True))
        panel = dataset.isel({dim: int(i) for dim, i in place.items()})
        title = [stated(dim, float(panel[dim])) for dim in further]
        if index in chosen:
            panels.append((title, panel))
        else:
            left_out.append(", ".join(title))
    return panels, f"In the store and not shown: {'; '.join(left_out)}." if left_out else ""

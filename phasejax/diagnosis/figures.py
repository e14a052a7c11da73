"""A diagnosis in pictures: functions that take `ax`, draw on it and return it."""

import math
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator, NullFormatter

from phasejax.diagnosis import words
from phasejax.diagnosis.result import Diagnosis, Spectrum
from phasejax.plot import OBJECTIVE_COLORS, REGIME_COLORS
from phasejax.theory import Regime

SHARE = ScalarMappable(Normalize(0, 1), "viridis")
_MOST_SHOWN = 40
_WIDEST = 30.0  # ratios beyond 30 or below 1/30 are drawn at the edge


def phase_plane(ax: Axes, diagnosis: Diagnosis, direction: Literal["x→y", "y→x"]) -> Axes:
    """The point (Δ_CA, Δ_CP), its 90 % intervals and its cloud on the four regimes, for CP in one direction."""
    column, delta = (1, diagnosis.cp.delta) if direction == "x→y" else (2, diagnosis.cp_reverse.delta)
    cloud = np.clip(np.asarray(diagnosis.cloud, float)[:, [0, column]], 1e-9, 1e9)
    point = (diagnosis.ca.delta, delta)
    ends = [np.quantile(cloud, [0.02, 0.98]), [value for e in point for value in (e.value, e.low, e.high)]]
    reach = np.abs(np.log(np.clip(np.concatenate(ends), 1 / _WIDEST, _WIDEST))).max()
    edge = float(np.exp(1.1 * max(reach, math.log(2))))
    for regime in Regime:
        (left, right), (low, high) = ((1, edge) if side else (1 / edge, 1) for side in (regime & 1, regime & 2))
        ax.fill_between([left, right], low, high, color=REGIME_COLORS[regime], linewidth=0)
        share = diagnosis.regime_probabilities[regime] if direction == "x→y" else None
        label = str(regime) if share is None else f"{regime} {words.percent(share)}"
        place = (math.sqrt(left * right), high / 1.06 if high > 1 else low * 1.06)
        color = "white" if regime is Regime.NEITHER else "black"
        ax.text(*place, label, color=color, ha="center", va="top" if high > 1 else "bottom", fontsize=7, zorder=4)
    inside = np.clip(cloud, 1 / edge, edge)
    ax.scatter(*inside.T, s=5, color="black", alpha=0.3, linewidth=0.25, edgecolor="white", zorder=2)
    middle, low, high = (np.clip([getattr(e, end) for e in point], 1 / edge, edge) for end in ("value", "low", "high"))
    for color, width in (("white", 3.2), ("black", 1.4)):  # a white rim is seen on the dark colour
        ax.plot([low[0], high[0]], [middle[1]] * 2, color=color, linewidth=width, zorder=3)
        ax.plot([middle[0]] * 2, [low[1], high[1]], color=color, linewidth=width, zorder=3)
    ax.plot(*middle, "o", color="black", markeredgecolor="white", markersize=7, zorder=4)
    ax.set(xscale="log", yscale="log", xlim=(1 / edge, edge), ylim=(1 / edge, edge), aspect="equal")
    ticks = [t for t in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if 1 / edge <= t <= edge]
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks(ticks, [f"{t:g}" for t in ticks])
        axis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("Δ of CA")
    ax.set_ylabel(f"Δ of CP, {direction}")
    return ax


def spectrum(ax: Axes, found: Spectrum, title: str) -> Axes:
    """Singular values: observed, without their inflation (by the share of the labels they hold), and under independence."""
    shown = min(_MOST_SHOWN, found.observed.size)
    at = np.arange(1, shown + 1)
    ax.plot(at, found.null[:shown], color="0.55", linewidth=1.2, label="if x and y were independent")
    ax.plot(at, found.observed[:shown], "_", color="black", markersize=7, label="observed")
    for kind, marker, size in (("signal", "D", 34), ("nuisance", "o", 22)):
        chosen = np.flatnonzero(found.is_signal[:shown] == (kind == "signal"))
        shares = SHARE.to_rgba(found.r_squared[chosen])
        heights = found.debiased[chosen]
        label = f"{kind}, inflation removed"
        ax.scatter(
            chosen + 1, heights, s=size, c=shares, marker=marker, edgecolor="black", linewidth=0.6, label=label, zorder=3
        )
    if not found.is_signal.all():
        label = "nuisance floor"
        ax.axhline(found.nuisance_floor, color=OBJECTIVE_COLORS["cp"], linestyle="--", linewidth=1, label=label)
    ax.set_ylim(bottom=0)
    ax.set_xlim(0.4, shown + 0.6)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("component" if shown == found.observed.size else f"component (first {shown} of {found.observed.size})")
    ax.set_title(title)
    return ax

"""How figures look: sizes, colours, line styles, symbols and words, the same everywhere."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from phasejax.theory import Regime
from phasejax.whole import whole_file

STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}

COLUMN, PAGE = 3.35, 6.75  # widths of a printed column and page, in inches

# Distinct to colour-blind readers and, by lightness, in grey (after Okabe & Ito).
REGIME_COLORS = {
    Regime.NEITHER: "#4a4a50",
    Regime.CA_ONLY: "#3a8fc9",
    Regime.CP_ONLY: "#e69f00",
    Regime.BOTH: "#f3eed9",
}
OBJECTIVE_COLORS = {"ca": "#0072b2", "cp": "#d55e00"}
OBJECTIVE_LINES: dict[str, Any] = {"ca": "-", "cp": "--"}
EXPECTED_COLORS = {"ca": "#e75da3", "cp": "#009e73"}
"""Of what theory expects of n pairs."""

SYMBOLS = {
    "kappa": "spike strength κ",
    "spread": "signal spread",
    "gamma_x": "source noise γˣ",
    "gamma_y": "target noise γʸ",
    "quality_x": "source quality",
    "quality_y": "target quality",
    "gamma_tilde_x": "source nuisance variance γ̃ˣ",
    "gamma_tilde_y": "target nuisance variance γ̃ʸ",
    "nu": "nuisance correlation ν",
    "eta": "nuisance covariance η",
    "n": "sample size n",
    "ridge_x": "ridge on the source",
    "ridge_y": "ridge on the target",
}
_ALONE = ("κ", "γˣ", "γʸ", "γ̃ˣ", "γ̃ʸ", "ν", "η", "n")


def evenly(size: int, of: int) -> np.ndarray:
    """The numbers of so many of `size` things at most, evenly chosen, the first and the last among them."""
    return np.unique(np.linspace(0, size - 1, min(of, size)).round().astype(int))


def stated(name: str, value: Any) -> str:
    """A parameter and its value, one or several, as in "κ = 1.5" or "source quality = 0.8"."""
    words = SYMBOLS.get(name, name)
    last = words.split()[-1]
    values = [f"{one:,.0f}" if abs(one) >= 1e6 else f"{one:.6g}" for one in np.atleast_1d(value)]
    shown = values if len(values) <= 4 else [*values[:3], f"… ({len(values)} values)"]
    return f"{last if last in _ALONE else words} = {', '.join(shown)}"


def delta(objective: str, relation: str = "") -> str:
    """Δ_CA or Δ_CP as mathematical text, "ca" or "cp", with what follows it inside the formula."""
    return f"$\\Delta_{{\\mathrm{{{objective.upper()}}}}}{relation}$"


def unity(objective: str) -> str:
    """Δ = 1 of an objective as mathematical text."""
    return delta(objective, " = 1")


def regime_key() -> list[Patch]:
    """Legend handles of the four regimes."""
    return [Patch(facecolor=REGIME_COLORS[r], edgecolor="black", linewidth=0.4, label=str(r)) for r in Regime]


def unity_key() -> list[Line2D]:
    """Legend handles of the two boundaries Δ = 1."""
    return [Line2D([], [], color="black", linestyle=OBJECTIVE_LINES[o], label=unity(o)) for o in ("ca", "cp")]


def expected_key() -> list[Line2D]:
    """Legend handles of the two boundaries that theory expects of n pairs."""
    return [
        Line2D([], [], color=color, linestyle=OBJECTIVE_LINES[o], label=f"{o.upper()} expected at n")
        for o, color in EXPECTED_COLORS.items()
    ]


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format its suffix names, whole or not at all."""
    with whole_file(path) as draft, mpl.rc_context(STYLE):
        figure.savefig(draft)

"""How many of five unequal signals survive (κ_i = κ · spread^(i−1), d = 20, k = 5, γˣ = 1, γʸ = .05, γ̃ˣ = 1, γ̃ʸ = 5, n =
5000).

From left to right the spread falls from 1 to .4. Above: the number of signal directions in the top 5, in theory (n = ∞) and
as counted over 10 draws (squared overlap above .8), for CA and for CP. Below: the mean count of all cells with the same count
in theory, on the diagonal where they agree; many weak directions take more than 5000 pairs.
"""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure

from phasejax import plot
from phasejax.figures import Sweeps


def draw(sweeps: Sweeps) -> Figure:
    dataset = sweeps("partial_recovery")
    k = dataset.sizes["direction"]
    figure = Figure(figsize=(plot.PAGE, 7.4), layout="constrained")
    axes = figure.subplots(5, 4, sharex="row", sharey="row", height_ratios=[1, 1, 1, 1, 1.1])
    norm = BoundaryNorm(np.arange(-0.5, k + 1.5), 256)
    rows = [(o, v) for o in ("ca", "cp") for v in (f"exact_{o}", f"count_{o}")]
    for column, spread in enumerate(dataset.spread.values):
        panel = dataset.sel(spread=spread)
        for ax, (objective, variable) in zip(axes[:, column], rows, strict=False):
            ax.pcolormesh(
                panel.kappa, panel.nu, np.rint(panel[variable]).T, norm=norm, cmap="cividis", shading="nearest", rasterized=True
            )
            if column == 0:
                kind = "theory" if variable.startswith("exact") else "measured"
                ax.set_ylabel(f"{objective.upper()}, {kind}\nν")
            if variable == "exact_ca":
                ax.set_title(f"spread {spread:g}")
            ax.set_xticks([1, 2, 3])
            ax.tick_params(labelbottom=ax is axes[3, column])
        axes[3, column].set_xlabel("spike strength κ")
        _counts(axes[4, column], panel, k, first=column == 0)
    figure.colorbar(
        ScalarMappable(norm, "cividis"), ax=axes[:4], label="signal directions recovered", ticks=range(k + 1), shrink=0.6
    )
    return figure


def _counts(ax, panel, k: int, first: bool) -> None:
    """Mean measured count where the population's count is 0..k; equal nuisance makes the published bound the exact count."""
    for objective, marker, shift in (("ca", "o", -0.12), ("cp", "s", 0.12)):
        measured, exact = panel[f"count_{objective}"].values, panel[f"exact_{objective}"].values
        levels = np.unique(exact)
        means = [measured[exact == level].mean() for level in levels]
        color = plot.OBJECTIVE_COLORS[objective]
        ax.plot(levels + shift, means, marker, color=color, markersize=4, label=objective.upper())
    ax.plot([0, k], [0, k], color="0.5", linewidth=0.8, zorder=0)
    ax.set(xlabel="count in theory", xticks=range(k + 1), yticks=range(k + 1))
    if first:
        ax.set_ylabel("mean measured count")
        ax.legend(loc="upper left")

"""Which objective of the whitening square recovers most from n = 120 and n = 300 pairs, predicted (d = 50, k = 3, γˣ = .5, γʸ
= .05, γ̃ˣ = 1, γ̃ʸ = 5).

Grey where none comes within distance ½; "inside" where an inner ridge of a 4 × 4 grid is nearer than every corner by .02. Above
the black line CA and CP both fail: what is grey there is left of Neither.
"""

import jax.numpy as jnp
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from phasejax import plot
from phasejax.figures import Sweeps
from phasejax.spiked import SpikedModel
from phasejax.theory import square
from phasejax.theory.numerics import on_grid

SIZES = (120, 300)
KAPPA, NU = np.linspace(0.25, 3, 23), np.linspace(0, 0.98, 22)
RIDGES = (0.0, 0.25, 2.0, np.inf)
GAIN = 0.02
# A ladder of greys too: inside, CA, CP, PLS, CP from y, none.
COLORS = {"CA": "#0072b2", "CP": "#d55e00", "CP from y": "#f0b8d4", "PLS": "#e69f00", "inside": "#00513b", "none": "#eeeeee"}


def draw(sweeps: Sweeps) -> Figure:
    figure = Figure(figsize=(plot.PAGE, 3.1), layout="constrained")
    axes = figure.subplots(1, len(SIZES), sharey=True)
    for ax, n in zip(axes, SIZES, strict=True):
        distance = np.asarray(_distances(float(n)))  # (κ, ν, ridge of x, ridge of y)
        corners = distance[..., [0, 0, -1, -1], [0, -1, 0, -1]]
        best = np.argmin(corners, axis=-1)
        best[distance.min((-1, -2)) < corners.min(-1) - GAIN] = 4
        best[distance.min((-1, -2)) >= 0.5] = 5
        colors = ListedColormap(list(COLORS.values()))
        ax.pcolormesh(KAPPA, NU, best.T, cmap=colors, vmin=-0.5, vmax=5.5, shading="nearest", rasterized=True)
        neither = corners[..., :2].min(-1) >= 0.5
        edge = ax.contour(KAPPA, NU, neither.T, levels=[0.5], colors="black", linewidths=1.2)
        edge.set(path_effects=[withStroke(linewidth=2.6, foreground="white")])
        ax.set(
            title=f"{n} pairs: Neither {neither.mean():.0%}, left of it {np.mean(best == 5):.0%}", xlabel=plot.SYMBOLS["kappa"]
        )
    axes[0].set_ylabel(plot.SYMBOLS["nu"])
    handles = [Patch(color=color, label=name) for name, color in COLORS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=6)
    return figure


def _distances(n):
    """Predicted distances at every (κ, ν) and ridge."""

    def at(kappa, nu, ridge_x, ridge_y):
        model = SpikedModel.homogeneous(
            d=50, k=3, kappa=kappa, gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=1.0, gamma_tilde_y=5.0, nu=nu
        )
        return square.expected_distance(model, n, ridge_x=ridge_x, ridge_y=ridge_y)

    return on_grid(at, *map(jnp.asarray, (KAPPA, NU, RIDGES, RIDGES)))

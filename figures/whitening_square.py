"""The whitening square: the separation ratio Δ for every pair of ridges, αx and αy from 0 (whitened) to 1 (left alone).

Left, homogeneous (d = 6, k = 2, κ = 1.5, γˣ = .5, γʸ = .05, γ̃ˣ = 1, γ̃ʸ = 5, ν = .8): a corner is best. Right, heterogeneous
(d = 4, k = 2): no corner recovers, the inside does. Black line: Δ = 1; star: the best point.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from phasejax import plot
from phasejax.figures import Sweeps
from phasejax.spiked import SpikedModel
from phasejax.theory import square
from phasejax.theory.spectrum_square import shrinkage

ALPHA = np.linspace(0, 1, 101)
CORNERS = {(0, 0): "CA", (0, 1): "CP", (1, 0): "CP from y", (1, 1): "PLS"}


def draw(sweeps: Sweeps) -> Figure:
    figure = Figure(figsize=(plot.PAGE, 3.0), layout="constrained")
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    norm = TwoSlopeNorm(0, -1.3, 1.3)
    for ax, (title, model) in zip(axes, _models().items(), strict=True):
        delta = np.asarray(_separations(model))
        ax.pcolormesh(ALPHA, ALPHA, np.log2(delta).T, norm=norm, cmap="RdBu", shading="nearest", rasterized=True)
        ax.contour(ALPHA, ALPHA, delta.T, levels=[1.0], colors="black", linewidths=1.4)
        best = square.widest_separation(model)
        ax.plot(shrinkage(best.ridge_x), shrinkage(best.ridge_y), "*", color="black", markersize=9, clip_on=False)
        for (x, y), name in CORNERS.items():
            label = f"{name}\nΔ = {delta[-x, -y]:.2f}"
            ax.annotate(
                label,
                (x, y),
                (8 - 16 * x, 8 - 16 * y),
                textcoords="offset points",
                fontsize=7,
                ha="right" if x else "left",
                va="top" if y else "bottom",
                path_effects=[withStroke(linewidth=2, foreground="white")],
            )
        ax.set(title=f"{title}: best Δ = {best.value:.2f}", xlabel="x left alone, αx", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    axes[0].set_ylabel("y left alone, αy")
    figure.colorbar(ScalarMappable(norm, "RdBu"), ax=axes, label="log₂ Δ", extend="both")
    return figure


def _models() -> dict[str, SpikedModel]:
    """In the heterogeneous one each corner loses to one of the two nuisance pairs."""
    return {
        "homogeneous": SpikedModel.homogeneous(
            d=6, k=2, kappa=1.5, gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=1.0, gamma_tilde_y=5.0, nu=0.8
        ),
        "heterogeneous": SpikedModel([1.33, 0.85], [2.4, 0.16], [0.5, 0.18], [17.7, 0.15], [1.1, 4.1], [0.97, 0.525]),
    }


@jax.jit
def _separations(model: SpikedModel):
    ridge = jnp.asarray(ALPHA / np.where(ALPHA < 1, 1 - ALPHA, 1)).at[-1].set(jnp.inf)
    return jax.vmap(lambda x: jax.vmap(lambda y: square.separation(model, ridge_x=x, ridge_y=y))(ridge))(ridge)

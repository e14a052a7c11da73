"""How many pairs each objective needs until its expected distance to the signal is ½ (d = 50, k = 3, γˣ = .5, γʸ = .05, γ̃ˣ =
1, γ̃ʸ = 5).

White where 10⁷ do not suffice; thin lines at round numbers; the thick line is Δ = 1, beyond which no number does, or only
through weak directions.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from phasejax import plot, theory
from phasejax.figures import Sweeps
from phasejax.spiked import SpikedModel
from phasejax.theory.numerics import on_grid

KAPPA, NU = np.linspace(0.25, 3, 28), np.linspace(0, 0.98, 25)
FINE = np.linspace(0.25, 3, 200)
TARGET, MOST = 5.0, 1e7
LINES = np.log10([300, 1000, 10_000])


def draw(sweeps: Sweeps) -> Figure:
    figure = Figure(figsize=(plot.PAGE, 2.9), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    everywhere = on_grid(lambda kappa, nu: theory.samples_needed(_model(kappa, nu)), jnp.asarray(KAPPA), jnp.asarray(NU))
    boundary = jax.vmap(lambda kappa: theory.critical_nu(_model(kappa, 0.0)))(jnp.asarray(FINE))
    norm = LogNorm(50, 1e6)
    for ax, objective in zip(axes, ("ca", "cp"), strict=True):
        needed = np.asarray(getattr(everywhere, objective))
        shown = np.where(needed < MOST, needed, np.nan).T
        ax.pcolormesh(KAPPA, NU, shown, norm=norm, cmap="viridis_r", shading="nearest", rasterized=True)
        lines = ax.contour(KAPPA, NU, np.log10(np.minimum(needed, MOST)).T, levels=LINES, colors="black", linewidths=0.6)
        ax.clabel(lines, fmt=lambda power: f"{10**power:,.0f}", fontsize=6)
        ax.plot(
            FINE, np.minimum(getattr(boundary, objective), 1), plot.OBJECTIVE_LINES[objective], color="black", linewidth=1.4
        )
        ax.set(title=f"{objective.upper()} (line: Δ = 1)", xlabel=plot.SYMBOLS["kappa"], ylim=(NU[0], NU[-1]))
    axes[0].set_ylabel(plot.SYMBOLS["nu"])
    figure.colorbar(ScalarMappable(norm, "viridis_r"), ax=axes, label="pairs needed for distance ½, d = 50, k = 3")
    return figure


def _model(kappa, nu) -> SpikedModel:
    return SpikedModel.homogeneous(
        d=50, k=3, kappa=kappa, gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=1.0, gamma_tilde_y=TARGET, nu=nu
    )

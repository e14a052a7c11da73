"""The regimes as the target's nuisance grows louder, γ̃ʸ from .05 to 50 and back (d = 20, k = 3, γˣ = 1, γʸ = .05, γ̃ˣ = 1).

Left infinitely many pairs, right what theory predicts for n = 500. Alignment whitens the target and stays; prediction gives
way.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.figure import Figure

from phasejax import plot, theory
from phasejax.figures import Sweeps
from phasejax.spiked import SpikedModel
from phasejax.theory.numerics import one_by_one

KAPPA, NU = np.linspace(0.05, 3, 50), np.linspace(0, 1, 51)
TARGETS = np.geomspace(0.05, 50, 32)


def draw(sweeps: Sweeps) -> FuncAnimation:
    figure = Figure(figsize=(plot.PAGE, 3.4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    figure.legend(handles=plot.regime_key(), loc="outside lower center", ncols=4)

    def frame(target: float) -> None:
        for ax, n in zip(axes, (None, 500.0), strict=True):
            ax.clear()
            plot.regime_map(ax, KAPPA, NU, _regimes(target, n))
            ax.set(xlabel=plot.SYMBOLS["kappa"], title="population" if n is None else f"n = {n:.0f}, d = 20")
        axes[0].set_ylabel(plot.SYMBOLS["nu"])
        figure.suptitle(f"target nuisance variance γ̃ʸ = {target:.2f}", fontsize=9)

    there_and_back = np.concatenate([TARGETS, TARGETS[::-1]])
    return FuncAnimation(figure, frame, frames=there_and_back, cache_frame_data=False)


@cache  # one computation for the way there and the way back
def _regimes(target: float, n: float | None) -> np.ndarray:
    """An objective recovers below its boundary, which is found once for each κ; nowhere where that is 0."""
    edges = (np.asarray(edge)[:, None] for edge in _boundaries(target, n))
    ca, cp = ((edge > 0) & (NU <= edge) for edge in edges)
    return ca + 2 * cp


@jax.jit
def _boundaries(target, n):
    def at(kappa):
        model = SpikedModel.homogeneous(
            d=20, k=3, kappa=kappa, gamma_x=1.0, gamma_y=0.05, gamma_tilde_x=1.0, gamma_tilde_y=target, nu=0.0
        )
        return theory.critical_nu(model) if n is None else theory.effective_critical_nu(model, n)

    return one_by_one(at)(jnp.asarray(KAPPA))

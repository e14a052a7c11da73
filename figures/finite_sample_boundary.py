"""Where the boundary of n pairs lies (d = 50, k = 3, γˣ = .5, γʸ = .05, γ̃ˣ = 1, γ̃ʸ = 5).

Measured regimes at n = 200, 500 and 5000 (an objective recovers where its mean distance over 20 draws is below ½) under the
boundaries that theory predicts at n (pink, green) and Δ = 1 (black). The titles say in how many cells either names the
measured regime.
"""

import jax.numpy as jnp
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from phasejax import plot, theory
from phasejax.experiments.spiked import between, model_at
from phasejax.figures import Sweeps
from phasejax.sweep import spec_of
from phasejax.theory.numerics import on_grid, one_by_one


def draw(sweeps: Sweeps) -> Figure:
    dataset = sweeps("finite_sample_boundary")
    kappa, nu = dataset.kappa.values, dataset.nu.values
    figure = Figure(figsize=(plot.PAGE, 3.2), layout="constrained")
    axes = figure.subplots(1, 3, sharex=True, sharey=True)
    for ax, n in zip(axes, dataset.n.values, strict=True):
        panel = dataset.sel(n=n)
        measured = ((panel.distance_ca < 0.5) + 2 * (panel.distance_cp < 0.5)).values
        plot.boundaries(plot.regime_map(ax, kappa, nu, measured), between(panel))
        _predicted_boundaries(ax, dataset, n)
        at_n = np.mean(_predicted_regimes(dataset, n) == measured)
        population = np.mean(panel.regime.values == measured)
        ax.set_title(f"n = {n:g}: right in {at_n:.0%}\n(Δ alone: {population:.0%})")
        ax.set(xlabel=plot.SYMBOLS["kappa"], xlim=(kappa[0], kappa[-1]), ylim=(0, 1))
    axes[0].set_ylabel(plot.SYMBOLS["nu"])
    figure.legend(handles=plot.regime_key() + plot.unity_key() + plot.expected_key(), loc="outside lower center", ncols=4)
    return figure


def _predicted_regimes(dataset: xr.Dataset, n: float) -> np.ndarray:
    spec = spec_of(dataset)

    def at(kappa, nu):
        return theory.regime(model_at(spec, kappa=kappa, nu=nu), n)

    return np.asarray(on_grid(at, *(jnp.asarray(dataset[name].values) for name in ("kappa", "nu"))))


def _predicted_boundaries(ax, dataset: xr.Dataset, n: float) -> None:
    spec, kappa = spec_of(dataset), jnp.linspace(dataset.kappa.values[0], dataset.kappa.values[-1], 90)

    def at(kappa):
        return theory.effective_critical_nu(model_at(spec, kappa=kappa, nu=0.0), n)

    boundary = one_by_one(at)(kappa)
    for objective, color in plot.EXPECTED_COLORS.items():
        nu = np.asarray(getattr(boundary, objective))
        inside = np.where((nu > 0) & (nu < 1), nu, np.nan)
        rim = [withStroke(linewidth=2.6, foreground="white")]
        ax.plot(kappa, inside, plot.OBJECTIVE_LINES[objective], color=color, linewidth=1.6, path_effects=rim)

"""Where the boundary of n pairs lies, d = 50: measured regions, the prediction at n (coloured) and the population's (black)."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures import Sweeps
from phasejax import plot, theory
from phasejax.sweep import spec_of
from phasejax.sweep.grid import cell_model

FINITE = {"ca": "#cc79a7", "cp": "#009e73"}


def draw(sweeps: Sweeps) -> Figure:
    dataset = sweeps("finite_sample_boundary")
    spec = spec_of(dataset)
    kappa, nu = dataset.kappa.values, dataset.nu.values
    figure = Figure(figsize=(plot.PAGE, 3.0), layout="constrained")
    axes = figure.subplots(1, 3, sharex=True, sharey=True)
    for ax, n in zip(axes, dataset.n.values, strict=True):
        panel = dataset.sel(n=n)

        @jax.jit
        def distances(kappa, nu, n=n):
            return theory.expected_distance(*cell_model(spec, {"kappa": kappa, "nu": nu, "n": n}))

        predicted = jax.vmap(lambda a, f=distances: jax.vmap(lambda b: f(a, b))(jnp.asarray(nu)))(jnp.asarray(kappa))
        plot.boundaries(plot.regions(ax, panel, "regime_empirical"), panel)
        for objective, color in FINITE.items():
            height = 0.5 - np.asarray(getattr(predicted, objective))
            plot.level_line(ax, kappa, nu, height, objective, colors=color, linewidths=1.6)
        ax.set_title(f"n = {n:g}")
        ax.label_outer()
    lines = [
        Line2D([], [], color=FINITE[o], linestyle=plot.OBJECTIVE_LINES[o], label=f"{o.upper()} predicted at n") for o in FINITE
    ]
    figure.legend(handles=plot.region_key() + plot.unity_key() + lines, loc="outside lower center", ncols=4)
    return figure

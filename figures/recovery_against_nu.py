"""Recovery against nuisance correlation: ratios above; below, the distances of 5000 pairs and what the theory at n predicts."""

import jax
import numpy as np
from matplotlib.figure import Figure

from phasejax import plot, theory
from phasejax.experiments.spiked import model_at
from phasejax.figures import Sweeps
from phasejax.sweep import spec_of


def draw(sweeps: Sweeps) -> Figure:
    dataset = sweeps("noise_correlation")
    spec = spec_of(dataset)
    (n,) = spec.values()["n"]
    nu = dataset.nu.values
    predicted = jax.vmap(lambda value: theory.expected_distance(model_at(spec, nu=value), n))(nu)
    figure = Figure(figsize=(plot.COLUMN, 4.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for label in ("ca", "cp"):
        color, line = plot.OBJECTIVE_COLORS[label], plot.OBJECTIVE_LINES[label]
        delta = dataset[f"delta_{label}"].values
        above.plot(nu[1:], delta[1:], line, color=color, label=plot.delta(label))
        plot.recovery_curve(below, dataset, label)
        below.plot(nu, getattr(predicted, label), ":", color="black", linewidth=0.9)
    above.axhline(1, color="0.5", linewidth=0.8)
    above.set(yscale="log", ylabel="separation ratio Δ", ylim=(0.1, 50))
    above.legend()
    handles, labels = below.get_legend_handles_labels()
    handles.append(below.lines[-1])
    below.legend([*handles], [*labels, f"predicted at n = {n:.0f}"], loc="center right", bbox_to_anchor=(0.9, 0.5))
    below.set_xlim(0, np.max(nu))
    return figure

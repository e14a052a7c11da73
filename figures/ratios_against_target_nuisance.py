"""Louder target nuisance, with its covariance η held (left) and with its correlation ν held (right): ratios and distances."""

from matplotlib.figure import Figure

from phasejax import plot
from phasejax.figures import Sweeps


def draw(sweeps: Sweeps) -> Figure:
    figure = Figure(figsize=(plot.PAGE, 4.2), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey="row")
    for column, (name, title) in enumerate((("target_nuisance_eta", "η = .4 held"), ("target_nuisance_nu", "ν = .4 held"))):
        dataset = sweeps(name)
        above, below = axes[:, column]
        for label in ("ca", "cp"):
            style = {"color": plot.OBJECTIVE_COLORS[label], "linestyle": plot.OBJECTIVE_LINES[label]}
            above.plot(dataset.gamma_tilde_y, dataset[f"delta_{label}"], label=plot.delta(label), **style)
            plot.recovery_curve(below, dataset, label)
        above.axhline(1, color="0.5", linewidth=0.8)
        above.set(title=title, xscale="log", yscale="log")
    axes[0, 0].set_ylabel("separation ratio Δ")
    axes[0, 0].legend()
    axes[1, 1].set_ylabel("")
    axes[1, 0].legend()
    return figure

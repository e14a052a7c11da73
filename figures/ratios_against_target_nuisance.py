"""Louder target nuisance γ̃ʸ (d = 20, k = 3, κ = 3, 2, 1.5, γˣ = .5, γʸ = .05, γ̃ˣ = 1, n = 5000).

Left its covariance η = .4 is held: Δ_CP stays and Δ_CA grows. Right its correlation ν = .4 is held: Δ_CA stays and Δ_CP falls
below 1. Above the separation ratios, below the distances of 20 draws ± 2 standard errors and what theory expects at n
(dotted).
"""

from matplotlib.figure import Figure

from phasejax import plot
from phasejax.experiments.spiked import between, expected
from phasejax.figures import Sweeps


def draw(sweeps: Sweeps) -> Figure:
    figure = Figure(figsize=(plot.PAGE, 4.2), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey="row")
    for column, (name, title) in enumerate((("target_nuisance_eta", "η = .4 held"), ("target_nuisance_nu", "ν = .4 held"))):
        dataset = expected(sweeps(name))
        above, below = axes[:, column]
        for label in ("ca", "cp"):
            style = {"color": plot.OBJECTIVE_COLORS[label], "linestyle": plot.OBJECTIVE_LINES[label]}
            above.plot(dataset.gamma_tilde_y, dataset[f"delta_{label}"], label=plot.delta(label), **style)
            plot.recovery_curve(below, dataset, label)
        plot.unity_marks(below, between(dataset))
        above.axhline(1, color="0.5", linewidth=0.8)
        above.set(title=title, xscale="log", yscale="log")
    axes[0, 0].set_ylabel("separation ratio Δ")
    axes[0, 0].legend()
    axes[1, 1].set_ylabel("")
    named = {label: line for ax in axes[1] for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=3)
    return figure

"""Recovery against nuisance correlation ν (d = 20, k = 3, κ = 3, 2, 1.5, γˣ = .5, γʸ = .05, γ̃ˣ = 1, γ̃ʸ = 50).

Above the separation ratios; an objective loses the signal of infinitely many pairs where its Δ falls below 1, which grey
lines mark below (solid CA, dashed CP). Below the distances of n = 5000 pairs, means of 20 draws ± 2 standard errors, and what
theory expects at n (dotted): the distance of CP rises well before Δ_CP falls below 1, that of CA reaches ½ a little after
Δ_CA has.
"""

from matplotlib.figure import Figure

from phasejax import plot
from phasejax.experiments.spiked import between, expected
from phasejax.figures import Sweeps


def draw(sweeps: Sweeps) -> Figure:
    dataset = expected(sweeps("noise_correlation"))
    nu = dataset.nu.values
    figure = Figure(figsize=(plot.COLUMN, 4.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for label in ("ca", "cp"):
        color, line = plot.OBJECTIVE_COLORS[label], plot.OBJECTIVE_LINES[label]
        delta = dataset[f"delta_{label}"].values
        above.plot(nu[1:], delta[1:], line, color=color, label=plot.delta(label))
        plot.recovery_curve(below, dataset, label)
    above.axhline(1, color="0.5", linewidth=0.8)
    above.set(yscale="log", ylabel="separation ratio Δ", ylim=(0.1, 50))
    above.legend()
    plot.unity_marks(below, between(dataset)).set_xlim(0, nu[-1])
    figure.legend(*below.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure

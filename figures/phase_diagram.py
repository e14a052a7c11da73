"""Which objectives recover the signal over spike strength κ and nuisance correlation ν (d = 20, k = 3, n = 5000).

From left to right: infinitely many pairs, what theory expects of n, and what 20 draws a cell show (at least half of them
recover every direction to a squared overlap of .8). Black lines: Δ = 1, solid for CA and dashed for CP; pink and green: the
boundaries expected at n. Above, source and target quality .6, γ̃ˣ = 10, γ̃ʸ = 4: four regimes, none of them small. Below γˣ =
1, γʸ = .05, γ̃ˣ = 1 with a loud target nuisance, γ̃ʸ = 5, which prediction follows, and with a quiet one, γ̃ʸ = .05, in which
it hardly ever fails. Where κ is small, and γ̃ˣ = 10 dozens of times the signal, theory at n expects too much near Δ = 1.
"""

from matplotlib.figure import Figure

from phasejax import plot
from phasejax.experiments.spiked import between, expected
from phasejax.figures import Sweeps

ROWS = {
    "phase_diagram": "qualities .6, γ̃ˣ = 10, γ̃ʸ = 4",
    "phase_diagram_loud_nuisance": "γˣ = 1, γʸ = .05, loud γ̃ʸ = 5",
    "phase_diagram_small_nuisance": "γˣ = 1, γʸ = .05, quiet γ̃ʸ = .05",
}
COLUMNS = {"regime": "n = ∞", "regime_at_n": "expected at n = 5000", "regime_empirical": "measured at n = 5000"}


def draw(sweeps: Sweeps) -> Figure:
    figure = Figure(figsize=(plot.PAGE, 6.9), layout="constrained")
    axes = figure.subplots(3, 3, sharex="row", sharey=True)
    for row, (name, setting) in zip(axes, ROWS.items(), strict=True):
        dataset = expected(sweeps(name))
        fine = between(dataset)
        for ax, (variable, source) in zip(row, COLUMNS.items(), strict=True):
            plot.boundaries(plot.regimes(ax, dataset, variable), fine)
            if variable != "regime":
                plot.expected_boundaries(ax, dataset)
            ax.set_title(f"{setting}\n{source}" if ax is row[0] else source)
    for ax in axes[:-1].flat:
        ax.set_xlabel("")
    for ax in axes[:, 1:].flat:
        ax.set_ylabel("")
    keys = plot.regime_key() + plot.unity_key() + plot.expected_key()
    figure.legend(handles=keys, loc="outside lower center", ncols=4)
    return figure

"""The four regions for a loud and for a quiet target nuisance: theory on the left, n = 5000 pairs on the right."""

from matplotlib.figure import Figure

from phasejax import plot
from phasejax.figures import Sweeps


def draw(sweeps: Sweeps) -> Figure:
    figure = Figure(figsize=(plot.PAGE * 0.8, 4.9), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    rows = (("phase_diagram", "loud, γ̃ʸ = 5"), ("phase_diagram_small_nuisance", "quiet, γ̃ʸ = .05"))
    for row, (name, loudness) in zip(axes, rows, strict=True):
        dataset = sweeps(name)
        for ax, variable, source in zip(row, ("regime", "regime_empirical"), ("theory", "measured, n = 5000"), strict=True):
            plot.boundaries(plot.regions(ax, dataset, variable), dataset)
            ax.set_title(f"{loudness}: {source}")
            ax.label_outer()
    figure.legend(handles=plot.region_key() + plot.unity_key(), loc="outside lower center", ncols=6)
    return figure

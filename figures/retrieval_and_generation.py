"""Three modalities of one scene, by objective: retrieval, generation, the divergence between them, and generated pictures.

For nuisance that correlates by ν = 0 (filled) and .9 (open), mean over three seeds ± 2 standard errors: how often the partner
of a scene is the first of 500, and among the first ten; the squared error of pictures decoded from the embedding of the
picture, caption or sound by a decoder that saw pictures alone, beside that of the mean picture (dashed); their Fréchet
distance from real ones in the features of a judge, a network that was trained to name what is in a picture, beside that of
other real pictures (dashed); the Hölder divergence before (grey) and after training. Below, at ν = 0: scenes as they are,
then decoded from their picture, caption and sound, a row for each objective in the same order. Perceptrons, 1,200 steps of
128 among n = 4,000 scenes of 16×16 pixels: enough for InfoNCE and for UniAlign on all pairs or to the caption, not to the
picture, nor for SigLIP, of which one training in three diverged and is left out.
"""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phasejax.figures import Sweeps
from phasejax.plot import STYLE
from phasejax.verify.claims.modalities import TABLE, Measured, read
from phasejax.verify.contrast import paired

MADE_FROM = {"picture": "0.45", "caption": "#d55e00", "sound": "#cc79a7"}
PANELS = {
    "retrieval": {"R@1 after": "#0072b2", "R@10 after": "#009e73"},
    "error of generated pictures": {f"error from {modality}": color for modality, color in MADE_FROM.items()},
    "Fréchet distance from real pictures": {f"Fréchet from {modality}": color for modality, color in MADE_FROM.items()},
    "Hölder divergence": {"Hölder before": "0.6", "Hölder after": "#0072b2"},
}


def draw(sweeps: Sweeps) -> Figure:
    """From the measured table and its examples."""
    _, measured = read()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 7.6), layout="constrained")
        grid = figure.add_gridspec(3, 2, height_ratios=(1, 1, 0.75))
        panels = [figure.add_subplot(grid[i, j]) for i in range(2) for j in range(2)]
        for ax, (title, series) in zip(panels, PANELS.items(), strict=True):
            _dots(ax, measured, series)
            ax.set_title(title)
        known = ("error of the mean", (4e-3, 0.5)), ("Fréchet of other scenes", (0.02, 40))
        for ax, (name, limits) in zip(panels[1:3], known, strict=True):
            ax.set(xscale="log", xlim=limits)
            ax.axvline(float(np.nanmean(measured(measured.objectives[0], name))), color="0.3", linestyle="--")
        for i, ax in enumerate(panels):
            ax.set_yticks(range(len(measured.objectives)), [] if i % 2 else measured.objectives)
        sheet = figure.add_subplot(grid[2, :])
        sheet.imshow(plt.imread(TABLE.with_suffix(".png")), interpolation="nearest", aspect="equal")
        sheet.set_axis_off()
    return figure


def _dots(ax: Axes, measured: Measured, series: dict[str, str]) -> None:
    for i, (measure, color) in enumerate(series.items()):
        for at, objective in enumerate(measured.objectives):
            found = paired(measured(objective, measure))
            for j, (value, error) in enumerate(zip(found.value, found.error, strict=True)):
                height = at + 0.13 * (2 * i + j - len(series) + 0.5)
                face = color if j == 0 else "none"
                ax.errorbar(value, height, xerr=2 * error, fmt="o", color=color, markerfacecolor=face, markersize=3.5)
        ax.plot([], [], "o", color=color, markersize=3.5, label=measure)
    ax.set_ylim(len(measured.objectives) - 0.4, -0.6)
    ax.legend(fontsize=6, loc="upper center", bbox_to_anchor=(0.5, -0.1))

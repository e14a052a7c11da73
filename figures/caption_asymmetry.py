"""Who tells the class of a captioned scene from the picture, and who from the caption; and what they hold of the style.

Above where the picture's noise is .1, below where it is .8, against the probability that the caption names another style than
the picture's. Left the picture's encoder: aligned (vicreg), predicting the caption, trained on the class; at this size the last
tells the hue and not the shape, so that little is decided. Middle and right the caption's encoder: aligned, or predicting the
picture. Converged probe of the features, 16 classes, chance .06; n = 8,000 scenes of 32×32 pixels, 1,200 steps of 64; mean over
five seeds, ± 2 standard errors.
"""

import matplotlib as mpl
from matplotlib.figure import Figure

from phasejax.experiments.world.figure import curves
from phasejax.figures import Sweeps
from phasejax.plot import STYLE
from phasejax.verify.measured import TABLES, read

FROM_PICTURES = ["vicreg", "caption from picture", "supervised"]
FROM_CAPTIONS = ["vicreg", "picture from caption"]


def draw(sweeps: Sweeps) -> Figure:
    """From the measured table."""
    table = read(TABLES / "captioned_scenes.csv")[1].sel(representation="features", reading="converged")
    captions = table.assign_coords(view=["y", "x"])  # the caption's encoder first
    columns = (
        ("class, from the picture", "accuracy", table, FROM_PICTURES),
        ("class, from the caption", "accuracy", captions, FROM_CAPTIONS),
        ("R² of the style, from the caption", "r2", captions, FROM_CAPTIONS),
    )
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.6), layout="constrained")
        panels = figure.subplots(2, 3, sharex=True, sharey=True)
        for column, (title, name, read_from, objectives) in zip(panels.T, columns, strict=True):
            for ax, noise in zip(column, table.noise.values, strict=True):
                curves(ax, table.style_jitter.values, name, read_from.sel(noise=noise, objective=objectives))
                ax.set(ylim=(-0.05, 1.05))
            column[0].set_title(title)
            column[1].set_xlabel("style jitter")
        for ax, noise in zip(panels[:, 0], table.noise.values, strict=True):
            ax.set_ylabel(f"noise {noise:g}")
        panels[0, 0].legend()
        panels[0, 1].legend()
    return figure

"""What outputs of 2, 4 and 8 numbers hold of class and position on stereo sprites, against the correlation of the positions.

Converged probe of the output of alignment (vicreg, left) and of prediction (reconstruction, right); three classes, chance .33.
n = 4,000 pairs of pictures of 32×32 pixels, the target's noisy (.5), 600 steps of 64; mean over six seeds, ± 2 standard errors.
"""

import matplotlib as mpl
from matplotlib.figure import Figure

from phasejax.experiments.world.figure import TOLD, curves
from phasejax.figures import Sweeps
from phasejax.plot import STYLE, SYMBOLS
from phasejax.verify.measured import TABLES, read


def draw(sweeps: Sweeps) -> Figure:
    """From the measured table."""
    table = read(TABLES / "stereo_sprites_widths.csv")[1]
    table = table.isel(noise_y=0).sel(representation="output", reading="converged")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.4), layout="constrained")
        panels = figure.subplots(2, 2, sharex=True, sharey="row")
        for column, objective in zip(panels.T, ("vicreg", "reconstruction"), strict=True):
            narrow = table.sel(objective=[f"{objective}, {width}" for width in (2, 4, 8)])
            for ax, (name, what) in zip(column, TOLD, strict=True):
                curves(ax, table.nu.values, name, narrow)
                ax.set(ylim=(-0.05, 1.05))
                if ax in panels[:, 0]:
                    ax.set_ylabel(what)
            column[0].legend()
            column[1].set_xlabel(SYMBOLS["nu"])
    return figure

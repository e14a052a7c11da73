"""What networks hold of class and position on stereo solids, read in three ways, against the correlation ν of the positions.

Alignment (vicreg), prediction of the other view's pixels (reconstruction) and the ceiling that is trained on the class
(supervised), each on n = 8000 pairs of pictures of 32×32, 2500 steps of 64; the target's pixels have noise of .9. Mean over
five seeds, ± 2 standard errors; four classes, chance .25. The leading directions of what either objective sees hold the
position and nothing of the class; nor does the published probe see it, and a converged probe of all features little.
"""

from matplotlib.figure import Figure

from phasejax.experiments.world.figure import world_figure
from phasejax.figures import Sweeps
from phasejax.verify.measured import TABLES, read


def draw(sweeps: Sweeps) -> Figure:
    """From the measured table: its sweep is for an accelerator."""
    return world_figure(read(TABLES / "stereo_solids.csv")[1])

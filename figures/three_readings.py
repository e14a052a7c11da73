"""What networks hold of class and position on stereo sprites, read in three ways, against the correlation ν of the positions.

Alignment (vicreg, infonce at temperature .1), prediction of the other view's pixels (reconstruction, from either view), both
at once (joint) and the ceiling that is trained on the class (supervised), each on n = 8000 pairs of pictures of 32×32, 2000
steps of 64; the target's pixels have noise of .5. Mean over five seeds, ± 2 standard errors; three classes, chance .33. The
features hold the class where the published probe sees none, and prediction is ahead of vicreg at every correlation. Two
leading directions hold the position, not the class; InfoNCE's (before it is put on the sphere) the class, but for ν = .25.
"""

from matplotlib.figure import Figure

from phasejax.experiments.world.figure import world_figure
from phasejax.figures import Sweeps
from phasejax.verify.measured import TABLES, read


def draw(sweeps: Sweeps) -> Figure:
    """From the measured table: its sweep is for an accelerator."""
    return world_figure(read(TABLES / "stereo_sprites_jitter_long.csv")[1])

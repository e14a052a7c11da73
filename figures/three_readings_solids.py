"""What networks hold of class and position on stereo solids, read in three ways, against the correlation ν of the positions.

Alignment (vicreg), prediction of the other view's pixels (reconstruction) and the ceiling that is trained on the class
(supervised), each on n = 4000 pairs of coloured pictures of 32×32, 600 steps of 64; the target's pixels have noise of .9.
Mean over six seeds, ± 2 standard errors; four classes, chance .25. Of the class neither objective tells more than .38 by any
reading, where a network that is trained on it tells .59 to .89; where positions agree, prediction holds them almost whole, in
its two leading directions as well.
"""

from matplotlib.figure import Figure

from phasejax.experiments.world.figure import world_figure
from phasejax.figures import Sweeps
from phasejax.verify.measured import TABLES, read


def draw(sweeps: Sweeps) -> Figure:
    """From the measured table, which `phasejax sweep stereo_solids` writes again."""
    return world_figure(read(TABLES / "stereo_solids.csv")[1])

"""The same sprites on the budget of two CPU cores: what networks hold of class and position, read in three ways, against ν.

Alignment (vicreg), prediction of the other view's pixels (reconstruction, from either view) and the ceiling that is trained on
the class (supervised), each on n = 4000 pairs of pictures of 32×32, 600 steps of 64; the target's pixels have noise of .5. Mean
over six seeds, ± 2 standard errors; three classes, chance .33. By a converged probe of the features prediction from the clean
view is ahead of alignment until both meet at ν = .25, prediction from the noisy view (of x) ahead at ν = 1 and behind at
ν = .25; the published probe sees none of it, and two leading directions hold the position, not the class.
"""

from matplotlib.figure import Figure

from phasejax.experiments.world.figure import world_figure
from phasejax.figures import Sweeps
from phasejax.verify.measured import TABLES, read


def draw(sweeps: Sweeps) -> Figure:
    """From the measured table, which `phasejax sweep stereo_sprites_jitter` writes again."""
    return world_figure(read(TABLES / "stereo_sprites_jitter.csv")[1])

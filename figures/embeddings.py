"""What two leading directions of an output look like: alignment (vicreg) and prediction on stereo sprites.

Where the positions in the two views agree (σ = 0) and where each view is moved by .5. Above coloured by the class, below by the
object's horizontal position. Agreeing positions are what both objectives lay out; classes lie mixed. One seed; n = 4,000 pairs
of 16×16 pixels, 1,000 steps of 64; 600 pictures apart.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from phasejax.figures import Sweeps
from phasejax.plot import STYLE
from phasejax.training import MLP, Convolutional, Decoder, Projected, ToPicture, embed, train
from phasejax.training.probes import principal_scores
from phasejax.worlds import StereoSprites

JITTERS = (0.0, 0.5)
CHANNELS, SHOWN = (16, 16, 32), 600
CLASSES = ("#0072b2", "#d55e00", "#009e73")


def draw(sweeps: Sweeps) -> Figure:
    worlds = eqx.filter_vmap(lambda jitter: StereoSprites(size="tiny", jitter=jitter, noise_y=0.2))(jnp.array(JITTERS))
    keys = jax.random.split(jax.random.key(0), len(JITTERS))
    encoder = Convolutional(32, channels=CHANNELS, hidden=128)
    options = {"key": keys, "rows": 4000, "held_out": 512, "batch": 64, "learning_rate": 2e-3, "steps": 1000}
    aligned = train("vicreg", worlds, encoder=Projected(encoder, MLP(16, 32)), **options)
    predicted = train("reconstruction", worlds, encoder=(encoder, None), decoder=Decoder(ToPicture(CHANNELS[::-1])), **options)
    shown = [jax.tree.map(np.asarray, world.draw(SHOWN, key=jax.random.key(1))) for world in _each(worlds)]
    widest = max(np.abs(drawn.nuisance["position_x"][:, 0]).max() for drawn in shown)
    positions = ScalarMappable(Normalize(-widest, widest), "viridis")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.8), layout="constrained")
        panels = figure.subplots(2, 4)
        for name, found, columns in (("CA", aligned, panels[:, :2]), ("CP", predicted, panels[:, 2:])):
            for column, jitter, encoders, drawn in zip(columns.T, JITTERS, _each(found.encoders), shown, strict=True):
                z = embed((encoders[0],), (jnp.asarray(drawn.views[0]),))[0]
                at = np.asarray(principal_scores(z, z)[0])[:, :2]
                column[0].set_title(f"{name}, σ = {jitter:g}")
                column[0].scatter(*at.T, s=2, c=np.array(CLASSES)[drawn.signal["class"]])
                column[1].scatter(*at.T, s=2, c=positions.to_rgba(drawn.nuisance["position_x"][:, 0]))
        for ax in panels.ravel():
            ax.set(xticks=[], yticks=[])
        panels[0, 0].set_ylabel("class")
        panels[1, 0].set_ylabel("position")
        figure.colorbar(positions, ax=panels[1], label="horizontal position", fraction=0.02)
        handles = [panels[0, 3].scatter([], [], s=12, color=color) for color in CLASSES]
        figure.legend(handles, StereoSprites().classes, loc="outside lower center", ncols=3)
    return figure


def _each(stacked):
    """What is stacked along a leading axis, one after the other."""
    arrays, static = eqx.partition(stacked, eqx.is_array)
    return [eqx.combine(jax.tree.map(lambda leaf, i=i: leaf[i], arrays), static) for i in range(len(JITTERS))]

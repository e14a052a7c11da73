"""Samples of each world, side by side what its M = 2 or 3 modalities see.

Stereo sprites and stereo solids: the two eyes' views, each moved by jitter of its own (σ = .2), the target's pixels noisier.
Captioned scenes: a picture in up to six styles, and its caption. Tri-modal scenes: picture, caption, and the spectrogram of a
sound (frequency against time). Starlight: a star's spectrum (400 to 700 nm) and its light curve over 80 days.
"""

import jax
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from phasejax.figures import Sweeps
from phasejax.plot import STYLE
from phasejax.worlds import CaptionedScenes, Starlight, StereoSolids, StereoSprites, TriModalScenes, captions, trimodal

WORLDS = {
    "stereo sprites": StereoSprites(jitter=0.2, noise_y=0.2),
    "stereo solids": StereoSolids(jitter=0.2, noise_y=0.2),
    "captioned scenes": CaptionedScenes(style_jitter=0.25),
    "tri-modal scenes": TriModalScenes(nu=0.5),
    "starlight": Starlight(photometric_noise=0.2),
}
ACROSS, WORDS_A_LINE = 6, 3


def draw(sweeps: Sweeps) -> Figure:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 6.6), layout="constrained")
        panels = figure.subplots(len(WORLDS), ACROSS)
        for row, (name, world) in zip(panels, WORLDS.items(), strict=True):
            views = [np.asarray(view) for view in world.sample(ACROSS // len(world.dimensions), key=jax.random.key(1))]
            row[0].text(-0.08, 0.5, name, rotation=90, ha="right", va="center", transform=row[0].transAxes)
            for ax, shown in zip(row, [view for sample in zip(*views, strict=True) for view in sample], strict=True):
                ax.set_box_aspect(1)
                ax.set_axis_off()
                _show(ax, shown, world)
    return figure


def _show(ax, view: np.ndarray, world) -> None:
    """A picture, a caption to be read, a spectrogram, or a curve."""
    if view.ndim == 3 and view.shape[1] == view.shape[2]:
        ax.imshow(np.moveaxis(view, 0, -1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    elif view.ndim == 3:
        ax.imshow(view[0], origin="lower", cmap="magma", aspect="auto")
    elif view.dtype.kind == "i":
        words = (trimodal if isinstance(world, TriModalScenes) else captions).words(view).split()
        lines = [" ".join(words[i : i + WORDS_A_LINE]) for i in range(0, len(words), WORDS_A_LINE)]
        ax.text(0, 0.5, "\n".join(lines), va="center", fontsize=5, transform=ax.transAxes)
    else:
        ax.plot(view, linewidth=0.5, color="#0072b2")

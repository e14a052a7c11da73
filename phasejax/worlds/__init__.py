"""Worlds: pictures, captions, sounds and spectra rendered from keys, for networks to learn and for probes to judge."""

from phasejax.worlds.captions import CaptionedScenes
from phasejax.worlds.starlight import Starlight
from phasejax.worlds.stereo import Stereo, StereoSolids, StereoSprites
from phasejax.worlds.trimodal import TriModalScenes
from phasejax.worlds.world import PIXELS, Drawn, Size, World
from phasejax.worlds.xor import XorTriples

__all__ = [
    "PIXELS",
    "CaptionedScenes",
    "Drawn",
    "Size",
    "Starlight",
    "Stereo",
    "StereoSolids",
    "StereoSprites",
    "TriModalScenes",
    "World",
    "XorTriples",
]

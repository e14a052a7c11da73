"""Worlds: pictures, captions, sounds and spectra rendered from keys, for networks to learn and for probes to judge."""

from phasejax.worlds.stereo import Stereo, StereoSolids, StereoSprites
from phasejax.worlds.world import PIXELS, Drawn, Size, World

__all__ = ["PIXELS", "Drawn", "Size", "Stereo", "StereoSolids", "StereoSprites", "World"]

"""Where does a dataset stand? Align, predict (in which direction) or neither, from paired embeddings and a few labels."""

from phasejax.diagnose.diagnosis import Diagnosis, Estimate, Outlook, Spectrum, ThesePairs
from phasejax.diagnose.run import diagnose

__all__ = ["Diagnosis", "Estimate", "Outlook", "Spectrum", "ThesePairs", "diagnose"]

"""Where does a dataset stand? Align, predict (in which direction) or neither, from paired embeddings and a few labels."""

from phasejax.diagnosis.diagnosis import Diagnosis, Estimate, Outlook, Spectrum, ThesePairs
from phasejax.diagnosis.run import diagnose

__all__ = ["Diagnosis", "Estimate", "Outlook", "Spectrum", "ThesePairs", "diagnose"]

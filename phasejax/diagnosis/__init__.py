"""Where does a dataset stand? Align, predict (in which direction) or neither, from paired embeddings and a few labels."""

from phasejax.diagnosis.estimators import PrincipalComponents, TwoViewEncoder, load_encoder
from phasejax.diagnosis.result import Diagnosis, Estimate, Loadings, Outlook, Reduction, Regimes, Side, Spectrum, Variant
from phasejax.diagnosis.run import diagnose

__all__ = [
    "Diagnosis",
    "Estimate",
    "Loadings",
    "Outlook",
    "PrincipalComponents",
    "Reduction",
    "Regimes",
    "Side",
    "Spectrum",
    "TwoViewEncoder",
    "Variant",
    "diagnose",
    "load_encoder",
]

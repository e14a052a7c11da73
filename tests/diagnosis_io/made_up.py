"""A diagnosis made up for what is done with one."""

import numpy as np

from phasejax.diagnosis import Diagnosis, Estimate, Loadings, Outlook, Reduction, Regimes, Side, Spectrum, Variant
from phasejax.diagnosis.relation import Relation
from phasejax.diagnosis.trial import Candidate, Trial
from phasejax.theory import Regime

RNG = np.random.default_rng(3)


def spectrum(values, signals, m=6):
    debiased = np.array(values)
    chosen = np.isin(np.arange(m), signals)
    return Spectrum(debiased + 0.07, debiased, np.linspace(0.3, 0.05, m), np.where(chosen, 0.6, 0.02), 0.013, chosen, chosen)


SCORES = {
    ("CA", None, "x"): 0.83,
    ("CP", "x→y", "x"): 0.7,
    ("CP", "y→x", "y"): 0.52,
    ("PLS", None, "y"): 0.61,
    ("whitened", None, "x"): 0.84,
    ("principal components", None, "x"): 0.71,
    ("principal components", None, "y"): 0.33,
    ("whole view", None, "x"): 0.9,
    ("whole view", None, "y"): 0.5,
}
_score = np.array(list(SCORES.values()))
TRIAL = Trial(
    candidates=tuple(Candidate(*key, 2, (0.0, 0.0)) for key in SCORES),
    score=_score,
    error=np.full(_score.size, 0.02),
    difference=_score[:, None] - _score,
    difference_error=np.full((_score.size,) * 2, 0.015),
    smooth=_score,
    noise=0.0002 * np.eye(_score.size),
    measure="balanced accuracy",
    chance=0.25,
)
RELATION = Relation(0.001, 0.002, 0.5, np.nan, "none", 0, 0.1, False, ())
MADE_UP = Diagnosis(
    objective="CA",
    direction=None,
    view="x",
    advice="Align: it is made up, with 5 < 6 & so on.",
    confidence=0.9,
    loadings=Loadings("x", ("wing", "bill", "<mass>"), np.array([[0.9, -0.1], [0.2, 0.8], [-0.953, 0.004]])),
    relation=RELATION,
    trial=TRIAL,
    ca=Side(
        Estimate(1.734, 1.21, 2.5),
        0.937,
        2,
        0.97,
        spectrum([0.8, 0.7, 0.4, 0.3, 0.2, 0.1], [0, 1]),
        Outlook(0.43, 0.55, 1747.2),
    ),
    cp=Side(
        Estimate(0.62, 0.31, 1.04), 0.0763, 1, 0.5, spectrum([0.9, 0.7, 0.6, 0.3, 0.2, 0.1], [1, 3]), Outlook(0.08, 0.8, np.inf)
    ),
    cp_reverse=Side(
        Estimate(12.34, 3.0, np.inf),
        0.998,
        2,
        1.0,
        spectrum([0.9, 0.7, 0.1, 0.09, 0.05, 0.0], [0, 1]),
        Outlook(0.21, 0.6, 2.4e7),
    ),
    regime=Regime.CA_ONLY,
    regime_probabilities={Regime.NEITHER: 0.06, Regime.CA_ONLY: 0.8637, Regime.CP_ONLY: 0.003, Regime.BOTH: 0.0733},
    these_pairs=Regimes(Regime.NEITHER, {Regime.NEITHER: 0.52, Regime.CA_ONLY: 0.4, Regime.CP_ONLY: 0.05, Regime.BOTH: 0.03}),
    sensitivity=(Variant(10, 3, 0.0, 0.45, 0.05, 0.99), Variant(20, 6, 0.1, 0.93, 0.06, 0.999)),
    reliability=(0.64, 0.25),
    cloud=np.exp(RNG.normal(0.3, 0.5, (80, 3))),
    k=2,
    n=1500,
    n_effective=310.4,
    n_labelled=200,
    x=Reduction(columns=64, rank=60, kept=20),
    y=Reduction(columns=6, rank=6, kept=6),
    method="default",
    warnings=("Only 200 labelled pairs <of many>.", "Rows are alike."),
)

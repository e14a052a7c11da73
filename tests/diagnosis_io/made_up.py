"""A diagnosis made up for what is done with one."""

import numpy as np

from phasejax.diagnosis import Diagnosis, Estimate, Outlook, Spectrum, ThesePairs
from phasejax.theory import Regime

RNG = np.random.default_rng(3)


def spectrum(values, signals, m=6):
    debiased = np.array(values)
    chosen = np.isin(np.arange(m), signals)
    return Spectrum(debiased + 0.07, debiased, np.linspace(0.3, 0.05, m), np.where(chosen, 0.6, 0.02), 0.013, chosen)


MADE_UP = Diagnosis(
    delta_ca=Estimate(1.734, 1.21, 2.5),
    delta_cp=Estimate(0.62, 0.31, 1.04),
    delta_cp_reverse=Estimate(12.34, 3.0, np.inf),
    regime=Regime.CA_ONLY,
    regime_probabilities={Regime.NEITHER: 0.06, Regime.CA_ONLY: 0.8637, Regime.CP_ONLY: 0.003, Regime.BOTH: 0.0733},
    probability_ca=0.937,
    probability_cp=0.0763,
    probability_cp_reverse=0.998,
    recovered_ca=2,
    recovered_cp=1,
    recovered_cp_reverse=2,
    objective="CA",
    direction=None,
    advice="Align: it is made up, with 5 < 6 & so on.",
    stronger_source="y",
    stronger_source_probability=0.91,
    these_pairs=ThesePairs(
        Regime.NEITHER,
        {Regime.NEITHER: 0.52, Regime.CA_ONLY: 0.4, Regime.CP_ONLY: 0.05, Regime.BOTH: 0.03},
        Outlook(0.43, 0.55, 347.2),
        Outlook(0.08, 0.8, np.inf),
        Outlook(0.21, 0.6, 2.4e7),
    ),
    spectrum_ca=spectrum([0.8, 0.7, 0.4, 0.3, 0.2, 0.1], [0, 1]),
    spectrum_cp=spectrum([0.9, 0.7, 0.6, 0.3, 0.2, 0.1], [1, 3]),
    spectrum_cp_reverse=spectrum([0.9, 0.7, 0.1, 0.09, 0.05, 0.0], [0, 1]),
    k=2,
    n=1500,
    n_effective=310.4,
    n_labelled=200,
    d_x=64,
    d_y=6,
    rank_x=60,
    rank_y=6,
    kept_x=20,
    kept_y=6,
    cloud=np.exp(RNG.normal(0.3, 0.5, (80, 3))),
    method="default",
    warnings=("Only 200 labelled pairs <of many>.", "Rows are alike."),
)

"""A diagnosis made up for what is done with one."""

import numpy as np

from phasejax.diagnosis import Diagnosis, Estimate, Outlook, Reduction, Regions, Side, Spectrum
from phasejax.theory import Regime

RNG = np.random.default_rng(3)


def spectrum(values, signals, m=6):
    debiased = np.array(values)
    chosen = np.isin(np.arange(m), signals)
    return Spectrum(debiased + 0.07, debiased, np.linspace(0.3, 0.05, m), np.where(chosen, 0.6, 0.02), 0.013, chosen)


MADE_UP = Diagnosis(
    objective="CA",
    direction=None,
    advice="Align: it is made up, with 5 < 6 & so on.",
    ca=Side(Estimate(1.734, 1.21, 2.5), 0.937, 2, spectrum([0.8, 0.7, 0.4, 0.3, 0.2, 0.1], [0, 1]), Outlook(0.43, 0.55, 347.2)),
    cp=Side(
        Estimate(0.62, 0.31, 1.04), 0.0763, 1, spectrum([0.9, 0.7, 0.6, 0.3, 0.2, 0.1], [1, 3]), Outlook(0.08, 0.8, np.inf)
    ),
    cp_reverse=Side(
        Estimate(12.34, 3.0, np.inf), 0.998, 2, spectrum([0.9, 0.7, 0.1, 0.09, 0.05, 0.0], [0, 1]), Outlook(0.21, 0.6, 2.4e7)
    ),
    regime=Regime.CA_ONLY,
    regime_probabilities={Regime.NEITHER: 0.06, Regime.CA_ONLY: 0.8637, Regime.CP_ONLY: 0.003, Regime.BOTH: 0.0733},
    these_pairs=Regions(Regime.NEITHER, {Regime.NEITHER: 0.52, Regime.CA_ONLY: 0.4, Regime.CP_ONLY: 0.05, Regime.BOTH: 0.03}),
    stronger_source="y",
    stronger_source_probability=0.91,
    k=2,
    n=1500,
    n_effective=310.4,
    n_labelled=200,
    x=Reduction(columns=64, rank=60, kept=20),
    y=Reduction(columns=6, rank=6, kept=6),
    cloud=np.exp(RNG.normal(0.3, 0.5, (80, 3))),
    method="default",
    warnings=("Only 200 labelled pairs <of many>.", "Rows are alike."),
)

"""The answer of the diagnostic, as data."""

import dataclasses
import math
from typing import Literal, NamedTuple

import numpy as np

from phasejax.theory import Regime

OBJECTIVES: tuple[tuple[Literal["CA", "CP"], Literal["x→y", "y→x"] | None, str], ...] = (
    ("CA", None, "Align"),
    ("CP", "x→y", "Predict y from x"),
    ("CP", "y→x", "Predict x from y"),
)


class Estimate(NamedTuple):
    """A positive quantity and its central 90 % interval; `high` may be +∞."""

    value: float
    low: float
    high: float


class Spectrum(NamedTuple):
    """The components of one objective, each (m,), by descending observed singular value.

    - `observed`: singular values of the sample; correlations for CA, for CP in units of the root mean variance of
      y's components.
    - `debiased`: what they are in the population, as far as simulation can undo the inflation of n pairs.
    - `null`: what n pairs show on average when x and y are independent.
    - `r_squared`: share of the labels' variance on the component, in [0, 1], corrected for chance.
    - `floor`: what chance alone adds to that share before the correction, one number.
    - `is_signal`: whether the component is called signal, by its labels.
    """

    observed: np.ndarray
    debiased: np.ndarray
    null: np.ndarray
    r_squared: np.ndarray
    floor: float
    is_signal: np.ndarray

    @property
    def nuisance_floor(self) -> float:
        """The largest debiased nuisance value, which signal must exceed."""
        return float(self.debiased[~self.is_signal].max(initial=0))


class Outlook(NamedTuple):
    """One objective on these very pairs, and on more of them.

    - `probability`: that a fit on these n pairs (on their kept components) recovers the signal, its distance below ½.
    - `distance`: the distance to expect from that fit, in [0, 1].
    - `pairs_needed`: number of pairs at which the expected distance is ½; +∞ where no number suffices.
    """

    probability: float
    distance: float
    pairs_needed: float


class ThesePairs(NamedTuple):
    """What fits on these n pairs would recover, apart from what the population allows."""

    regime: Regime
    probabilities: dict[Regime, float]
    ca: Outlook
    cp: Outlook
    cp_reverse: Outlook


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """Where a dataset stands. CP goes from x to y, `cp_reverse` from y to x; Δ > 1 means that the population allows recovery.

    - `delta_ca`, `delta_cp`, `delta_cp_reverse`: separation ratios with 90 % intervals.
    - `regime`, `regime_probabilities`: of the population, for CA and CP from x to y; the probabilities sum to 1.
    - `probability_ca`, `probability_cp`, `probability_cp_reverse`: that Δ > 1.
    - `recovered_ca`, `recovered_cp`, `recovered_cp_reverse`: signal components above the nuisance floor, in 0..k.
    - `objective` "CA", "CP" or "neither", with its `direction` "x→y" or "y→x" for CP; `advice` says it in a sentence.
    - `stronger_source`: the view from which prediction separates better, and the probability of that.
    - `these_pairs`: the second answer, for fits on these n pairs.
    - `spectrum_ca`, `spectrum_cp`, `spectrum_cp_reverse`: components with their labels.
    - `k`: number of signal components; `n` pairs, `n_effective` independent ones, `n_labelled`, `d_x`, `d_y`, `rank_x`,
      `rank_y` of the views, `kept_x`, `kept_y` principal components that were analysed.
    - `cloud`: (R, 3) plausible (Δ_CA, Δ_CP, Δ_CP reverse), for drawing the uncertainty.
    - `method` "default" or "elbow"; `warnings`: sentences.
    """

    delta_ca: Estimate
    delta_cp: Estimate
    delta_cp_reverse: Estimate
    regime: Regime
    regime_probabilities: dict[Regime, float]
    probability_ca: float
    probability_cp: float
    probability_cp_reverse: float
    recovered_ca: int
    recovered_cp: int
    recovered_cp_reverse: int
    objective: Literal["CA", "CP", "neither"]
    direction: Literal["x→y", "y→x"] | None
    advice: str
    stronger_source: Literal["x", "y"]
    stronger_source_probability: float
    these_pairs: ThesePairs | None
    spectrum_ca: Spectrum
    spectrum_cp: Spectrum
    spectrum_cp_reverse: Spectrum
    k: int
    n: int
    n_effective: float
    n_labelled: int
    d_x: int
    d_y: int
    rank_x: int
    rank_y: int
    kept_x: int
    kept_y: int
    cloud: np.ndarray
    method: Literal["default", "elbow"]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict:
        """Everything as JSON-safe values: regimes by label, arrays as lists, infinity as "inf"."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}


def _plain(value):
    if isinstance(value, Regime):
        return str(value)
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return {key: _plain(item) for key, item in value._asdict().items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value

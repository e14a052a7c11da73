"""The answer of the diagnostic, as data."""

import dataclasses
import math
from typing import Literal, NamedTuple

import numpy as np

from phasejax.theory import Regime

type Objective = Literal["CA", "CP", "neither"]
type Direction = Literal["x→y", "y→x"]


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


class Side(NamedTuple):
    """One objective in one direction: CA, CP from x to y, or CP from y to x.

    - `delta`: separation ratio Δ with its 90 % interval; Δ > 1 means that the population allows recovery.
    - `probability`: that Δ > 1.
    - `recovered`: signal components above the nuisance floor, in 0..k.
    - `spectrum`: its components, with their labels.
    - `outlook`: what a fit on these pairs gives, or None from the published procedure, which does not say.
    """

    delta: Estimate
    probability: float
    recovered: int
    spectrum: Spectrum
    outlook: Outlook | None


class Regions(NamedTuple):
    """The likeliest of the four regions for CA and CP from x to y, and the probability of each; they sum to 1."""

    regime: Regime
    probabilities: dict[Regime, float]


class Reduction(NamedTuple):
    """What became of a view: its `columns`, their numerical `rank`, and the principal components `kept`."""

    columns: int
    rank: int
    kept: int


@dataclasses.dataclass(frozen=True, repr=False)
class Diagnosis:
    """Where a dataset stands; `print` shows it on one screen, a notebook as a page.

    - `objective` "CA", "CP" or "neither", with its `direction` "x→y" or "y→x" for CP; `advice` says it in a sentence.
    - `ca`, `cp`, `cp_reverse`: the `Side` of aligning, of predicting y from x, and of predicting x from y.
    - `regime`, `regime_probabilities`: of the population, for CA and CP from x to y.
    - `these_pairs`: the same for fits on these n pairs; None from the published procedure.
    - `stronger_source`: the view from which prediction separates better, and the probability of that.
    - `k`: number of signal components; `n` pairs, `n_effective` independent ones, `n_labelled`.
    - `x`, `y`: columns, rank and kept components of each view.
    - `cloud`: (R, 3) plausible (Δ_CA, Δ_CP, Δ_CP reverse), for drawing the uncertainty.
    - `method` "default" or "elbow"; `warnings`: sentences.
    """

    objective: Objective
    direction: Direction | None
    advice: str
    ca: Side
    cp: Side
    cp_reverse: Side
    regime: Regime
    regime_probabilities: dict[Regime, float]
    these_pairs: Regions | None
    stronger_source: Literal["x", "y"]
    stronger_source_probability: float
    k: int
    n: int
    n_effective: float
    n_labelled: int
    x: Reduction
    y: Reduction
    cloud: np.ndarray
    method: Literal["default", "elbow"]
    warnings: tuple[str, ...]

    @property
    def sides(self) -> tuple[Side, Side, Side]:
        """CA, CP from x to y, CP from y to x."""
        return self.ca, self.cp, self.cp_reverse

    def to_dict(self) -> dict:
        """Everything as JSON-safe values: regimes by label, arrays as lists, infinity as "inf"."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    # What words and pictures make of a diagnosis is built on this module, so it is looked up only when asked for.
    def __str__(self) -> str:
        """The answer on one screen."""
        from phasejax.diagnosis.screen import screen_text

        return screen_text(self)

    def __repr__(self) -> str:
        return f"<Diagnosis of {self.n} pairs: {self.advice}>"

    def _repr_html_(self) -> str:
        """The report, in a frame of its own so that its style stays inside."""
        from phasejax.diagnosis.report import report_frame

        return report_frame(self)


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

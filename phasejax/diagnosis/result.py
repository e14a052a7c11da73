"""The answer of the diagnostic, as data."""

import dataclasses
import math
from typing import Literal, NamedTuple

import numpy as np

from phasejax.diagnosis.checks import ViewLike
from phasejax.diagnosis.estimators import PrincipalComponents, TwoViewEncoder
from phasejax.diagnosis.relation import Relation
from phasejax.diagnosis.trial import Trial
from phasejax.theory import Regime

type Objective = Literal["CA", "CP", "PLS", "whitened", "one view", "neither"]
type Direction = Literal["x→y", "y→x"]
type ViewName = Literal["x", "y"]


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
    - `told`: whether the labels speak of the component beyond chance.
    - `is_signal`: whether the component is called signal, by its labels and its place.
    """

    observed: np.ndarray
    debiased: np.ndarray
    null: np.ndarray
    r_squared: np.ndarray
    floor: float
    told: np.ndarray
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
    - `kept`: share of what the components tell of the labels that its k leading ones can be expected to keep, in [0, 1]: all of
      it where Δ > 1, what is measured on them where it is not.
    - `spectrum`: its components, with their labels.
    - `outlook`: what a fit on these pairs gives, or None from the published procedure, which does not say.
    """

    delta: Estimate
    probability: float
    recovered: int
    kept: float
    spectrum: Spectrum
    outlook: Outlook | None


class Regimes(NamedTuple):
    """The likeliest of the four regimes for CA and CP from x to y, and the probability of each; they sum to 1."""

    regime: Regime
    probabilities: dict[Regime, float]


class Variant(NamedTuple):
    """The probability that Δ > 1 of each side, had other numbers of components or another ridge been taken."""

    kept_x: int
    kept_y: int
    ridge: float
    ca: float
    cp: float
    cp_reverse: float


class Reduction(NamedTuple):
    """What became of a view: its `columns`, their numerical `rank`, and the principal components `kept`."""

    columns: int
    rank: int
    kept: int


class Loadings(NamedTuple):
    """What the advised encoder reads: the correlation (d, k) of each column of its `view`, by `names`, with each direction."""

    view: ViewName
    names: tuple[str, ...]
    correlation: np.ndarray


@dataclasses.dataclass(frozen=True, repr=False)
class Diagnosis:
    """Where a dataset stands, in four layers that can each stop the next; `print` shows it on one screen, a notebook as a page.

    One advice:

    - `objective`: "CA", "CP", "PLS" or "whitened"; or "one view" or "neither", which advise no cross-modal training. CP has a
      `direction` "x→y" or "y→x". `view` is the one whose encoder tells the labels better; None with "neither".
    - `advice` says it in a sentence; `confidence` is the probability that on new groups no other encoder of as many dimensions
      tells the labels better by more than `phasejax.diagnosis.shrinkage.MARGIN`; None where nothing was tried.

    What it stands on:

    - `loadings` of the advised encoder, fitted to all pairs; None where none is advised.
    - `relation`: whether the data are fit to be asked; `trial`: what was measured on these pairs, None where they are not, or
      where the labels lie in too few groups. Both are None from the published procedure.
    - `ca`, `cp`, `cp_reverse`: the model's `Side` of aligning, of predicting y from x, and of predicting x from y.
    - `regime`, `regime_probabilities`: of the population, for CA and CP from x to y.
    - `these_pairs`: the same for fits on these n pairs; None from the published procedure.
    - `sensitivity`: the same probabilities from half as many components, and with more ridge.
    - `reliability`: shares of the weakest signal's coordinate in x and in y that are signal, κ²/(κ²+γ) in (0, 1]; None from the
      published procedure.
    - `cloud`: (R, 3) plausible (Δ_CA, Δ_CP, Δ_CP reverse), for drawing the uncertainty.

    And of what:

    - `k`: number of signal components; `n` pairs, `n_effective` independent ones, `n_labelled`.
    - `x`, `y`: columns, rank and kept components of each view.
    - `method` "default" or "elbow"; `warnings`: sentences.
    """

    objective: Objective
    direction: Direction | None
    view: ViewName | None
    advice: str
    confidence: float | None
    loadings: Loadings | None
    relation: Relation | None
    trial: Trial | None
    ca: Side
    cp: Side
    cp_reverse: Side
    regime: Regime
    regime_probabilities: dict[Regime, float]
    these_pairs: Regimes | None
    sensitivity: tuple[Variant, ...]
    reliability: tuple[float, float] | None
    cloud: np.ndarray
    k: int
    n: int
    n_effective: float
    n_labelled: int
    x: Reduction
    y: Reduction
    method: Literal["default", "elbow"]
    warnings: tuple[str, ...]

    @property
    def sides(self) -> tuple[Side, Side, Side]:
        """CA, CP from x to y, CP from y to x."""
        return self.ca, self.cp, self.cp_reverse

    @property
    def advised(self) -> int | None:
        """Index of the advised encoder among the candidates of the trial; None where nothing is advised, or was tried."""
        return None if self.trial is None else self.trial.advised(self.objective, self.direction, self.view)

    def fit(self, x: ViewLike, y: ViewLike) -> TwoViewEncoder | PrincipalComponents:
        """The advised encoders, fitted to pairs (n, d_x), (n, d_y).

        **Raises:** `ValueError` where nothing is advised, or nothing was tried.
        """
        if self.trial is None or self.advised is None:
            raise ValueError(f"there is nothing to fit: {self.advice}")
        found, kept = self.trial.candidates[self.advised], (self.x.kept, self.y.kept)
        if self.objective == "one view":
            return PrincipalComponents(found.k, components=kept).fit(x, y)
        alpha_x, alpha_y = found.alpha if found.view == "x" else found.alpha[::-1]
        return TwoViewEncoder(found.k, alpha_x=alpha_x, alpha_y=alpha_y, components=kept).fit(x, y)

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

"""Fit to be asked? Whether the views belong together, and whether the labels speak of them, before anything is advised."""

from typing import Literal, NamedTuple

import numpy as np

from phasejax.diagnosis.image import Image, image_of
from phasejax.diagnosis.permutation import excess, related
from phasejax.diagnosis.sample import Sample
from phasejax.diagnosis.series import alike_at, alone, autocorrelation, unexplained
from phasejax.diagnosis.views import View

Verdict = Literal["fit", "same view", "views unrelated", "order of rows", "labels unrelated", "too few labels"]

# Of the relation of the views, and of both relations of the labels together; where there is nothing, far less than 5 % of
# calls then give advice.
LEVEL = 0.01
_PLANTED = 16
_MOST_SHIFT, _SHIFTED_ROWS = 5, 2048


class Dominance(NamedTuple):
    """One row that makes a component: `share` in (0, 1] of the variance of principal component `component` of `view`."""

    view: Literal["x", "y"]
    row: int
    component: int
    share: float


class Relation(NamedTuple):
    """What must hold before advice makes sense.

    - `views`: p-value of "x and y are unrelated"; a relation that groups or a series would show by themselves does not count.
    - `labels_x`, `labels_y`: p-values of "the labels are unrelated to x", "to y", labels permuted.
    - `power`: where neither view is found related to the labels, the chance that labels like these (as many, grouped alike)
      would be found related to the view that tells them better, if it told a quarter of their variance, in [0, 1]; else NaN.
    - `image`: "copy" (up to a rotation and one scale), "linear image" (each view gives the other exactly), "x gives y" or
      "y gives x" (exactly, one way only), or "none".
    - `shift`: number of rows by which y's rows would have to move down to be related to x, where they are not as they
      stand; 0 if there is none. Not looked for where groups or a series make neighbours alike.
    - `autocorrelation`: largest lag-one autocorrelation, in file order and beyond what groups and labels explain, of the
      leading principal components; `serial` whether some of it is beyond chance: the test of the views then moved rows as a
      whole, and so did those of the labels, unless labelled rows are so far apart that they are hardly alike.
    - `dominant`: rows that make a component.
    """

    views: float
    labels_x: float
    labels_y: float
    power: float
    image: Image
    shift: int
    autocorrelation: float
    serial: bool
    dominant: tuple[Dominance, ...]

    @property
    def verdict(self) -> Verdict:
        """Fit, or the first reason for which nothing can be advised."""
        if self.image in ("copy", "linear image"):
            return "same view"
        if self.shift:
            return "order of rows"
        if self.views > LEVEL:
            return "views unrelated"
        if not self.told:
            return "labels unrelated" if self.power >= 0.8 else "too few labels"
        return "fit"

    @property
    def told(self) -> str:
        """The views that the labels are related to: "", "x", "y" or "xy"."""
        return "x" * (self.labels_x <= LEVEL / 2) + "y" * (self.labels_y <= LEVEL / 2)


def relate(x: np.ndarray, y: np.ndarray, sample: Sample, seed: int) -> Relation:
    """How the views (n, d_x), (n, d_y) and the labels of a sample belong together."""
    rng = np.random.default_rng(seed)
    labels, groups, views = sample.labels, sample.groups, (sample.x, sample.y)
    rests = [unexplained(view.scores, labels, groups) for view in views]
    lagged, beyond_chance = zip(*(autocorrelation(rest, groups) for rest in rests), strict=True)
    serial = any(beyond_chance)
    joint = related(sample.x.scores, sample.y.scores, groups, rng, serial=serial)
    codes = np.unique(groups[labels.rows], return_inverse=True)[1]
    kept_order = serial and any(alike_at(rest, groups, labels.rows) for rest in rests)
    told = [related(view.scores[labels.rows], labels.columns, codes, rng, serial=kept_order) for view in views]
    rows_are_free = not serial and alone(groups)
    return Relation(
        views=joint,
        labels_x=told[0],
        labels_y=told[1],
        power=_power(sample, codes, kept_order, rng) if min(told) > LEVEL / 2 else np.nan,
        image=image_of(x, y, rng),
        shift=_shift(sample.x.scores, sample.y.scores, rng) if joint > LEVEL and rows_are_free else 0,
        autocorrelation=max(lagged),
        serial=serial,
        dominant=tuple(_dominant("x", sample.x) + _dominant("y", sample.y)),
    )


def _power(sample: Sample, codes: np.ndarray, serial: bool, rng: np.random.Generator) -> float:
    """How often labels are found that a view tells a quarter of: random directions of it, and the rest the labels shuffled.

    Labels that are constant within groups stay so.
    """
    sizes = np.bincount(codes)
    label = sample.labels.columns[:, 0]
    means = np.bincount(codes, label) / sizes
    constant = np.allclose(means[codes], label)
    found = []
    for view in (sample.x, sample.y):
        scores = view.scores[sample.labels.rows]
        told = np.empty(_PLANTED)
        for plant in range(_PLANTED):
            direction = scores @ (np.sqrt(view.variances) * rng.normal(size=view.variances.size))
            noise = rng.permutation(means)[codes] if constant else rng.permutation(label)
            direction = (np.bincount(codes, direction) / sizes)[codes] if constant else direction
            planted = 0.5 * _standard(direction) + np.sqrt(0.75) * _standard(noise)
            told[plant] = related(scores, planted[:, None], codes, rng, serial=serial) <= LEVEL / 2
        found.append(told.mean())
    return float(max(found))


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / max(values.std(), 1e-300)


def _shift(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> int:
    """The shift of y's rows, up to 5, at which it is related to x far beyond chance; 0 if there is none."""
    rows = np.arange(min(len(x), _SHIFTED_ROWS))
    x, y = x[rows], y[rows]
    shifts = [shift for shift in range(-_MOST_SHIFT, _MOST_SHIFT + 1) if shift]
    found = excess(
        x, (y[order] for order in (*(np.roll(rows, s) for s in shifts), *(rng.permutation(rows) for _ in range(40))))
    )
    best = int(np.argmax(found[: len(shifts)]))
    return shifts[best] if found[best] > 2 * found[len(shifts) :].max() else 0


def _dominant(name: Literal["x", "y"], view: View) -> list[Dominance]:
    """Rows that make more than half of a component's variance."""
    share = view.scores**2 / len(view.scores)
    row = share.argmax(axis=0)
    largest = share[row, np.arange(row.size)]
    return [Dominance(name, int(row[i]), int(i) + 1, float(largest[i])) for i in np.flatnonzero(largest > 0.5)]

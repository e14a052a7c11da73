"""Fit to be asked? Whether the views belong together, and whether the labels speak of them, before anything is advised."""

from typing import Literal, NamedTuple

Verdict = Literal["fit", "same view", "views unrelated", "order of rows", "labels unrelated", "too few labels"]
Image = Literal["none", "copy", "linear image", "x gives y", "y gives x"]

LEVEL = 0.01  # of each test: advice that stands on one of them then stays well below 5 % where there is nothing


class Dominance(NamedTuple):
    """One row that makes a component: `share` in (0, 1] of the variance of principal component `component` of `view`."""

    view: Literal["x", "y"]
    row: int
    component: int
    share: float


class Relation(NamedTuple):
    """What must hold before advice makes sense.

    - `views`: p-value of "x and y are unrelated", pairs permuted; a relation that a shuffle of y's rows would also show does
      not count.
    - `labels_x`, `labels_y`: p-values of "the labels are unrelated to x", "to y", labels permuted.
    - `power`: chance that labels like these (as many, grouped alike) would be found related to the view that tells them
      better, if it told a quarter of their variance; in [0, 1].
    - `image`: "copy" (up to order, sign and scale of the columns, or a rotation), "linear image" (each view gives the other
      exactly), "x gives y" or "y gives x" (exactly, one way only), or "none".
    - `shift`: number of rows by which y's rows would have to move down to be related to x, where they are not as they
      stand; 0 if there is none.
    - `autocorrelation`: largest lag-one autocorrelation, in file order and beyond what labels explain, of the leading
      principal components; `serial` whether it is beyond chance, and the tests moved rows as whole stretches.
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
        """ "fit", or the first reason for which nothing can be advised."""
        if self.image in ("copy", "linear image"):
            return "same view"
        if self.shift:
            return "order of rows"
        if self.views > LEVEL:
            return "views unrelated"
        if min(self.labels_x, self.labels_y) > LEVEL:
            return "labels unrelated" if self.power >= 0.8 else "too few labels"
        return "fit"

    @property
    def told(self) -> str:
        """The views that the labels are related to: "", "x", "y" or "xy"."""
        return "x" * (self.labels_x <= LEVEL) + "y" * (self.labels_y <= LEVEL)

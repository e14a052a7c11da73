"""The specification of a sweep over spiked models."""

from typing import Literal

import numpy as np
from pydantic import Field

from phasejax.simulation.cell import RIDGES
from phasejax.sweep.spec import Finite, Fixed, Range, SpecError, SweepSpec, Table

RANGES: dict[str, Range] = {
    "kappa": Range(0),
    "spread": Range(0, 1, open=True),
    "gamma_x": Range(0),
    "gamma_y": Range(0),
    "quality_x": Range(0, 1, open=True),
    "quality_y": Range(0, 1, open=True),
    "gamma_tilde_x": Range(0, open=True),
    "gamma_tilde_y": Range(0, open=True),
    "nu": Range(0, 1),
    "eta": Range(0),
    "n": Range(1, 1e15, whole=True),
    "ridge_x": Range(0, 1e6),
    "ridge_y": Range(0, 1e6),
}
"""What may be fixed under [model] or swept under [axes]."""

_WEAKEST = 1e-8
"""A signal below this is none where a variance rests on it."""

_ALTERNATIVES = (("gamma_x", "quality_x"), ("gamma_y", "quality_y"), ("nu", "eta"))


class ModelTable(Table):
    """The fixed part of the spiked model, scalars or full-length lists; what is swept is left out here.

    `spread` makes the spikes unequal, κ_i = κ·spread^(i−1) for i = 1..k, in (0, 1], default 1. `ridge_x` and `ridge_y`
    regularise the solvers, in mean eigenvalues of the view's sample covariance, default 0: CA by both, CP by `ridge_x` alone.
    """

    d: int = Field(ge=1, le=10**6)
    k: int = Field(ge=1)
    d_y: int | None = Field(None, ge=1, le=10**6)
    kappa: Fixed | None = None
    spread: Finite | None = None
    gamma_x: Fixed | None = None
    gamma_y: Fixed | None = None
    quality_x: Fixed | None = None
    quality_y: Fixed | None = None
    gamma_tilde_x: Fixed | None = None
    gamma_tilde_y: Fixed | None = None
    nu: Fixed | None = None
    eta: Fixed | None = None
    n: int | None = Field(None, ge=1, le=10**15)
    ridge_x: Finite | None = None
    ridge_y: Finite | None = None

    @property
    def dimensions(self) -> tuple[int, int]:
        """(d_x, d_y)."""
        return self.d, self.d if self.d_y is None else self.d_y

    def fixed(self) -> dict[str, np.ndarray]:
        """Name → value of every fixed parameter, a scalar or one for each coordinate."""
        return {name: np.asarray(value, np.float64) for name in RANGES if (value := getattr(self, name)) is not None}


class SpikedSpec(SweepSpec):
    """A sweep over spiked models.

    - `threshold` of squared overlap above which a direction counts as recovered (0.8 as published).
    - `hold`: when a γ̃ is swept, whether the nuisance correlation ("nu") or covariance ("eta") stays fixed meanwhile.
    """

    threshold: float = Field(0.8, gt=0, lt=1)
    hold: Literal["nu", "eta"] | None = None
    model: ModelTable

    def ranges(self) -> dict[str, Range]:
        return RANGES

    def values(self) -> dict[str, np.ndarray]:
        return {name: np.atleast_1d(value) for name, value in self.model.fixed().items()} | super().values()

    def check(self) -> None:
        self._check_names()
        self._check_sizes()
        self._check_interplay()

    @np.errstate(over="ignore")
    def check_precision(self, precision: int) -> None:
        values = self.values()
        variances = {name: v for name, v in values.items() if name.startswith("gamma")} | {"kappa": values["kappa"] ** 2}
        for side in ("x", "y"):
            if (quality := values.get(f"quality_{side}")) is not None:
                variances[f"quality_{side}"] = variances["kappa"].max() * (1 - quality) / quality
        most = np.sqrt(np.finfo(f"f{precision // 8}").max)  # products of two variances are formed
        for name, variance in variances.items():
            least = 1 / most if name.startswith("gamma_tilde") else 0
            bad = values[name][(variance > most) | (variance < least)]
            if bad.size:
                allowed = f"variances must lie within {1 / most:.0e} and {most:.0e}"
                raise SpecError(f"{name} = {bad[0]:g} is not allowed at {precision} bits: {allowed}.")

    def hint(self) -> str:
        values, both = self.values(), sum(self.model.dimensions)
        smallest = values["n"].min()
        if smallest >= both or any(values[name].min() > 0 for name in RIDGES if name in values):
            return ""
        return (
            f"n = {smallest:g} is less than d_x + d_y = {both}: some sample correlations are 1 whatever the data, and CA's "
            "directions are arbitrary; take more pairs, fewer dimensions or a ridge."
        )

    def _check_names(self) -> None:
        fixed = self.model.fixed()
        for name in fixed.keys() & self.axes.keys():
            raise ValueError(f"{name} is both fixed under [model] and swept under [axes]: keep one")
        given = set(fixed) | set(self.axes)
        for pair in _ALTERNATIVES:
            if len(given & set(pair)) != 1:
                raise ValueError(f"give exactly one of {pair[0]} and {pair[1]}, under [model] or [axes]")
        for name in ("kappa", "gamma_tilde_x", "gamma_tilde_y", "n"):
            if name not in given:
                raise ValueError(f"{name} is missing: give it under [model] or [axes]")
        moving = [name for name in ("gamma_tilde_x", "gamma_tilde_y") if name in self.axes]
        if moving and self.hold is None:
            raise ValueError(f'{moving[0]} is swept: say what stays fixed meanwhile, hold = "nu" or hold = "eta"')
        if moving and self.hold not in given:
            raise ValueError(f'hold = "{self.hold}" needs {self.hold} under [model] or [axes]')
        if self.hold is not None and not moving:
            raise ValueError(f'hold = "{self.hold}" has no meaning here: neither gamma_tilde_x nor gamma_tilde_y is swept')

    def _check_sizes(self) -> None:
        (d, d_y), k = self.model.dimensions, self.model.k
        if k > min(d, d_y):
            raise ValueError(f"model.k = {k} is not allowed: k ≤ {min(d, d_y)}, the smaller dimension")
        sizes = {"gamma_tilde_x": d - k, "gamma_tilde_y": d_y - k, "nu": min(d, d_y) - k, "eta": min(d, d_y) - k}
        for name, value in self.model.fixed().items():
            size = sizes.get(name, k)
            if value.ndim and (value.size != size or name == "spread"):
                raise ValueError(f"model.{name} has {value.size} values: a single value or {size} of them are allowed")
        if isinstance(self.model.kappa, tuple) and "spread" in self.values():
            raise ValueError("spread shapes a single kappa: model.kappa is a list already")

    def _check_interplay(self) -> None:
        values = self.values()
        weakest = values["kappa"].min() * values.get("spread", np.ones(1)).min() ** (self.model.k - 1)
        for side in ("x", "y"):
            if f"quality_{side}" in values and weakest < _WEAKEST:
                raise ValueError(f"kappa = {weakest:g} is not allowed together with quality_{side}: a quality needs a signal")
            if f"gamma_{side}" in values and max(weakest, np.sqrt(gamma := values[f"gamma_{side}"].min())) < _WEAKEST:
                pair = f"kappa = {weakest:g} is not allowed together with gamma_{side} = {gamma:g}"
                raise ValueError(f"{pair}: the variance would vanish")
        if "eta" in values:
            bound = np.sqrt(values["gamma_tilde_x"].min() * values["gamma_tilde_y"].min())
            if values["eta"].max() > bound:
                raise ValueError(f"eta = {values['eta'].max():g} is not allowed: η ≤ √(γ̃x γ̃y), which falls to {bound:g}")

"""The Monte-Carlo behind the page: one compiled program for each shape of the model, every number an argument."""

import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Int
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from phasejax.explorer.ranges import RANGES
from phasejax.recovery import PUBLISHED_THRESHOLD
from phasejax.simulation.cell import RIDGES, Cell
from phasejax.simulation.rows import Layout, Program
from phasejax.simulation.trial import choose

TRIALS = 20
BAND = 532
"""Cells of one device call, a seventh of the page's grid: a tenth of a second on two cores, so that a newer request waits no
longer than that."""


def _parameter(name: str) -> Any:
    low, high = RANGES[name]
    return Field(ge=low, le=high, allow_inf_nan=False)


class View(BaseModel):
    """What a picture of the page shows: the model without its swept κ and ν, and a grid of `size` × `size` cells over
    κ in [0, `kappa_max`] and ν in [0, 1]. Values outside their ranges are a `ValidationError`.
    """

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    k: int = _parameter("k")
    d_x: int = _parameter("dX")
    d_y: int = _parameter("dY")
    n: int = _parameter("n")
    spread: float = _parameter("spread")
    gamma_x: float = _parameter("gammaX")
    gamma_y: float = _parameter("gammaY")
    quality_x: float = _parameter("qualityX")
    quality_y: float = _parameter("qualityY")
    gamma_tilde_x: float = _parameter("gammaTildeX")
    gamma_tilde_y: float = _parameter("gammaTildeY")
    ridge_x: float = _parameter("ridgeX")
    ridge_y: float = _parameter("ridgeY")
    kappa_max: float = _parameter("kappaMax")
    size: int = Field(61, ge=2, le=201)

    @model_validator(mode="after")
    def _signal_fits(self):
        if self.k >= min(self.d_x, self.d_y):
            raise ValueError(f"k = {self.k} is not allowed: fewer than {min(self.d_x, self.d_y)}, the smaller dimension")
        return self

    @property
    def cell(self) -> Cell:
        """The sizes that all cells share."""
        return Cell(self.d_x, self.d_y, self.k)

    @property
    def fixed(self) -> dict[str, Float[np.ndarray, ""]]:
        """Name → value of what all cells share; ridges where there is one, so that nothing is computed for none."""
        noise = (f"{'quality' if getattr(self, f'quality_{side}') > 0 else 'gamma'}_{side}" for side in ("x", "y"))
        ridges = RIDGES if self.ridge_x > 0 or self.ridge_y > 0 else ()
        names = ("n", "spread", *noise, "gamma_tilde_x", "gamma_tilde_y", *ridges)
        return {name: np.asarray(float(getattr(self, name))) for name in names}

    def swept(self, cells: Int[np.ndarray, " C"]) -> dict[str, Float[np.ndarray, " C"]]:
        """κ and ν at each cell; cell i · size + j lies at the i-th κ and the j-th ν.

        κ is 10⁻³ at least: of no signal, a noise in proportion to it would be none either.
        """
        i, j = np.divmod(cells, self.size)
        return {"kappa": np.maximum(self.kappa_max * i / (self.size - 1), 1e-3), "nu": j / (self.size - 1)}


class Point(View):
    """A view and a point in it."""

    kappa: float = _parameter("kappa")
    nu: float = _parameter("nu")


def coarse_to_fine(size: int) -> Int[np.ndarray, " size*size"]:
    """Every cell of a square grid once: each eighth of both axes first, then each fourth, each second, each."""
    i, j = np.divmod(np.arange(size * size), size)
    coarseness = np.min([np.gcd(8, i), np.gcd(8, j)], axis=0)
    return np.argsort(-coarseness, kind="stable")


def program(view: View) -> Program:
    """What draws a band of a view; views whose sizes and formulation are alike share it."""
    devices, sizes = tuple(jax.local_devices()), (view.d_x, view.d_y)
    rows = len(devices) * math.ceil(BAND / len(devices))
    layout = Layout(devices, TRIALS, rows, 1, Layout.plan(sizes, TRIALS, rows, devices).chunk)
    formulation = choose(devices[0].platform, sizes, view.n)
    fixed = tuple((name, ()) for name in view.fixed)
    return Program(view.cell, layout, formulation, 32, fixed, ("kappa", "nu"))


def distances(view: View, cells: Int[np.ndarray, " C"], seed: int = 0) -> Float[np.ndarray, "C 2"]:
    """Mean subspace distances of CA and of CP over `TRIALS` draws at each of at most `BAND` cells, in [0, 1]."""
    draw = program(view)
    padded = np.pad(cells, (0, draw.layout.rows - len(cells)), mode="edge")
    key, blocks = jax.random.key(seed), np.zeros(draw.layout.rows)
    sums = draw(draw.numbers(key, TRIALS, PUBLISHED_THRESHOLD, view.fixed, view.swept(padded), padded, blocks))
    return np.asarray(sums.mean)[: len(cells), :, 0]


def bands(view: View) -> Iterator[Int[np.ndarray, " C"]]:
    """All cells, coarse ones first, as many at a time as one device call draws."""
    order = coarse_to_fine(view.size)
    return (order[start : start + BAND] for start in range(0, len(order), BAND))

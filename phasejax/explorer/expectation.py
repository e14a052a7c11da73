"""What theory expects of n pairs behind the page: the boundaries of a view row by row, and the point in it."""

from collections.abc import Iterator
from functools import partial

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from phasejax import runtime, theory
from phasejax.explorer.kernel import Point, View
from phasejax.simulation.cell import RIDGES, Cell
from phasejax.theory import PerObjective
from phasejax.theory.numerics import one_by_one

AT_ONCE = 2
"""Rows, that is values of κ, of one compiled call: a twentieth of a second, so that a newer request waits no longer."""


def rows(view: View) -> Iterator[Int[np.ndarray, " R"]]:
    """All values of κ by number, `AT_ONCE` at a time."""
    return (np.arange(start, min(start + AT_ONCE, view.size)) for start in range(0, view.size, AT_ONCE))


def edges(view: View, rows: Int[np.ndarray, " R"]) -> PerObjective[Float[np.ndarray, " R"]]:
    """ν in [0, 1] at which the expected distance of CA and of CP reaches ½, at each of at most `AT_ONCE` values of κ."""
    kappa = view.swept(np.pad(rows, (0, AT_ONCE - len(rows)), mode="edge") * view.size)["kappa"]
    with runtime.on_host(), jax.enable_x64(True):
        found = _edges(view.cell, _numbers(view), kappa)
    return PerObjective(*(np.asarray(values)[: len(rows)] for values in found))


def at_point(point: Point) -> dict[str, dict[str, float | None]]:
    """The `distance` that is expected of each objective, and the number of pairs `needed` for ½, None where none suffices."""
    with runtime.on_host(), jax.enable_x64(True):
        found = _at_point(point.cell, _numbers(point) | {"kappa": point.kappa, "nu": point.nu})
    return {
        name: {objective: float(value) if np.isfinite(value) else None for objective, value in pair._asdict().items()}
        for name, pair in found.items()
    }


def _numbers(view: View) -> dict[str, float]:
    return {name: float(value) for name, value in view.fixed.items()} | {"ridge_x": view.ridge_x, "ridge_y": view.ridge_y}


def _ridges(numbers: dict[str, Array]) -> dict[str, Array]:
    return {name: numbers[name] for name in RIDGES}


@partial(jax.jit, static_argnums=0)
def _edges(cell: Cell, numbers: dict[str, Array], kappa: Array) -> PerObjective[Array]:
    def at(kappa):
        model = cell.model(numbers | {"kappa": kappa, "nu": 0.0})
        return theory.effective_critical_nu(model, numbers["n"], **_ridges(numbers))

    return one_by_one(at)(kappa)


@partial(jax.jit, static_argnums=0)
def _at_point(cell: Cell, numbers: dict[str, Array]) -> dict[str, PerObjective[Array]]:
    model, ridges = cell.model(numbers), _ridges(numbers)
    return {
        "distance": theory.expected_distance(model, numbers["n"], **ridges),
        "needed": theory.samples_needed(model, **ridges),
    }

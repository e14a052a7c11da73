"""Theory beside a finished sweep: what it expects of n pairs at every cell, and Δ between the cells."""

from collections.abc import Callable
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array
from numpy.typing import ArrayLike

from phasejax import plot, runtime, theory
from phasejax.experiments.spiked.model import cell_of
from phasejax.experiments.spiked.population import singular_values
from phasejax.experiments.spiked.spec import RANGES, SpikedSpec
from phasejax.programs import kept
from phasejax.simulation.cell import Cell, Ridges
from phasejax.sweep import spec_of
from phasejax.sweep.grid import Grid
from phasejax.theory.population import smallest_over_largest

POINTS = 400
"""Of a sweep's cells, so many at most are computed, evenly chosen; between them the expectation is interpolated."""

_AT_ONCE = 16  # cells of one compiled call, whatever the sweep
_FINE = 241  # points a side between the cells


def expected(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset with what theory expects of n pairs beside it, over its axes; CA and CP as solved, whatever was trained.

    `expected_ca`, `expected_cp`: mean distance. `margin_ca`, `margin_cp`: the logit of the least squared overlap of a direction
    less that of the sweep's threshold. `regime_at_n`: the regime, an objective recovers where its margin is positive.
    """
    spec = spec_of(dataset)
    assert isinstance(spec, SpikedSpec)
    axes = {name: np.sort(points) for name, points in Grid(spec).axes.items() if name in RANGES}
    counts = _counts(tuple(map(len, axes.values())))
    # By number, not by value: a logarithmic axis is interpolated along its logarithm.
    chosen = {name: plot.evenly(len(points), of) for (name, points), of in zip(axes.items(), counts, strict=True)}
    swept = np.meshgrid(*(axes[name][numbers] for name, numbers in chosen.items()), indexing="ij")
    overlaps = _overlaps(spec, {name: values.ravel() for name, values in zip(axes, swept, strict=True)})
    found = {}
    for objective, overlap in overlaps.items():
        overlap = overlap.reshape(*counts, -1)
        found[f"expected_{objective}"] = 1 - overlap.mean(axis=-1)
        found[f"margin_{objective}"] = _logit(overlap.min(axis=-1)) - _logit(spec.threshold)
    for axis, (points, numbers) in enumerate(zip(axes.values(), chosen.values(), strict=True)):
        between_them = partial(np.interp, np.arange(len(points)), numbers)  # xarray's own would load SciPy for this
        found = {name: np.apply_along_axis(between_them, axis, values) for name, values in found.items()}
    found = xr.Dataset({name: (tuple(axes), values) for name, values in found.items()}, axes)
    found["regime_at_n"] = (found.margin_ca > 0) + 2 * (found.margin_cp > 0)
    return dataset.merge(found, join="left")


def between(dataset: xr.Dataset) -> xr.Dataset:
    """Δ_CA and Δ_CP on a fine grid over the axes that a part of a sweep still has, at the values that it has of the others."""
    spec = spec_of(dataset)
    assert isinstance(spec, SpikedSpec)
    axes = {str(name): _fine(dataset[name].values) for name in dataset.delta_ca.dims}
    swept = {name: values.ravel() for name, values in zip(axes, np.meshgrid(*axes.values(), indexing="ij"), strict=True)}
    cells = len(next(iter(swept.values())))
    swept |= {name: np.full(cells, float(dataset[name])) for name in spec.axes if name not in axes}
    numbers = {name: values for name, values in swept.items() if name in RANGES}
    with runtime.on_host(), jax.enable_x64(True):
        delta = _separation(cell_of(spec), spec.model.fixed(), numbers)
    shape = tuple(map(len, axes.values()))
    return xr.Dataset({f"delta_{o}": (tuple(axes), np.asarray(v).reshape(shape)) for o, v in delta._asdict().items()}, axes)


def _counts(shape: tuple[int, ...]) -> list[int]:
    """Points along each axis: all, or fewer along the longest until they are `POINTS` at most, no fewer than two."""
    counts = list(shape)
    while np.prod(counts) > POINTS and max(counts) > 2:
        counts[int(np.argmax(counts))] -= 1
    return counts


def _fine(points: np.ndarray) -> np.ndarray:
    if len(points) == 1:
        return points
    space = np.geomspace if plot.logarithmic(points) else np.linspace
    return space(points.min(), points.max(), _FINE)


def _logit(overlap: ArrayLike) -> np.ndarray:
    """log(o/(1 − o)), nearly straight across a transition, from 10⁻⁶ to 1 − 10⁻⁶."""
    inside = np.clip(overlap, 1e-6, 1 - 1e-6)
    return np.log(inside / (1 - inside))


def _overlaps(spec: SpikedSpec, swept: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Expected squared overlaps of each objective, (cells, k)."""
    cells, fixed = len(next(iter(swept.values()))), spec.model.fixed()
    with runtime.on_host(), jax.enable_x64(True):
        expected = _compiled(cell_of(spec), tuple((name, value.shape) for name, value in fixed.items()), tuple(swept))
        parts = [
            expected(fixed, {name: _filled(values[i : i + _AT_ONCE]) for name, values in swept.items()})
            for i in range(0, cells, _AT_ONCE)
        ]
    whole = theory.PerObjective(*map(np.concatenate, zip(*parts, strict=True)))
    return {objective: values[:cells] for objective, values in whole._asdict().items()}


def _filled(values: np.ndarray) -> np.ndarray:
    return np.pad(values, (0, _AT_ONCE - len(values)), mode="edge")


@lru_cache(maxsize=16)
def _compiled(cell: Cell, fixed: tuple[tuple[str, tuple[int, ...]], ...], swept: tuple[str, ...]) -> Callable:
    """`_expected` for numbers of these names, the fixed ones of these shapes; the swept ones all have one length."""
    example = {name: np.ones(shape) for name, shape in fixed}, dict.fromkeys(swept, np.ones(_AT_ONCE))
    return jax.jit(kept(partial(_expected, cell), f"theory at n {cell}", *example))


def _expected(cell: Cell, fixed: dict[str, Array], swept: dict[str, Array]) -> tuple[Array, Array]:
    """CA's and CP's squared overlaps, one cell after the other: a batch would wait for the longest search."""

    def one(swept):
        (model, n), ridges = cell(fixed | swept), cell.ridges(fixed | swept) or Ridges(jnp.zeros(()), jnp.zeros(()))
        return tuple(theory.expected_overlaps(model, n, ridge_x=ridges.x, ridge_y=ridges.y))

    return jax.lax.map(one, swept)


@partial(jax.jit, static_argnums=0)
def _separation(cell: Cell, fixed: dict[str, Array], swept: dict[str, Array]) -> theory.PerObjective[Array]:
    def one(swept):
        return theory.PerObjective(*(smallest_over_largest(*pair) for pair in singular_values(cell, fixed | swept)))

    return jax.vmap(one)(swept)

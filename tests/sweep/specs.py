"""Small sweep specifications for the tests."""

import json
from collections.abc import Iterable, Sequence
from copy import deepcopy
from functools import reduce
from operator import getitem
from types import SimpleNamespace

import jax
import numpy as np
import xarray as xr

from phasejax.experiments.spiked.population import Population
from phasejax.sweep import SweepSpec, parse_spec
from phasejax.sweep.grid import Grid
from phasejax.sweep.store import Memory

SMALL = {
    "name": "small",
    "trials": 6,
    "seed": 3,
    "model": {"d": 5, "k": 2, "gamma_x": 1.0, "gamma_y": 0.1, "gamma_tilde_x": 1.0, "gamma_tilde_y": 4.0, "n": 60},
    "axes": {"kappa": [0.0, 0.8, 2.0], "nu": {"start": 0.0, "stop": 1.0, "num": 5}},
}


def changed(spec: dict, **changes) -> dict:
    """A copy with dotted fields changed; None removes a field."""
    spec = deepcopy(spec)
    for field, value in changes.items():
        *way, last = field.split("__")
        if value is None:
            del within(spec, way)[last]
        else:
            within(spec, way)[last] = value
    return spec


def within(spec: dict, way: Iterable[str]) -> dict:
    """The table at the end of a way of names."""
    return reduce(getitem, way, spec)


def placed(spec: dict, way: Sequence[str], value) -> dict:
    """A copy with any value, None among them, at the end of a way of names."""
    spec = deepcopy(spec)
    within(spec, way[:-1])[way[-1]] = value
    return spec


def raw(**changes) -> dict:
    """`SMALL`, `changed`."""
    return changed(SMALL, **changes)


def small(**changes) -> SweepSpec:
    """`raw`, validated."""
    return parse_spec(raw(**changes))


def finished(**changes) -> xr.Dataset:
    """The dataset of `small` as a sweep leaves it, without one: analytic variables are right, measured ones are made up."""
    spec = small(**changes)
    grid, rng = Grid(spec), np.random.default_rng(0)
    memory = Memory(spec, grid.shape, {"spec": spec.model_dump_json(exclude_none=True)})
    values = {name: value.reshape(grid.shape) for name, value in Population(spec)(np.arange(grid.size), grid.size).items()}
    for name, variable in memory.dataset.data_vars.items():
        made_up = rng.uniform(size=variable.shape) if variable.dtype.kind == "f" else np.zeros(variable.shape)
        values.setdefault(str(name), made_up)
    memory.write(tuple(slice(0, size) for size in grid.shape), values | {"regime_empirical": values["regime"]})
    return memory.dataset


def toml(spec: dict) -> str:
    """A specification as TOML text."""
    inline = {name: value for name, value in spec.items() if not isinstance(value, dict)}
    lines = [f"{name} = {_value(value)}" for name, value in inline.items()]
    for name, table in spec.items():
        if name not in inline:
            lines += [f"[{name}]", *(f"{key} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines)


def _value(value) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_value(item)}" for key, item in value.items()) + " }"
    return json.dumps(value).replace("NaN", "nan")


def flat(dataset: xr.Dataset) -> dict:
    """What a finished sweep holds, name → (cells, …)."""
    axes = dataset.status.ndim
    return {name: variable.values.reshape(-1, *variable.shape[axes:]) for name, variable in dataset.data_vars.items()}


def remembered(values: dict):
    """What makes an engine that computes nothing: it gives `values`, those of a finished sweep made `flat`."""
    fixed = dict(method="batch_last", tile_cells=1, compile=lambda: None, analytic=lambda cells: {})

    def make(spec: SweepSpec, precision: int, devices=None):
        measure = lambda cells: lambda: {name: value[cells] for name, value in values.items()}  # noqa: E731
        return SimpleNamespace(**fixed, precision=precision, devices=tuple(devices or jax.devices()), measure=measure)

    return make

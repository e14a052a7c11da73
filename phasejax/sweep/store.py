"""The result of a sweep: labelled axes, analytic and measured variables, provenance; kept in a Zarr store that can resume.

A store is complete cell by cell: `status` holds PENDING until everything else about a cell's tile is on disk, and a tile is
one chunk of every variable, written atomically. So a sweep may be killed at any moment: what `status` calls done is whole.
"""

import json
import math
import shutil
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import xarray as xr
import zarr

from phasejax.sweep.grid import Grid, tiles
from phasejax.sweep.spec import SweepSpec, parse_spec

PENDING = 255
"""The `status` of a cell that has not been computed; computed cells hold a `solvers.Status` code."""

Region = tuple[slice, ...]

Variables = dict[str, tuple[tuple[str, ...], str, str]]
"""Name → (dimensions beyond the axes, dtype, meaning)."""

_ANALYTIC: Variables = {
    "delta_ca": ((), "f8", "separation ratio Δ_CA"),
    "delta_cp": ((), "f8", "separation ratio Δ_CP"),
    "recovered_ca": ((), "i4", "CA: the paper's lower bound on recovered directions"),
    "recovered_cp": ((), "i4", "CP: the paper's lower bound on recovered directions"),
    "exact_ca": ((), "i4", "CA: exact number of signal directions in the population top k"),
    "exact_cp": ((), "i4", "CP: exact number of signal directions in the population top k"),
    "regime": ((), "i1", "analytic region: 0 Neither, 1 CA only, 2 CP only, 3 Both"),
}


class StoreError(RuntimeError):
    """A store that cannot be created, continued or read, in one sentence."""


def variables() -> Variables:
    """Every variable but `status`, of a sweep of CA and CP."""
    verdicts: Variables = {
        "regime_empirical": ((), "i1", "region measured: an objective recovers when at least half of its trials do"),
        "failed_trials": ((), "i4", "trials with a non-finite outcome, left out of the means"),
    }
    return _ANALYTIC | verdicts | _statistics({"ca": "CA", "cp": "CP"})


def trained_variables() -> Variables:
    """The same of a sweep of trained objectives: what is measured has one more dimension, `objective`."""
    ends: Variables = {
        "loss": ((), "f8", "mean loss over the last twentieth of the steps, mean over trials"),
        "failed_trials": ((), "i4", "trials that diverged, left out of the means"),
    }
    measured = _statistics({"x": "x encoder", "y": "y encoder"}) | ends
    return _ANALYTIC | {name: (("objective", *extra), dtype, what) for name, (extra, dtype, what) in measured.items()}


def _statistics(encoders: dict[str, str]) -> Variables:
    """Means over trials, and their standard errors, for each encoder, given as label → name."""
    means: Variables = {}
    for label, name in encoders.items():
        means |= {
            f"distance_{label}": ((), "f8", f"{name}: subspace distance 1 − (1/k)‖UᵀÛ‖²_F, mean over trials"),
            f"overlap_{label}": (("direction",), "f8", f"{name}: squared overlap per signal direction, mean over trials"),
            f"count_{label}": ((), "f8", f"{name}: directions with squared overlap above the threshold, mean over trials"),
            f"success_{label}": ((), "f8", f"{name}: share of trials that recover all k directions"),
        }
    return means | {f"{name}_se": (extra, dtype, f"standard error of {name}") for name, (extra, dtype, _) in means.items()}


def variables_of(spec: SweepSpec) -> Variables:
    """The variables of this sweep."""
    return variables() if spec.training is None else trained_variables()


def _sizes(spec: SweepSpec) -> dict[str, int]:
    """Size of every dimension beyond the axes."""
    sizes = {"direction": spec.model.k}
    return sizes if spec.training is None else {"objective": len(spec.training.objectives)} | sizes


class Store:
    """An open Zarr store of one sweep."""

    def __init__(self, path: Path, group: zarr.Group):
        self.path = path
        self._group = group
        self._status = self._array("status")

    def _array(self, name: str) -> zarr.Array:
        return cast(zarr.Array, self._group[name])

    @classmethod
    def create(cls, path: Path, grid: Grid, block: tuple[int, ...], provenance: dict) -> "Store":
        """A new store with every cell pending. It appears under its name only once it is whole.

        **Raises:** `StoreError` if something is there already or the place cannot be written.
        """
        if path.exists():
            raise StoreError(f"{path} exists: add --resume to continue it, or choose another directory.")
        draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _lay_out(draft, grid, block, provenance)
            draft.rename(path)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise StoreError(f"{path} cannot be created: {error.strerror or error}.") from error
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> "Store":
        """**Raises:** `StoreError` if there is no sweep store at the path."""
        try:
            group = zarr.open_group(path, mode="r+")
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} is not a sweep store.") from error
        if "spec" not in group.attrs or "status" not in group:
            raise StoreError(f"{path} is not a sweep store.")
        return cls(path, group)

    @classmethod
    def resume(cls, path: Path, provenance: dict) -> "Store":
        """Open a store that the same spec began. **Raises:** `StoreError` saying what differs otherwise."""
        store = cls.open(path)
        began = dict(store._group.attrs)
        there, here = json.loads(str(began["spec"])), json.loads(provenance["spec"])
        differences = _differences(there, here)
        if not differences:
            orders = [("axes", there["axes"], here["axes"])]
            if "training" in there:
                orders.append(("objectives", there["training"]["objectives"], here["training"]["objectives"]))
            differences = [
                f"the {what} are in the order {', '.join(old)} there and {', '.join(new)} here"
                for what, old, new in orders
                if list(old) != list(new)
            ]
        if began["precision"] != provenance["precision"]:
            differences.append(f"precision is {began['precision']} there and {provenance['precision']} here")
        if differences:
            raise StoreError(f"{path} was made from another sweep: {'; '.join(differences)}.")
        return store

    def pending(self, share: int = 0, shares: int = 1) -> Iterator[Region]:
        """The tiles that are still to be computed, in order; of every `shares` tiles of the grid, number `share`."""
        for region in islice(tiles(self._status.shape, self._status.chunks), share, None, shares):
            if np.any(self._status[region] == PENDING):
                yield region

    def cells_done(self) -> int:
        """Number of cells on disk."""
        return int(np.sum(self._status[...] != PENDING))

    def write(self, region: Region, values: dict[str, np.ndarray]) -> None:
        """Write one tile: all its variables, then the status that declares it complete.

        **Raises:** `StoreError` when the disk refuses; what was complete stays so.
        """
        try:
            for name, value in values.items():
                if name != "status":
                    self._array(name)[region] = value
            self._status[region] = values["status"]
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"{self.path} cannot be written: {reason}. What is done is kept; --resume continues.") from error


def load(path: str | Path) -> xr.Dataset:
    """Read a finished or unfinished sweep as an `xarray.Dataset`; cells not yet computed are NaN with `status` 255.

    **Raises:** `StoreError` if there is no sweep store at the path.
    """
    Store.open(Path(path))
    with xr.open_zarr(path, chunks=None, consolidated=False, mask_and_scale=False) as dataset:
        dataset = dataset.load()
    training = spec_of(dataset).training
    return dataset if training is None else dataset.assign_coords(objective=list(training.objectives))


def flagged(dataset: xr.Dataset) -> xr.DataArray:
    """The computed cells in which a trial failed or a covariance was singular."""
    return (dataset.status > 0) & (dataset.status != PENDING)


def store_bytes(grid: Grid) -> int:
    """Bytes of a whole sweep's variables before compression."""
    sizes = _sizes(grid.spec)
    per_cell = 1  # status
    for extra, dtype, _ in variables_of(grid.spec).values():
        per_cell += np.dtype(dtype).itemsize * math.prod(sizes[dimension] for dimension in extra)
    return grid.size * per_cell


def spec_of(dataset: xr.Dataset) -> SweepSpec:
    """The specification a sweep was made from, as its store remembers it."""
    return parse_spec(json.loads(dataset.attrs["spec"]))


def _lay_out(path: Path, grid: Grid, block: tuple[int, ...], provenance: dict) -> None:
    group = zarr.create_group(path, attributes=provenance)
    for name, points in grid.axes.items():
        group.create_array(name, data=points, dimension_names=(name,))
    sizes = _sizes(grid.spec)
    for name, size in sizes.items():
        group.create_array(name, data=np.arange(1, size + 1), dimension_names=(name,))
    axes = tuple(grid.axes)
    for name, (extra, dtype, meaning) in variables_of(grid.spec).items():
        further = tuple(sizes[dimension] for dimension in extra)
        group.create_array(
            name,
            shape=grid.shape + further,
            chunks=block + further,
            dtype=dtype,
            fill_value=np.nan if dtype == "f8" else -1,
            dimension_names=axes + extra,
            attributes={"long_name": meaning},
        )
    group.create_array(
        "status",
        shape=grid.shape,
        chunks=block,
        dtype="u1",
        fill_value=PENDING,
        dimension_names=axes,
        attributes={"long_name": "0 ok, 1 rank-deficient, 2 non-finite, 255 not computed"},
    )


def _differences(there: dict, here: dict, prefix: str = "") -> list[str]:
    """Sentences naming each field in which two nested specifications differ."""
    found = []
    for field in sorted(there.keys() | here.keys()):
        old, new = there.get(field), here.get(field)
        if isinstance(old, dict) and isinstance(new, dict):
            found += _differences(old, new, f"{prefix}{field}.")
        elif old != new:
            found.append(f"{prefix}{field} is {_shown(old)} there and {_shown(new)} here")
    return found


def _shown(value) -> str:
    return "absent" if value is None else json.dumps(value)

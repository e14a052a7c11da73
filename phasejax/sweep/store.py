"""The result of a sweep: labelled axes, analytic and measured variables, provenance; kept in a Zarr store that can resume.

A store is complete cell by cell: `status` holds PENDING until everything else about a cell's tile is on disk, and a tile is
one chunk of every variable, written atomically. So a sweep may be killed at any moment: what `status` calls done is whole.
"""

import json
import math
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import xarray as xr
import zarr

from phasejax.solvers import Status
from phasejax.sweep.grid import Grid, tiles
from phasejax.sweep.spec import SweepSpec, parse_spec

PENDING = 255
"""The `status` of a cell that has not been computed; computed cells hold a `solvers.Status` code."""

WHOLE = 1 << 26
"""Bytes of a store up to which it is read at once."""

_STATUS = ", ".join(f"{status.value} {status.name.lower()}" for status in Status) + f", {PENDING} not computed"

Region = tuple[slice, ...]


class StoreError(RuntimeError):
    """A store that cannot be created, continued or read, in one sentence."""


@dataclass(frozen=True)
class Laid:
    """How one array of a store is laid out."""

    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: str
    fill: float
    meaning: str


def arrays(spec: SweepSpec, block: tuple[int, ...]) -> dict[str, Laid]:
    """Every array of a sweep but its coordinates, in chunks of one tile: the variables of its kind, and `status`."""
    kind, grid = spec.kind, Grid(spec)
    sizes = {name: len(labels) for name, labels in kind.dimensions(spec).items()}
    found = {}
    for name, (extra, dtype, meaning) in kind.variables(spec).items():
        further = tuple(sizes[dimension] for dimension in extra)
        fill = np.nan if dtype.startswith("f") else -1
        found[name] = Laid((*grid.axes, *extra), grid.shape + further, block + further, dtype, fill, meaning)
    found["status"] = Laid(tuple(grid.axes), grid.shape, block, "u1", PENDING, _STATUS)
    return found


class Store:
    """An open Zarr store of one sweep."""

    def __init__(self, path: Path, group: zarr.Group):
        self.path = path
        self._group = group
        self._status = self._array("status")

    def _array(self, name: str) -> zarr.Array:
        return cast(zarr.Array, self._group[name])

    @classmethod
    def create(cls, path: Path, spec: SweepSpec, block: tuple[int, ...], provenance: dict) -> "Store":
        """A new store with every cell pending. It appears under its name only once it is whole.

        **Raises:** `StoreError` if something is there already or the place cannot be written.
        """
        if path.exists():
            raise StoreError(f"{path} exists: add --resume to continue it, or choose another directory.")
        draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _lay_out(draft, spec, block, provenance)
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
        differences = _differences(there, here) or _other_orders(parse_spec(there), parse_spec(here))
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


class Memory:
    """The arrays of one sweep in memory alone, written as a store is."""

    def __init__(self, spec: SweepSpec, block: tuple[int, ...], provenance: dict):
        self._block = block
        layout = arrays(spec, block)
        self._values = {name: np.full(array.shape, array.fill, array.dtype) for name, array in layout.items()}
        described = {n: (array.dimensions, self._values[n], {"long_name": array.meaning}) for n, array in layout.items()}
        coordinates = Grid(spec).axes | {name: list(labels) for name, labels in spec.kind.dimensions(spec).items()}
        self.dataset = xr.Dataset(described, coordinates, provenance)

    def pending(self, share: int = 0, shares: int = 1) -> Iterator[Region]:
        """All tiles: nothing is computed yet."""
        return islice(tiles(self._values["status"].shape, self._block), share, None, shares)

    def write(self, region: Region, values: dict[str, np.ndarray]) -> None:
        """Write one tile."""
        for name, value in values.items():
            self._values[name][region] = value


def load(path: str | Path) -> xr.Dataset:
    """Read a finished or unfinished sweep as an `xarray.Dataset`; cells not yet computed are NaN with `status` 255.

    A variable of a store beyond `WHOLE` bytes is read when it is used, `dataset.load()` reads them all.

    **Raises:** `StoreError` if there is no sweep store at the path.
    """
    Store.open(Path(path))
    dataset = xr.open_zarr(path, chunks=None, consolidated=False, mask_and_scale=False)
    spec = spec_of(dataset)
    if store_bytes(spec) <= WHOLE:
        dataset = dataset.load()
    return dataset.assign_coords({name: list(labels) for name, labels in spec.kind.dimensions(spec).items()})


def store_bytes(spec: SweepSpec) -> int:
    """Bytes of a whole sweep's variables before compression."""
    return sum(math.prod(a.shape) * np.dtype(a.dtype).itemsize for a in arrays(spec, Grid(spec).shape).values())


def spec_of(dataset: xr.Dataset) -> SweepSpec:
    """The specification a sweep was made from, as its store remembers it."""
    return parse_spec(json.loads(dataset.attrs["spec"]))


def _lay_out(path: Path, spec: SweepSpec, block: tuple[int, ...], provenance: dict) -> None:
    group = zarr.create_group(path, attributes=provenance)
    for name, points in Grid(spec).axes.items():
        group.create_array(name, data=points, dimension_names=(name,))
    for name, labels in spec.kind.dimensions(spec).items():
        # Text is no stable type of Zarr's: labels are numbered here, and named from the specification when it is read.
        group.create_array(name, data=np.arange(1, len(labels) + 1), dimension_names=(name,))
    for name, array in arrays(spec, block).items():
        group.create_array(
            name,
            shape=array.shape,
            chunks=array.chunks,
            dtype=array.dtype,
            fill_value=array.fill,
            dimension_names=array.dimensions,
            attributes={"long_name": array.meaning},
        )


def _other_orders(there: SweepSpec, here: SweepSpec) -> list[str]:
    """Sentences naming what two specifications that are else the same have in another order: axes, or labels."""
    orders = [("axes", there.axes, here.axes)]
    labels = there.kind.dimensions(there), here.kind.dimensions(here)
    orders += [(f"{name}s", labels[0][name], labels[1][name]) for name in labels[0]]
    return [
        f"the {what} are in the order {', '.join(map(str, old))} there and {', '.join(map(str, new))} here"
        for what, old, new in orders
        if list(old) != list(new)
    ]


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

"""The result of a sweep: labelled axes, analytic and measured variables, provenance; kept in a Zarr store that can resume.

A store is complete cell by cell: `status` holds PENDING until everything else about a cell's tile is on disk, and a tile is
one chunk of every variable, written atomically and on the disk before its status is. So a sweep may be killed at any moment:
what `status` calls done is whole, and `integrity` says whether it still is.
"""

import json
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import xarray as xr
import zarr

from phasejax.sweep.differences import differences
from phasejax.sweep.grid import Grid, tiles
from phasejax.sweep.integrity import UNREADABLE, checksums, digest
from phasejax.sweep.layout import (
    PENDING,
    arrays,
    consolidate,
    coordinates,
    everything,
    holds,
    is_laid,
    lay,
    lay_coordinate,
    lay_out,
    store_bytes,
    vouch,
)
from phasejax.sweep.place import RECORD, StoreError, place, reached, reason
from phasejax.sweep.spec import SweepSpec, parse_spec

WHOLE = 1 << 26
"""Bytes of a store up to which it is read at once."""

_COPY = "the copy of all metadata"

Region = tuple[slice, ...]


class Store:
    """An open Zarr store of one sweep, of the specification `spec`.

    `broken` names the arrays that are missing or not as they were made, coordinates among them.
    """

    def __init__(self, at: str | Path):
        self.place = place(at)
        if not self.place.exists():  # opened for writing, it would be made
            raise StoreError(f"{at} is not a sweep store.")
        try:
            self._group = group = zarr.open_group(self.place.keys, mode="r+", use_consolidated=False)
            if "spec" not in group.attrs:
                raise KeyError("spec")
        except UNREADABLE as error:
            raise StoreError(f"{at} is not a sweep store.") from error
        self._identity = self.place.identity()
        self._arrays: dict[str, zarr.Array] = {}
        record = dict(group.attrs)
        if record.pop("digest", None) != digest(record):
            raise StoreError(f"{at} has a record of how it was made that was edited or damaged: make the sweep anew.")
        self.spec = parse_spec(json.loads(str(record["spec"])))
        self._sweep = zlib.crc32(f"{record['spec']} {record['precision']}".encode())
        self._block = tuple(cast(list[int], record["block"]))
        self._grid = Grid(self.spec)
        self._laid = everything(self.spec, self._block)
        points_of = coordinates(self.spec)
        self.broken = [name for name, points in points_of.items() if not holds(group, name, points)]
        self.broken += [name for name, laid in self._laid.items() if not is_laid(group, name, laid)]
        self.broken += [] if self.broken or self._copy_is_right() else [_COPY]

    def _copy_is_right(self) -> bool:
        """Whether the copy of all metadata, where there is one, is that of the arrays: other readers go by it."""
        try:
            copy = json.loads(self.place.read(RECORD)).get("consolidated_metadata")
            names = (*coordinates(self.spec), *self._laid)
            return copy is None or copy["metadata"] == {n: json.loads(self.place.read(f"{n}/{RECORD}")) for n in names}
        except UNREADABLE:
            return False

    @property
    def version(self) -> str:
        """Of the phasejax that began it."""
        return str(cast(dict, self._group.attrs["versions"])["phasejax"])

    def _array(self, name: str) -> zarr.Array:
        if name not in self._arrays:
            self._arrays[name] = cast(zarr.Array, self._group[name])
        return self._arrays[name]

    @staticmethod
    def create(at: str | Path, spec: SweepSpec, block: tuple[int, ...], provenance: dict) -> None:
        """A new store with every cell pending. It is there only once it is whole.

        **Raises:** `StoreError` if something is there already or the place cannot be written.
        """
        where = place(at)
        exists = StoreError(f"{at} exists: add --resume to continue it, or choose another directory.")
        if where.exists():
            raise exists
        try:
            where.begin(lambda keys: lay_out(keys, spec, block, provenance))
        except OSError as error:
            if where.exists():
                raise exists from error
            raise StoreError(f"{at} cannot be created: {reason(error)}.") from error

    @classmethod
    def resume(cls, at: str | Path, provenance: dict) -> list[str]:
        """Make ready a store that the same spec began: what is damaged is pending again.

        Sentences name that, and the other devices on which it was begun, where cells are left to compute.

        **Raises:** `StoreError` saying what differs otherwise.
        """
        store = cls(at)
        began = dict(store._group.attrs)
        there, here = json.loads(str(began["spec"])), json.loads(provenance["spec"])
        found = differences(there, here)
        if began["precision"] != provenance["precision"]:
            found.append(f"precision is {began['precision']} there and {provenance['precision']} here")
        if found:
            raise StoreError(f"{at} was made from another sweep: {'; '.join(found)}.")
        try:
            return [*store.mend(), *store.handed_over(provenance["device"])]
        except OSError as error:
            raise StoreError(f"{at} cannot be written: {reason(error)}.") from error

    def handed_over(self, device: str) -> list[str]:
        """Record that other devices go on with what is pending, and say so."""
        record = dict(self._group.attrs)
        began = str(record["device"])
        if began.split(", then ")[-1] == device or not any(self.pending()):
            return []
        record = {name: value for name, value in record.items() if name != "digest"} | {"device": f"{began}, then {device}"}
        vouch(self.place.keys, self._group, record)
        return [f"{self.place} was begun on {began} and goes on with {device}: their cells are equal to the last places."]

    def mend(self) -> list[str]:
        """Lay broken arrays out again, and make damaged tiles pending; a sentence that names them, if there are any."""
        said = [f"{name} was missing or not as it was made" for name in self.broken]
        for name in self.broken:
            if name == _COPY:
                continue
            self.place.discard(name)
            points = coordinates(self.spec).get(name)
            if points is None:
                lay(self.place.keys, name, self._laid[name])
            else:
                lay_coordinate(self.place.keys, name, points)
        if self.broken:
            consolidate(self.place.keys)
        self.broken = []
        damaged = self.damaged()
        for region in damaged:
            for name in ("status", *self._laid):  # first what vouches for the others
                self.place.discard(self._chunk(name, region))
        if damaged:
            first = ", ".join(_where(self._grid, region) for region in damaged[:3]) + (", …" if len(damaged) > 3 else "")
            said.append(f"{len(damaged)} damaged tiles (at {first}) are computed again")
        return [f"{self.place}: {'; '.join(said)}."] if said else []

    def damaged(self) -> list[Region]:
        """The tiles that `status` calls computed and that cannot be read, or do not hold what was written."""
        every = list(tiles(self._grid.shape, self._block))
        if store_bytes(self.spec) <= WHOLE and self._is_sound(tuple(slice(0, size) for size in self._grid.shape)):
            return []
        return [region for region in every if not self._is_sound(region)]

    def _is_sound(self, region: Region) -> bool:
        """Whether every cell of a region that is called computed can be read and has its checksum."""
        try:
            values = {name: np.asarray(self._array(name)[region]) for name in self._laid}
        except UNREADABLE:
            return False
        stored = values.pop("checksum")
        found = checksums(self._sweep, self._grid.cells(region), values)
        return bool(np.all((values["status"] == PENDING) | (found == stored)))

    def _chunk(self, name: str, region: Region) -> str:
        """The key of a tile's values of one array."""
        index = [part.start // size for part, size in zip(region, self._block, strict=True)]
        index += [0] * (len(self._laid[name].shape) - len(index))
        return "/".join([name, "c", *map(str, index)])

    def pending(self, share: int = 0, shares: int = 1) -> Iterator[Region]:
        """The tiles that are still to be computed, in order; of every `shares` tiles of the grid, number `share`."""
        status = np.asarray(self._array("status")[...])
        for region in islice(tiles(self._grid.shape, self._block), share, None, shares):
            if np.any(status[region] == PENDING):
                yield region

    def cells_done(self) -> int:
        """Number of cells on disk."""
        return int(np.sum(np.asarray(self._array("status")[...]) != PENDING))

    def write(self, region: Region, values: dict[str, np.ndarray]) -> None:
        """Write one tile: all its variables, then, once they are on the disk, the status that declares it complete.

        **Raises:** `StoreError` when the disk refuses, or the store is gone; what was complete stays so.
        """
        values = {name: np.asarray(value, self._laid[name].dtype) for name, value in values.items()}
        values["checksum"] = checksums(self._sweep, self._grid.cells(region), values)
        try:
            if self.place.identity() != self._identity:
                raise StoreError(f"{self.place} was removed, renamed or replaced while it was computed.")
            for name, value in values.items():
                if name != "status":
                    self._array(name)[region] = value
            self.place.settle(self._chunk(name, region) for name in values if name != "status")
            self._array("status")[region] = values["status"]
            self.place.settle([self._chunk("status", region)])
        except (OSError, KeyError) as error:
            raise StoreError(
                f"{self.place} cannot be written: {reason(error)}. What is done is kept; --resume continues."
            ) from error


class Memory:
    """The arrays of one sweep in memory alone, written as a store is."""

    def __init__(self, spec: SweepSpec, block: tuple[int, ...], provenance: dict):
        self._block = block
        layout = arrays(spec, block)
        self._values = {name: np.full(array.shape, array.fill, array.dtype) for name, array in layout.items()}
        described = {n: (array.dimensions, self._values[n], {"long_name": array.meaning}) for n, array in layout.items()}
        labelled = Grid(spec).axes | {name: list(labels) for name, labels in spec.kind.dimensions(spec).items()}
        self.dataset = xr.Dataset(described, labelled, provenance)

    def pending(self, share: int = 0, shares: int = 1) -> Iterator[Region]:
        """All tiles: nothing is computed yet."""
        return islice(tiles(self._values["status"].shape, self._block), share, None, shares)

    def write(self, region: Region, values: dict[str, np.ndarray]) -> None:
        """Write one tile."""
        for name, value in values.items():
            self._values[name][region] = value


def load(path: str | Path) -> xr.Dataset:
    """Read a finished or unfinished sweep as an `xarray.Dataset`; cells not yet computed are NaN with `status` 255.

    A variable of a store beyond `WHOLE` bytes is read when it is used, `dataset.load()` reads them all; its cells are checked
    tile by tile before.

    **Raises:** `StoreError` if there is no sweep store at the path, or if it is damaged.
    """
    with reached(path):
        store = Store(path)
        if store.broken:
            raise StoreError(f"{path} is damaged: {', '.join(store.broken)} is missing or not as it was made; {_MENDS}.")
        if damaged := len(store.damaged()):
            raise StoreError(f"{path} is damaged in {damaged} of its tiles: {_MENDS}.")
        dataset = xr.open_zarr(store.place.keys, chunks=None, consolidated=False, mask_and_scale=False)
        if store_bytes(store.spec) <= WHOLE:
            dataset = dataset.load()
    dataset = dataset.drop_vars("checksum").drop_attrs(deep=False).assign_attrs(_provenance(dataset.attrs))
    return dataset.assign_coords({name: list(labels) for name, labels in store.spec.kind.dimensions(store.spec).items()})


_MENDS = "its sweep, with --resume, computes them again"


def _provenance(record: dict) -> dict:
    """What made a store, without what only the store needs."""
    return {name: value for name, value in record.items() if name not in ("block", "digest")}


def spec_of(dataset: xr.Dataset) -> SweepSpec:
    """The specification a sweep was made from, as its store remembers it."""
    return parse_spec(json.loads(dataset.attrs["spec"]))


def _where(grid: Grid, region: Region) -> str:
    """A tile by the values at its first cell, as in `kappa = 0.8, nu = 0.5`."""
    return " ".join(f"{name} = {points[part.start]:g}" for (name, points), part in zip(grid.axes.items(), region, strict=True))

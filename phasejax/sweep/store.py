"""The result of a sweep: labelled axes, analytic and measured variables, provenance; kept in a Zarr store that can resume.

A store is complete cell by cell: `status` holds PENDING until everything else about a cell's tile is on disk, and a tile is
one chunk of every variable, written atomically and on the disk before its status is. So a sweep may be killed at any moment:
what `status` calls done is whole, and `integrity` says whether it still is.
"""

import json
import math
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import xarray as xr
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.errors import ZarrUserWarning

from phasejax.solvers import Status
from phasejax.sweep.grid import Grid, tiles
from phasejax.sweep.integrity import UNREADABLE, checksums, digest
from phasejax.sweep.place import RECORD, UNFINISHED, Keys, StoreError, place, reached, reason
from phasejax.sweep.spec import SweepSpec, parse_spec

PENDING = 255
"""The `status` of a cell that has not been computed; computed cells hold a `solvers.Status` code."""

WHOLE = 1 << 26
"""Bytes of a store up to which it is read at once."""

_COPY = "the copy of all metadata"
_STATUS = ", ".join(f"{status.value} {status.name.lower()}" for status in Status) + f", {PENDING} not computed"

Region = tuple[slice, ...]


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
    """An open Zarr store of one sweep, of the specification `spec`.

    `broken` names the arrays that are missing or not as they were made, coordinates among them.
    """

    def __init__(self, at: str | Path):
        self.place = place(at)
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
        self._laid = _everything(self.spec, self._block)
        coordinates = _coordinates(self.spec)
        self.broken = [name for name, points in coordinates.items() if not _holds(group, name, points)]
        self.broken += [name for name, laid in self._laid.items() if not _is_laid(group, name, laid)]
        self.broken += [] if self.broken or self._copy_is_right() else [_COPY]

    def _copy_is_right(self) -> bool:
        """Whether the copy of all metadata, where there is one, is that of the arrays: other readers go by it."""
        try:
            copy = json.loads(self.place.read(RECORD)).get("consolidated_metadata")
            names = (*_coordinates(self.spec), *self._laid)
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

    @classmethod
    def create(cls, at: str | Path, spec: SweepSpec, block: tuple[int, ...], provenance: dict) -> "Store":
        """A new store with every cell pending. It is there only once it is whole.

        **Raises:** `StoreError` if something is there already or the place cannot be written.
        """
        where = place(at)
        exists = StoreError(f"{at} exists: add --resume to continue it, or choose another directory.")
        if where.exists():
            raise exists
        try:
            where.begin(lambda keys: _lay_out(keys, spec, block, provenance))
        except OSError as error:
            if where.exists():
                raise exists from error
            raise StoreError(f"{at} cannot be created: {reason(error)}.") from error
        return cls(at)

    @classmethod
    def resume(cls, at: str | Path, provenance: dict) -> list[str]:
        """Make ready a store that the same spec began: what is damaged is pending again.

        Sentences name that, and the other devices on which it was begun, where cells are left to compute.

        **Raises:** `StoreError` saying what differs otherwise.
        """
        store = cls(at)
        began = dict(store._group.attrs)
        there, here = json.loads(str(began["spec"])), json.loads(provenance["spec"])
        differences = _differences(there, here) or _other_orders(store.spec, parse_spec(here))
        if began["precision"] != provenance["precision"]:
            differences.append(f"precision is {began['precision']} there and {provenance['precision']} here")
        if differences:
            raise StoreError(f"{at} was made from another sweep: {'; '.join(differences)}.")
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
        self._group.attrs.put(record | {"digest": digest(record)})
        _consolidate(self.place.keys)
        return [f"{self.place} was begun on {began} and goes on with {device}: their cells are equal to the last places."]

    def mend(self) -> list[str]:
        """Lay broken arrays out again, and make damaged tiles pending; a sentence that names them, if there are any."""
        said = [f"{name} was missing or not as it was made" for name in self.broken]
        for name in self.broken:
            if name == _COPY:
                continue
            self.place.discard(name)
            points = _coordinates(self.spec).get(name)
            if points is None:
                _lay(self.place.keys, name, self._laid[name])
            else:
                _lay_coordinate(self.place.keys, name, points)
        if self.broken:
            _consolidate(self.place.keys)
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


def store_bytes(spec: SweepSpec) -> int:
    """Bytes of a whole sweep's variables before compression."""
    return sum(math.prod(a.shape) * np.dtype(a.dtype).itemsize for a in arrays(spec, Grid(spec).shape).values())


def spec_of(dataset: xr.Dataset) -> SweepSpec:
    """The specification a sweep was made from, as its store remembers it."""
    return parse_spec(json.loads(dataset.attrs["spec"]))


def _lay_out(keys: Keys, spec: SweepSpec, block: tuple[int, ...], provenance: dict) -> None:
    """Every array, then the record that vouches for them."""
    group = zarr.create_group(keys, attributes={UNFINISHED: True}, overwrite=True)
    for name, points in _coordinates(spec).items():
        _lay_coordinate(keys, name, points)
    for name, laid in _everything(spec, block).items():
        _lay(keys, name, laid)
    record: dict[str, Any] = provenance | {"block": list(block)}
    group.attrs.put(record | {"digest": digest(record)})
    _consolidate(keys)


def _consolidate(keys: Keys) -> None:
    """The copy of all metadata in one place that xarray looks for, which is no part of Zarr 3 yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZarrUserWarning)
        zarr.consolidate_metadata(keys)


def _coordinates(spec: SweepSpec) -> dict[str, np.ndarray]:
    """Name → points of every axis, and numbers in place of the labels of every further dimension.

    Text is no stable type of Zarr's: labels are named from the specification when a store is read.
    """
    labels = {name: np.arange(1, len(labels) + 1) for name, labels in spec.kind.dimensions(spec).items()}
    return Grid(spec).axes | labels


def _everything(spec: SweepSpec, block: tuple[int, ...]) -> dict[str, Laid]:
    """Every array but the coordinates, the checksums among them."""
    axes = Grid(spec)
    meaning = "of the sweep, the cell's number and its values"
    return arrays(spec, block) | {"checksum": Laid(tuple(axes.axes), axes.shape, block, "u4", 0, meaning)}


_CHECKED = (ZstdCodec(level=0), Crc32cCodec())


def _lay_coordinate(keys: Keys, name: str, points: np.ndarray) -> None:
    zarr.create_array(keys, name=name, data=points, dimension_names=(name,), compressors=_CHECKED, overwrite=True)


def _lay(keys: Keys, name: str, laid: Laid) -> None:
    zarr.create_array(
        keys,
        name=name,
        shape=laid.shape,
        chunks=laid.chunks,
        dtype=laid.dtype,
        fill_value=laid.fill,
        dimension_names=laid.dimensions,
        attributes={"long_name": laid.meaning},
        compressors=_CHECKED,
        overwrite=True,
    )


def _holds(group: zarr.Group, name: str, points: np.ndarray) -> bool:
    """Whether a coordinate is there and holds these points."""
    try:
        array = cast(zarr.Array, group[name])
        named = getattr(array.metadata, "dimension_names", None) == (name,)
        return named and np.array_equal(np.asarray(array[...]), points, equal_nan=True)
    except UNREADABLE:
        return False


def _is_laid(group: zarr.Group, name: str, laid: Laid) -> bool:
    """Whether an array is there and laid out like this."""
    try:
        array = cast(zarr.Array, group[name])
        same = (array.shape, array.chunks, array.dtype) == (laid.shape, laid.chunks, np.dtype(laid.dtype))
        same = same and getattr(array.metadata, "dimension_names", None) == laid.dimensions
        same = same and dict(array.attrs) == {"long_name": laid.meaning}
        return same and np.array_equal(np.asarray(array.fill_value, float), float(laid.fill), equal_nan=True)
    except UNREADABLE:
        return False


def _where(grid: Grid, region: Region) -> str:
    """A tile by the values at its first cell, as in `kappa = 0.8, nu = 0.5`."""
    return " ".join(f"{name} = {points[part.start]:g}" for (name, points), part in zip(grid.axes.items(), region, strict=True))


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

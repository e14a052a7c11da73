"""How a sweep lies in a Zarr store: every array in chunks of one tile, axes as coordinates, a record that vouches for them."""

import math
import warnings
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.errors import ZarrUserWarning

from phasejax.solvers import Status
from phasejax.sweep.grid import Grid
from phasejax.sweep.integrity import UNREADABLE, digest
from phasejax.sweep.place import UNFINISHED, Keys
from phasejax.sweep.spec import SweepSpec

PENDING = 255
"""The `status` of a cell that has not been computed; computed cells hold a `solvers.Status` code."""

_STATUS = ", ".join(f"{status.value} {status.name.lower()}" for status in Status) + f", {PENDING} not computed"


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


def store_bytes(spec: SweepSpec) -> int:
    """Bytes of a whole sweep's variables before compression."""
    return sum(math.prod(a.shape) * np.dtype(a.dtype).itemsize for a in arrays(spec, Grid(spec).shape).values())


def lay_out(keys: Keys, spec: SweepSpec, block: tuple[int, ...], provenance: dict) -> None:
    """Every array, then the record that vouches for them."""
    group = zarr.create_group(keys, attributes={UNFINISHED: True}, overwrite=True)
    for name, points in coordinates(spec).items():
        lay_coordinate(keys, name, points)
    for name, laid in everything(spec, block).items():
        lay(keys, name, laid)
    vouch(keys, group, provenance | {"block": list(block)})


def vouch(keys: Keys, group: zarr.Group, record: dict[str, Any]) -> None:
    """Write the record of how a store is made, with what tells when it was edited."""
    group.attrs.put(record | {"digest": digest(record)})
    consolidate(keys)


def consolidate(keys: Keys) -> None:
    """The copy of all metadata in one place that xarray looks for, which is no part of Zarr 3 yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZarrUserWarning)
        zarr.consolidate_metadata(keys)


def coordinates(spec: SweepSpec) -> dict[str, np.ndarray]:
    """Name → points of every axis, and numbers in place of the labels of every further dimension.

    Text is no stable type of Zarr's: labels are named from the specification when a store is read.
    """
    labels = {name: np.arange(1, len(labels) + 1) for name, labels in spec.kind.dimensions(spec).items()}
    return Grid(spec).axes | labels


def everything(spec: SweepSpec, block: tuple[int, ...]) -> dict[str, Laid]:
    """Every array but the coordinates, the checksums among them."""
    axes = Grid(spec)
    meaning = "of the sweep, the cell's number and its values"
    return arrays(spec, block) | {"checksum": Laid(tuple(axes.axes), axes.shape, block, "u4", 0, meaning)}


_CHECKED = (ZstdCodec(level=0), Crc32cCodec())


def lay_coordinate(keys: Keys, name: str, points: np.ndarray) -> None:
    zarr.create_array(keys, name=name, data=points, dimension_names=(name,), compressors=_CHECKED, overwrite=True)


def lay(keys: Keys, name: str, laid: Laid) -> None:
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


def holds(group: zarr.Group, name: str, points: np.ndarray) -> bool:
    """Whether a coordinate is there and holds these points."""
    try:
        array = cast(zarr.Array, group[name])
        named = getattr(array.metadata, "dimension_names", None) == (name,)
        return named and np.array_equal(np.asarray(array[...]), points, equal_nan=True)
    except UNREADABLE:
        return False


def is_laid(group: zarr.Group, name: str, laid: Laid) -> bool:
    """Whether an array is there and laid out like this."""
    try:
        array = cast(zarr.Array, group[name])
        same = (array.shape, array.chunks, array.dtype) == (laid.shape, laid.chunks, np.dtype(laid.dtype))
        same = same and getattr(array.metadata, "dimension_names", None) == laid.dimensions
        same = same and dict(array.attrs) == {"long_name": laid.meaning}
        return same and np.array_equal(np.asarray(array.fill_value, float), float(laid.fill), equal_nan=True)
    except UNREADABLE:
        return False

"""From a specification to numbers: the cells of the grid, and the tiles they are computed in."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from phasejax.sweep.spec import SweepSpec


@dataclass(frozen=True)
class Grid:
    """The Cartesian product of a spec's axes. Cells are numbered in row-major order; the last axis varies fastest."""

    spec: SweepSpec

    @cached_property
    def axes(self) -> dict[str, np.ndarray]:
        """Name → values of each axis, in order."""
        return {name: self.spec.points(name) for name in self.spec.axes}

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(values) for values in self.axes.values())

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    def cells(self, region: tuple[slice, ...]) -> np.ndarray:
        """Numbers of the cells in a block of the grid, in its shape."""
        return np.asarray(np.ravel_multi_index(tuple(np.mgrid[region]), self.shape))

    def parameters(self, cells: np.ndarray) -> dict[str, np.ndarray]:
        """Swept values at the given cells: name → (len(cells),) float64."""
        indices = np.unravel_index(cells, self.shape)
        return {name: values[index] for (name, values), index in zip(self.axes.items(), indices, strict=True)}


def tile_shape(shape: tuple[int, ...], target: int) -> tuple[int, ...]:
    """The largest block of at most `target` cells (at least one) that is contiguous in row-major order.

    Trailing axes are taken whole, one axis in part, leading axes one index at a time, so that a tile is at once a run of
    consecutive cells and a chunk of the store.
    """
    block = []
    for size in reversed(shape):
        block.append(min(size, max(1, target)))
        target //= size
    return tuple(reversed(block))


def tiles(shape: tuple[int, ...], block: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """The blocks of a grid in row-major order; those at the far edge may be smaller."""
    counts = [math.ceil(size / step) for size, step in zip(shape, block, strict=True)]
    for index in np.ndindex(*counts):
        yield tuple(slice(i * step, min((i + 1) * step, size)) for i, step, size in zip(index, block, shape, strict=True))

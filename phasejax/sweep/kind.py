"""What a kind of experiment promises, so that specification, store, run and command line need not know which one it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Protocol

import numpy as np

from phasejax.experiments import KINDS, SOLVED

if TYPE_CHECKING:
    import jax
    import xarray as xr
    from matplotlib.figure import Figure

    from phasejax.sweep.agreement import Agreement
    from phasejax.sweep.spec import SweepSpec

Variables = dict[str, tuple[tuple[str, ...], str, str]]
"""Name → (dimensions beyond the axes, dtype "f8" or "i…", meaning)."""

Dimensions = dict[str, tuple[int, ...] | tuple[str, ...]]
"""Name → labels of each dimension beyond the axes."""


class Engine(Protocol):
    """A sweep made ready to run on this process's devices.

    - `method`: how cells are computed, for the record.
    - `tile_cells`: cells that it likes to compute at a time; any number must do, since a store that is continued may have
      been begun elsewhere.
    """

    @property
    def precision(self) -> int: ...
    @property
    def method(self) -> str: ...
    @property
    def devices(self) -> tuple[jax.Device, ...]: ...
    @property
    def tile_cells(self) -> int: ...

    def compile(self) -> None:
        """Whatever is long and done once, so that the throughput told is that of the work."""

    def analytic(self, cells: np.ndarray) -> dict[str, np.ndarray]:
        """What theory says at the given cells (C,): name → (C, …)."""
        ...

    def measure(self, cells: np.ndarray) -> Callable[[], dict[str, np.ndarray]]:
        """Begin the trials of some cells; the returned function waits for name → (C, …).

        Together with `analytic` these are the variables of the kind and `status`, the worst `Status` of a cell's trials.
        The result depends on seed, cell and trial alone, not on which cells are computed together, nor where.
        """
        ...

    def time(self) -> tuple[float, float]:
        """Seconds to compile, and to run the whole sweep, extrapolated from a part of it timed warm."""
        ...


class Kind(Protocol):
    """A kind of experiment: one module in `phasejax.experiments` with such an object, and one line in the registry there.

    - `spec`: its specification, a `SweepSpec` with the table that names the kind as a field, what may be swept, and checks.
      Parsing runs no JAX, which a run over several processes must be the first to start.
    """

    @property
    def spec(self) -> type[SweepSpec]: ...

    def variables(self, spec) -> Variables:
        """Every variable of the store but `status`."""
        ...

    def dimensions(self, spec) -> Dimensions:
        """The dimensions that its variables have beyond the axes."""
        ...

    def engine(self, spec, *, precision: int, devices: tuple[jax.Device, ...]) -> Engine:
        """Ready to compile; whatever only JAX can tell of the specification is a `SpecError` here, before a store begins."""
        ...

    def expected(self, dataset: xr.Dataset) -> xr.Dataset:
        """The dataset with what theory expects of its n beside it; as it is where no theory does."""
        ...

    def agreement(self, dataset: xr.Dataset) -> list[Agreement]:
        """How often measurement is what theory says, by row; the first row is the one to speak of."""
        ...

    def figure(self, dataset: xr.Dataset) -> Figure:
        """The picture of a sweep, which shows what theory expects where the dataset holds it."""
        ...


def kind_of(tables: Iterable[str]) -> Kind:
    """The kind that a specification with these tables is of: that of the first one which names a kind, else solved."""
    return resolve_name(next((KINDS[table] for table in tables if table in KINDS), SOLVED))

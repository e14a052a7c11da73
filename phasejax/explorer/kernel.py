"""The Monte-Carlo behind the page: one compiled program for each shape of the model, every number an argument."""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from phasejax.simulation.rows import Experiment, Layout, compiler_options, row_sums
from phasejax.simulation.statistics import RowSums
from phasejax.simulation.trial import Formulation, choose
from phasejax.spiked import SpikedModel

TRIALS = 20
BAND = 512
"""Cells of one device call: a tenth of a second on two cores, so that a newer request waits no longer than that."""

Positive = Field(gt=0, le=1e6, allow_inf_nan=False)


class View(BaseModel):
    """What a picture of the page shows: the model without its swept κ and ν, and a grid of `size` × `size` cells over
    κ in [0, `kappa_max`] and ν in [0, 1]. Values outside their ranges are a `ValidationError`.
    """

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    k: int = Field(ge=1, le=8)
    d_x: int = Field(ge=2, le=60)
    d_y: int = Field(ge=2, le=60)
    n: int = Field(ge=1, le=10**6)
    spread: float = Field(gt=0, le=1)
    gamma_x: float = Positive
    gamma_y: float = Positive
    gamma_tilde_x: float = Positive
    gamma_tilde_y: float = Positive
    kappa_max: float = Field(gt=0, le=100)
    size: int = Field(61, ge=2, le=201)

    @model_validator(mode="after")
    def _signal_fits(self):
        if self.k >= min(self.d_x, self.d_y):
            raise ValueError(f"k = {self.k} is not allowed: fewer than {min(self.d_x, self.d_y)}, the smaller dimension")
        return self

    def parameters(self, cells: Int[np.ndarray, " C"]) -> dict[str, Float[np.ndarray, " C"]]:
        """Name → value at each cell; cell i · size + j lies at the i-th κ and the j-th ν."""
        i, j = np.divmod(cells, self.size)
        swept = {"kappa": self.kappa_max * i / (self.size - 1), "nu": j / (self.size - 1)}
        fixed = ("n", "spread", "gamma_x", "gamma_y", "gamma_tilde_x", "gamma_tilde_y")
        return swept | {name: np.full(len(cells), float(getattr(self, name))) for name in fixed}


def coarse_to_fine(size: int) -> Int[np.ndarray, " size*size"]:
    """Every cell of a square grid once: each eighth of both axes first, then each fourth, each second, each."""
    i, j = np.divmod(np.arange(size * size), size)
    coarseness = np.min([np.gcd(8, i), np.gcd(8, j)], axis=0)
    return np.argsort(-coarseness, kind="stable")


def distances(view: View, cells: Int[np.ndarray, " C"], seed: int = 0) -> Float[np.ndarray, "C 2"]:
    """Mean subspace distances of CA and of CP over `TRIALS` draws at each of at most `BAND` cells, in [0, 1]."""
    devices = tuple(jax.local_devices())
    program, by_row = _program(view.k, view.d_x, view.d_y, choose(devices[0].platform, (view.d_x, view.d_y), view.n), devices)
    padded = np.pad(cells, (0, BAND - len(cells)), mode="edge")
    rows = {name: values.astype(np.float32) for name, values in view.parameters(padded).items()}
    rows |= {"cell": padded.astype(np.uint32), "block": np.zeros(BAND, np.uint32)}
    sums = program(jax.random.key(seed), jax.device_put(rows, by_row))
    return np.asarray(sums.mean)[: len(cells), :, 0]


def bands(view: View, seed: int = 0) -> Iterator[tuple[Int[np.ndarray, " C"], Float[np.ndarray, "C 2"]]]:
    """Cells and their distances, coarse cells first, until the whole grid is drawn."""
    order = coarse_to_fine(view.size)
    for start in range(0, len(order), BAND):
        cells = order[start : start + BAND]
        yield cells, distances(view, cells, seed)


@lru_cache(maxsize=16)
def _program(
    k: int, d_x: int, d_y: int, formulation: Formulation, devices: tuple[jax.Device, ...]
) -> tuple[Callable[[Array, dict[str, Array]], RowSums], NamedSharding]:
    """The compiled call for a band of cells, and how its rows lie over the devices."""

    def cell(values: dict[str, Array]) -> tuple[SpikedModel, Array]:
        names = ("gamma_x", "gamma_y", "gamma_tilde_x", "gamma_tilde_y", "nu")
        kappa = values["kappa"] * values["spread"] ** jnp.arange(k, dtype=jnp.float32)
        model = SpikedModel.homogeneous(d=d_x, d_y=d_y, k=k, kappa=kappa, **{name: values[name] for name in names})
        return model, values["n"]

    whole = Layout.plan((d_x, d_y), TRIALS, BAND, devices)
    layout = Layout(devices, TRIALS, BAND, 1, whole.chunk)
    mesh, rows, everywhere = Mesh(np.array(devices), ("device",)), PartitionSpec("device"), PartitionSpec()
    body = partial(row_sums, Experiment(cell, TRIALS, 0.8), layout, formulation)
    mapped = jax.shard_map(body, mesh=mesh, in_specs=(everywhere, rows), out_specs=rows, check_vma=False)
    return jax.jit(mapped, compiler_options=compiler_options(devices[0])), NamedSharding(mesh, rows)

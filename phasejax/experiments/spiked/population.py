"""The analytic side of a sweep over spiked models: what the theory says at every cell."""

from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike

from phasejax import runtime
from phasejax.experiments.spiked.model import cell_of
from phasejax.experiments.spiked.spec import SpikedSpec
from phasejax.simulation.cell import Cell
from phasejax.sweep.grid import Grid
from phasejax.sweep.kind import Variables
from phasejax.theory import PerObjective, square
from phasejax.theory.objectives import regime_of
from phasejax.theory.population import count_above_all, count_in_top_k, nu, rho, smallest_over_largest, tau, xi
from phasejax.theory.square import SingularValues

ANALYTIC: Variables = {
    "delta_ca": ((), "f8", "separation ratio Δ_CA"),
    "delta_cp": ((), "f8", "separation ratio Δ_CP"),
    "recovered_ca": ((), "i4", "CA: the paper's lower bound on recovered directions"),
    "recovered_cp": ((), "i4", "CP: the paper's lower bound on recovered directions"),
    "exact_ca": ((), "i4", "CA: exact number of signal directions in the population top k"),
    "exact_cp": ((), "i4", "CP: exact number of signal directions in the population top k"),
    "regime": ((), "i1", "analytic regime: 0 Neither, 1 CA only, 2 CP only, 3 Both"),
}


class Population:
    """The analytic variables of a store, in float64 whatever the precision of the draws."""

    def __init__(self, spec: SpikedSpec):
        self._cell, self._fixed, self._grid = cell_of(spec), spec.model.fixed(), Grid(spec)

    def __call__(self, cells: np.ndarray, multiple: int) -> dict[str, np.ndarray]:
        """Name → values at the given cells, computed for whole multiples of a size, so that a smaller tile compiles nothing."""
        padded = np.pad(cells, (0, -len(cells) % multiple), mode="edge")
        with runtime.on_host(), jax.enable_x64(True):
            values = _analytic(self._cell, self._fixed, self._grid.parameters(padded))
        return {name: np.asarray(value)[: len(cells)] for name, value in values.items()}


@partial(jax.jit, static_argnums=0)
def _analytic(cell: Cell, fixed: dict[str, Array], swept: dict[str, Array]) -> dict[str, Array]:
    def one(swept):
        values = singular_values(cell, fixed | swept)
        kinds = {"delta": smallest_over_largest, "recovered": count_above_all, "exact": count_in_top_k}
        named = {f"{name}_{o}": of(*pair) for name, of in kinds.items() for o, pair in values._asdict().items()}
        return named | {"regime": jnp.asarray(regime_of(PerObjective(named["delta_ca"] > 1, named["delta_cp"] > 1)))}

    return jax.vmap(one)(swept)


def singular_values(cell: Cell, numbers: Mapping[str, ArrayLike]) -> PerObjective[SingularValues]:
    """What CA and CP rank directions by at a cell, whose numbers may be traced, under its ridges."""
    model, ridges = cell.model(numbers), cell.ridges(numbers)
    if ridges is None:
        return PerObjective(SingularValues(rho(model), nu(model)), SingularValues(tau(model), xi(model)))
    return PerObjective(*(square.singular_values(model, ridge_x=ridges.x, ridge_y=y) for y in (ridges.y, jnp.inf)))


def recovery(encoders: dict[str, str]) -> Variables:
    """The variables of `simulation.statistics.moments`, for encoders given as label → name."""
    means: Variables = {}
    for label, name in encoders.items():
        means |= {
            f"distance_{label}": ((), "f8", f"{name}: subspace distance 1 − (1/k)‖UᵀÛ‖²_F, mean over trials"),
            f"overlap_{label}": (("direction",), "f8", f"{name}: squared overlap per signal direction, mean over trials"),
            f"count_{label}": ((), "f8", f"{name}: directions with squared overlap above the threshold, mean over trials"),
            f"success_{label}": ((), "f8", f"{name}: share of trials that recover all k directions"),
        }
    return means | {f"{name}_se": (extra, dtype, f"standard error of {name}") for name, (extra, dtype, _) in means.items()}

"""The analytic side of a sweep over spiked models: what the theory says at every cell."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from phasejax import runtime, theory
from phasejax.experiments.spiked.model import cell_of
from phasejax.experiments.spiked.spec import SpikedSpec
from phasejax.simulation.cell import Cell
from phasejax.sweep.grid import Grid
from phasejax.sweep.kind import Variables

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
        model = cell.model(fixed | swept)
        delta, (bound, exact) = theory.separation(model), theory.recovery_counts(model)
        pairs = {"delta": delta, "recovered": bound, "exact": exact}
        named = {f"{name}_{objective}": getattr(pair, objective) for name, pair in pairs.items() for objective in pair._fields}
        return named | {"regime": jnp.asarray(theory.regime(model))}

    return jax.vmap(one)(swept)


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

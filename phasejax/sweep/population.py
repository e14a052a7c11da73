"""The analytic side of a sweep: what the theory says at every cell."""

import jax
import numpy as np

from phasejax import theory
from phasejax.sweep.grid import Grid, cell_model


class Population:
    """The analytic variables of a store, in float64 whatever the precision of the draws."""

    def __init__(self, grid: Grid):
        def one(swept):
            model, _ = cell_model(grid.spec, swept)
            delta, (bound, exact) = theory.separation(model), theory.recovery_counts(model)
            pairs = {"delta": delta, "recovered": bound, "exact": exact}
            named = {
                f"{name}_{objective}": getattr(pair, objective) for name, pair in pairs.items() for objective in pair._fields
            }
            return named | {"regime": theory.regime(model)}

        self._grid = grid
        self._values = jax.jit(jax.vmap(one))

    def __call__(self, cells: np.ndarray, multiple: int) -> dict[str, np.ndarray]:
        """Name → values at the given cells, computed for whole multiples of a size, so that a smaller tile compiles nothing."""
        padded = np.pad(cells, (0, -len(cells) % multiple), mode="edge")
        with jax.enable_x64(True):
            values = self._values(self._grid.parameters(padded))
        return {name: np.asarray(value)[: len(cells)] for name, value in values.items()}


def check_precision(precision: int) -> None:
    """**Raises:** `ValueError` unless it is 32 or 64."""
    if precision not in (32, 64):
        raise ValueError(f"precision = {precision} is not allowed: 32 or 64 bits.")

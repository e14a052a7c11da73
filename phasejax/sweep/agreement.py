"""How often what finite samples recovered is what the population theory says."""

from dataclasses import dataclass
from typing import Self

import numpy as np

MARGIN = 0.1
"""A cell is away from a boundary when |Δ − 1| exceeds this."""


@dataclass(frozen=True)
class Agreement:
    """Share of cells that agree, in [0, 1] (NaN if there are none), over all cells and over those away from boundaries."""

    what: str
    cells: int
    overall: float
    cells_away: int
    away: float

    @classmethod
    def of(cls, what: str, right: np.ndarray, far: np.ndarray) -> Self:
        """From whether each cell agrees and whether it is away from the boundaries, both (cells,) of bool."""
        return cls(what, right.size, _share(right), int(far.sum()), _share(right[far]))


def _share(right: np.ndarray) -> float:
    return float(right.mean()) if right.size else float("nan")

"""How often what finite samples recovered is what theory says: of infinitely many pairs, and of n."""

from dataclasses import dataclass

import numpy as np

MARGIN = 0.1
"""A cell is away from a boundary when |Δ − 1| exceeds this."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """Which of some cells agree with theory, each (cells,) of bool: in the limit n = ∞, and at n, None where that is not known;
    and which of them are away from the boundaries Δ = 1.
    """

    what: str
    limit: np.ndarray
    at_n: np.ndarray | None
    away: np.ndarray

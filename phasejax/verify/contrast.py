"""Statements about networks as contrasts: numbers that must be positive, cell by cell, measured over seeds.

A cell supports a statement where its contrast less two standard errors is positive, and contradicts it where the contrast plus
two is negative; where no cell does either, it is not decided at this size.
"""

from typing import NamedTuple

import numpy as np

from phasejax.verify.registry import Verdict


class Contrast(NamedTuple):
    """A number for each of some cells, which a statement wants positive, and its standard error over seeds."""

    value: np.ndarray
    error: np.ndarray


def paired(values: np.ndarray) -> Contrast:
    """Mean over seeds, the last axis, and its standard error; seeds that were lost are left out."""
    count = np.isfinite(values).sum(axis=-1)
    return Contrast(np.nanmean(values, axis=-1), np.nanstd(values, axis=-1, ddof=1) / np.sqrt(count))


def less(a: Contrast, b: Contrast | float) -> Contrast:
    """a − b, as if independent: objectives share pictures, so that the error is on the safe side."""
    b = b if isinstance(b, Contrast) else Contrast(np.full_like(a.value, b), np.zeros_like(a.error))
    return Contrast(a.value - b.value, np.hypot(a.error, b.error))


def more(level: float, a: Contrast) -> Contrast:
    """level − a."""
    return Contrast(level - a.value, a.error)


def joined(*contrasts: Contrast) -> Contrast:
    """The cells of all of them."""
    return Contrast(*map(np.concatenate, zip(*contrasts, strict=True)))


def verdict(found: Contrast) -> Verdict:
    """HOLDS where every cell supports the statement, CONDITIONAL where some do, REFUTED where none does and one contradicts,
    OPEN where none does either.

    **Raises:** `ValueError` without a cell, of which anything would hold.
    """
    if found.value.size == 0:
        raise ValueError("a contrast without cells decides nothing: the table lacks what it compares.")
    supported, contradicted = found.value > 2 * found.error, found.value < -2 * found.error
    if np.all(supported):
        return Verdict.HOLDS
    if np.any(supported):
        return Verdict.CONDITIONAL
    return Verdict.REFUTED if np.any(contradicted) else Verdict.OPEN

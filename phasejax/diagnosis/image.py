"""Is one view computed from the other?"""

from typing import Literal

import numpy as np
from jaxtyping import Float

Image = Literal["none", "copy", "linear image", "x gives y", "y gives x"]

_TESTED, _PROJECTIONS = 50, 8
_ROWS = 200  # whose distances are compared
_MOST_COLUMNS = 1024
_EXACT = 1e-4  # share of variance that rounding in single precision may leave unexplained


def image_of(x: Float[np.ndarray, "n d_x"], y: Float[np.ndarray, "n d_y"], rng: np.random.Generator) -> Image:
    """Whether the distances between rows are the same in both views ("copy": a rotation and one scale are allowed), or a
    linear map foretells one view from the other on rows that it was not fitted to ("linear image" if so in both directions).

    Views of more than 1024 columns, or of more than half as many columns as pairs, are compared by their distances alone.
    """
    order = rng.permutation(len(x))
    if _same_distances(*(_standard(view[order[:_ROWS]], alone=False) for view in (x, y))):
        return "copy"
    x_gives_y, y_gives_x = _foretells(x, y, order, rng), _foretells(y, x, order, rng)
    if x_gives_y and y_gives_x:
        return "linear image"
    return "x gives y" if x_gives_y else "y gives x" if y_gives_x else "none"


def _same_distances(x, y) -> bool:
    gram_x, gram_y = (view @ view.T / np.sum(view**2) for view in (x, y))
    return bool(np.sum((gram_x - gram_y) ** 2) < _EXACT**2 * np.sum(gram_x**2))


def _foretells(source, target, order, rng) -> bool:
    """Whether least squares on some rows gives random projections of `target` on other rows, all but exactly."""
    d = source.shape[1]
    test, fit = order[:_TESTED], order[_TESTED : 2 * d + 3 * _TESTED]
    if d > _MOST_COLUMNS or fit.size < 1.5 * d + 10:
        return False
    source, target = _standard(source[order[: _TESTED + fit.size]]), _standard(target[order[: _TESTED + fit.size]])
    target = target @ rng.normal(size=(target.shape[1], _PROJECTIONS))
    centre, level = source[_TESTED:].mean(axis=0), target[_TESTED:].mean(axis=0)
    f, g = source[_TESTED:] - centre, target[_TESTED:] - level
    weights = np.linalg.lstsq(f.T @ f, f.T @ g, rcond=1e-12)[0]
    missed = target[: test.size] - level - (source[: test.size] - centre) @ weights
    return bool(np.sum(missed**2) < _EXACT * np.sum((target[: test.size] - level) ** 2))


def _standard(view: np.ndarray, alone: bool = True) -> np.ndarray:
    """Columns of mean 0 and, each `alone`, of variance 1; constant ones are left out."""
    view = view.astype(float)
    view = view / np.abs(view).max()  # squares stay finite
    view = view - view.mean(axis=0)
    scale = np.sqrt(np.mean(view**2, axis=0))
    return view[:, scale > 0] / (scale[scale > 0] if alone else 1)

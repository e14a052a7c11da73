"""From rows to moments: each view on its leading principal components, and second moments block of rows by block of rows.

Everything later reads these moments alone, and a resample of the rows is a choice of blocks. A block holds whole groups.
"""

from typing import NamedTuple

import numpy as np

from phasejax.diagnosis.labels import MOST_COLUMNS

MOST_COMPONENTS = 128
_DOUBLE_UNTIL = 10**7  # entries up to which rows are kept in double precision
_SLAB = 4096
_LARGEST_LOG = 700.0  # exp of more overflows
MOST_SPREAD = 100.0  # of standard deviations, beyond which columns do not share a unit
_LEAST_VARIANCE = 1e-12  # of the largest component's, whatever n and d: double precision tells no smaller one
_EXACT_UNTIL = 2048  # size up to which a covariance is decomposed exactly


class View(NamedTuple):
    """A view on its leading r principal components.

    - `scores`: (n, r), centred, uncorrelated, of variance 1.
    - `variances`: (r,) of the components, descending, in units of their mean.
    - `rank`: numerical rank of the view; `explained`: the kept share of its variance, in (0, 1].
    - `columns`: how many of its columns are not constant; `spread` ≥ 1: the largest standard deviation of one over the
      smallest. Beyond 100 the columns are of different kinds, and each was brought to variance 1.
    - `mean`, `unit` (d,): what the columns as given had taken off, and were then divided by; ∞ for constant ones.
    """

    scores: np.ndarray
    variances: np.ndarray
    rank: int
    explained: float
    columns: int
    spread: float
    mean: np.ndarray
    unit: np.ndarray


class Blocks(NamedTuple):
    """Sums over the rows of each of B blocks.

    With z = (1, x, y) of length p = 1 + r_x + r_y and l = (1, labels) of length 1 + L: `pairs` (B, p, p) sums z zᵀ over all
    rows, `labelled` (B, p, 1 + L) sums z lᵀ and `squares` (B, 1 + L, 1 + L) sums l lᵀ over the labelled rows.
    """

    pairs: np.ndarray
    labelled: np.ndarray
    squares: np.ndarray


def principal_view(values: np.ndarray, most: int) -> View:
    """The leading principal components of a view (n, d): at most `most` of them, and no more than its numerical rank."""
    centred, spread, mean, unit = _centred_and_scaled(values)
    n, d = centred.shape
    if min(n, d) <= _EXACT_UNTIL:
        scores, variances, rank = _decompose(centred, most)
    else:
        scores, variances, rank = _decompose(_leading(centred, 2 * most), most)
        rank = min(n - 1, d)
    return View(scores, variances / variances.mean(), rank, float(variances.sum() / d), d, spread, mean, unit)


def components_of(view: View, values: np.ndarray) -> np.ndarray:
    """The linear map (d, r) from columns, less `mean` and divided by `unit`, to the view's components of variance `variances`.

    `values` (n, d) are the rows that the view was made of.
    """
    level = view.explained * view.columns / view.variances.size  # mean variance of a component, in units of a column's
    return with_columns(view, values, view.scores)[0] / (level * np.sqrt(view.variances))


def with_columns(view: View, values: np.ndarray, centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariances (d, m) of the view's columns, in their units, with centred ones (n, m), and the columns' variances (d,)."""
    covariance, variance = np.zeros((values.shape[1], centred.shape[1])), np.zeros(values.shape[1])
    for start in range(0, len(values), _SLAB):
        slab = values[start : start + _SLAB] - view.mean
        slab /= view.unit
        covariance += slab.T @ centred[start : start + _SLAB]
        variance += np.einsum("ij,ij->j", slab, slab)
    return covariance / len(values), variance / len(values)


def _centred_and_scaled(values: np.ndarray) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """The columns that are not constant to their precision, less their means, and their spread; mean and unit of all columns.

    They come in units of their root mean variance, or each in its own where no unit is common to them. Sums are in double
    precision, a slab of rows at a time, of numbers in [−1, 1]: a large mean or scale must not cost digits, nor memory.
    """
    low, high = (np.asarray(ends, np.float64) for ends in (values.min(axis=0), values.max(axis=0)))
    middle, reach = low / 2 + high / 2, high / 2 - low / 2  # halves: neither overflows
    precision = np.finfo(values.dtype).eps if values.dtype.kind == "f" else 0.0
    moving = reach > 4 * precision * np.abs(middle)
    middle, reach = middle[moving], reach[moving]
    out = np.empty((len(values), reach.size), np.float64 if values.size <= _DOUBLE_UNTIL else np.float32)
    total, squares = np.zeros((2, reach.size))
    chosen = slice(None) if moving.all() else moving  # which copies nothing
    for start in range(0, len(values), _SLAB):
        slab = values[start : start + _SLAB, chosen] - middle
        slab /= reach
        total += slab.sum(axis=0)
        squares += np.einsum("ij,ij->j", slab, slab)
        out[start : start + _SLAB] = slab
    mean = total / len(values)
    deviation = np.sqrt(squares / len(values) - mean**2)
    size = np.log(reach) + np.log(deviation)
    spread = float(np.exp(min(size.max() - size.min(), _LARGEST_LOG)))
    unit = np.exp(size - size.max())  # deviations in units of the largest
    factor = 1 / deviation if spread > MOST_SPREAD else unit / np.sqrt(np.mean(unit**2)) / deviation
    out -= mean.astype(out.dtype)
    out *= factor.astype(out.dtype)
    means, units = np.where(moving, 0.0, values.mean(axis=0, dtype=np.float64)), np.full(moving.size, np.inf)
    means[moving], units[moving] = middle + reach * mean, reach / factor
    return out, spread, means, units


def _decompose(centred: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Scores, variances and numerical rank, by the smaller of covariance and Gram matrix."""
    n, d = centred.shape
    wide = d > n
    values, vectors = np.linalg.eigh(_gram(centred.T if wide else centred) / n)
    values, vectors = values[::-1], vectors[:, ::-1]
    rank = int(np.sum(values > _LEAST_VARIANCE * values[0]))
    kept = min(rank, most)
    values, vectors = values[:kept], vectors[:, :kept]
    scores = np.sqrt(n) * vectors if wide else centred @ (vectors / np.sqrt(values)).astype(centred.dtype)
    return scores, values, rank


def _gram(a: np.ndarray) -> np.ndarray:
    """aᵀ a in double precision, a slab of rows at a time."""
    total = np.zeros((a.shape[1], a.shape[1]))
    for start in range(0, len(a), _SLAB):
        slab = a[start : start + _SLAB].astype(np.float64)
        total += slab.T @ slab
    return total


def _leading(centred: np.ndarray, size: int) -> np.ndarray:
    """The view on the span of about `size` leading components, by subspace iteration from a fixed start (Halko et al. 2011)."""
    start = np.random.default_rng(0).normal(size=(centred.shape[1], size)).astype(centred.dtype)
    for _ in range(4):
        start, _ = np.linalg.qr(centred.T @ (centred @ start))
    return centred @ start


def leading(view: View, most: int) -> View:
    """The view on at most `most` of its components."""
    kept = view.variances[:most]
    explained = view.explained * float(kept.sum() / view.variances.sum())
    return view._replace(scores=view.scores[:, :most], variances=kept / kept.mean(), explained=explained)


def components_allowed(pairs: float, d: int) -> int:
    """How many principal components of d columns a number of (independent) pairs bears: half as many as pairs at most.

    Where there are more columns than pairs, half of that: no ridge is then needed, and the rest is mostly noise.
    """
    return int(max(2, min(MOST_COMPONENTS, pairs // (2 if d <= pairs else 4))))


def ridge_needed(pairs: float, x: View, y: View) -> float:
    """Ridge in units of the components' mean variance: 0 while both views together have at most half as many as pairs."""
    return max(0.0, (x.variances.size + y.variances.size) / pairs - 0.5)


def block_sums(x: View, y: View, rows: np.ndarray, columns: np.ndarray, block: np.ndarray) -> Blocks:
    """Sums of products of each block; `rows` are labelled, with label `columns` (n_labelled, L).

    Both views are padded by zero columns to one size out of a few, and labels to 32, so that what reads them compiles rarely.
    """
    size = padded_size(x, y)
    z = np.hstack([np.ones((len(block), 1)), _pad(x.scores, size), _pad(y.scores, size)])
    labels = np.zeros((len(block), 1 + MOST_COLUMNS))
    labels[rows, : 1 + columns.shape[1]] = np.hstack([np.ones((len(rows), 1)), columns])
    cuts = np.cumsum(np.bincount(block))[:-1]
    order = np.argsort(block, kind="stable")
    parts = list(zip(np.split(z[order], cuts), np.split(labels[order], cuts), strict=True))
    return Blocks(
        np.stack([a.T @ a for a, _ in parts]), np.stack([a.T @ b for a, b in parts]), np.stack([b.T @ b for _, b in parts])
    )


def padded_size(x: View, y: View) -> int:
    """The size to which the components of both views are padded: 32, 64 or 128."""
    return max(32, 1 << (max(x.variances.size, y.variances.size) - 1).bit_length())


def padded_variances(x: View, y: View) -> tuple[np.ndarray, np.ndarray]:
    """Variances of the components of both views, 0 for the padding."""
    size = padded_size(x, y)
    return np.pad(x.variances, (0, size - x.variances.size)), np.pad(y.variances, (0, size - y.variances.size))


def _pad(columns: np.ndarray, size: int) -> np.ndarray:
    return np.pad(columns, ((0, 0), (0, size - columns.shape[1])))

"""From rows to moments: each view on its leading principal components, and second moments block of rows by block of rows.

Everything later reads these moments alone, and a resample of the rows is a choice of blocks. A block holds whole groups.
"""

from typing import NamedTuple

import numpy as np

from phasejax.diagnosis.labels import MOST_COLUMNS

MOST_COMPONENTS = 128
_DOUBLE_UNTIL = 10**7  # entries up to which rows are kept in double precision
_SLAB = 4096
_EXACT_UNTIL = 2048  # size up to which a covariance is decomposed exactly


class View(NamedTuple):
    """A view on its leading r principal components.

    - `scores`: (n, r), centred, uncorrelated, of variance 1.
    - `variances`: (r,) of the components, descending, in units of their mean.
    - `rank`: numerical rank of the view; `explained`: the kept share of its variance, in (0, 1].
    """

    scores: np.ndarray
    variances: np.ndarray
    rank: int
    explained: float


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
    n, d = values.shape
    centred = _centred_and_scaled(values)
    if min(n, d) <= _EXACT_UNTIL:
        scores, values_, rank = _decompose(centred, most)
    else:
        scores, values_, rank = _decompose(_leading(centred, 2 * most), most)
        rank = min(n - 1, d)
    return View(scores, values_ / values_.mean(), rank, float(values_.sum() / d))


def _centred_and_scaled(values: np.ndarray) -> np.ndarray:
    """The columns less their means, in units of the root mean variance; single precision where there are many entries.

    Means are subtracted in double precision, a slab of rows at a time: a large mean must not cost digits, nor memory.
    """
    out = np.empty(values.shape, np.float64 if values.size <= _DOUBLE_UNTIL else np.float32)
    mean, total = values.mean(axis=0, dtype=np.float64), 0.0
    for start in range(0, len(values), _SLAB):
        slab = values[start : start + _SLAB] - mean
        total += float(np.vdot(slab, slab))
        out[start : start + _SLAB] = slab
    out /= np.asarray(np.sqrt(total / values.size), out.dtype)
    return out


def _decompose(centred: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Scores, variances and numerical rank, by the smaller of covariance and Gram matrix."""
    n, d = centred.shape
    wide = d > n
    gram = (centred @ centred.T if wide else centred.T @ centred) / n
    values, vectors = np.linalg.eigh(gram.astype(np.float64))
    values, vectors = values[::-1], vectors[:, ::-1]
    rank = int(np.sum(values > max(n, d) * np.finfo(centred.dtype).eps * values[0]))
    kept = min(rank, most)
    values, vectors = values[:kept], vectors[:, :kept]
    scores = np.sqrt(n) * vectors if wide else centred @ (vectors / np.sqrt(values)).astype(centred.dtype)
    return scores, values, rank


def _leading(centred: np.ndarray, size: int) -> np.ndarray:
    """The view on the span of about `size` leading components, by subspace iteration from a fixed start (Halko et al. 2011)."""
    start = np.random.default_rng(0).normal(size=(centred.shape[1], size)).astype(centred.dtype)
    for _ in range(4):
        start, _ = np.linalg.qr(centred.T @ (centred @ start))
    return centred @ start


def leading(view: View, most: int) -> View:
    """The view on at most `most` of its components."""
    kept = view.variances[:most]
    return View(view.scores[:, :most], kept / kept.mean(), view.rank, view.explained * float(kept.sum() / view.variances.sum()))


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

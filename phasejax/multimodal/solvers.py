"""Linear encoders of M modalities from their covariance blocks S (M, M, d, d): generalised CCA and multi-source prediction.

A modality of fewer than d dimensions is filled up with zeros: rows and columns that are exactly 0 are no coordinates of its.
Like `phasejax.solvers` they read covariances alone and know nothing of the theory they are compared with.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key

from phasejax import checks
from phasejax.multimodal.graph import check_adjacency
from phasejax.solvers.solution import insist, judge
from phasejax.solvers.whitening import whitener


class MultimodalSolution(eqx.Module):
    """The result of a solver for M modalities.

    - `encoders`: (M, k, d), one per modality; rows in descending order of `values`.
    - `values`: eigenvalues (`maxvar` and `align_graph`, (M d,)), correlation sums (`sumcor`, (k,)) or singular values
      (`predict_from`, (d,)), descending.
    - `rank`: number of values above the relative cut-off.
    - `status`: a `phasejax.solvers.Status` code.
    """

    encoders: Float[Array, "M k d"]
    values: Float[Array, " r"]
    rank: Int[Array, ""]
    status: Int[Array, ""]

    @property
    def found(self) -> str:
        """The rank, in words."""
        return f"k = {self.encoders.shape[1]}, rank {self.rank} of {self.values.size}"


class _Whitened(NamedTuple):
    """Blocks W_m S_mn W_nᵀ with the whiteners W_m; whether every covariance was regular, and what `judge` calls the error."""

    correlation: Float[Array, "M M d d"]
    whiteners: Float[Array, "M d d"]
    regular: Bool[Array, ""]
    error: Float[Array, ""]


def maxvar(blocks: Float[Array, "M M d d"], k: int, *, throw: bool = True) -> MultimodalSolution:
    """MAXVAR generalised CCA: top-k eigenvectors of the M d × M d matrix of S_mm^-½ S_mn S_nn^-½, cut into encoders.

    Encoders are normalised to Σ_m W_m S_mm W_mᵀ = I; eigenvalues lie in [0, M].

    **Raises:** `ValueError` on a bad k or shape; and, where values are known and unless `throw=False`, on non-finite
    covariances and any status but OK.
    """
    _check(blocks, k, throw)
    views = _whiten(blocks)
    return _top_eigenvectors(blocks, views.correlation, views.whiteners, views, k, throw)


def align_graph(
    blocks: Float[Array, "M M d d"], k: int, adjacency: Float[Array, "M M"], *, throw: bool = True
) -> MultimodalSolution:
    """Alignment on a graph: maximises Σ_mn A_mn tr(W_m S_mn W_nᵀ) subject to Σ_m deg_m W_m S_mm W_mᵀ = I.

    Equivalently it minimises the squared differences of the encodings along the edges. A star aligns everything with an
    anchor. Eigenvalues lie in [−1, 1].

    **Raises:** `ValueError` as `maxvar`, or on a bad adjacency.
    """
    _check(blocks, k, throw)
    check_adjacency(adjacency, len(blocks))
    views = _whiten(blocks)
    root = jnp.sqrt(jnp.sum(adjacency, axis=1))[:, None, None]
    weighted = adjacency[:, :, None, None] * views.correlation / (root[:, None] * root[None, :])
    return _top_eigenvectors(blocks, weighted, views.whiteners / root, views, k, throw)


def sumcor(
    blocks: Float[Array, "M M d d"], k: int, *, key: Key[Array, ""], starts: int = 8, steps: int = 500, throw: bool = True
) -> MultimodalSolution:
    """SUMCOR generalised CCA: maximises Σ_{m≠n} tr(W_m S_mn W_nᵀ) subject to W_m S_mm W_mᵀ = I for every m.

    Each modality in turn takes its best encoder given the others (an orthogonal Procrustes problem), so the objective never
    falls; the best of several random starts is kept, since the problem has local maxima. `values` are the k diagonal terms
    of the maximum.

    **Arguments:** `key` a typed key for the starts; `steps` rounds per start.

    **Raises:** `ValueError` as `maxvar`.
    """
    _check(blocks, k, throw)
    views = _whiten(blocks)
    modalities, d = blocks.shape[0], blocks.shape[2]
    begin = jnp.linalg.qr(jax.random.normal(key, (starts, modalities, d, k), blocks.dtype))[0].mT
    best, products = _climbed(views.correlation, begin, steps)
    values, rotation = jnp.linalg.eigh(products)
    encoders = (rotation[:, ::-1].T @ best) @ views.whiteners
    return _solution(blocks, encoders, values[::-1], k, regular=views.regular, error=views.error, throw=throw)


@jax.jit
def _climbed(correlation: Array, begin: Array, steps: int | Array) -> tuple[Array, Array]:
    """The best of SUMCOR's climbs from some starts, (starts, M, k, d), and the (k, k) products summed over its pairs."""
    modalities = len(correlation)
    across = jnp.where(jnp.eye(modalities, dtype=bool)[:, :, None, None], 0, correlation)

    def improve(m, v):
        pull = jnp.einsum("nkd,ndc->kc", v, across[:, m])
        left, _, right = jnp.linalg.svd(pull, full_matrices=False)
        return v.at[m].set(left @ right)

    def gram(v):
        return jnp.einsum("mkc,mncd,nld->kl", v, across, v)

    def climb(v):
        return lax.fori_loop(0, steps, lambda _, v: lax.fori_loop(0, modalities, improve, v), v)

    ends = jax.vmap(climb)(begin)
    best = ends[jnp.argmax(jax.vmap(lambda v: jnp.trace(gram(v)))(ends))]
    return best, gram(best)


def predict_from(blocks: Float[Array, "M M d d"], k: int, *, target: int = -1, throw: bool = True) -> MultimodalSolution:
    """Multi-source prediction: reduced-rank regression of the target on all other modalities together.

    The encoder of source m is its d columns of U_kᵀ S_ss^-½, with S_ss the joint covariance of all sources; that of the target
    holds the orthonormal target directions.

    **Raises:** `ValueError` as `maxvar`, or on a bad target.
    """
    _check(blocks, k, throw)
    modalities, d = blocks.shape[0], blocks.shape[2]
    if not -modalities <= target < modalities:
        raise ValueError(f"target = {target} is not allowed: there are {modalities} modalities, counted from 0.")
    target %= modalities
    sources = np.delete(np.arange(modalities), target)
    joint = _flatten(blocks[sources[:, None], sources])
    whiten, rank, error = whitener(joint)
    u, sigma, vt = jnp.linalg.svd(whiten @ blocks[sources, target].reshape(-1, d), full_matrices=False)
    encoders = (u[:, :k].T @ whiten).reshape(k, modalities - 1, d).swapaxes(0, 1)
    encoders = jnp.concatenate([encoders[:target], vt[None, :k], encoders[target:]])
    return _solution(blocks, encoders, sigma, k, regular=rank == _sizes(joint), error=2 * error, throw=throw)


def _whiten(blocks: Array) -> _Whitened:
    own = jnp.moveaxis(jnp.diagonal(blocks, axis1=0, axis2=1), -1, 0)
    whiteners, ranks, errors = jax.vmap(whitener)(own)
    correlation = whiteners[:, None] @ blocks @ whiteners[None, :].mT
    return _Whitened(correlation, whiteners, jnp.all(ranks == _sizes(own)), 2 * jnp.sum(errors))


def _sizes(covariances: Array) -> Array:
    """The number of coordinates with a variance, of a covariance matrix or of many."""
    return jnp.sum(jnp.diagonal(covariances, axis1=-2, axis2=-1) > 0, axis=-1, dtype=jnp.int32)


def _top_eigenvectors(
    blocks: Array, coupled: Array, whiteners: Array, views: _Whitened, k: int, throw: bool
) -> MultimodalSolution:
    modalities, d = blocks.shape[0], blocks.shape[2]
    values, vectors = jnp.linalg.eigh(_flatten(coupled))
    top = vectors[:, ::-1][:, :k].T.reshape(k, modalities, d).swapaxes(0, 1)
    return _solution(blocks, top @ whiteners, values[::-1], k, regular=views.regular, error=views.error, throw=throw)


def _solution(
    blocks: Array, encoders: Array, values: Array, k: int, *, regular: Array, error: Array, throw: bool
) -> MultimodalSolution:
    finite = jnp.all(jnp.isfinite(blocks)) & jnp.all(jnp.isfinite(values))
    size = blocks.shape[0] * blocks.shape[2]
    solution = MultimodalSolution(encoders, values, *judge(values, k, size, error=error, regular=regular, finite=finite))
    return insist(solution, throw)


def _flatten(blocks: Array) -> Array:
    """(M, N, d, d) blocks as one (M d, N d) matrix."""
    rows, columns, d, _ = blocks.shape
    return blocks.swapaxes(1, 2).reshape(rows * d, columns * d)


def _check(blocks: Array, k: int, throw: bool) -> None:
    shape = blocks.shape
    if len(shape) != 4 or shape[0] != shape[1] or shape[2] != shape[3] or shape[0] < 2:
        raise ValueError(f"covariance blocks have shape {shape}: (M, M, d, d) with M ≥ 2 is allowed.")
    checks.whole("k", k, 1, shape[2])
    if throw:
        checks.finite("the array of covariance blocks", blocks)

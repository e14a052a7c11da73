"""Divergences between modalities as densities: Cauchy–Schwarz between two, the global Hölder divergence between M.

Every density is a kernel density estimate with Gaussian kernels of width h, so a product of M kernels integrates to
exp(−Σ_{m<n} ‖y_m − y_n‖² / 2Mh²) times a constant that cancels; at M = 2 the Gram kernel has variance 2h². All in logarithms.
`frechet_distance` alone is of normal laws.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, ArrayLike, Float, Key

from phasejax import checks
from phasejax.objectives.contrastive import infonce
from phasejax.objectives.embeddings import as_embeddings, centered, floating, pair_indices, squared_distances
from phasejax.objectives.hyperparameters import Anchor, Modality, Nonnegative, Positive

LARGEST_ENUMERATION = 2**24


def cauchy_schwarz_divergence(x: Float[Array, "n d"], y: Float[Array, "m d"], *, bandwidth: Positive = 0.5) -> Float[Array, ""]:
    """Cauchy–Schwarz divergence with the squared numerator, −log[(∫pq)² / (∫p² ∫q²)] ≥ 0, of two kernel density estimates.

    **Arguments:** rows of `x` and `y`, not necessarily as many; `bandwidth` h > 0, may be traced.

    **Raises:** `ValueError` on a bad shape or bandwidth.
    """
    x, y = _clouds(x, y, rows=1)
    checks.scales(bandwidth=bandwidth)
    overlap = partial(_log_overlap, bandwidth=bandwidth)
    return overlap(x, x) + overlap(y, y) - 2 * overlap(x, y)


def frechet_distance(x: Float[Array, "n d"], y: Float[Array, "m d"]) -> Float[Array, ""]:
    """Squared Fréchet distance of the normal laws with the means and covariances of two samples (Dowson & Landau 1982), ≥ 0:

        ‖x̄ − ȳ‖² + tr S_x + tr S_y − 2 tr (S_x^½ S_y S_x^½)^½.

    Of a frozen network's features of generated and of real pictures it is the FID of Heusel et al. (2017).

    **Arguments:** rows of `x` and `y`, not necessarily as many.

    **Raises:** `ValueError` on a bad shape.
    """
    x, y = _clouds(x, y, rows=2)
    with jax.default_matmul_precision("highest"):
        s_x, s_y = (rows.T @ rows / (len(rows) - 1) for rows in (centered(x), centered(y)))
        values, vectors = jnp.linalg.eigh(s_x)
        root = vectors * jnp.sqrt(jnp.maximum(values, 0))[None, :]  # the root's own eigenvectors cancel
        shared = jnp.sum(jnp.sqrt(jnp.maximum(jnp.linalg.eigvalsh(root.T @ s_y @ root), 0)))
        between = jnp.sum((jnp.mean(x, axis=0) - jnp.mean(y, axis=0)) ** 2)
        return jnp.maximum(between + jnp.trace(s_x) + jnp.trace(s_y) - 2 * shared, 0)


def infonce_cauchy_schwarz(
    z: Float[Array, "M B d"],
    *,
    temperature: Positive = 0.1,
    bandwidth: Positive = 0.5,
    lam: Nonnegative = 1.0,
    anchor: Anchor = None,
) -> Float[Array, ""]:
    """InfoNCE + λ·(mean Cauchy–Schwarz divergence over the same pairs of modalities), a comparator. Reconstruction.

    **Arguments:** `z` unit rows; `temperature`, `bandwidth` > 0 and `lam` ≥ 0 may be traced; `anchor` as in `infonce`.

    **Raises:** `ValueError` on a bad shape, value or anchor.
    """
    z = as_embeddings(z)
    checks.scales(bandwidth=bandwidth)
    checks.nonnegative(lam=lam)
    contrast = infonce(z, temperature=temperature, anchor=anchor)
    a, n = pair_indices(z.shape[0], anchor)
    overlap = jax.vmap(partial(_log_overlap, bandwidth=bandwidth))
    own = overlap(z, z)
    return contrast + lam * jnp.mean(own[a] + own[n] - 2 * overlap(z[a], z[n]))


def hoelder_divergence(z: Float[Array, "M B d"], *, bandwidth: Positive = 0.5) -> Float[Array, ""]:
    """Global Hölder divergence of M kernel density estimates, 0 iff all are equal:

        D_H = −log[∫∏_m p_m / ∏_m (∫p_m^M)^{1/M}] ≥ 0.

    Exact, by enumeration of the B^M products of kernels, hence for small batches; at M = 2 it is half of
    `cauchy_schwarz_divergence`. Reconstruction.

    **Arguments:** `bandwidth` h > 0, may be traced.

    **Raises:** `ValueError` on a bad shape or bandwidth, or if B^M exceeds 2²⁴ (use an estimator).
    """
    z = as_embeddings(z, tuples=1)
    checks.scales(bandwidth=bandwidth)
    modalities, size, _ = z.shape
    if size**modalities > LARGEST_ENUMERATION:
        raise ValueError(f"B^M = {size}^{modalities} kernel products are too many to enumerate: at most 2^24 are allowed.")
    scale = 2 * modalities * jnp.square(bandwidth)
    own = jax.vmap(lambda rows: _log_sum_of_products(jnp.broadcast_to(rows, z.shape), scale))(z)
    return jnp.mean(own) - _log_sum_of_products(z, scale)


def hoelder_importance(
    z: Float[Array, "M B d"], *, bandwidth: Positive = 0.5, samples: int = 4096, key: Key[Array, ""]
) -> Float[Array, ""]:
    """`hoelder_divergence` by importance sampling, in O(samples · M · B).

    Points come in equal shares from three mixtures: kernels of variance h²/M at the samples, where a product of M equal kernels
    has its mass; the same at the tuples' centroids, where the products of aligned tuples have it; and the pooled density
    itself, which bounds every weight by M p^{M−1}. All integrals share the points. Consistent; the logarithm costs a bias of
    order 1/samples. Reconstruction.

    **Arguments:** `bandwidth` h > 0, may be traced; `samples` number of points ≥ 3, rounded up to a multiple of 3.

    **Raises:** `ValueError` on a bad shape, bandwidth or number of samples.
    """
    z = as_embeddings(z, tuples=1)
    checks.scales(bandwidth=bandwidth)
    if samples < 3:
        raise ValueError(f"samples = {samples} is not allowed: at least 3 points are needed.")
    modalities, size, d = z.shape
    share = -(-samples // 3)
    key_index, key_noise = jax.random.split(key)
    pooled, centroids = z.reshape(-1, d), jnp.mean(z, axis=0)
    pick = jax.random.randint(key_index, (3, share), 0, jnp.array([pooled.shape[0], size, pooled.shape[0]])[:, None])
    narrow = bandwidth / jnp.sqrt(jnp.asarray(modalities, z.dtype))
    widths = jnp.stack([narrow, narrow, jnp.asarray(bandwidth, z.dtype)])
    noise = jax.random.normal(key_noise, (3, share, d), z.dtype) * widths[:, None, None]
    centers = [jnp.take(rows, chosen, axis=0) for rows, chosen in zip((pooled, centroids, pooled), pick, strict=True)]
    points = (jnp.stack(centers) + noise).reshape(-1, d)

    distances = squared_distances(points, pooled)
    log_p = _log_density(distances.reshape(-1, modalities, size), bandwidth, d)
    log_proposal = logsumexp(
        jnp.stack(
            [
                _log_density(distances, narrow, d),
                _log_density(squared_distances(points, centroids), narrow, d),
                _log_density(distances, bandwidth, d),
            ]
        ),
        axis=0,
    )
    return _divergence_of(log_p, log_proposal)


def hoelder_leave_one_out(z: Float[Array, "M B d"], *, bandwidth: Positive = 0.5) -> Float[Array, ""]:
    """`hoelder_divergence` estimated at the M·B pooled samples, the whole tuple of a sample left out of every density there.

    With p_m those densities and p̄ their mean, ∫∏p_m ≈ mean of ∏_m p_m/p̄ and ∫p_m^M ≈ mean of p_m^M/p̄ over the samples. Leaving
    out the own sample alone would let a perfectly aligned partner pass for a divergence. Exactly 0 for equal modalities; for
    unequal ones it has a bias, which `hoelder_excess` removes. Reconstruction.

    **Arguments:** `bandwidth` h > 0, may be traced. At 96 tuples on unit spheres of 8 to 32 dimensions, .1 gives mostly noise
    while .3 to .7 tell a modality gap from none (`benchmarks/objectives.py`).

    **Raises:** `ValueError` on a bad shape or bandwidth.
    """
    z = as_embeddings(z)
    checks.scales(bandwidth=bandwidth)
    modalities, size, d = z.shape
    distances = squared_distances(z[:, None], z[None])  # [modality of the point, modality of the density, point, sample]
    log_p = _log_density(distances, bandwidth, d, kept=~np.eye(size, dtype=bool))
    log_p = jnp.moveaxis(log_p, 1, -1).reshape(-1, modalities)
    return _divergence_of(log_p, logsumexp(log_p, axis=-1))


def hoelder_excess(
    z: Float[Array, "M B d"], *, bandwidth: Positive = 0.5, permutations: int = 8, key: Key[Array, ""]
) -> Float[Array, ""]:
    """`hoelder_leave_one_out` minus its mean over random permutations of the modality labels within each tuple.

    Permuted labels make all modalities equal in law, so the mean is what the estimator reports when there is no divergence.

    **Arguments:** `bandwidth` h > 0, may be traced; `permutations` ≥ 1.

    **Raises:** `ValueError` on a bad shape, bandwidth or number of permutations.
    """
    if permutations < 1:
        raise ValueError(f"permutations = {permutations} is not allowed: at least 1 is needed.")
    z = as_embeddings(z)
    observed = hoelder_leave_one_out(z, bandwidth=bandwidth)

    def permuted(key: Array) -> Array:
        order = jnp.argsort(jax.random.uniform(key, z.shape[:2]), axis=0)
        return hoelder_leave_one_out(jnp.take_along_axis(z, order[..., None], axis=0), bandwidth=bandwidth)

    null = jax.lax.map(permuted, jax.random.split(key, permutations))
    return observed - jnp.mean(null)


def hoelder_bound(z: Float[Array, "M B d"], *, bandwidth: Positive = 0.5, anchor: Modality = 0) -> Float[Array, ""]:
    """The uniformity–alignment bound on `hoelder_divergence`:

        1/M Σ_m log E_i[(E_j e^{−‖z_i^m − z_j^m‖²/2Mh²})^{M−1}] + (M−1)/(2h²)·L_align + (M−1) log B.

    The first term keeps only the pairs that share an index in ∫p_m^M; the others keep only the B matched tuples of ∫∏p_m (by
    Jensen), which is why log B enters.

    **Arguments:** `bandwidth` h > 0, may be traced; `anchor` the modality of L_align (`anchor_alignment`).

    **Raises:** `ValueError` on a bad shape, bandwidth or anchor.
    """
    z = as_embeddings(z, tuples=1)
    checks.scales(bandwidth=bandwidth)
    modalities, size, _ = z.shape
    log_size = jnp.log(jnp.asarray(size, z.dtype))
    exponents = -squared_distances(z, z) / (2 * modalities * jnp.square(bandwidth))
    rows = logsumexp(exponents, axis=2) - log_size
    spread = jnp.mean(logsumexp((modalities - 1) * rows, axis=1)) - log_size
    a, n = pair_indices(modalities, anchor)
    alignment = jnp.mean(jnp.sum((z[a] - z[n]) ** 2, axis=-1))
    return spread + (modalities - 1) * (alignment / (2 * jnp.square(bandwidth)) + log_size)


def _clouds(x: ArrayLike, y: ArrayLike, *, rows: int) -> tuple[Array, Array]:
    """Two sets of at least so many rows, of one length."""
    x, y = floating(x=x, y=y)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < rows or x.shape[1] < 1:
        allowed = f"(n, d) and (m, d) with n, m ≥ {rows} and d ≥ 1 are allowed"
        raise ValueError(f"x and y have shapes {x.shape} and {y.shape}: {allowed}.")
    return x, y


def _log_overlap(x: Array, y: Array, *, bandwidth: ArrayLike) -> Array:
    """log ∫pq of two kernel density estimates, up to a constant: the mean of a Gram kernel of variance 2h²."""
    exponents = -squared_distances(x, y) / (4 * jnp.square(bandwidth))
    return logsumexp(exponents) - jnp.log(jnp.asarray(exponents.size, x.dtype))


def _log_sum_of_products(rows: Array, scale: ArrayLike) -> Array:
    """log Σ over (i_1..i_M) of exp(−Σ_{m<n} ‖rows^m_{i_m} − rows^n_{i_n}‖² / scale), rows (M, B, d)."""
    modalities, size, _ = rows.shape
    exponents = jnp.zeros((size,) * modalities, rows.dtype)
    for m, n in zip(*pair_indices(modalities), strict=True):
        axes = [size if axis in (m, n) else 1 for axis in range(modalities)]
        exponents = exponents - (squared_distances(rows[m], rows[n]) / scale).reshape(axes)
    return logsumexp(exponents)


def _log_density(distances: Array, width: ArrayLike, d: int, kept: np.ndarray | None = None) -> Array:
    """log of the mean over the last axis of N(distance; 0, width² I_d) up to (2π)^{−d/2}, over the kernels that are kept."""
    width = jnp.asarray(width, distances.dtype)
    count = distances.shape[-1] if kept is None else kept.sum(axis=-1)
    log_sum = logsumexp(-distances / (2 * width**2), axis=-1, where=kept)
    return log_sum - jnp.log(jnp.broadcast_to(jnp.asarray(count, distances.dtype), log_sum.shape)) - d * jnp.log(width)


def _divergence_of(log_p: Array, log_proposal: Array) -> Array:
    """D_H from log p_m (S, M) at S points drawn from a proposal, whose constant factor cancels."""
    log_proposal = log_proposal[:, None]
    own = logsumexp(log_p.shape[-1] * log_p - log_proposal, axis=0)
    product = logsumexp(jnp.sum(log_p, axis=-1, keepdims=True) - log_proposal, axis=0)
    return jnp.mean(own) - product[0]

"""Uniformity and alignment kept apart: repulsion within each modality, attraction between modalities, and their composition.

UniAlign (arXiv 2602.09507) is rebuilt here from its description; where its exact normalisation is not known, the docstring says
"reconstruction". All of it wants unit rows.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax.scipy.special import logsumexp
from jaxtyping import Array, ArrayLike, Float

from phasejax import checks
from phasejax.objectives.embeddings import as_embeddings, inner_products, pair_indices, squared_distances
from phasejax.objectives.hyperparameters import Anchor, Modality, Nonnegative, Positive


def uniformity(z: Float[Array, "*M B d"], *, bandwidth: Positive = 0.5, off_diagonal: bool = False) -> Float[Array, ""]:
    """Uniformity (Wang & Isola 2020) of each modality on its own, averaged over modalities:

        U_h(Z^m) = log 1/B² Σ_ij exp(−‖z_i^m − z_j^m‖² / 2h²) ≤ 0;   with `off_diagonal`, the mean over i ≠ j.

    The mean over modalities, not the sum, keeps repulsion from growing with M.

    **Arguments:** `z` unit rows, (M, B, d) or one modality (B, d); `bandwidth` h > 0, may be traced.

    **Raises:** `ValueError` on a bad shape or bandwidth.
    """
    z = jnp.asarray(z)
    z = as_embeddings(z[None] if z.ndim == 2 else z, modalities=1)
    checks.scales(bandwidth=bandwidth)
    size = z.shape[1]
    exponents = -squared_distances(z, z) / (2 * jnp.square(bandwidth))
    if off_diagonal:
        exponents = jnp.where(jnp.eye(size, dtype=bool), -jnp.inf, exponents)
    count = size * (size - 1) if off_diagonal else size**2
    return jnp.mean(logsumexp(exponents, axis=(1, 2))) - jnp.log(jnp.asarray(count, z.dtype))


def anchor_alignment(z: Float[Array, "M B d"], *, anchor: Modality = 0) -> Float[Array, ""]:
    """Alignment with an anchor modality, L_align = 1/(B(M−1)) Σ_i Σ_{n≠a} ‖z_i^a − z_i^n‖².

    **Raises:** `ValueError` on a bad shape or anchor.
    """
    z = as_embeddings(z, tuples=1)
    return _alignment(z, anchor)


def pairs_alignment(z: Float[Array, "M B d"]) -> Float[Array, ""]:
    """Alignment of all pairs of modalities, L_pairs = 2/(B M(M−1)) Σ_i Σ_{m<n} ‖z_i^m − z_i^n‖².

    **Raises:** `ValueError` on a bad shape.
    """
    z = as_embeddings(z, tuples=1)
    return _alignment(z, None)


def centroid_uniformity(z: Float[Array, "M B d"], *, bandwidth: Positive = 0.5) -> Float[Array, ""]:
    """Uniformity U_h(C) of the tuples' centroids C_i = 1/M Σ_m z_i^m. Reconstruction: centroids are not normalised.

    **Raises:** `ValueError` on a bad shape or bandwidth.
    """
    z = as_embeddings(z)
    return uniformity(jnp.mean(z, axis=0), bandwidth=bandwidth)


def gram_volume(z: Float[Array, "M B d"], *, epsilon: Positive = 1e-4) -> Float[Array, ""]:
    """Mean log squared volume of the parallelotopes the tuples span, 1/B Σ_i log det(G_i + εI), G_i = [⟨z_i^m, z_i^n⟩]_mn.

    The logarithm and ε > 0 keep a gradient where det G has none left (5e-12 at M = 5 and cosine .999). A small volume does not
    mean alignment: two equal vectors and an orthogonal one, sign flips, and any M > d have det G = 0. Reconstruction.

    **Raises:** `ValueError` on a bad shape or epsilon.
    """
    z = as_embeddings(z, tuples=1)
    checks.scales(epsilon=epsilon)
    rows = jnp.swapaxes(z, 0, 1)
    gram = inner_products(rows, rows) + epsilon * jnp.eye(z.shape[0], dtype=z.dtype)[None]
    diagonals = jnp.diagonal(jnp.linalg.cholesky(gram), axis1=1, axis2=2)
    return 2 * jnp.mean(jnp.sum(jnp.log(diagonals), axis=1))


def unialign(
    z: Float[Array, "M B d"],
    *,
    bandwidth: Positive = 0.5,
    lam_uni: Nonnegative = 1.0,
    lam_align: Nonnegative = 2.0,
    lam_vol: Nonnegative = 0.0,
    lam_centroid: Nonnegative = 0.0,
    anchor: Anchor = 0,
    epsilon: Positive = 1e-4,
) -> Float[Array, ""]:
    """UniAlign: decoupled uniformity and alignment. Reconstruction:

        L = lam_uni·mean_m U_h(Z^m) + lam_align·L_align + lam_vol·L_vol + lam_centroid·U_h(C).

    The defaults are matched to InfoNCE at temperature h² = .25 (`matched_to_infonce`).

    **Arguments:** `z` unit rows; `bandwidth`, `epsilon` > 0; weights ≥ 0; all may be traced. `anchor` the modality to align
    with, or None for all pairs.

    **Raises:** `ValueError` on a bad shape, value or anchor.
    """
    z = as_embeddings(z)
    checks.scales(bandwidth=bandwidth, epsilon=epsilon)
    checks.nonnegative(lam_uni=lam_uni, lam_align=lam_align, lam_vol=lam_vol, lam_centroid=lam_centroid)
    loss = uniformity(z, bandwidth=bandwidth) * lam_uni + _alignment(z, anchor) * lam_align
    if _present(lam_vol):
        loss += gram_volume(z, epsilon=epsilon) * lam_vol
    if _present(lam_centroid):
        loss += centroid_uniformity(z, bandwidth=bandwidth) * lam_centroid
    return loss


class Matched(NamedTuple):
    """The hyperparameters of `unialign` that match InfoNCE at a temperature."""

    bandwidth: Array
    lam_uni: Array
    lam_align: Array


def matched_to_infonce(temperature: ArrayLike) -> Matched:
    """h = √T, lam_uni = 1, lam_align = 1/(2h²), for `unialign(z, **matched_to_infonce(T)._asdict(), anchor=None)`.

    On the unit sphere the kernel exp(−‖u−v‖²/2h²) is then exp(⟨u,v⟩/T) up to a constant. With `anchor=None` the attraction has
    InfoNCE's gradient (its part tangent to the sphere) at every z; the repulsion has it where the modalities coincide and every
    tuple has the same total similarity Σ_j exp(⟨z_i, z_j⟩/T) to the batch. With an anchor, at M = 2 only.

    **Raises:** `ValueError` unless temperature > 0.
    """
    checks.scales(temperature=temperature)
    temperature = jnp.asarray(temperature, dtype=float)
    return Matched(jnp.sqrt(temperature), jnp.ones_like(temperature), 1 / (2 * temperature))


def _alignment(z: Array, anchor: int | None) -> Array:
    a, n = pair_indices(z.shape[0], anchor)
    return jnp.mean(jnp.sum((z[a] - z[n]) ** 2, axis=-1))


def _present(weight: ArrayLike) -> bool:
    """Whether a term has to be computed: the plain number 0 leaves it out."""
    return not (isinstance(weight, int | float) and weight == 0)

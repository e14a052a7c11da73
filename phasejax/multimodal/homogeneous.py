"""Alike modalities: what M of them do, as closed forms in M that broadcast over scalars and arrays.

ρ = κ²/(κ²+γ) is the correlation of a signal coordinate between any two modalities, ν that of nuisance between those that
share it. `phasejax.multimodal.theory` has the same quantities for any model.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from phasejax.multimodal.graph import check_adjacency, complete
from phasejax.multimodal.theory import normalised


class CriticalNu(NamedTuple):
    """Nuisance correlations ν* at which Δ = 1, by objective and layout; above 1 no ν defeats the objective.

    `shared`: nuisance equicorrelated in all M modalities; `pair`: in two of them only. For the star the pair is the hub and a
    leaf (two leaves never matter); for prediction it is the target and one source.
    """

    maxvar_shared: Array
    maxvar_pair: Array
    star_shared: Array
    star_pair: Array
    predict_shared: Array
    predict_pair: Array


class Gains(NamedTuple):
    """Δ of predicting from several sources over Δ of predicting from one, by where the nuisance of the sources lies."""

    shared: Array
    own: Array
    same: Array


def critical_nu_by_modalities(
    modalities: ArrayLike, *, kappa: ArrayLike, gamma: ArrayLike, gamma_tilde_target: ArrayLike
) -> CriticalNu:
    """The boundary ν* against the number of modalities M ≥ 2 (array or scalar); alignment on a complete graph is MAXVAR.

    MAXVAR: ρ shared, (M−1)ρ pair;   star: ρ shared, √(M−1) ρ pair;
    prediction from M−1 sources: γ̃ (M−1)ν²/(1+(M−2)ν) = τ² shared, γ̃ν² = τ² pair, τ² = (M−1)κ⁴/(γ+(M−1)κ²).
    """
    sources = jnp.asarray(modalities, dtype=float) - 1
    power = jnp.square(jnp.asarray(kappa, dtype=float))
    rho = power / (power + gamma) * jnp.ones_like(sources)
    level = sources * power**2 / (gamma + sources * power) / gamma_tilde_target
    slope = level * (sources - 1)
    shared = (slope + jnp.sqrt(slope**2 + 4 * sources * level)) / (2 * sources)
    return CriticalNu(rho, sources * rho, rho, jnp.sqrt(sources) * rho, shared, jnp.sqrt(level))


def critical_nu_graph(rho: ArrayLike, adjacency: Float[Array, "M M"], members: tuple[int, ...]) -> Float[Array, ""]:
    """ν* = ρ/λ_max(𝒩[S]) for nuisance equicorrelated among the members S; +∞ where no edge joins two of them."""
    check_adjacency(adjacency, len(adjacency))
    share = jnp.linalg.eigvalsh(normalised(adjacency) * complete(len(adjacency), members))[-1]
    joined = share > 64 * jnp.finfo(share.dtype).eps
    return jnp.where(joined, rho / jnp.where(joined, share, 1), jnp.inf)


def sumcor_cosine(rho: ArrayLike, nu: ArrayLike, modalities: ArrayLike, members: ArrayLike) -> Array:
    """Cosine between SUMCOR's first component and the signal, in those modalities that share the nuisance; others keep 1.

    Beyond ν* = (M−1)ρ/(s−1) the s members turn together, by cos θ = (M−s)ρ/((s−1)(ν−ρ)): a mixture, not a switch, unless
    all modalities share the nuisance.
    """
    lost = (jnp.asarray(members) - 1) * (jnp.asarray(nu) - rho)
    kept = (jnp.asarray(modalities) - members) * jnp.asarray(rho, dtype=float)
    beyond = lost > kept
    return jnp.where(beyond, kept / jnp.where(beyond, lost, 1), 1)


def prediction_gains(sources: ArrayLike, *, kappa: ArrayLike, gamma: ArrayLike, nu_sources: ArrayLike) -> Gains:
    """What m alike sources gain over one in Δ_CP.

    - shared: all sources carry the nuisance of one target coordinate, correlated by ν_s among themselves:
      √((1+(m−1)ν_s)/(1+(m−1)ρ)), a gain iff ν_s > ρ;
    - own: each source shares nuisance with a target coordinate of its own: √(m(κ²+γ)/(γ+mκ²)), at most √(1+γ/κ²);
    - same: independent nuisance in each source, all of it in one target coordinate: √((κ²+γ)/(γ+mκ²)) < 1.
    """
    m, power = jnp.asarray(sources, dtype=float), jnp.square(jnp.asarray(kappa, dtype=float))
    rho = power / (power + gamma)
    pooled = (power + gamma) / (gamma + m * power)
    return Gains(jnp.sqrt((1 + (m - 1) * nu_sources) / (1 + (m - 1) * rho)), jnp.sqrt(m * pooled), jnp.sqrt(pooled))

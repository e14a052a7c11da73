"""From what the top k sample directions hold of each coordinate to their overlap with the signal, and how sure that is.

The share f_i of a signal is the mean of a law of values λ in [0, 1], of which the limit knows the second moment too: where m_ij
are the mean squares of the projector's entries between signal and nuisance, ⟨λ (1 − λ)⟩ = Σ_j m_ij. It is f_i (1 − f_i) where
signal and nuisance are mixed evenly, and 0 where some directions are wholly the signal's and others not at all. In the units of
the coordinates that makes a difference: what is mixed costs in proportion to the energy of the nuisance that it is mixed with,
what is missing costs a place. One sample is predicted by the limit.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from phasejax.theory.spectrum import Captured

__all__ = ["overlaps", "spread"]

_SHARING_STEPS = 100


class _Law(NamedTuple):
    """Two values that λ has, for each of k signals: 1 − `leaked` with probability `mixed`, and otherwise `rest`, 0 or 1."""

    mixed: Float[Array, " k"]
    leaked: Float[Array, " k"]
    rest: int


@partial(jax.jit, static_argnums=1)
def overlaps(found: Captured, k: int) -> Float[Array, " k"]:
    """Squared overlap of each signal direction with the top k directions, in [0, 1].

    By the law that misses as many directions as a whole as its moments allow: signal i is among them with probability p_i, and
    there to the share λ_i = 1 − Σ_j m_ij/f_i, p_i λ_i = f_i.
    """
    return _under(_missing(found, k), found, k)


@partial(jax.jit, static_argnums=1)
def spread(found: Captured, k: int) -> Float[Array, ""]:
    """By how much the mean of `overlaps` may be off, in [0, 1]: the other extreme law of the same moments has λ = 1 as often as
    they allow, and what is missing is mixed."""
    return jnp.abs(jnp.mean(overlaps(found, k) - _under(_whole(found, k), found, k)))


def _missing(found: Captured, k: int) -> _Law:
    share, entries = _moments(found, k)
    leaked = jnp.minimum(jnp.sum(entries, axis=1) / share, 1 - share)
    return _Law(share / (1 - leaked), leaked, 0)


def _whole(found: Captured, k: int) -> _Law:
    share, entries = _moments(found, k)
    tiny = jnp.finfo(share.dtype).eps
    leaked = jnp.clip(1 - jnp.sum(entries, axis=1) / (1 - share), 1 - share, 1 - tiny)  # 1 − tiny: mixes with none
    return _Law((1 - share) / leaked, leaked, 1)


def _under(law: _Law, found: Captured, k: int) -> Float[Array, " k"]:
    """Overlaps under a law of λ.

    What leaks goes to nuisance in proportion to m_ij. With one tangent entry of variance s_ij for each pair, scaled from the
    directions' coordinates to the original ones,

        o_i = 1/(1 + Σ_j s_ij q_j),   q_j = 1/(1 + Σ_i s_ij o_i):

    a nuisance coordinate takes one place at most, whatever leaks into it.
    """
    share, entries = _moments(found, k)
    if entries.size == 0:
        return jnp.ones_like(share)  # x has no nuisance: what z* is off by is nobody's
    tiny = jnp.finfo(share.dtype).eps
    scale = jnp.maximum(found.energy, 0) / jnp.clip(found.share, tiny, 1 - tiny)
    flow = entries * (law.leaked / jnp.maximum(jnp.sum(entries, axis=1), tiny**2))[:, None]
    free = 1 - jnp.minimum(law.mixed @ flow, 1 - tiny)
    tangent = flow / ((1 - law.leaked)[:, None] * free[None, :]) * scale[None, k:] / jnp.maximum(scale[:k, None], tiny)

    def step(_, state):
        overlap, free = state
        overlap = 1 / (1 + tangent @ free)
        return overlap, (free + 1 / (1 + overlap @ tangent)) / 2

    within = lax.fori_loop(0, _SHARING_STEPS, step, (1 - law.leaked, free))[0]
    return law.mixed * within + (1 - law.mixed) * law.rest


def _moments(found: Captured, k: int) -> tuple[Float[Array, " k"], Float[Array, "k m_x"]]:
    """Shares of the signals, inside (0, 1), and m_ij."""
    tiny = jnp.finfo(found.share.dtype).eps
    return jnp.clip(found.share[:k], tiny, 1 - tiny), jnp.maximum(found.entries[:, k:], 0)

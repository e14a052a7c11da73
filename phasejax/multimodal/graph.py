"""Graphs on modalities as (M, M) adjacency matrices: which pairs are aligned, and which pairs share nuisance.

`identity + ν · complete(M, members)` is the correlation matrix of nuisance that the members share.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from phasejax import checks


def complete(modalities: int, members: Sequence[int] | None = None) -> Float[Array, "M M"]:
    """Every pair of members (default: of all modalities) joined."""
    inside = _indicator(modalities, range(modalities) if members is None else members)
    return _as_adjacency(np.outer(inside, inside))


def star(modalities: int, hub: int = 0, leaves: Sequence[int] | None = None) -> Float[Array, "M M"]:
    """The hub joined to each leaf (default: to every other modality); hub −1 is the last modality."""
    spokes = np.outer(_indicator(modalities, [hub]), _indicator(modalities, range(modalities) if leaves is None else leaves))
    return _as_adjacency(np.maximum(spokes, spokes.T))


def check_adjacency(adjacency: Array, modalities: int) -> None:
    """Raise `ValueError` unless the matrix is (M, M), symmetric, non-negative, without loops, and the graph is connected."""
    checks.shape("adjacency", adjacency, (modalities, modalities))
    if not checks.known(adjacency):
        return
    known = np.asarray(adjacency)
    if not (np.all(np.isfinite(known) & (known >= 0) & (known == known.T)) and not np.any(np.diag(known))):
        raise ValueError("adjacency is not allowed: it must be symmetric with finite weights ≥ 0 and a zero diagonal.")
    unreached = np.flatnonzero(np.linalg.matrix_power(np.eye(modalities) + (known > 0), modalities - 1)[0] == 0)
    if unreached.size:
        raise ValueError(f"modality {unreached[0]} cannot be reached from modality 0: the graph must be connected.")


def _indicator(modalities: int, members: Sequence[int]) -> np.ndarray:
    bad = [member for member in members if not -modalities <= member < modalities]
    if bad:
        raise ValueError(f"modality {bad[0]} is not allowed: there are {modalities}, counted from 0.")
    inside = np.zeros(modalities)
    inside[list(members)] = 1
    return inside


def _as_adjacency(joined: np.ndarray) -> Float[Array, "M M"]:
    return jnp.asarray(joined * (1 - np.eye(len(joined))), dtype=float)

"""Principal components before any solver: the hard cousin of a ridge."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from phasejax import checks
from phasejax.spiked import Covariance


class Reduced(NamedTuple):
    """The covariance triple of the leading principal components of either view, and the components, rows in descending order of
    variance. An encoder E of the reduced x is E `basis_x` in the coordinates of x."""

    cov: Covariance
    basis_x: Float[Array, "p d_x"]
    basis_y: Float[Array, "q d_y"]


def reduce(cov: Covariance, keep_x: int, keep_y: int) -> Reduced:
    """Each view reduced to its leading `keep` of d principal components.

    **Raises:** `ValueError` unless 1 ≤ keep ≤ d.
    """
    checks.whole("keep_x", keep_x, 1, len(cov.xx))
    checks.whole("keep_y", keep_y, 1, len(cov.yy))
    with jax.default_matmul_precision("highest"):
        (x, basis_x), (y, basis_y) = _leading(cov.xx, keep_x), _leading(cov.yy, keep_y)
        return Reduced(Covariance(jnp.diag(x), basis_x @ cov.xy @ basis_y.T, jnp.diag(y)), basis_x, basis_y)


def _leading(s: Float[Array, "d d"], keep: int) -> tuple[Float[Array, " keep"], Float[Array, "keep d"]]:
    values, vectors = jnp.linalg.eigh(s)
    return values[: -keep - 1 : -1], vectors[:, : -keep - 1 : -1].T

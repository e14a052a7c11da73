"""What a solver hands back: encoders, singular values, ranks, and a status that says in words how the solve went."""

from enum import IntEnum
from typing import Protocol, runtime_checkable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from phasejax import checks


class Status(IntEnum):
    """How a solve went, the worse the larger, so that the worst of many is their maximum; `text` is the code in words."""

    text: str

    OK = 0, "the top k directions are determined"
    RANK_DEFICIENT = 1, "a whitened covariance is singular, or fewer than k directions are correlated"
    TIED = 2, "the k-th and the next value cannot be told apart, so that the top k directions are one choice among many"
    NONFINITE = 3, "the covariances or the solution hold NaN or infinity"

    def __new__(cls, code: int, text: str = ""):
        status = int.__new__(cls, code)
        status._value_, status.text = code, text
        return status


class Solution(eqx.Module):
    """The result of a linear solver.

    - `encoder_x`: (k, d_x), `encoder_y`: (k, d_y); rows in descending order of singular value.
    - `singular_values`: (min(d_x, d_y),) of the whitened cross-covariance, descending.
    - `rank`: number of singular values above the relative cut-off.
    - `rank_x`, `rank_y`: rank of each whitener; below the dimension when a covariance was singular, and never for a side that
      the objective leaves alone.
    - `status`: a `Status` code.
    """

    encoder_x: Float[Array, "k d_x"]
    encoder_y: Float[Array, "k d_y"]
    singular_values: Float[Array, " d_min"]
    rank: Int[Array, ""]
    rank_x: Int[Array, ""]
    rank_y: Int[Array, ""]
    status: Int[Array, ""]

    @property
    def coefficients(self) -> Float[Array, "d_y d_x"]:
        """Σ_i σ_i v_iᵀ w_i over encoder rows w (x) and v (y); of `predict`, the rank-k regression matrix."""
        k = self.encoder_x.shape[0]
        return self.encoder_y.T @ (self.singular_values[:k, None] * self.encoder_x)

    @property
    def found(self) -> str:
        """The ranks, in words."""
        (k, d_x), d_y = self.encoder_x.shape, self.encoder_y.shape[1]
        return f"k = {k}, rank {self.rank}, rank_x {self.rank_x} of {d_x}, rank_y {self.rank_y} of {d_y}"


def judge(
    values: Float[Array, " r"], k: int, size: int, *, error: ArrayLike, regular: Bool[Array, ""], finite: Bool[Array, ""]
) -> tuple[Int[Array, ""], Int[Array, ""]]:
    """Rank and `Status` code of the leading k of descending values.

    **Arguments:** `size` of the matrix they belong to, which sets the relative cut-off below which a value is 0; `error` by
    which they may be wrong, relative to the largest; `regular`, whether every whitened covariance was.
    """
    cutoff = size * jnp.finfo(values.dtype).eps
    rank = jnp.sum(values > cutoff * values[0], dtype=jnp.int32)
    gap = values[k - 1] - values[min(k, values.size - 1)]  # 0 where there is no next value: then rank > k is not true either
    tied = (rank > k) & (gap <= (cutoff + error) * values[0])
    status = jnp.where(regular & (rank >= k), Status.OK, Status.RANK_DEFICIENT)
    status = jnp.where(tied, Status.TIED, status)
    return rank, jnp.where(finite, status, Status.NONFINITE).astype(jnp.int32)


@runtime_checkable
class Judged(Protocol):
    """A solution of any number of modalities: how the solve went, and the ranks found, in words."""

    status: Int[Array, ""]

    @property
    def found(self) -> str: ...


def insist[S: Judged](solution: S, throw: bool) -> S:
    """The solution, if its status is OK or `throw` is off; a status not yet known, inside `jit` and `vmap`, passes.

    **Raises:** `ValueError` that says what was found.
    """
    if throw and checks.known(solution.status) and solution.status != Status.OK:
        text = Status(int(solution.status)).text
        raise ValueError(f"{text} ({solution.found}): throw=False returns the solution with its status.")
    return solution

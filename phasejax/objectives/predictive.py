"""Prediction: how well an embedding, or a decoder on top of it, gives back a target; and prediction joined with alignment.

Either direction is a matter of which modality is the source and what is passed as the target.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Shaped

from phasejax import checks
from phasejax.objectives.decorrelation import vicreg
from phasejax.objectives.embeddings import as_embeddings, centered, floating, pair_indices, whitened
from phasejax.objectives.hyperparameters import Modality, Nonnegative


def reconstruction(predicted: Float[Array, "B ..."], target: Shaped[Array, "B ..."]) -> Float[Array, ""]:
    """What a decoder's output leaves unexplained, a sum over each row and a mean over rows:

        1/B Σ_i ‖t_i − t̂_i‖² where output and target have one shape;   −1/B Σ_i Σ_l log softmax(t̂_il)_{t_il}

    where the target holds classes or tokens and the output has one more axis, their logits.

    **Raises:** `ValueError` if the shapes do not fit.
    """
    predicted, numbers = floating(predicted=predicted, target=target)
    target = jnp.asarray(target)
    if predicted.shape == target.shape:
        return jnp.sum((numbers - predicted) ** 2) / len(target)
    if predicted.shape[:-1] != target.shape or not jnp.issubdtype(target.dtype, jnp.integer):
        raise ValueError(
            f"predicted has shape {predicted.shape} and target {target.shape}: they must be the same, or integers of logits."
        )
    chosen = jnp.take_along_axis(jax.nn.log_softmax(predicted), target[..., None], axis=-1)
    return -jnp.sum(chosen) / len(target)


def reconstruction_vicreg(
    z: Float[Array, "M B d"],
    predicted: Float[Array, "B ..."],
    target: Shaped[Array, "B ..."],
    *,
    lam: Nonnegative = 1.0,
    lam_inv: Nonnegative = 25.0,
    lam_var: Nonnegative = 25.0,
    lam_cov: Nonnegative = 1.0,
    epsilon: Nonnegative = 1e-4,
) -> Float[Array, ""]:
    """Prediction by a decoder and alignment at once, `reconstruction` + λ·`vicreg`: as published for deep networks.

    Published with a mean over the entries of a row, which makes its λ that of the sum here over their number.

    **Arguments:** those of both; `lam` λ ≥ 0, may be traced.

    **Raises:** `ValueError` as they do, or on a bad lam.
    """
    checks.nonnegative(lam=lam)
    aligned = vicreg(z, lam_inv=lam_inv, lam_var=lam_var, lam_cov=lam_cov, epsilon=epsilon)
    return reconstruction(predicted, target) + lam * aligned


def prediction(
    z: Float[Array, "M B d"], target: Float[Array, "B d_t"], *, source: Modality = 0, ridge: Nonnegative = 1e-4
) -> Float[Array, ""]:
    """The reconstruction error left by the best affine decoder of one modality's embedding, in closed form:

        min_{D, b} 1/B Σ_i ‖t_i − D z_i − b‖² + r ‖D‖²_F = tr S_tt − tr S_tz (S_zz + r I)⁻¹ S_zt.

    On linear encoders its minimisers are those of CP: the loss sees only the row space of the encoder.

    **Arguments:** `z` rows as given; `target` the data to predict, with B rows; `source` the modality that predicts;
    `ridge` ≥ 0, r in units of the mean eigenvalue of S_zz, may be traced.

    **Raises:** `ValueError` on a bad shape, source or ridge.
    """
    z, target = _checked(z, target, source, ridge)
    return _unexplained(whitened(z[source], ridge), target)


def joint(
    z: Float[Array, "M B d"],
    target: Float[Array, "B d_t"],
    *,
    lam: Nonnegative = 1.0,
    source: Modality = 0,
    ridge: Nonnegative = 1e-4,
) -> Float[Array, ""]:
    """Prediction and alignment at once: CP at λ = 0, CA as λ → ∞ (arXiv 2606.11190, the joint objective):

        L = prediction + λ · 1/(M−1) Σ_{n≠source} 1/B Σ_i ‖u_i − (z_i^n − z̄^n)‖²

    where u is the source embedding whitened over the batch. The whitening is what makes this a family: with free scales,
    (W, D) → (εW, D/ε) sends the alignment term to 0 and leaves CP for every λ.

    **Arguments:** as in `prediction`; `lam` λ ≥ 0, may be traced.

    **Raises:** `ValueError` on a bad shape, source, ridge or lam.
    """
    z, target = _checked(z, target, source, ridge)
    checks.nonnegative(lam=lam)
    u = whitened(z[source], ridge)
    _, others = pair_indices(z.shape[0], source)
    alignment = jnp.mean(jnp.sum((u[None] - centered(z[others])) ** 2, axis=-1))
    return _unexplained(u, target) + lam * alignment


def _unexplained(u: Array, target: Array) -> Array:
    t = centered(target)
    with jax.default_matmul_precision("highest"):
        explained = jnp.sum((u.T @ t / t.shape[0]) ** 2)
    return jnp.mean(jnp.sum(t**2, axis=-1)) - explained


def _checked(z: Array, target: Array, source: int, ridge: ArrayLike) -> tuple[Array, Array]:
    z, target = floating(z=as_embeddings(z), target=target)
    checks.nonnegative(ridge=ridge)
    if target.ndim != 2 or target.shape[0] != z.shape[1]:
        raise ValueError(f"target has shape {target.shape}: ({z.shape[1]}, d_t) is allowed, one row a tuple.")
    checks.whole("source", source, 0, z.shape[0] - 1)
    return z, target

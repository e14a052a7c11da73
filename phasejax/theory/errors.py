"""The mean squared error of predicting from an encoder: what it explains of the target, and of the signal in it.

An encoder that holds the signal coordinates I and the nuisance coordinates J, with the best linear decoder behind it, leaves
of the target tr Σyy − Σ_I τ² − Σ_J ξ². Against the signal alone, s = (κ z, 0), the same decoder errs by
Σ_I κ²γ^x/(κ²+γ^x) + Σ_{not I} κ² + Σ_J ξ²: what it predicts of the nuisance is error. The *variance trap* is that CP, which has
the smallest total error of all encoders of rank k, can have the larger signal error.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from phasejax.spiked import SpikedModel
from phasejax.theory.objectives import PerObjective
from phasejax.theory.population import nu, rho, tau, xi

__all__ = ["Kept", "PredictionError", "prediction_error", "prediction_errors"]


class Kept(NamedTuple):
    """Which coordinates an encoder holds: (k,) of the signal, (m,) of the paired nuisance."""

    signal: Bool[Array, " k"]
    nuisance: Bool[Array, " m"]


class PredictionError(NamedTuple):
    """Mean squared error per pair, in units of y²: of the whole target, and of the signal in it."""

    total: Float[Array, ""]
    signal: Float[Array, ""]


def prediction_error(model: SpikedModel, kept: Kept) -> PredictionError:
    """The errors of the best linear prediction of y from the kept coordinates of x."""
    power = model.kappa**2
    explained_signal = jnp.sum(jnp.where(kept.signal, tau(model) ** 2, 0))
    explained_nuisance = jnp.sum(jnp.where(kept.nuisance, xi(model) ** 2, 0))
    residual = power * model.gamma_x / (power + model.gamma_x)
    return PredictionError(
        jnp.sum(model.variance_y) - explained_signal - explained_nuisance,
        jnp.sum(jnp.where(kept.signal, residual, power)) + explained_nuisance,
    )


def prediction_errors(model: SpikedModel) -> PerObjective[PredictionError]:
    """Population errors of CA with a linear probe to y behind it, and of CP, each keeping its top k directions.

    Ties go to the nuisance.
    """
    return PerObjective(
        prediction_error(model, _top_k(rho(model), nu(model))), prediction_error(model, _top_k(tau(model), xi(model)))
    )


def _top_k(signal: Array, nuisance: Array) -> Kept:
    k = signal.size
    _, order = lax.top_k(jnp.concatenate([nuisance, signal]), k)  # stable: the first of equal values wins
    kept = jnp.zeros(k + nuisance.size, bool).at[order].set(True)
    return Kept(kept[nuisance.size :], kept[: nuisance.size])

"""Pairs drawn from a spiked model by its generating equations, in NumPy, together with the latents that labels are made of."""

import numpy as np

from phasejax.spiked import SpikedModel


def draw(model: SpikedModel, n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x (n, d_x), y (n, d_y), z (n, k)."""
    rng = np.random.default_rng(seed)
    f = {
        name: np.asarray(getattr(model, name))
        for name in ("kappa", "gamma_x", "gamma_y", "gamma_tilde_x", "gamma_tilde_y", "eta")
    }
    z, noise_x, noise_y = rng.normal(size=(3, n, model.k))
    u, w = rng.normal(size=(n, model.d_x - model.k)), rng.normal(size=(n, model.d_y - model.k))
    m = f["eta"].size
    nu = f["eta"] / np.sqrt(f["gamma_tilde_x"][:m] * f["gamma_tilde_y"][:m])
    w[:, :m] = nu * u[:, :m] + np.sqrt(1 - nu**2) * w[:, :m]
    x = np.hstack([f["kappa"] * z + np.sqrt(f["gamma_x"]) * noise_x, np.sqrt(f["gamma_tilde_x"]) * u])
    y = np.hstack([f["kappa"] * z + np.sqrt(f["gamma_y"]) * noise_y, np.sqrt(f["gamma_tilde_y"]) * w])
    return x, y, z


def model_in(regime: str, d: int = 20, k: int = 2) -> SpikedModel:
    """A model far inside one regime (Δ_CA, Δ_CP): both (2.2, 2.2), ca (2.7, 0.5), cp (0.55, 1.7), neither (0.6, 0.5)."""
    parameters = {
        "both": dict(kappa=2.0, gamma_x=0.5, gamma_y=0.5, gamma_tilde_x=1.0, gamma_tilde_y=4.5, nu=0.4),
        "ca": dict(kappa=2.0, gamma_x=0.5, gamma_y=0.5, gamma_tilde_x=1.0, gamma_tilde_y=120.0, nu=0.33),
        "cp": dict(kappa=2.0, gamma_x=4.0, gamma_y=4.0, gamma_tilde_x=1.0, gamma_tilde_y=0.8, nu=0.92),
        "neither": dict(kappa=1.0, gamma_x=1.0, gamma_y=1.0, gamma_tilde_x=2.0, gamma_tilde_y=2.5, nu=0.85),
    }[regime]
    return SpikedModel.homogeneous(d=d, k=k, **parameters)

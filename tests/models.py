"""Seeded random `SpikedModel`s, and what they mean written down in NumPy without the library's formulas."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from phasejax.spiked import SpikedModel

FIELDS = ("kappa", "gamma_x", "gamma_y", "gamma_tilde_x", "gamma_tilde_y", "eta")

# (k, d_x, d_y). Few shapes, since each costs compilations: d_x = d_y, either one larger, k = d on one side or on both.
SHAPES = ((1, 2, 2), (1, 4, 3), (2, 6, 6), (3, 5, 8), (3, 9, 6), (3, 3, 5), (4, 8, 4), (3, 3, 3), (2, 9, 9), (4, 6, 6))
GAPPED = ((2, 6, 6), (3, 5, 8), (3, 9, 6), (2, 9, 9), (4, 6, 6))  # shapes with at least one nuisance pair and k > 1

# generic: everything different. ties: values from {½, 1, 2}, so that signals tie with signals and with nuisance.
# dead: κ_1 = 0. noiseless: γ = 0 on some coordinates. null: many ν = 0. full: ν_1 = 1.
FLAVOURS = ("generic", "ties", "dead", "noiseless", "null", "full")


class Blocks(NamedTuple):
    """Covariance blocks in NumPy."""

    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray


def random_model(seed: int, shape: tuple[int, int, int], flavour: str = "generic") -> SpikedModel:
    """One model; the same arguments give the same model."""
    k, d_x, d_y = shape
    m = min(d_x, d_y) - k
    rng = np.random.default_rng([seed, *shape, FLAVOURS.index(flavour)])
    if flavour == "ties":
        # κ² = γ^x = γ^y gives ρ = ½ exactly, which meets ν = ½; all values are powers of two.
        kappa = rng.choice([1.0, 2.0], k)
        gamma_x, gamma_y = kappa**2 * rng.choice([1.0, 3.0], k), kappa**2 * rng.choice([1.0, 3.0], k)
        gamma_tilde_x, gamma_tilde_y = rng.choice([1.0, 4.0], d_x - k), rng.choice([1.0, 4.0], d_y - k)
        nu = rng.choice([0.0, 0.25, 0.5], m)
    else:
        kappa = rng.uniform(0.4, 3, k)
        gamma_x, gamma_y = np.exp(rng.uniform(-3, 2, (2, k)))
        gamma_tilde_x, gamma_tilde_y = np.exp(rng.uniform(-2, 3, d_x - k)), np.exp(rng.uniform(-2, 3, d_y - k))
        nu = rng.uniform(0.01, 0.99, m)
    if flavour == "dead":
        kappa[0] = 0
    if flavour == "noiseless":
        gamma_x[0] = 0
        gamma_y[rng.integers(k)] = 0
    if flavour == "null":
        nu *= rng.random(m) < 0.4
    if flavour == "full" and m:
        nu[0] = 1
    return SpikedModel(
        kappa, gamma_x, gamma_y, gamma_tilde_x, gamma_tilde_y, nu * np.sqrt(gamma_tilde_x[:m] * gamma_tilde_y[:m])
    )


def random_models(per_cell: int) -> list[tuple[tuple[int, int, int], str, SpikedModel]]:
    """`per_cell` models of every shape and flavour."""
    return [(s, f, random_model(seed, s, f)) for s in SHAPES for f in FLAVOURS for seed in range(per_cell)]


def stack(models: list[SpikedModel]) -> SpikedModel:
    """Models of one shape as one batch for vmap."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *models)


def fields(model: SpikedModel) -> dict[str, np.ndarray]:
    return {name: np.asarray(getattr(model, name)) for name in FIELDS}


def blocks(model: SpikedModel, basis_x: np.ndarray | None = None, basis_y: np.ndarray | None = None) -> Blocks:
    """Covariances from the generating equations: every coordinate as a row of loadings on independent unit sources.

    Sources: z (shared signal), one private source per signal coordinate and side, u (one per nuisance x), w (per nuisance y).
    """
    f = fields(model)
    k, m_x, m_y, m = f["kappa"].size, f["gamma_tilde_x"].size, f["gamma_tilde_y"].size, f["eta"].size
    z, g_x, g_y, u, w = np.split(np.eye(3 * k + m_x + m_y), np.cumsum([k, k, k, m_x]))
    nu = np.zeros(m_y)
    nu[:m] = np.minimum(f["eta"] / np.sqrt(f["gamma_tilde_x"][:m] * f["gamma_tilde_y"][:m]), 1)
    partner = np.zeros_like(w)
    partner[:m] = u[:m]
    signal_x = f["kappa"][:, None] * z + np.sqrt(f["gamma_x"])[:, None] * g_x
    signal_y = f["kappa"][:, None] * z + np.sqrt(f["gamma_y"])[:, None] * g_y
    nuisance_x = np.sqrt(f["gamma_tilde_x"])[:, None] * u
    nuisance_y = np.sqrt(f["gamma_tilde_y"])[:, None] * (nu[:, None] * partner + np.sqrt(1 - nu**2)[:, None] * w)
    x, y = np.vstack([signal_x, nuisance_x]), np.vstack([signal_y, nuisance_y])
    x = x if basis_x is None else basis_x @ x
    y = y if basis_y is None else basis_y @ y
    return Blocks(x @ x.T, x @ y.T, y @ y.T)


def random_orthogonal(rng: np.random.Generator, size: int) -> np.ndarray:
    q, r = np.linalg.qr(rng.normal(size=(size, size)))
    return q * np.sign(np.diag(r))


def inverse_root(s: np.ndarray) -> np.ndarray:
    """S^-½ for a positive definite S."""
    values, vectors = np.linalg.eigh(s)
    return (vectors / np.sqrt(values)) @ vectors.T


def draw(model: SpikedModel, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """n Gaussian pairs from `blocks`, by NumPy."""
    cov = blocks(model)
    values, vectors = np.linalg.eigh(np.block([[cov.xx, cov.xy], [cov.xy.T, cov.yy]]))
    rows = rng.normal(size=(n, values.size)) * np.sqrt(np.maximum(values, 0)) @ vectors.T
    return rows[:, : model.d_x], rows[:, model.d_x :]

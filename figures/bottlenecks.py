"""What bounds alignment of two views and of more.

Left, soft: the least cost tr WΣxxWᵀ + tr VΣyyVᵀ of encoders with WΣxyVᵀ = I is 2 Σ 1/φ_i over the k canonical correlations
(lines; the last one is φ_k, the others .9), above the published bound 2/φ_k (dotted) for k > 1. Marks: the cost of the
solver's encoders.

Right, hard: the smallest rank of the modalities, 8 (dotted), counts nuisance as well. Of k = 3 signal directions (κ² = .5, 1,
2, γ = γ̃ = 1) fewer are among the top 3 of MAXVAR on M modalities as the nuisance that two of them share grows more
correlated. Lines exact, marks the solver's on the population.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from phasejax import multimodal, plot, solvers
from phasejax.figures import Sweeps
from phasejax.multimodal import solvers as multimodal_solvers
from phasejax.multimodal import theory as multimodal_theory
from phasejax.spiked import Covariance

COLORS = ("#0072b2", "#009e73", "#d55e00")
LINES = ("-", "-.", "--")


def draw(sweeps: Sweeps) -> Figure:
    figure = Figure(figsize=(plot.PAGE, 2.8), layout="constrained")
    soft, hard = figure.subplots(1, 2)
    _soft(soft)
    _hard(hard)
    return figure


def _soft(ax) -> None:
    """Cost against the weakest correlation φ_k, the others at .9; marks: the cost of the solver's encoders."""
    weakest = np.linspace(0.15, 0.9, 60)
    for k, color, line in zip((1, 2, 4), COLORS, LINES, strict=True):
        ax.plot(weakest, 2 * (k - 1) / 0.9 + 2 / weakest, line, color=color, label=rf"$2\sum 1/\phi_i$, k = {k}")
        shown = weakest[::8]
        ax.plot(shown, [_cost(k, phi) for phi in shown], "o", color=color, markersize=3.5, markerfacecolor="none")
    ax.plot(weakest, 2 / weakest, color="black", linewidth=0.9, linestyle=":", label=r"bound $2/\phi_k$")
    ax.set(
        xlabel=r"weakest canonical correlation $\phi_k$",
        ylabel="least cost of alignment",
        title="soft bottleneck",
        ylim=(0, 22),
    )
    ax.legend()


def _cost(k: int, weakest: float) -> float:
    """tr WΣxxWᵀ + tr VΣyyVᵀ of the canonical directions, scaled to WΣxyVᵀ = I."""
    phi = jnp.concatenate([jnp.full(k - 1, 0.9), jnp.array([weakest])])
    cov = Covariance(jnp.eye(k), jnp.diag(phi), jnp.eye(k))
    solution = solvers.align(cov, k)
    scale = 1 / jnp.sqrt(solution.singular_values[:k, None])
    w, v = scale * solution.encoder_x, scale * solution.encoder_y
    return float(jnp.sum((w @ cov.xx) * w) + jnp.sum((v @ cov.yy) * v))


def _hard(ax) -> None:
    """Signal directions in the top k = 3 of M modalities of rank 8, nuisance shared by two; lines exact, marks the solver's."""
    nu = np.linspace(0, 0.98, 99)
    ax.axhline(8, color="black", linewidth=0.9, linestyle=":", label="min of the ranks (the pair, ν > 0)")
    for modalities, color, line in zip((2, 3, 4), COLORS, LINES, strict=True):
        counts = [int(multimodal_theory.recovered_maxvar(_model(modalities, value))) for value in nu]
        ax.step(nu, counts, where="mid", color=color, linestyle=line, label=f"signal recovered, M = {modalities}")
        shown = nu[3::12]
        ax.plot(shown, [_recovered(modalities, v) for v in shown], "o", color=color, markersize=3.5, markerfacecolor="none")
    ax.set(xlabel="nuisance correlation ν of a pair", ylabel="dimensions", title="hard bottleneck", ylim=(-0.2, 8.6))
    ax.legend(loc="center left")


def _model(modalities: int, nu: float) -> multimodal.MultimodalModel:
    # κ² = .5, 1, 2 with γ = 1: ρ = 1/3, 1/2, 2/3.
    kappa = jnp.sqrt(jnp.array([2.0, 1.0, 0.5]))
    return multimodal.MultimodalModel.homogeneous(
        d=8, k=3, modalities=modalities, kappa=kappa, gamma=1.0, gamma_tilde=1.0, nu=nu, shared_by=2
    )


@jax.jit
def _energy(blocks) -> jax.Array:
    rows = multimodal_solvers.maxvar(blocks, 3).encoders
    return jnp.sum(rows[:, :, :3] ** 2, axis=(0, 2)) / jnp.sum(rows**2, axis=(0, 2))


def _recovered(modalities: int, nu: float) -> int:
    return int(jnp.sum(_energy(_model(modalities, nu).covariance()) > 0.5))

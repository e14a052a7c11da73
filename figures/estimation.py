"""Where n = 1000 labelled pairs put a population (d = 50, k = 3, γˣ = .5, γʸ = .05, γ̃ˣ = 1, γ̃ʸ = 5).

Crosses: true (κ, ν), with a line to the mean of the 8 estimates around it (dots). κ̂ comes from the regression of x on the
latents. Left, ν̂ is the largest canonical correlation left when the latents are projected out, which overestimates ν by the
width of the bulk; right, the edge formula of a bulk of equal correlations is inverted, which removes that. The regimes behind
are those of infinitely many pairs: an overestimate of ν moves a population into a neighbouring one.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from phasejax import plot, theory
from phasejax.figures import Sweeps
from phasejax.spiked import SpikedModel
from phasejax.theory.homogeneous import ca_edge
from phasejax.theory.numerics import bisect

N, D, K = 1000, 50, 3
KAPPA, NU = np.array([0.75, 1.5, 2.25]), np.array([0.1, 0.3, 0.5, 0.7, 0.9])
TRIALS = 8
RIM = [withStroke(linewidth=2, foreground="white")]  # visible on the dark colour too


def draw(sweeps: Sweeps) -> Figure:
    figure = Figure(figsize=(plot.PAGE, 3.3), layout="constrained")
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    grid_kappa, grid_nu = np.linspace(0.05, 3, 60), np.linspace(0, 1, 61)
    codes = jax.vmap(lambda kappa: jax.vmap(lambda nu: theory.regime(_model(kappa, nu)))(grid_nu))(grid_kappa)
    true_kappa, true_nu = (grid.ravel() for grid in np.meshgrid(KAPPA, NU, indexing="ij"))
    keys = jax.random.split(jax.random.key(0), (true_kappa.size, TRIALS))
    kappa, raw, inverted = jax.vmap(jax.vmap(_estimate, in_axes=(None, None, 0)))(true_kappa, true_nu, keys)
    for ax, nu, title in zip(axes, (raw, inverted), ("largest sample correlation", "bulk edge inverted"), strict=True):
        plot.regime_map(ax, grid_kappa, grid_nu, np.asarray(codes))
        for k, v, ks, vs in zip(true_kappa, true_nu, kappa, nu, strict=True):
            ax.plot([k, np.mean(ks)], [v, np.mean(vs)], color="black", linewidth=0.7, path_effects=RIM)
        rimmed = {"markeredgecolor": "white", "markeredgewidth": 0.4}
        ax.plot(kappa.ravel(), nu.ravel(), "o", color="#cc79a7", markersize=3, label="estimates", **rimmed)
        ax.plot(true_kappa, true_nu, "+", color="black", markersize=5, label="truth", path_effects=RIM)
        off = float(jnp.mean(jnp.abs(nu - true_nu[:, None])))
        ax.set(xlabel=plot.SYMBOLS["kappa"], title=f"{title}: mean error in ν {off:.3f}")
    axes[0].set_ylabel(plot.SYMBOLS["nu"])
    handles, _ = axes[0].get_legend_handles_labels()
    figure.legend(handles=[*plot.regime_key(), *handles], loc="outside lower center", ncols=6)
    return figure


def _model(kappa, nu) -> SpikedModel:
    return SpikedModel.homogeneous(
        d=D, k=K, kappa=kappa, gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=1.0, gamma_tilde_y=5.0, nu=nu
    )


@jax.jit
def _estimate(kappa, nu, key):
    """(κ̂, largest residual canonical correlation, ν̂) from N pairs labelled with their latents."""
    model = _model(kappa, nu)
    z_key, x_key, y_key, u_key = jax.random.split(key, 4)
    z = jax.random.normal(z_key, (N, K))
    noise_x, noise_y = jax.random.normal(x_key, (N, D)), jax.random.normal(y_key, (N, D))
    shared = jax.random.normal(u_key, (N, D - K))
    x = noise_x * jnp.sqrt(jnp.concatenate([model.gamma_x, model.gamma_tilde_x * (1 - nu)]))
    y = noise_y * jnp.sqrt(jnp.concatenate([model.gamma_y, model.gamma_tilde_y * (1 - nu)]))
    x = x.at[:, :K].add(kappa * z).at[:, K:].add(jnp.sqrt(nu * model.gamma_tilde_x) * shared)
    y = y.at[:, :K].add(kappa * z).at[:, K:].add(jnp.sqrt(nu * model.gamma_tilde_y) * shared)

    loadings = [jnp.linalg.lstsq(z, view)[0] for view in (x, y)]
    strength = jnp.sqrt(jnp.mean(jnp.linalg.svd(loadings[0], compute_uv=False) ** 2))
    bases = [_residual_basis(view, z, loading) for view, loading in zip((x, y), loadings, strict=True)]
    largest = jnp.linalg.svd(bases[0].T @ bases[1], compute_uv=False)[0]
    return strength, largest, _nu_of_edge(largest, (D - K) / N)


def _residual_basis(view, z, loading):
    """Orthonormal basis of what a view holds beside the latents: rows regressed on z, off the K directions that z loads on."""
    beside = jnp.linalg.qr(loading.T, mode="complete")[0][:, K:]
    return jnp.linalg.qr((view - z @ loading) @ beside)[0]


def _nu_of_edge(edge, c):
    """The ν whose bulk ends at `edge`; 0 below the edge of an uncorrelated bulk."""
    return bisect(lambda nu: ca_edge(nu, c) >= edge, 0.0, 1.0)

"""Retrieval is not recovery: as nuisance correlation grows, R@1 rises while the signal is lost. CCA on 2000 pairs."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from figures import Sweeps
from phasejax import objectives, plot, sampling, solvers
from phasejax.spiked import SpikedModel

NU = np.concatenate([np.linspace(0, 0.9, 10), [0.93, 0.96, 0.98, 0.99, 0.999]])
TRIALS = 6


def draw(sweeps: Sweeps) -> Figure:
    keys = jax.random.split(jax.random.key(0), TRIALS)
    measure = jax.jit(lambda nus: jax.lax.map(lambda nu: _both(nu, keys), nus))
    retrieval, recovery = map(np.asarray, measure(jnp.asarray(NU)))
    figure = Figure(figsize=(plot.COLUMN, 2.5), layout="constrained")
    ax = figure.add_subplot()
    for values, color, line, label in (
        (retrieval, "#cc79a7", "-", "retrieval R@1 (400 pairs)"),
        (recovery, "#0072b2", "--", "signal R² of the x encoder"),
    ):
        ax.plot(NU, values.mean(axis=1), line, color=color, label=label)
        ax.fill_between(NU, values.min(axis=1), values.max(axis=1), color=color, alpha=0.2, linewidth=0)
    ax.set(xlabel=plot.SYMBOLS["nu"], ylim=(0, 1.02), xlim=(0, 1))
    ax.legend(loc="center left")
    return figure


def _both(nu, keys):
    def one(key):
        kappa = jnp.array([3.0, 2.0, 1.5])
        model = SpikedModel.homogeneous(
            d=20, k=3, kappa=kappa, gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=1.0, gamma_tilde_y=50.0, nu=nu
        )
        x, y = sampling.sample_pairs(model, 2400, key=key)
        fit = solvers.align(sampling.covariance_of(x[400:], y[400:]), model.k)
        z = objectives.unit_rows(jnp.stack([x[:400] @ fit.encoder_x.T, y[:400] @ fit.encoder_y.T]))
        w = fit.encoder_x
        with_signal = w[:, : model.k] * model.kappa  # covariance of Wx with the sources
        explained = jnp.sum(with_signal * jnp.linalg.solve(w * model.variance_x @ w.T, with_signal), axis=0)
        return objectives.retrieval_at_1(z), jnp.mean(explained)

    return jax.vmap(one)(keys)

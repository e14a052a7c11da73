"""Alignment's distance against a ridge on one view, from n = 120, 200 and 400 pairs (d = 50, k = 3, κ = 1.5, γˣ = .5, γʸ = .05,
γ̃ˣ = 1, γ̃ʸ = 5, ν = .4): predicted (lines) and the mean of 40 draws (dots).

Left, on x, whose nuisance is quieter than its signal (1 against 2.75): a ridge takes away most of the error of few pairs.
Right, on y, whose nuisance is louder (5 against 2.3): it ruins alignment.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from phasejax import plot, solvers
from phasejax.figures import Sweeps
from phasejax.recovery import subspace_distance
from phasejax.sampling import sample_covariance
from phasejax.spiked import SpikedModel
from phasejax.theory import square

SIZES, TRIALS = {120: ("#d55e00", "--", "s"), 200: ("#0072b2", "-", "o"), 400: ("#009e73", "-.", "^")}, 40
CURVE, DRAWN = np.geomspace(1e-3, 30, 49), np.geomspace(3e-3, 10, 8)


def draw(sweeps: Sweeps) -> Figure:
    figure = Figure(figsize=(plot.PAGE, 2.8), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, view in zip(axes, "xy", strict=True):
        for n, (color, line, mark) in SIZES.items():
            ax.plot(CURVE, _predicted(float(n), view), line, color=color, label=f"{n} pairs")
            ax.plot(DRAWN, _drawn(n, view), mark, color=color, markersize=3.5)
        ax.set(xscale="log", xlabel=f"ridge on {view}, in its mean eigenvalues", ylim=(0, 1))
    axes[0].set_ylabel("distance of the encoder")
    axes[0].legend(loc="upper left")
    return figure


def _model() -> SpikedModel:
    return SpikedModel.homogeneous(
        d=50, k=3, kappa=1.5, gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=1.0, gamma_tilde_y=5.0, nu=0.4
    )


@partial(jax.jit, static_argnums=1)
def _predicted(n: float, view: str):
    def at(ridge):
        return square.expected_distance(_model(), n, **{f"ridge_{view}": ridge})

    return jax.lax.map(at, jnp.asarray(CURVE))


@partial(jax.jit, static_argnums=1)
def _drawn(n: int, view: str):
    """The same draws at every ridge."""
    model = _model()

    def one(key):
        cov = sample_covariance(model, n, key=key)

        def at(ridge):
            return subspace_distance(solvers.whiten(cov, model.k, **{f"ridge_{view}": ridge}).encoder_x)

        return jax.lax.map(at, jnp.asarray(DRAWN))

    return jnp.mean(jax.lax.map(one, jax.random.split(jax.random.key(0), TRIALS)), axis=0)

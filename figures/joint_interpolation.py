"""Between prediction (weight λ = 0) and alignment (λ → ∞): distance to the signal against λ, means of 30 draws.

Shaded: the window of λ in which infinitely many pairs recover. Left (d = 20, k = 3, κ = 3, 2.5, 2, γˣ = .5, γʸ = .1, γ̃ˣ = 1,
γ̃ʸ = 10, η = 2) prediction fails, alignment works, and a large enough λ is as good. Right (d = 3, k = 1, unequal nuisance)
both fail, and only a λ between recovers. CP and CA mark the two ends in the population.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from phasejax import plot, recovery, sampling, solvers, theory
from phasejax.figures import Sweeps
from phasejax.spiked import SpikedModel

WEIGHTS = np.geomspace(0.05, 100, 34)
TRIALS = 30
SIZES = {5_000: ("#009e73", "-"), 500_000: ("#cc79a7", "--")}


def draw(sweeps: Sweeps) -> Figure:
    restored = SpikedModel.homogeneous(
        d=20, k=3, kappa=jnp.array([3.0, 2.5, 2.0]), gamma_x=0.5, gamma_y=0.1, gamma_tilde_x=1.0, gamma_tilde_y=10.0, eta=2.0
    )
    rescued = SpikedModel(jnp.sqrt(jnp.array([1.3660])), [0.5], [0.6340], [1.0, 1.0], [120.0, 0.5], jnp.array([1.0954, 0.5477]))
    figure = Figure(figsize=(plot.PAGE, 2.9), layout="constrained")
    titles = "CA only: the signal is restored", "Neither: rescued in between"
    for ax, model, title in zip(figure.subplots(1, 2, sharex=True, sharey=True), (restored, rescued), titles, strict=True):
        low, high = theory.joint_window(model)
        ax.axvspan(max(low, WEIGHTS[0]), min(high, WEIGHTS[-1]), color="0.88", zorder=0, label="window, population")
        for n, (color, line) in SIZES.items():
            ax.plot(WEIGHTS, _distance(model, n, jnp.asarray(WEIGHTS)), line, color=color, label=f"n = {n:,}")
        ends = {"CP": (solvers.predict, WEIGHTS[0], 9), "CA": (solvers.align, WEIGHTS[-1], -9)}
        for end, (solver, where, shift) in ends.items():
            # Which of the equal nuisance directions an end keeps in place of the signal makes no difference to the distance.
            distance = recovery.subspace_distance(solver(model.covariance(), model.k, throw=False).encoder_x)
            ax.annotate(end, (where, float(distance)), textcoords="offset points", xytext=(shift, 4), ha="center")
        ax.set(xscale="log", xlabel="weight λ of alignment", title=title, ylim=(-0.02, 1.08), xlim=(WEIGHTS[0], WEIGHTS[-1]))
    figure.axes[0].set_ylabel("subspace distance")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


@partial(jax.jit, static_argnames="n")
def _distance(model: SpikedModel, n: int, weights: jax.Array) -> jax.Array:
    def one(key):
        cov = sampling.sample_covariance(model, n, key=key)
        solve = partial(solvers.joint, cov, model.k)
        return jax.vmap(lambda lam: recovery.subspace_distance(solve(lam=lam).encoder_x))(weights)

    return jnp.mean(jax.lax.map(one, jax.random.split(jax.random.key(0), TRIALS)), axis=0)

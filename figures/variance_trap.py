"""The variance trap (d = 20, k = 3, κ = 3, 2, 1.5, γˣ = .5, γʸ = .05, γ̃ˣ = 1, γ̃ʸ = 10).

Mean squared error of predicting y from k directions of x, against nuisance correlation ν: left of all of y, right of its
signal part. Lines: infinitely many pairs, broken where an objective loses a signal direction; marks: n = 2000, means of 20
draws. In the shaded range prediction keeps loud nuisance in place of signal: it has the smaller total error and the larger
error on the signal.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from phasejax import plot, recovery, sampling, solvers, theory
from phasejax.figures import Sweeps
from phasejax.spiked import SpikedModel

N, TRIALS = 2000, 20


def draw(sweeps: Sweeps) -> Figure:
    nu = np.linspace(0, 0.98, 50)
    fine = np.linspace(0, 0.98, 491)
    closed = jax.vmap(lambda value: theory.prediction_errors(_model(value)))(fine)
    kept = jax.vmap(lambda value: theory.recovery_counts(_model(value)).exact)(fine)
    measured = np.asarray(jax.vmap(_measured)(jnp.asarray(nu), jax.random.split(jax.random.key(0), nu.size)))
    ideal = theory.critical_nu(_model(0.0))
    figure = Figure(figsize=(plot.PAGE, 2.6), layout="constrained")
    for index, (ax, kind) in enumerate(zip(figure.subplots(1, 2, sharex=True), ("total", "signal"), strict=True)):
        for objective, label in enumerate(("ca", "cp")):
            style = {"color": plot.OBJECTIVE_COLORS[label], "linestyle": plot.OBJECTIVE_LINES[label]}
            name = "CA + probe" if label == "ca" else "CP"
            error = _broken(getattr(getattr(closed, label), kind), getattr(kept, label))
            ax.plot(fine, error, label=f"{name}, n = ∞", **style)
            marker = {"color": style["color"], "marker": "o" if label == "ca" else "s", "markerfacecolor": "none"}
            ax.plot(nu[::2], measured[::2, objective, index], linestyle="", markersize=3, label=f"{name}, n = {N}", **marker)
        ax.axvspan(float(ideal.cp), min(float(ideal.ca), nu[-1]), color="0.9", zorder=0, label="the trap: CA only")
        ax.set(xlabel="nuisance correlation ν", ylabel=f"mean squared error, {'all of y' if kind == 'total' else 'signal'}")
    figure.axes[1].legend()
    return figure


def _broken(curve, kept) -> np.ndarray:
    """A curve that jumps where an objective loses a direction: NaN there, so that no slope is drawn."""
    return np.where(np.diff(kept, append=kept[-1:]) != 0, np.nan, curve)


def _model(nu) -> SpikedModel:
    return SpikedModel.homogeneous(
        d=20, k=3, kappa=jnp.array([3.0, 2.0, 1.5]), gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=1.0, gamma_tilde_y=10.0, nu=nu
    )


@jax.jit
def _measured(nu, key):
    """Mean population errors of what was fitted on n pairs: (objective, total or signal)."""
    model = _model(nu)
    cov, signal = model.covariance(), model.signal_covariance()

    def one(key):
        sample = sampling.sample_covariance(model, N, key=key)
        errors = []
        for solver in (solvers.align, solvers.predict):
            coefficients = solvers.probe(sample, solver(sample, model.k).encoder_x)
            errors.append([recovery.mean_squared_error(coefficients, against) for against in (cov, signal)])
        return jnp.asarray(errors)

    return jnp.mean(jax.vmap(one)(jax.random.split(key, TRIALS)), axis=0)

"""Retrieval is not recovery (d = 20, k = 3, κ = 3, 2, 1.5, γˣ = .5, γʸ = .05, γ̃ˣ = 1, γ̃ʸ = 50).

CCA of 2000 pairs, judged on 400 others: R@1, the share of x whose nearest y is its own, and R² of the signal given the x
encoder. Means and ranges of 6 draws. As nuisance correlation ν grows, shared nuisance helps to find the partner, and the
signal is lost.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from phasejax import plot
from phasejax.figures import Sweeps
from phasejax.verify.claims.objectives import retrieval_and_recovery

NU = np.concatenate([np.linspace(0, 0.9, 10), [0.93, 0.96, 0.98, 0.99, 0.999]])
TRIALS = 6


def draw(sweeps: Sweeps) -> Figure:
    keys = jax.random.split(jax.random.key(0), TRIALS)
    retrieval, recovery = map(np.asarray, retrieval_and_recovery(jnp.asarray(NU), keys))
    figure = Figure(figsize=(plot.COLUMN, 2.5), layout="constrained")
    ax = figure.add_subplot()
    for values, color, line, label in (
        (retrieval, "#cc79a7", "-", "retrieval R@1 (400 pairs)"),
        (recovery, "#0072b2", "--", "signal R² of the x encoder"),
    ):
        ax.plot(NU, values.mean(axis=1), line, color=color, label=label)
        ax.fill_between(NU, values.min(axis=1), values.max(axis=1), color=color, alpha=0.2, linewidth=0)
    ax.set(xlabel=plot.SYMBOLS["nu"], ylabel="share found, or R²", ylim=(0, 1.02), xlim=(0, 1))
    ax.legend(loc="center left")
    return figure

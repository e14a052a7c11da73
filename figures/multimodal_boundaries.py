"""The nuisance correlation ν that each objective withstands, against the number M of modalities (d = 8, k = 1, κ = .8, γ = γ̃
= 1).

Lines: theory of infinitely many pairs, Δ = 1, cut at ν = 1; hollow marks: where the mean distance of 6 draws of n = 20,000
reaches ½. Left, all modalities share the nuisance; right, a pair of them, where it hurts most. MAXVAR aligns all pairs of
modalities, the star every modality with one hub; prediction is of one modality from all others.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from phasejax import multimodal, plot
from phasejax.figures import Sweeps
from phasejax.multimodal import sampling, solvers
from phasejax.multimodal.homogeneous import critical_nu_by_modalities
from phasejax.recovery import crossing

MODEL = {"kappa": 0.8, "gamma": 1.0}
D, K, N, TRIALS = 8, 1, 20_000, 6
NU = np.linspace(0.02, 0.98, 33)
OBJECTIVES = {
    "maxvar": ("MAXVAR, complete graph", "#0072b2", "-", "o"),
    "star": ("star around one hub", "#009e73", "-.", "^"),
    "predict": ("prediction of one from the rest", "#d55e00", "--", "s"),
}


def draw(sweeps: Sweeps) -> Figure:
    modalities = np.arange(2, 9)
    closed = critical_nu_by_modalities(modalities, **MODEL, gamma_tilde_target=1.0)
    figure = Figure(figsize=(plot.PAGE, 2.8), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, layout, title in zip(
        axes, ("shared", "pair"), ("nuisance shared by all", "nuisance shared by a pair"), strict=True
    ):
        for objective, (name, color, line, marker) in OBJECTIVES.items():
            values = np.minimum(np.asarray(getattr(closed, f"{objective}_{layout}")), 1)
            ax.plot(modalities, values, line, color=color, label=name)
            measured = [_crossing(objective, layout, m) for m in (2, 3, 4, 6)]
            ax.plot((2, 3, 4, 6), measured, marker, color=color, markersize=4, markerfacecolor="none")
        ax.set(xlabel="number of modalities M", title=title, ylim=(0, 1.05), xticks=modalities)
    axes[0].set_ylabel("largest ν withstood")
    kinds = [
        Line2D([], [], color="black", label="theory, n = ∞"),
        Line2D(
            [], [], color="black", marker="o", markersize=4, markerfacecolor="none", linestyle="", label=f"measured, n = {N:,}"
        ),
    ]
    figure.legend(handles=[*axes[0].get_legend_handles_labels()[0], *kinds], loc="outside lower center", ncols=3)
    return figure


def _crossing(objective: str, layout: str, modalities: int) -> float:
    """The ν at which the mean distance of samples reaches ½; 1 where it never does."""
    return min(1.0, crossing(NU, np.asarray(_distances(objective, layout, modalities))))


def _distances(objective: str, layout: str, modalities: int):
    # The pair is hub and leaf of the star, target and source of prediction: the worst place for it.
    members = {"maxvar": (0, 1), "star": (0, 1), "predict": (modalities - 1, 0)}[objective]
    shared_by = None if layout == "shared" else members

    def one(nu, key):
        model = multimodal.MultimodalModel.homogeneous(
            d=D, k=K, modalities=modalities, **MODEL, gamma_tilde=1.0, nu=nu, shared_by=shared_by
        )
        blocks = sampling.sample_covariance(model, N, key=key)
        if objective == "maxvar":
            encoders = solvers.maxvar(blocks, K).encoders
        elif objective == "star":
            encoders = solvers.align_graph(blocks, K, multimodal.star(modalities)).encoders
        else:
            encoders = solvers.predict_from(blocks, K).encoders[:-1]
        return _distance(encoders)

    keys = jax.random.split(jax.random.key(0), TRIALS)
    return jax.jit(lambda: jax.lax.map(lambda nu: jnp.mean(jax.vmap(lambda key: one(nu, key))(keys)), jnp.asarray(NU)))()


def _distance(encoders) -> jax.Array:
    """Energy of all encoders outside the signal coordinates, as a share: k = 1, so that rows are directions."""
    rows = encoders[:, 0]
    return jnp.sum(rows[:, K:] ** 2) / jnp.sum(rows**2)

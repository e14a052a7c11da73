"""Three modalities in training: do their embeddings come to have one distribution?

Left: the Hölder divergence of the three sets of embeddings (bandwidth .5, 64 rows) beyond what shuffled modality labels give
(0, grey). Right: the modality gap, the distance between the modalities' mean embeddings. Linear encoders of width 8, batch
128, on views with d = 12, k = 3, κ = 3, 2, 1.5, γ = .5, γ̃ = 1, ν = .3; means and ranges of 4 seeds. InfoNCE at temperature T
= .2, and uniformity + alignment with weights matched to it.
"""

import jax
from matplotlib.figure import Figure

from phasejax import objectives, plot
from phasejax.figures import Sweeps
from phasejax.multimodal import MultimodalModel
from phasejax.training import Linear, train

OBJECTIVES = {
    "InfoNCE, T = .2": ("infonce", {"temperature": 0.2}, "#0072b2", "-"),
    "uniformity + alignment, matched": (
        "unialign",
        {name: float(value) for name, value in objectives.matched_to_infonce(0.2)._asdict().items()},
        "#d55e00",
        "--",
    ),
}
ROWS = 64


def draw(sweeps: Sweeps) -> Figure:
    figure = Figure(figsize=(plot.PAGE, 2.6), layout="constrained")
    excess, gap = figure.subplots(1, 2)
    views = MultimodalModel.homogeneous(d=12, k=3, modalities=3, kappa=(3, 2, 1.5), gamma=0.5, gamma_tilde=1.0, nu=0.3)
    for label, (name, hyperparameters, color, line) in OBJECTIVES.items():
        trained = train(
            name,
            views,
            key=jax.random.split(jax.random.key(0), 4),
            encoder=Linear(8),
            steps=400,
            batch=128,
            hyperparameters=hyperparameters,
            metrics={"excess": _excess, "gap": lambda encoders, z: objectives.modality_gap(objectives.unit_rows(z))},
        )
        for ax, metric in ((excess, "excess"), (gap, "gap")):
            values = trained.metrics[metric]
            ax.plot(trained.step, values.mean(axis=0), line, color=color, label=label)
            ax.fill_between(trained.step, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2, linewidth=0)
    excess.set(xlabel="step", ylabel="Hölder divergence, excess")
    gap.set(xlabel="step", ylabel="modality gap")
    excess.axhline(0, color="0.5", linewidth=0.8)
    gap.legend()
    return figure


def _excess(encoders, z):
    return objectives.hoelder_excess(objectives.unit_rows(z[:, :ROWS]), bandwidth=0.5, permutations=4, key=jax.random.key(0))

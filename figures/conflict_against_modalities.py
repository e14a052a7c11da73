"""What more modalities do to the forces of a contrastive loss.

ζ is the cosine between attraction and repulsion at an embedding, both without their radial part: at 1 the loss pulls and
pushes along one line. χ = 1 − ‖attraction‖ is how much the attractions of the other M − 1 modalities cancel one another; 0
for M = 2. ρ is the mean cosine of matched embeddings.

Above, at drawn embeddings (batch 16, width 16, ρ = .7, temperature .5, means of 60 draws): ζ with negatives from tuples alike
("shared"), from independent rows, and from modalities that stand apart ("gapped"); χ as measured (marks), its law 1 − √(ρ +
(1−ρ)/(M−1)), and the law's end 1 − √ρ.

Below, along InfoNCE training of linear encoders (width 8, batch 128, temperature .2, means of 4 seeds) on M views with d =
12, k = 3, κ = 3, 2, 1.5, γ = .5, γ̃ = 1, ν = .3. Above, whether ζ grows or falls with M depends on the negatives; along
training both conflicts are larger the more modalities there are.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from phasejax import objectives, plot
from phasejax.figures import Sweeps
from phasejax.multimodal import MultimodalModel
from phasejax.training import Linear, train
from phasejax.verify.claims.objectives import with_negatives

ZETA, CHI = "ζ: attraction along repulsion", "χ: attraction cancelled"
RHO, TEMPERATURE = 0.7, 0.5
BATCH, WIDTH, REPEATS = 16, 16, 60
KINDS = {"shared": ("#0072b2", "-"), "independent": ("#d55e00", "--"), "gapped": ("#009e73", "-.")}
TRAINED = {2: ("#0072b2", "-"), 4: ("#d55e00", "--"), 8: ("#009e73", "-.")}


def draw(sweeps: Sweeps) -> Figure:
    figure = Figure(figsize=(plot.PAGE, 4.6), layout="constrained")
    (zeta, chi), (along_zeta, along_chi) = figure.subplots(2, 2)
    sizes = np.array([2, 3, 4, 6, 8, 12])
    for kind, (color, line) in KINDS.items():
        rng = np.random.default_rng(0)
        drawn = [[with_negatives(rng, kind, int(m), BATCH, WIDTH, RHO) for _ in range(REPEATS)] for m in sizes]
        found = [jax.vmap(partial(objectives.conflict, temperature=TEMPERATURE))(jnp.stack(z)) for z in drawn]
        zeta.plot(sizes, [float(jnp.mean(c.alignment_uniformity[:, :, 0])) for c in found], line, color=color, label=kind)
        if kind == "shared":
            chi.plot(sizes, [float(jnp.mean(c.intra_alignment)) for c in found], "o", color="black", label="measured")
    law = 1 - np.sqrt(RHO + (1 - RHO) / (sizes - 1))
    chi.plot(sizes, law, "-", color="0.5", label="1 − √(ρ + (1−ρ)/(M−1))")
    chi.axhline(1 - np.sqrt(RHO), color="0.5", linestyle=":", linewidth=0.9, label="1 − √ρ")
    zeta.set(xlabel="number of modalities M", ylabel=ZETA, title=f"drawn at ρ = {RHO}, by kind of negatives", ylim=(0, 1))
    chi.set(xlabel="number of modalities M", ylabel=CHI, title=f"drawn at ρ = {RHO}")
    for modalities, (color, line) in TRAINED.items():
        trained = _trained(modalities)
        for ax, name in ((along_zeta, "zeta"), (along_chi, "chi")):
            ax.plot(trained.step, trained.metrics[name].mean(axis=0), line, color=color, label=f"M = {modalities}")
    along_zeta.set(xlabel="step", ylabel=ZETA, title="along InfoNCE training")
    along_chi.set(xlabel="step", ylabel=CHI, title="along InfoNCE training")
    for ax in (zeta, chi, along_zeta, along_chi):
        ax.legend()
    return figure


def _trained(modalities: int):
    """Linear encoders of M views of the spiked model, 4 seeds; conflicts on the batch that a leg ends with."""
    views = MultimodalModel.homogeneous(d=12, k=3, modalities=modalities, kappa=(3, 2, 1.5), gamma=0.5, gamma_tilde=1.0, nu=0.3)

    def measured(name):
        def metric(encoders, z):
            return jnp.mean(getattr(objectives.conflict(objectives.unit_rows(z), temperature=0.2), name))

        return metric

    return train(
        "infonce",
        views,
        key=jax.random.split(jax.random.key(0), 4),
        encoder=Linear(8),
        steps=300,
        batch=128,
        hyperparameters={"temperature": 0.2},
        metrics={"zeta": measured("alignment_uniformity"), "chi": measured("intra_alignment")},
    )

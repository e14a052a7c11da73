"""The conflicts of contrast between M modalities: ζ by the kind of negatives, χ, and both along the training of InfoNCE."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from figures import Sweeps
from phasejax import objectives, plot
from phasejax.training import Linear, SpikedViews, train

RHO, TEMPERATURE = 0.7, 0.5
BATCH, WIDTH, REPEATS = 16, 16, 60
KINDS = {"shared": ("#0072b2", "-"), "independent": ("#d55e00", "--"), "gapped": ("#009e73", "-.")}
TRAINED = {2: ("#0072b2", "-"), 4: ("#d55e00", "--"), 8: ("#009e73", "-.")}


def draw(sweeps: Sweeps) -> Figure:
    figure = Figure(figsize=(plot.PAGE, 4.6), layout="constrained")
    (zeta, chi), (along_zeta, along_chi) = figure.subplots(2, 2)
    sizes = np.array([2, 3, 4, 6, 8, 12])
    for kind, (color, line) in KINDS.items():
        keys = jax.random.split(jax.random.key(0), REPEATS)
        drawn = [jax.vmap(partial(_tuples, kind=kind, modalities=int(m)))(keys) for m in sizes]
        found = [jax.vmap(partial(objectives.conflict, temperature=TEMPERATURE))(z) for z in drawn]
        zeta.plot(sizes, [float(jnp.mean(c.alignment_uniformity[:, :, 0])) for c in found], line, color=color, label=kind)
        if kind == "shared":
            chi.plot(sizes, [float(jnp.mean(c.intra_alignment)) for c in found], "o", color="black", label="measured")
    law = 1 - np.sqrt(RHO + (1 - RHO) / (sizes - 1))
    chi.plot(sizes, law, "-", color="0.5", label="1 − √(ρ + (1−ρ)/(M−1))")
    chi.axhline(1 - np.sqrt(RHO), color="0.5", linestyle=":", linewidth=0.9, label="1 − √ρ")
    zeta.set(xlabel="number of modalities M", ylabel="conflict ζ", title=f"at ρ = {RHO}, by kind of negatives", ylim=(0, 1))
    chi.set(xlabel="number of modalities M", ylabel="conflict χ", title=f"at ρ = {RHO}")
    for modalities, (color, line) in TRAINED.items():
        trained = _trained(modalities)
        for ax, name in ((along_zeta, "zeta"), (along_chi, "chi")):
            ax.plot(trained.step, trained.metrics[name].mean(axis=0), line, color=color, label=f"M = {modalities}")
    along_zeta.set(xlabel="step", ylabel="conflict ζ", title="along InfoNCE training")
    along_chi.set(xlabel="step", ylabel="conflict χ", title="along InfoNCE training")
    for ax in (zeta, chi, along_zeta):
        ax.legend()
    return figure


def _tuples(key, *, kind: str, modalities: int):
    """Tuple 0 with mean cosine ρ among tuples alike (shared), independent rows, or tuples apart by modality (gapped)."""
    shared_key, own_key, other_key, gap_key = jax.random.split(key, 4)
    shared = objectives.unit_rows(jax.random.normal(shared_key, (BATCH, WIDTH)))
    own = jax.random.normal(own_key, (modalities, BATCH, WIDTH))
    own = objectives.unit_rows(own - jnp.sum(own * shared, axis=-1, keepdims=True) * shared)
    z = np.sqrt(RHO) * shared + np.sqrt(1 - RHO) * own
    if kind == "independent":
        others = objectives.unit_rows(jax.random.normal(other_key, z.shape))
        z = z.at[:, 1:].set(others[:, 1:])
    if kind == "gapped":
        z = objectives.unit_rows(z + objectives.unit_rows(jax.random.normal(gap_key, (modalities, 1, WIDTH))))
    return z


def _trained(modalities: int):
    """Linear encoders of M views of the spiked model, 4 seeds; conflicts on the batch that a leg ends with."""
    views = SpikedViews(jnp.array([3.0, 2.0, 1.5]), jnp.full((modalities, 3), 0.5), jnp.ones((modalities, 9)), jnp.full(9, 0.3))

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

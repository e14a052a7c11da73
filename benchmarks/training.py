"""What does training side by side save, and where do trained objectives stop recovering the signal?

    python benchmarks/training.py [ratio | table]

**Side by side.** 64 seeds × 16 cells of linear encoders (d = 20, width 3, 1000 rows, batch 256, 200 steps), in CPU seconds
with one JAX device (`JAX_NUM_CPU_DEVICES=1`; 2 cores, Zen 4, nothing else running). Single trainings are timed on eight and
extrapolated.

              1024 at once  with compilation  one alone  with compilation  ratio, compiled  ratio, each compiling
    VICReg          15.3 s            19.0 s     .034 s             4.6 s              2.3                    247
    InfoNCE         45.4 s            59.0 s     .107 s             2.7 s              2.4                     47

So the gain over single trainings that share one compiled loop is small: that loop is bound by arithmetic, not by overhead.
It is large where every single training compiles its own. Lanes are independent, so devices multiply both: with two devices
a single training cannot use the second one, and the ratios are 5.3 and 4.0.

**Crossings.** ν at which ‖P_Û − P_U‖_F/√(2k) first exceeds ½, mean over 5 seeds ± half of the 95 % interval: d = 20, k = 3,
κ = (3, 2, 1.5), γx = .5, γy = .05, γ̃x = 1, γ̃y = 50, n = 5000 drawn once; Adam at .02 falling along a cosine, batch 256,
1000 steps. At width 8, Û is the span of the three leading principal components of the embedding (`signal_overlap`).

    objective          width  start   x encoder       y encoder
    CCA closed form        3  —       0.883 ± 0.006   0.907 ± 0.016
    vicreg                 3  random  0.880 ± 0.013   0.905 ± 0.013
    vicreg                 3  CCA     0.886 ± 0.007   0.907 ± 0.017
    deep_cca               3  random  0.820 ± 0.049   0.866 ± 0.036
    deep_cca               3  CCA     0.879 ± 0.005   0.906 ± 0.015
    cross_correlation      3  random  0.737 ± 0.117   0.858 ± 0.037
    cross_correlation      3  CCA     0.881 ± 0.006   0.907 ± 0.016
    infonce T=.2           3  random  0.800 ± 0.024   0.867 ± 0.026
    infonce T=.2           3  CCA     0.863 ± 0.004   0.903 ± 0.019
    infonce T=.2           8  random  0.862 ± 0.008   0.889 ± 0.017
    infonce T=.2           8  CCA     0.873 ± 0.006   0.899 ± 0.009
    infonce T=.05          3  random  0.808 ± 0.031   0.865 ± 0.012
    infonce T=.05          3  CCA     0.856 ± 0.020   0.901 ± 0.011
    infonce T=1            3  random  0.798 ± 0.020   0.837 ± 0.032
    infonce T=1            3  CCA     0.857 ± 0.016   0.900 ± 0.009
    siglip T=.2            3  random  0.795 ± 0.036   0.859 ± 0.031
    siglip T=.2            3  CCA     0.859 ± 0.014   0.899 ± 0.007
    siglip T=.2            8  random  0.865 ± 0.011   0.892 ± 0.010
    siglip T=.2            8  CCA     0.874 ± 0.004   0.893 ± 0.019
    unialign 1:1           3  random  0.751 ± 0.037   0.850 ± 0.032
    unialign 1:1           3  CCA     0.858 ± 0.011   0.900 ± 0.009
    unialign 1:1           8  random  0.848 ± 0.010   0.882 ± 0.021
    unialign 1:1           8  CCA     0.861 ± 0.015   0.896 ± 0.015
    unialign 1:8           3  random  0.796 ± 0.023   0.843 ± 0.041
    unialign 1:8           3  CCA     0.860 ± 0.011   0.899 ± 0.008
    unialign 1:8           8  random  0.867 ± 0.013   0.889 ± 0.013
    unialign 1:8           8  CCA     0.877 ± 0.006   0.896 ± 0.013
    prediction x→y         3  random  0.133 ± 0.011   —
    prediction x→y         3  CCA     0.136 ± 0.010   —

Started from the sample's CCA solution, every alignment objective keeps the signal up to ν ≈ .86 to .89: all sit on the CA
side. From a random start VICReg crosses where CCA does. The others cross earlier, by optimisation and not by objective,
which is also what their wide intervals say. At width 8 InfoNCE, SigLIP and UniAlign (λ_uni : λ_align as named, τ = .5) come
closer to CCA than at 3. Prediction crosses at .13 from either start; its decoder is solved for, so there is no y encoder.
SigLIP has a bias of −10: at −5 the 255 negatives outweigh the positive, the encoders repel each other, and nothing is
recovered even at ν = 0.
"""

import sys
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from phasejax import SpikedModel, solvers
from phasejax.recovery import crossing
from phasejax.sampling import covariance_of
from phasejax.training import Linear, SpikedPairs, from_matrices, signal_overlap, train
from phasejax.training.loop import LaneKeys

K, ROWS, SEEDS, STEPS, BATCH, RATE = 3, 5000, 5, 1000, 256, 0.02
HIGH = (0.5, 0.6, 0.66, 0.72, 0.76, 0.8, 0.83, 0.86, 0.88, 0.9, 0.93, 0.96)
LOW = (0.0, 0.03, 0.06, 0.09, 0.12, 0.15, 0.18, 0.22, 0.26, 0.3)
CASES = (
    ("CCA closed form", None, {}, (3,), HIGH),
    ("vicreg", "vicreg", {}, (3,), HIGH),
    ("deep_cca", "deep_cca", {}, (3,), HIGH),
    ("cross_correlation", "cross_correlation", {}, (3,), HIGH),
    ("infonce T=.2", "infonce", {"temperature": 0.2}, (3, 8), HIGH),
    ("infonce T=.05", "infonce", {"temperature": 0.05}, (3,), HIGH),
    ("infonce T=1", "infonce", {"temperature": 1.0}, (3,), HIGH),
    ("siglip T=.2", "siglip", {"temperature": 0.2, "bias": -10.0}, (3, 8), HIGH),
    ("unialign 1:1", "unialign", {"lam_align": 1.0}, (3, 8), HIGH),
    ("unialign 1:8", "unialign", {"lam_align": 8.0}, (3, 8), HIGH),
    ("prediction x→y", "prediction", {}, (3,), LOW),
)


def model(nu):
    return SpikedModel.homogeneous(
        d=20, k=K, kappa=jnp.array([3, 2, 1.5]), gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=1.0, gamma_tilde_y=50.0, nu=nu
    )


@jax.jit
def distances(pairs, encoders):
    """‖P_Û − P_U‖_F/√(2k) of both encoders, (2, lanes)."""
    covariance = jax.vmap(lambda p: p.model.covariance())(pairs)
    overlap = [
        jax.vmap(lambda w, s: signal_overlap(w, s, K))(encoder.weight, sigma)
        for encoder, sigma in zip(encoders, (covariance.xx, covariance.yy), strict=True)
    ]
    return jnp.sqrt(1 - jnp.mean(jnp.stack(overlap), axis=-1))


@partial(jax.jit, static_argnums=2)
def cca(pairs, keys, width):
    """The CCA solution of the very rows that a training with this key draws."""

    def one(pairs, key):
        rows = pairs.sample(ROWS, key=LaneKeys.split(key).rows)
        solution = solvers.align(covariance_of(*rows), width)
        return from_matrices(solution.encoder_x, solution.encoder_y)

    return jax.vmap(one)(pairs, keys)


def interval(nus, distances):
    """Mean crossing over seeds (SEEDS, ν) ± half of its 95 % interval (Student's t with 4 degrees of freedom)."""
    each = np.array([min(nus[-1], crossing(nus, row)) for row in distances])
    return f"{each.mean():.3f} ± {2.776 * each.std(ddof=1) / np.sqrt(SEEDS):.3f}"


def crossing_table():
    print(f"{'objective':18} width  start   x encoder       y encoder", flush=True)
    for label, objective, hyperparameters, widths, nus in CASES:
        for width in widths:
            for name in ("random", "CCA") if objective else ("—",):
                found = np.stack([one_seed(objective, hyperparameters, width, name, nus, seed) for seed in range(SEEDS)])
                x, y = found.transpose(1, 0, 2)
                print(f"{label:18} {width:5}  {name:6}  {interval(nus, x)}   {interval(nus, y)}", flush=True)


def one_seed(objective, hyperparameters, width, start, nus, seed):
    """Distances of both encoders at every ν, (2, ν), one seed at a time: so many lanes stay in a core's cache."""
    pairs = SpikedPairs(jax.vmap(model)(jnp.asarray(nus)))
    keys = jnp.broadcast_to(jax.random.split(jax.random.key(1), SEEDS)[seed], len(nus))
    solution = cca(pairs, keys, width)
    if objective is None:
        return np.asarray(distances(pairs, solution))
    trained = train(
        objective, pairs, key=keys, encoder=Linear(width), rows=ROWS, steps=STEPS, batch=BATCH, learning_rate=RATE,
        hyperparameters=hyperparameters, start=None if start == "random" else solution,
    )  # fmt: skip
    assert not trained.diverged.any()
    return np.asarray(distances(pairs, trained.encoders))


def ratio():
    """64 seeds × 16 cells at once against single trainings; in CPU seconds, which a busy machine bends less."""
    seeds, cells, steps, rows = 64, 16, 200, 1000
    nu = jnp.repeat(jnp.linspace(0, 0.9, cells), seeds)
    pairs, keys = SpikedPairs(jax.vmap(model)(nu)), jax.random.split(jax.random.key(0), nu.size)

    def seconds(objective, source, key):
        began = time.process_time()
        trained = train(objective, source, key=key, encoder=Linear(K), rows=rows, steps=steps, batch=BATCH)
        jax.block_until_ready(trained.loss)
        return time.process_time() - began

    for objective in ("vicreg", "infonce"):
        alone = [seconds(objective, jax.tree.map(lambda leaf, i=i: leaf[i], pairs), keys[i]) for i in range(9)]
        first, single = alone[0], float(np.median(alone[1:]))
        with_compilation, together = (seconds(objective, pairs, keys) for _ in range(2))
        print(
            f"{objective}: {nu.size} at once {together:.1f} s, {with_compilation:.1f} s with compilation; "
            f"one alone {single:.3f} s, {first:.1f} s with compilation; ratio {nu.size * single / together:.1f} compiled, "
            f"{nu.size * first / with_compilation:.0f} if every single training compiles",
            flush=True,
        )


if __name__ == "__main__":
    if "table" not in sys.argv:
        ratio()
    if "ratio" not in sys.argv:
        crossing_table()

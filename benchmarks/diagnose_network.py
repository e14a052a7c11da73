"""Train the network of the diagnostic on development problems, and write `phasejax/diagnosis/model/network.npz`.

    python benchmarks/diagnose_network.py [--problems 10000] [--epochs 12] [--out phasejax/diagnosis/model/network.npz]

A quarter of the problems are of the benchmark's shape, with more unequal variances, a quarter of the broad family, and half
are corners (`FAMILIES`). Their seeds are none of the benchmark's. The stored weights went on from those of 10000 problems of
the first two kinds, with 14 epochs over 5500 of this mixture. Of one in eight that was left out (and sets the width of the
intervals) the 90 % intervals hold .91 of the truths of CA and of CP, .80 and .69 before; the regime is right in .89, .85
before, where Δ is not within a tenth of 1. Every problem is seen from both sides. The loss is that of the normal law of log
Δ, of the four regimes, of the fits on these pairs, and of which components are signal.
"""

import argparse
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from diagnose_problems import FAMILIES, LABELS, NUISANCE, Problem, broad_problem, family_problem, fit_distances, random_problem
from jax.scipy.special import ndtr, ndtri

from phasejax.diagnosis.labels import Labels, read_labels
from phasejax.diagnosis.model.components import Evidence, both_directions, moments
from phasejax.diagnosis.model.network import Weights, believe, initial_weights
from phasejax.diagnosis.sample import Sample, reduce_sample
from phasejax.diagnosis.views import block_sums, padded_variances
from phasejax.theory import Regime

BATCH = 64
FAMILY_SHARES = (0.25, 0.25, 0.35, 0.15)  # wide embeddings are slow to make
MOST = 128  # components, to which all are padded
_FACTOR = ndtri((jnp.arange(32) + 0.5) / 32)
_observe = jax.jit(lambda blocks, x, y, ridge, sizes: both_directions(moments(blocks, jnp.ones(1), x, y, ridge), sizes))


def development_problem(rng: np.random.Generator) -> Problem:
    """A random problem to learn from."""
    kind = rng.random()
    if kind < 0.25:
        n, d, k = (int(rng.choice(values)) for values in ([200, 500, 1000, 5000], [20, 50, 128], [2, 3, 5]))
        labels, nuisance = str(rng.choice(LABELS)), str(rng.choice(NUISANCE))
        regime = Regime(int(rng.integers(4)))
        return random_problem(rng, n=n, d=d, k=k, labels=labels, nuisance=nuisance, regime=regime, most_spread=0.8)
    return broad_problem(rng) if kind < 0.5 else family_problem(rng, str(rng.choice(FAMILIES, p=FAMILY_SHARES)))


def examples(problem: Problem, rng: np.random.Generator) -> list[dict]:
    """What is seen of a problem and what is true of it, with x as the source and with y as the source."""
    n = len(problem.x)
    labelled = None
    if rng.random() < 0.4:
        labelled = np.zeros(n, bool)
        labelled[rng.permutation(n)[: int(np.exp(rng.uniform(np.log(40), np.log(n))))]] = True
    sample = reduce_sample(problem.x, problem.y, read_labels(problem.labels, n, labelled), np.arange(n))
    # How much of each component's score the signal coordinates explain is its share of signal.
    of_x, of_y = (_evidence(sample, read_labels(view[:, : problem.k], n)) for view in (problem.x, problem.y))
    ca = (of_x[0].ca.loading_x + of_y[0].ca.loading_y) / 2
    fits = fit_distances(problem)
    return [
        dict(
            evidence=_padded(evidence),
            log_delta=np.clip(np.log([problem.delta[0], problem.delta[1 + side]]), -2, 2),
            distance=np.nan_to_num(np.clip([fits[0], fits[1 + side]], 0, 1), nan=1.0),
            share=np.clip(_pad(np.stack([ca, (of_x, of_y)[side][side].cp.loading_x])), 0, 1),
        )
        for side, evidence in enumerate(_evidence(sample, sample.labels))
    ]


def _evidence(sample: Sample, labels: Labels) -> tuple[Evidence, Evidence]:
    n = len(sample.groups)
    blocks = block_sums(sample.x, sample.y, labels.rows, labels.columns, np.zeros(n, int))
    return _observe(blocks, *padded_variances(sample.x, sample.y), sample.ridge, sample.sizes)


def _padded(evidence: Evidence) -> Evidence:
    ca, cp = (jax.tree.map(_pad, part) for part in (evidence.ca, evidence.cp))
    return Evidence(ca, cp, evidence.sizes)


def _pad(values) -> np.ndarray:
    values = np.asarray(values)
    return np.pad(values, ((0, 0),) * (values.ndim - 1) + ((0, MOST - values.shape[-1]),))


def loss_of(weights: Weights, example: dict):
    """The loss of one example, and its belief."""
    belief = believe(weights, example["evidence"])
    target, r = example["log_delta"], belief.correlation
    z = (target - belief.mean) / belief.scale
    law = jnp.sum(jnp.log(belief.scale)) + (jnp.log(1 - r**2) + (z[0] ** 2 - 2 * r * z[0] * z[1] + z[1] ** 2) / (1 - r**2)) / 2
    margin, loading = belief.mean / belief.scale, jnp.sqrt(jnp.abs(r) + 1e-6)
    above = ndtr((margin[:, None] + jnp.stack([loading, jnp.sign(r) * loading])[:, None] * _FACTOR) / jnp.sqrt(1 - loading**2))
    probability = jnp.mean(jnp.prod(jnp.where(target[:, None] > 0, above, 1 - above), axis=0))
    cross_entropy = optax.sigmoid_binary_cross_entropy
    success = jnp.sum(cross_entropy(belief.success, (example["distance"] < 0.5).astype(float)))
    distance = jnp.sum(cross_entropy(belief.distance, example["distance"]))
    sizes = example["evidence"].sizes
    real = jnp.arange(belief.signal_ca.size) < jnp.minimum(sizes.r_x, sizes.r_y)
    signal = jnp.sum(real * cross_entropy(jnp.stack([belief.signal_ca, belief.signal_cp]), example["share"]))
    return 0.5 * law - jnp.log(probability + 1e-4) + 0.5 * success + 0.3 * distance + 0.1 * signal, belief


def mean_loss(weights: Weights, batch: dict):
    losses, beliefs = jax.vmap(partial(loss_of, weights))(batch)
    return jnp.mean(losses), beliefs


def train(data: dict, epochs: int, rng: np.random.Generator) -> Weights:
    """Weights after `epochs` over the examples, in batches of like size."""
    components = np.minimum(data["evidence"].sizes.r_x, data["evidence"].sizes.r_y)
    bounds = ((0, 32), (32, 64), (64, MOST))
    pools = [(high, np.flatnonzero((components > low) & (components <= high))) for low, high in bounds]
    steps = epochs * sum(len(pool) // BATCH for _, pool in pools)
    schedule = optax.cosine_onecycle_schedule(steps, 4e-3, pct_start=0.1)
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=1e-3))
    weights = initial_weights(jax.random.key(0))
    state = optimiser.init(weights)

    @jax.jit
    def step(weights, state, batch):
        (value, _), gradient = jax.value_and_grad(mean_loss, has_aux=True)(weights, batch)
        updates, state = optimiser.update(gradient, state, weights)
        return optax.apply_updates(weights, updates), state, value

    for epoch in range(epochs):
        batches = []
        for size, pool in pools:
            pool = rng.permutation(pool)
            batches += [(size, pool[i : i + BATCH]) for i in range(0, len(pool) - BATCH + 1, BATCH)]
        rng.shuffle(batches)
        total = 0.0
        for size, index in batches:
            weights, state, value = step(weights, state, take(data, index, size))
            total += float(value)
        print(f"epoch {epoch + 1}: loss {total / len(batches):.3f}", flush=True)
    return weights


def take(data: dict, index: np.ndarray, size: int = MOST) -> dict:
    """The examples at `index`, on `size` components."""
    cut = jax.tree.map(lambda leaf: leaf[index], data)
    return jax.tree.map(lambda leaf: leaf[..., :size] if leaf.ndim > 1 and leaf.shape[-1] == MOST else leaf, cut)


def calibrate(weights: Weights, data: dict) -> dict:
    """Set the factors by which log Δ's scales are widened and the logits of success divided, from examples not trained on."""
    beliefs = beliefs_of(weights, data)
    scale = np.sqrt(np.mean(((data["log_delta"] - beliefs.mean) / beliefs.scale) ** 2, axis=0))
    success = data["distance"] < 0.5
    factors = np.geomspace(0.5, 3, 100)
    losses = [np.mean(np.logaddexp(0, -np.where(success, 1, -1) * beliefs.success / factor)) for factor in factors]
    return {**weights, "temperature": np.array([*scale, factors[int(np.argmin(losses))]])}


def beliefs_of(weights: Weights, data: dict):
    run = jax.jit(lambda batch: mean_loss(weights, batch)[1])
    parts = [run(take(data, np.arange(i, min(i + 500, len(data["distance"]))))) for i in range(0, len(data["distance"]), 500)]
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=10000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--out", type=Path, default=Path("phasejax/diagnosis/model/network.npz"))
    arguments = parser.parse_args()
    began, rows = time.perf_counter(), []
    for index in range(arguments.problems):
        rng = np.random.default_rng([100, index])
        rows += examples(development_problem(rng), rng)
        if index % 500 == 499:
            print(f"{index + 1} problems, {time.perf_counter() - began:.0f} s", flush=True)
    data = jax.tree.map(lambda *leaves: np.stack(leaves).astype(np.float32), *rows)
    held_out = np.arange(len(rows)) < len(rows) // 8
    rest = take(data, np.flatnonzero(held_out))
    weights = calibrate(train(take(data, np.flatnonzero(~held_out)), arguments.epochs, np.random.default_rng(0)), rest)
    beliefs = beliefs_of(weights, rest)
    right = (beliefs.mean > 0) == (rest["log_delta"] > 0)
    fits = (beliefs.success > 0) == (rest["distance"] < 0.5)
    print(f"held out: regime {right.all(axis=1).mean():.3f}, {right.mean(axis=0).round(3)}; fits {fits.mean(axis=0).round(3)}")
    print(f"temperature {weights['temperature'].round(3)}, {time.perf_counter() - began:.0f} s")
    np.savez(arguments.out, allow_pickle=False, **{name: np.asarray(value) for name, value in weights.items()})


if __name__ == "__main__":
    main()

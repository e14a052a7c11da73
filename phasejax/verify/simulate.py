"""Measured distances for the checks: exact Wishart draws of a batch of models through the compiled trial kernel."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from phasejax.simulation.draws import lane_keys
from phasejax.simulation.trial import Formulation, batch_first, reference
from phasejax.simulation.wishart import bartlett
from phasejax.spiked import SpikedModel


class Measured(NamedTuple):
    """Mean distance and its standard error, (B, 2) for CA and CP, over the trials of each model."""

    mean: np.ndarray
    error: np.ndarray


def simulate(models: SpikedModel, n: np.ndarray | float, trials: int, seed: int) -> Measured:
    """`trials` samples of n ≥ 1 zero-mean Gaussian pairs for each model of a batch; n is a number or (B,)."""
    count, k = models.kappa.shape
    sizes = k + models.gamma_tilde_x.shape[1], k + models.gamma_tilde_y.shape[1]
    pairs = jnp.broadcast_to(jnp.asarray(n, float), (count,))
    # For a few thousand trials of each shape: compiling is the most of it, and this compiles fastest.
    formulation = batch_first if np.min(n) >= sum(sizes) else reference
    distance = np.asarray(_distances(models, pairs, jax.random.key(seed), trials, sizes, formulation))  # (2, count, trials)
    return Measured(distance.mean(-1).T, (distance.std(-1, ddof=1) / np.sqrt(trials)).T)


@partial(jax.jit, static_argnames=("trials", "sizes", "formulation"))
def _distances(
    models: SpikedModel, n: jax.Array, key: jax.Array, trials: int, sizes: tuple[int, int], formulation: Formulation
) -> jax.Array:
    cholesky = jax.vmap(lambda m: m.cholesky(), out_axes=-1)(models)

    def one_model(index):
        here = jax.tree.map(lambda leaf: jnp.repeat(leaf[..., index, None], trials, axis=-1), cholesky)
        pairs = jnp.repeat(n[index], trials)
        keys = lane_keys(key, jnp.repeat(index, trials), jnp.arange(trials, dtype=jnp.uint32))
        outcome = formulation(here, bartlett(keys, pairs, *sizes, dtype=pairs.dtype), pairs, models.kappa.shape[1], None)
        return jnp.stack([outcome.ca.distance, outcome.cp.distance])

    return jnp.moveaxis(jax.lax.map(one_model, jnp.arange(n.size, dtype=jnp.uint32)), 0, 1)

"""From evidence to belief: a small network trained on simulated problems, the same for every dataset.

Each component passes through one layer with the sizes as context, is compared with all others, and is called signal or
nuisance; pooled over components this gives log Δ with its uncertainty, and what a fit on these pairs recovers. It plays the
part of the published elbow, and of the correction for n: `benchmarks/diagnose_network.py` trains it.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import nn
from jaxtyping import Array, Float

from phasejax.diagnosis.model.components import Components, Evidence
from phasejax.diagnosis.sample import Sizes

WIDTH = 48
_TOKEN, _CONTEXT = 14, 14
OUTPUTS = 9
_MOST_PAIRS = 8000.0
_LEAST_SHARE_KEPT = 0.25
type Weights = Mapping[str, Array | np.ndarray]


class Belief(NamedTuple):
    """Normal law of (log Δ_CA, log Δ_CP), fits on these pairs, and P(signal) of each component.

    `mean`, `scale` (2,) and `correlation` describe the law; `success` (2,) is the logit of a fit's success (distance below ½),
    `distance` (2,) the logit of its expected distance; `signal_ca`, `signal_cp` (m,) are logits.
    """

    mean: Float[Array, "2"]
    scale: Float[Array, "2"]
    correlation: Float[Array, ""]
    success: Float[Array, "2"]
    distance: Float[Array, "2"]
    signal_ca: Float[Array, " m"]
    signal_cp: Float[Array, " m"]


def believe(weights: Weights, evidence: Evidence) -> Belief:
    """The belief about CA and about CP from x to y.

    "temperature" (3,) among the weights widens both scales and flattens success, as problems not trained on demand.
    """
    weights = {name: jnp.asarray(weight, evidence.ca.value.dtype) for name, weight in weights.items()}
    evidence = evidence._replace(sizes=_within_training(evidence.sizes))
    context = _context(evidence)
    pooled, signal = [], []
    for name, parts in (("ca", evidence.ca), ("cp", evidence.cp)):
        tokens, real = _tokens(parts, evidence.sizes)
        wide = jnp.broadcast_to(context, (tokens.shape[0], context.size))
        h = _dense(weights, f"{name}1", jnp.concatenate([tokens, wide], axis=1))
        h = nn.gelu(_dense(weights, f"{name}2", nn.gelu(h)))
        around = nn.gelu(_dense(weights, f"{name}3", jnp.concatenate([_pool(h, real), context])))
        h = nn.gelu(_dense(weights, f"{name}4", h) + around[None])
        logit = _dense(weights, f"{name}5", h)[:, 0]
        pooled += [_pool(nn.gelu(_dense(weights, f"{name}6", h)), real), _summary(parts, logit, real)]
        signal.append(logit)
    h = nn.gelu(_dense(weights, "out1", jnp.concatenate([*pooled, context])))
    out = _dense(weights, "out2", nn.gelu(_dense(weights, "out3", h)))
    wider = weights.get("temperature", jnp.ones(3, out.dtype))
    scale = wider[:2] * (nn.softplus(out[2:4]) + 0.02)
    return Belief(out[:2], scale, 0.98 * jnp.tanh(out[4]), out[5:7] / wider[2], out[7:9], *signal)


def initial_weights(key: Array) -> Weights:
    """Random weights to start training from."""
    sizes = {"out1": (2 * (2 * WIDTH + 3) + _CONTEXT, WIDTH), "out2": (WIDTH, OUTPUTS), "out3": (WIDTH, WIDTH)}
    for name in ("ca", "cp"):
        sizes[f"{name}1"] = (_TOKEN + _CONTEXT, WIDTH)
        sizes[f"{name}2"] = sizes[f"{name}4"] = sizes[f"{name}6"] = (WIDTH, WIDTH)
        sizes[f"{name}3"] = (2 * WIDTH + _CONTEXT, WIDTH)
        sizes[f"{name}5"] = (WIDTH, 1)
    keys = jax.random.split(key, len(sizes))
    weights: dict[str, Array] = {}
    for k, (name, (fan_in, fan_out)) in zip(keys, sorted(sizes.items()), strict=True):
        weights[f"{name}/w"] = jax.random.normal(k, (fan_in, fan_out)) / jnp.sqrt(fan_in)
        weights[f"{name}/b"] = jnp.zeros(fan_out)
    return weights


@lru_cache
def trained_weights() -> dict[str, np.ndarray]:
    """The weights that come with the library."""
    with np.load(Path(__file__).with_name("network.npz")) as stored:
        return {name: stored[name].astype(np.float32) for name in stored.files}


def _dense(weights: Weights, name: str, h: Array) -> Array:
    """A layer, of one vector (size,) or of all components (m, size)."""
    with jax.numpy_rank_promotion("allow"):
        return h @ weights[f"{name}/w"] + weights[f"{name}/b"]


def _pool(h: Array, real: Array) -> Array:
    """Mean and maximum over the real components."""
    mask = real[:, None]
    return jnp.concatenate([jnp.sum(h * mask, axis=0) / jnp.sum(mask), jnp.max(jnp.where(mask, h, -10), axis=0)])


def _summary(c: Components, logit: Array, real: Array) -> Array:
    """Soft smallest signal value, soft largest nuisance value (both logs), and how many components are signal."""
    log_value = jnp.log(c.value + 1e-2)
    signal = nn.log_sigmoid(logit)
    nuisance = nn.log_sigmoid(-logit)
    hidden = jnp.where(real, 0.0, -30.0)
    smallest = -_soft_maximum(-log_value, signal + hidden)
    largest = _soft_maximum(log_value, nuisance + hidden)
    return jnp.stack([smallest, largest, jnp.log1p(jnp.sum(nn.sigmoid(logit) * real))])


def _soft_maximum(value: Array, log_weight: Array) -> Array:
    """Weighted mean that leans to the largest value."""
    share = nn.softmax(8 * value + 2 * log_weight)
    return jnp.sum(share * value)


def _tokens(c: Components, sizes: Sizes) -> tuple[Array, Array]:
    """Features (m, 14) of each component, and which are real rather than padding."""
    m = c.value.size
    index = jnp.arange(m, dtype=c.value.dtype)
    count = jnp.minimum(sizes.r_x, sizes.r_y)
    real = (index < count).astype(c.value.dtype)
    noise = sizes.columns / sizes.n_labelled
    agreement = c.agreement / noise
    value = jnp.minimum(c.value, 1)
    features = [
        c.value,
        jnp.log(c.value + 1e-2),
        jnp.log(c.value[0] / (c.value + 1e-2)),
        jnp.log(1.003 - value**2),
        jnp.log1p(c.loading_x / noise),
        jnp.log1p(c.loading_y / noise),
        jnp.sign(agreement) * jnp.log1p(jnp.abs(agreement)),
        c.loading_x / sizes.columns,
        c.loading_y / sizes.columns,
        c.agreement / jnp.max(jnp.abs(c.agreement) + 1e-6),
        jnp.log(c.variance_x + 1e-2),
        jnp.log(c.variance_y + 1e-2),
        index / count,
        index / 10.0,
    ]
    return jnp.stack(features, axis=1) * real[:, None], real


def _within_training(s: Sizes) -> Sizes:
    """Sizes beyond those trained on read as the nearest ones, which is cautious: the noise they stand for is larger."""
    most, least = _MOST_PAIRS, _LEAST_SHARE_KEPT
    return s._replace(
        n=jnp.minimum(s.n, most),
        n_labelled=jnp.minimum(s.n_labelled, most),
        d_x=jnp.minimum(s.d_x, s.r_x / least),
        d_y=jnp.minimum(s.d_y, s.r_y / least),
    )


def _context(evidence: Evidence) -> Array:
    """Sizes and totals (14,)."""
    s, ca = evidence.sizes, evidence.ca
    noise = s.columns / s.n_labelled
    return jnp.stack(
        [
            jnp.log(s.n) - 7,
            jnp.log(s.n_labelled) - 6,
            s.r_x / s.n,
            s.r_y / s.n,
            jnp.log(s.r_x) - 3.5,
            jnp.log(s.r_y) - 3.5,
            s.r_x / s.d_x,
            s.r_y / s.d_y,
            jnp.log(s.columns),
            noise * s.r_x / s.columns,
            jnp.sum(ca.loading_x) / s.columns,
            jnp.sum(ca.loading_y) / s.columns,
            jnp.sum(ca.agreement) / s.columns,
            jnp.sum(ca.value**2) / jnp.minimum(s.r_x, s.r_y),
        ]
    )

"""What a representation holds, read in three ways: from its leading directions, by a probe that sees loud ones, and by all.

- **leading k**: a converged probe of the k leading principal components, which is what the linear theory speaks of;
- **published**: the probe of arXiv 2606.11190, a linear layer on raw features after 50 full-batch steps of Adam at 1e-3. Its
  weights have moved by at most .05, so that it sees what is loud;
- **converged**: logistic regression, or ridge regression, on all standardised features.

Everything is fitted on one set of rows and judged on another. All functions may be vmapped.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key

LEADING = (2, 3, 6)
READINGS = ("published", "converged", *(f"leading {k}" for k in LEADING))
RIDGE = 1e-3
"""Of both converged probes, in units of the standardised features' variance."""
STEPS, RATE = 50, 1e-3
SIZES = 10
_NEWTON_STEPS = 300


class Rows(NamedTuple):
    """Representations of some rows, (n, d), and what is true of them: classes (n,) and values (n, t)."""

    z: Float[Array, "n d"]
    classes: Int[Array, " n"]
    values: Float[Array, "n t"]


def readings(fit: Rows, judge: Rows, classes: int, *, key: Key[Array, ""]) -> tuple[Array, Array]:
    """Accuracy of the class and R² of the values under each of `READINGS`, (5,) and (5,), judged on rows apart.

    The published probe reads no values: its R² is NaN.
    """
    every, leading = standardized(fit.z, judge.z), standardized(*principal_scores(fit.z, judge.z))
    # Directions left out are zeros, which both probes leave alone: all are fitted as one.
    kept = [jnp.arange(fit.z.shape[1]) < k for k in LEADING]
    sets = [
        jnp.stack([whole, *(jnp.where(these, scores, 0) for these in kept)])
        for whole, scores in zip(every, leading, strict=True)
    ]

    def read(z_fit: Array, z_judge: Array) -> tuple[Array, Array]:
        both = fit._replace(z=z_fit), judge._replace(z=z_judge)
        return logistic_probe(*both, classes), ridge_r2(*both)

    accuracy, r2 = jax.vmap(read)(*sets)
    published = published_probe(fit, judge, classes, key=key)
    return jnp.append(published, accuracy), jnp.append(jnp.full_like(published, jnp.nan), r2)


def standardized(fit: Float[Array, "n d"], judge: Float[Array, "m d"]) -> tuple[Array, Array]:
    """Both less the mean and over the standard deviation of the first; a constant feature becomes 0."""
    mean, deviation = jnp.mean(fit, axis=0, keepdims=True), jnp.std(fit, axis=0, keepdims=True)
    scale = jnp.where(deviation > 1e-8, deviation, jnp.inf)
    return (fit - mean) / scale, (judge - mean) / scale


def principal_scores(fit: Float[Array, "n d"], judge: Float[Array, "m d"]) -> tuple[Array, Array]:
    """Of both the scores on the principal directions of the first, those of most variance leading."""
    mean = jnp.mean(fit, axis=0, keepdims=True)
    with jax.default_matmul_precision("highest"):
        _, vectors = jnp.linalg.eigh((fit - mean).T @ (fit - mean))
        return (fit - mean) @ vectors[:, ::-1], (judge - mean) @ vectors[:, ::-1]


def published_probe(fit: Rows, judge: Rows, classes: int, *, key: Key[Array, ""]) -> Float[Array, ""]:
    """Accuracy of the published probe: all features as they are, weights first uniform in ±1/√d.

    It is fitted on the first 100 rows, on all, and on eight numbers between; as published, the best of these is told.
    """
    n, d = fit.z.shape
    first = jax.random.uniform(key, (d + 1, classes), fit.z.dtype, -1, 1) / jnp.sqrt(d)
    adam = optax.adam(RATE)

    def on_first(size: Array) -> Array:
        share = jnp.where(jnp.arange(n) < size, 1 / size, 0)

        def step(carry, _):
            weights, state = carry
            gradient = jax.grad(lambda w: jnp.sum(share * _cross_entropy(w, fit)))(weights)
            with jax.numpy_dtype_promotion("standard"):  # Optax mixes floats with integer counts of steps
                update, state = adam.update(gradient, state)
            return (weights + update, state), None

        (weights, _), _ = jax.lax.scan(step, (first, adam.init(first)), length=STEPS)
        return _accuracy(weights, judge)

    return jnp.max(jax.vmap(on_first)(jnp.asarray(np.geomspace(min(100, n), n, SIZES).astype(int))))


def logistic_probe(fit: Rows, judge: Rows, classes: int) -> Float[Array, ""]:
    """Accuracy of multinomial logistic regression, ½ `RIDGE` ‖W‖² added to the mean cross-entropy, run to convergence.

    Newton's method with ½ zᵀz in the place of the curvature, which it never exceeds (Böhning 1992), so that one factor serves
    all steps and none needs a line search; accelerated, and restarted where it goes uphill.
    """
    n, d = fit.z.shape
    z = jnp.concatenate([fit.z, jnp.ones((n, 1), fit.z.dtype)], axis=1)
    ridge = RIDGE * (jnp.arange(d + 1) < d).astype(z.dtype)
    told = jax.nn.one_hot(fit.classes, classes, dtype=z.dtype)

    def gradient(weights: Array) -> Array:
        return z.T @ (jax.nn.softmax(z @ weights) - told) / n + ridge[:, None] * weights

    with jax.default_matmul_precision("highest"):
        bound = jax.scipy.linalg.cho_factor(z.T @ z / (2 * n) + jnp.diag(ridge))

        def step(carry, _):
            weights, before, pace = carry
            following = (1 + jnp.sqrt(1 + 4 * pace**2)) / 2
            ahead = weights + (pace - 1) / following * (weights - before)
            slope = gradient(ahead)
            after = ahead - jax.scipy.linalg.cho_solve(bound, slope)
            uphill = jnp.sum(slope * (after - weights)) > 0
            return (after, weights, jnp.where(uphill, 1.0, following)), None

        first = jnp.zeros((d + 1, classes), z.dtype)
        (weights, _, _), _ = jax.lax.scan(step, (first, first, jnp.ones((), z.dtype)), length=_NEWTON_STEPS)
    return _accuracy(weights, judge)


def ridge_r2(fit: Rows, judge: Rows) -> Float[Array, ""]:
    """R² of ridge regression, mean over values; 0 or less is no better than their mean."""
    n, d = fit.z.shape
    mean = jnp.mean(fit.values, axis=0, keepdims=True)
    with jax.default_matmul_precision("highest"):
        gram = fit.z.T @ fit.z + n * RIDGE * jnp.eye(d, dtype=fit.z.dtype)
        coefficients = jnp.linalg.solve(gram, fit.z.T @ (fit.values - mean))
        error = jnp.sum((judge.values - mean - judge.z @ coefficients) ** 2, axis=0)
    return jnp.mean(1 - error / jnp.sum((judge.values - jnp.mean(judge.values, axis=0, keepdims=True)) ** 2, axis=0))


def _logits(weights: Array, z: Array) -> Array:
    return z @ weights[:-1] + weights[-1:]


def _cross_entropy(weights: Array, rows: Rows) -> Array:
    """(n,)"""
    return optax.softmax_cross_entropy_with_integer_labels(_logits(weights, rows.z), rows.classes)


def _accuracy(weights: Array, rows: Rows) -> Array:
    said = jnp.argmax(_logits(weights, rows.z), axis=1).astype(rows.classes.dtype)
    return jnp.mean(said == rows.classes, dtype=weights.dtype)

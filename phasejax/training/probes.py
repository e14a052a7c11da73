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
import optax
from jaxtyping import Array, Float, Int, Key

LEADING = (2, 3, 6)
READINGS = ("published", "converged", *(f"leading {k}" for k in LEADING))
RIDGE = 1e-3
"""Of both converged probes, in units of the standardised features' variance."""
STEPS, RATE = 50, 1e-3
_LBFGS_STEPS = 100


class Rows(NamedTuple):
    """Representations of some rows, (n, d), and what is true of them: classes (n,) and values (n, t)."""

    z: Float[Array, "n d"]
    classes: Int[Array, " n"]
    values: Float[Array, "n t"]


def readings(fit: Rows, judge: Rows, classes: int, *, key: Key[Array, ""]) -> tuple[Array, Array]:
    """Accuracy of the class and R² of the values under each of `READINGS`, (5,) and (5,), judged on rows apart.

    The published probe reads no values: its R² is NaN.
    """
    standard_fit, standard_judge = standardized(fit.z, judge.z)
    pairs = [(standard_fit, standard_judge), *(standardized(*leading(fit.z, judge.z, k)) for k in LEADING)]
    accuracy = [published_probe(fit, judge, classes, key=key)]
    accuracy += [logistic_probe(Rows(a, *fit[1:]), Rows(b, *judge[1:]), classes) for a, b in pairs]
    r2 = [jnp.nan, *(ridge_r2(Rows(a, *fit[1:]), Rows(b, *judge[1:])) for a, b in pairs)]
    return jnp.stack(accuracy), jnp.stack([jnp.asarray(value, accuracy[0].dtype) for value in r2])


def standardized(fit: Float[Array, "n d"], judge: Float[Array, "m d"]) -> tuple[Array, Array]:
    """Both less the mean and over the standard deviation of the first; a constant feature becomes 0."""
    mean, deviation = jnp.mean(fit, axis=0), jnp.std(fit, axis=0)
    scale = jnp.where(deviation > 1e-8, deviation, jnp.inf)
    return (fit - mean) / scale, (judge - mean) / scale


def leading(fit: Float[Array, "n d"], judge: Float[Array, "m d"], k: int) -> tuple[Array, Array]:
    """The scores on the k leading principal directions of the first, or on all where there are fewer than k."""
    mean = jnp.mean(fit, axis=0)
    with jax.default_matmul_precision("highest"):
        _, vectors = jnp.linalg.eigh((fit - mean).T @ (fit - mean))
        directions = vectors[:, ::-1][:, :k]
        return (fit - mean) @ directions, (judge - mean) @ directions


def published_probe(fit: Rows, judge: Rows, classes: int, *, key: Key[Array, ""]) -> Float[Array, ""]:
    """Accuracy of the published probe: all features as they are, weights first uniform in ±1/√d."""
    d = fit.z.shape[1]
    first = jax.random.uniform(key, (d + 1, classes), fit.z.dtype, -1, 1) / jnp.sqrt(d)
    adam = optax.adam(RATE)

    def step(carry, _):
        weights, state = carry
        update, state = adam.update(jax.grad(_cross_entropy)(weights, fit), state)
        return (weights + update, state), None

    (weights, _), _ = jax.lax.scan(step, (first, adam.init(first)), length=STEPS)
    return _accuracy(weights, judge)


def logistic_probe(fit: Rows, judge: Rows, classes: int) -> Float[Array, ""]:
    """Accuracy of multinomial logistic regression, ½ `RIDGE` ‖W‖² added to the mean cross-entropy, run to convergence."""

    def loss(weights: Array) -> Array:
        return _cross_entropy(weights, fit) + RIDGE / 2 * jnp.sum(weights[:-1] ** 2)

    solver = optax.lbfgs()
    value_and_grad = optax.value_and_grad_from_state(loss)

    def step(carry, _):
        weights, state = carry
        value, gradient = value_and_grad(weights, state=state)
        update, state = solver.update(gradient, state, weights, value=value, grad=gradient, value_fn=loss)
        return (weights + update, state), None

    first = jnp.zeros((fit.z.shape[1] + 1, classes), fit.z.dtype)
    (weights, _), _ = jax.lax.scan(step, (first, solver.init(first)), length=_LBFGS_STEPS)
    return _accuracy(weights, judge)


def ridge_r2(fit: Rows, judge: Rows) -> Float[Array, ""]:
    """R² of ridge regression, mean over values; 0 or less is no better than their mean."""
    n, d = fit.z.shape
    mean = jnp.mean(fit.values, axis=0)
    with jax.default_matmul_precision("highest"):
        gram = fit.z.T @ fit.z + n * RIDGE * jnp.eye(d, dtype=fit.z.dtype)
        coefficients = jnp.linalg.solve(gram, fit.z.T @ (fit.values - mean))
        error = jnp.sum((judge.values - mean - judge.z @ coefficients) ** 2, axis=0)
    return jnp.mean(1 - error / jnp.sum((judge.values - jnp.mean(judge.values, axis=0)) ** 2, axis=0))


def _logits(weights: Array, z: Array) -> Array:
    return z @ weights[:-1] + weights[-1]


def _cross_entropy(weights: Array, rows: Rows) -> Array:
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(_logits(weights, rows.z), rows.classes))


def _accuracy(weights: Array, rows: Rows) -> Array:
    return jnp.mean(jnp.argmax(_logits(weights, rows.z), axis=1) == rows.classes)

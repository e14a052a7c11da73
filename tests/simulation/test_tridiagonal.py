"""Leading eigenvectors of symmetric matrices by way of tridiagonal ones, against LAPACK in float64, matrix by matrix."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from phasejax.simulation.tridiagonal import top_eigenvectors

K = 4
SIZES = [1, 2, 33, 70]
top = jax.jit(top_eigenvectors, static_argnums=1)


@cache
def matrices(d):
    """Name → positive semidefinite matrix."""
    rng = np.random.default_rng(d)
    index = np.arange(d)
    q = np.linalg.qr(rng.normal(size=(d, d)))[0]
    of_spectrum = lambda values: (q * values) @ q.T  # noqa: E731
    chain = np.eye(d) + np.diag(np.where(np.arange(d - 1) % 5, 0.5, 0), 1)
    return {
        "zero": np.zeros((d, d)),
        "identity": np.eye(d),
        "diagonal": np.diag(rng.permutation(1.0 + index)),
        "tridiagonal": chain.T @ chain,
        "rank one": of_spectrum(np.where(index < 1, 1.0, 0)),
        "rank below k": of_spectrum(np.where(index < K - 1, 2.0**-index, 0)),
        "graded": of_spectrum(10.0**-index),
        "spikes": of_spectrum(np.where(index < K, 9.0 - index, 1 / (1 + index))),
        "tie at the k-th place": of_spectrum(np.where(index < K + 1, 1, 0.5)),
        "near tie at the k-th place": of_spectrum(
            np.where(index < K - 1, 1 + index, np.where(index == K, 1 - 1e-5, 1) * (index <= K))
        ),
        "cluster": of_spectrum(np.where(index < K, 1 - 1e-6 * index, 0.5)),
        "tight cluster": of_spectrum(np.where(index < K, 1 - 1e-9 * index, 0.5)),
        "tiny": of_spectrum(1e-20 / (1 + index)),
        "huge": of_spectrum(1e20 / (1 + index)),
    } | {f"bulk {i}": (f := rng.normal(size=(d, d))).T @ f for i in range(6)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("d", SIZES)
def test_the_leading_eigenvectors_are_those_of_lapack(d, dtype):
    """Orthonormal, each in the space of its own value, and together the leading space where a gap sets it apart."""
    k, eps = min(K, d), float(np.finfo(dtype).eps)
    a = np.stack(list(matrices(d).values())).astype(dtype)
    v = top(jnp.asarray(a), k)
    assert v.dtype == dtype and v.shape == (len(a), d, k)
    a, v = a.astype(np.float64), np.asarray(v, np.float64)
    values, vectors = (x[..., ::-1] for x in np.linalg.eigh(a))
    largest = np.where(values[:, :1] > 0, values[:, :1], 1)
    figures = {
        "not orthonormal": (np.abs(v.swapaxes(1, 2) @ v - np.eye(k)).max(axis=(1, 2)), 16),
        "residual": (np.linalg.norm((a @ v - v * values[:, None, :k]) / largest[..., None], axis=1).max(axis=1), 64),
    }
    if d > k:
        theirs = vectors[..., :k]
        apart = np.linalg.norm(v @ v.swapaxes(1, 2) - theirs @ theirs.swapaxes(1, 2), ord=2, axis=(1, 2))
        gap = (values[:, k - 1] - values[:, k]) / largest[:, 0]
        assert np.sum(gap > 1e-4) > 8
        figures["space"] = np.where(gap > 100 * eps, apart * gap, 0), 32
    for what, (found, bound) in figures.items():
        bad = ~(found <= bound * eps)
        assert not bad.any(), {what: {name: found[i] / eps for i, name in enumerate(matrices(d)) if bad[i]}}

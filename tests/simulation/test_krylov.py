"""Leading right singular vectors from a Krylov space against LAPACK in float64, matrix by matrix."""

import jax
import jax.numpy as jnp
import numpy as np

from phasejax.simulation.krylov import from_krylov_space, top_right_vectors

D, K = 72, 3
EPS = float(np.finfo(np.float32).eps)


def matrices():
    """Name → matrix; the last two have no Krylov space of the length that is built."""
    rng = np.random.default_rng(0)
    index = np.arange(D)
    u, v = (np.linalg.qr(rng.normal(size=(D, D)))[0] for _ in range(2))
    bulk = {f"bulk {i}": rng.normal(size=(D, D)) for i in range(8)}
    return bulk | {
        "outliers": rng.normal(size=(D, D)) * np.where(index < K, 4, 1),
        "tie at the k-th place": u * np.where(index < K + 1, 3, np.linspace(2, 0, D)) @ v,
        "near tie at the k-th place": u * np.where(index < K + 1, 3 - 1e-5 * index, np.linspace(2, 0, D)) @ v,
        "small": 1e-9 * rng.normal(size=(D, D)),
        "rank one": np.outer(u[0], v[0]),
        "zero": np.zeros((D, D)),
    }


def test_vectors_are_those_of_lapack_and_where_they_are_not_it_is_known():
    named = matrices()
    f = np.stack(list(named.values())).astype(np.float32)
    found, converged = jax.jit(from_krylov_space, static_argnums=1)(jnp.asarray(f), K)
    assert {name for name, right in zip(named, converged, strict=True) if not right} == {"rank one", "zero"}
    exact = jax.jit(top_right_vectors, static_argnums=1)
    for v, names in ((found[:-2], list(named)[:-2]), (exact(jnp.asarray(f), K), list(named))):
        a, v = f[: len(v)].astype(np.float64), np.asarray(v, np.float64)
        gram = a.swapaxes(1, 2) @ a
        values, vectors = (x[..., ::-1] for x in np.linalg.eigh(gram))
        largest = np.where(values[:, 0] > 0, values[:, 0], 1)
        ritz = v.swapaxes(1, 2) @ gram @ v
        theirs = vectors[..., :K]
        apart = np.linalg.norm(v @ v.swapaxes(1, 2) - theirs @ theirs.swapaxes(1, 2), ord=2, axis=(1, 2))
        gap = (values[:, K - 1] - values[:, K]) / largest
        for what, figure, bound in (
            ("not orthonormal", np.abs(v.swapaxes(1, 2) @ v - np.eye(K)).max(axis=(1, 2)), 16),
            ("residual", np.linalg.norm(gram @ v - v @ ritz, axis=(1, 2)) / largest, 64),
            ("values", np.abs(np.linalg.eigvalsh(ritz)[:, ::-1] - values[:, :K]).max(axis=1) / largest, 16),
            ("space", np.where(gap > 100 * EPS, apart * gap, 0), 32),
        ):
            bad = ~(figure <= bound * EPS)
            assert not bad.any(), {what: {names[i]: figure[i] / EPS for i in np.flatnonzero(bad)}}

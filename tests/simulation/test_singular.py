"""Singular values and right vectors, batch last, against LAPACK in float64, lane by lane.

Bounds are multiples of the precision at work; the reference sees the matrix as rounded to that precision.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from precision import eps

from phasejax.simulation import singular

# A cell is (rows, columns, vectors asked for).
SQUARE = (9, 9, 4)
CELLS = [SQUARE, (9, 9, 9), (10, 7, 5), (3, 6, 4), (4, 4, 1), (1, 1, 1)]

# Compiled once per shape: operation by operation the same work would take minutes.
top_right_singular_vectors = jax.jit(singular.top_right_singular_vectors, static_argnums=1)


def with_spectrum(rng, p, q, values):
    """A p × q matrix with random singular vectors and the first min(p, q) of these singular values."""
    u, v = (np.linalg.qr(rng.normal(size=(n, n)))[0] for n in (p, q))
    n = min(p, q)
    return (u[:, :n] * values[:n]) @ v[:, :n].T


@cache
def matrices(p, q):
    """Named p × q matrices in float64, from the benign to the nasty."""
    rng = np.random.default_rng(100 * p + q)
    n = min(p, q)
    index = np.arange(n)
    wilkinson = np.diag(np.abs(np.arange(max(p, q)) - max(p, q) / 2)) + np.eye(max(p, q), k=1) + np.eye(max(p, q), k=-1)
    named = {
        "zero": np.zeros((p, q)),
        "ones": np.ones((p, q)),
        "identity": np.eye(p, q),
        "shift": np.eye(p, q, k=1),
        "shift and noise": np.eye(p, q, k=1) + 1e-8 * rng.normal(size=(p, q)),
        "diagonal": np.eye(p, q) * (1 + np.arange(q)),
        "diagonal with ties": np.eye(p, q) * (1 + np.arange(q) // 3),
        "blocks": np.kron(np.eye(max(p, q)), [[1.0, 2.0], [3.0, 4.0]])[:p, :q],
        "path": np.eye(p, q) + np.eye(p, q, k=1),  # 7 columns: σ₅ = 1, where elimination without pivoting divides by zero
        "wilkinson": wilkinson[:p, :q],
        "hilbert": 1 / (1 + np.arange(p)[:, None] + np.arange(q)),
        "rank 2": with_spectrum(rng, p, q, np.where(index < 2, 2.0 - index, 0.0)),
        "graded": with_spectrum(rng, p, q, np.logspace(0, -6, n)),
        "steep": with_spectrum(rng, p, q, np.logspace(0, -12, n)),
        "orthogonal": with_spectrum(rng, p, q, np.ones(n)),
        "ties": with_spectrum(rng, p, q, np.where(index < 5, 1.0, 0.5)),
        "tie at the cut": with_spectrum(rng, p, q, 4.0 - np.array([0, 1, 1, 1, 1, 2, 2, 2, 3, 3])[:n]),
        "loose cluster": with_spectrum(rng, p, q, np.where(index < 5, 1 - 1e-4 * index, 0.5)),
        "cluster": with_spectrum(rng, p, q, np.where(index < 5, 1 - 1e-6 * index, 0.5)),
        "tight cluster": with_spectrum(rng, p, q, np.where(index < 5, 1 - 1e-9 * index, 0.5)),
        "tiny": 1e-20 * rng.normal(size=(p, q)),
        "huge": 1e15 * rng.normal(size=(p, q)),
        "near underflow": 1e-36 * rng.uniform(0.5, 1, size=(p, q)),
        "near overflow": 1e36 * rng.uniform(-1, 1, size=(p, q)),
        "one large entry": rng.normal(size=(p, q)) + 1e6 * np.outer(np.arange(p) == p - 1, np.arange(q) == q // 2),
    }
    # Many values tie to rounding error, through weak and strong couplings: what inverse iteration finds hardest.
    entries = np.array([0, 1, 1e-4, 1e-8])
    chain = lambda: np.eye(p, q) * rng.choice(entries, q) + np.eye(p, q, k=1) * rng.choice(entries, q)  # noqa: E731
    return (
        named
        | {f"random {i}": rng.normal(size=(p, q)) for i in range(80)}
        | {f"chain {i}": chain() for i in range(80)}
        | {f"sparse {i}": (rng.random((p, q)) < 1 / p).astype(float) for i in range(80)}
    )


@cache
def reference(cell, dtype):
    """The matrices (lanes, p, q) as rounded to the dtype, in float64, with their full LAPACK decompositions."""
    p, q, _ = cell
    a = np.stack(list(matrices(p, q).values())).astype(dtype).astype(np.float64)
    _, s, vt = np.linalg.svd(a)
    return a, np.pad(s, ((0, 0), (0, q - s.shape[1]))), vt


@cache
def result(cell, dtype):
    """(sigma (lanes, k), v (lanes, q, k)) in float64, computed in the dtype."""
    a, _, _ = reference(cell, dtype)
    sigma, v = top_right_singular_vectors(jnp.asarray(np.moveaxis(a, 0, -1).astype(dtype)), cell[2])
    assert sigma.dtype == v.dtype == dtype
    return np.asarray(sigma, np.float64).T, np.moveaxis(np.asarray(v, np.float64), -1, 0)


def assert_below(figures, bound, cell):
    """Every lane's figure is below its bound; a failure names the matrices."""
    bad = ~(figures <= bound)  # NaN is bad
    names = list(matrices(*cell[:2]))
    assert not bad.any(), {names[i]: figures[i] for i in np.flatnonzero(bad)}


@pytest.mark.parametrize("cell", CELLS)
class TestTopRightSingularVectors:
    def test_values(self, cell, dtype):
        sigma, (_, s, _) = result(cell, dtype)[0], reference(cell, dtype)
        assert_below(np.abs(sigma - s[:, : cell[2]]).max(axis=1), 16 * eps(dtype) * s[:, 0] + np.finfo(dtype).tiny, cell)

    def test_bisection_reaches_the_last_bit(self, cell, dtype):
        """On diagonal matrices nothing else rounds, but for the scaling."""
        sigma, (_, s, _) = result(cell, dtype)[0], reference(cell, dtype)
        diagonal = np.array([name in ("identity", "diagonal", "diagonal with ties") for name in matrices(*cell[:2])])
        error = np.abs(sigma - s[:, : cell[2]]).max(axis=1)
        assert_below(np.where(diagonal, error, 0), 1.5 * eps(dtype) * s[:, 0], cell)

    def test_values_descend(self, cell, dtype):
        sigma, _ = result(cell, dtype)
        assert_below(np.diff(sigma, axis=1).max(axis=1, initial=0), 0, cell)

    def test_vectors_are_orthonormal(self, cell, dtype):
        _, v = result(cell, dtype)
        gram = v.swapaxes(1, 2) @ v
        assert_below(np.abs(gram - np.eye(cell[2])).max(axis=(1, 2)), 16 * eps(dtype), cell)

    def test_residuals(self, cell, dtype):
        """‖AᵀA v − σ² v‖ ≲ eps σ₁²: each vector lies in the space of its own value, in ties and clusters too."""
        (a, s, _), (sigma, v) = reference(cell, dtype), result(cell, dtype)
        unit = np.where(s[:, :1] > 0, s[:, :1], 1)
        a, sigma = a / unit[..., None], sigma / unit
        residual = a.swapaxes(1, 2) @ (a @ v) - v * sigma[:, None, :] ** 2
        assert_below(np.linalg.norm(residual, axis=1).max(axis=1), 64 * eps(dtype), cell)

    def test_subspaces(self, cell, dtype):
        """‖P − P_LAPACK‖ ≲ eps / gap, wherever a gap follows the last value asked for (or the last that can be non-zero)."""
        (_, s, vt), (_, v) = reference(cell, dtype), result(cell, dtype)
        p, q, k = cell
        k = min(p, k)
        after = s[:, k] if k < q else 0
        gap = np.divide(s[:, k - 1] - after, s[:, 0], out=np.zeros(len(s)), where=s[:, 0] > 0)
        clear = gap > 1e-4
        assert clear.sum() > 60
        ours, theirs = v[:, :, :k], vt[:, :k].swapaxes(1, 2)
        distance = np.linalg.norm(ours @ ours.swapaxes(1, 2) - theirs @ theirs.swapaxes(1, 2), ord=2, axis=(1, 2))
        assert_below(np.where(clear, distance * gap, 0), 48 * eps(dtype), cell)


class TestLanesAreIndependent:
    @staticmethod
    def draw(dtype):
        """As many lanes as elsewhere in this file, to share what is compiled."""
        p, q, _ = SQUARE
        return np.random.default_rng(1).normal(size=(p, q, len(matrices(p, q)))).astype(dtype)

    def test_of_their_neighbours(self, dtype):
        """A lane is the same to the last bit whatever stands beside it."""
        a = self.draw(dtype)
        hostile = a.copy()
        hostile[..., 1::4], hostile[..., 2::4], hostile[..., 3::4] = 1e30, np.nan, np.inf
        calm, beset = (top_right_singular_vectors(m, SQUARE[2]) for m in (a, hostile))
        for before, after in zip(calm, beset, strict=True):
            np.testing.assert_array_equal(before[..., ::4], after[..., ::4])

    def test_of_their_scale(self, dtype):
        """Scaling by a power of two scales the values and leaves the vectors, to the last bit."""
        a = self.draw(dtype)
        powers = np.ldexp(dtype.type(1), np.arange(a.shape[2]) % 120 - 60)
        sigma, v = top_right_singular_vectors(a, SQUARE[2])
        scaled_sigma, scaled_v = top_right_singular_vectors(a * powers, SQUARE[2])
        np.testing.assert_array_equal(scaled_v, v)
        np.testing.assert_allclose(scaled_sigma, np.asarray(sigma) * powers, rtol=2 * eps(dtype))

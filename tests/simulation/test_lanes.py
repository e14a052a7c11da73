"""The batch-last linear algebra of phasejax.simulation.lanes against NumPy in float64, lane by lane."""

import jax
import numpy as np
import pytest
from precision import eps

from phasejax.simulation import lanes

# Compiled once per shape: operation by operation the same work would take minutes.
squared_overlaps = jax.jit(lanes.squared_overlaps)
solve_lower = jax.jit(lanes.solve_lower)
solve_lower_transpose = jax.jit(lanes.solve_lower_transpose)


@pytest.mark.parametrize("p, q", [(1, 1), (2, 5), (7, 3), (9, 9)])
class TestTriangularSolves:
    @staticmethod
    def problem(p, q, dtype):
        """A lower triangle with noise above the diagonal, which nobody should read, and a right side; 40 lanes."""
        rng = np.random.default_rng(10 * p + q)
        square = rng.normal(size=(p, p, 40)) + 2 * np.eye(p)[..., None]
        return square.astype(dtype), rng.normal(size=(p, q, 40)).astype(dtype)

    @staticmethod
    def assert_solves(lower, x, b, dtype):
        """|L X − B| ≤ c·eps·|L||X|, entry by entry: substitution is backward stable whatever the condition."""
        lower, x, b = (np.moveaxis(np.asarray(m, np.float64), -1, 0) for m in (lower, x, b))
        assert np.all(np.abs(lower @ x - b) <= 2 * (1 + lower.shape[1]) * eps(dtype) * (np.abs(lower) @ np.abs(x)))

    def test_lower(self, p, q, dtype):
        square, b = self.problem(p, q, dtype)
        x = solve_lower(square, b)
        assert x.dtype == dtype
        self.assert_solves(square * np.tri(p)[..., None], x, b, dtype)

    def test_transpose(self, p, q, dtype):
        square, b = self.problem(p, q, dtype)
        x = solve_lower_transpose(square, b)
        assert x.dtype == dtype
        self.assert_solves((square * np.tri(p)[..., None]).swapaxes(0, 1), x, b, dtype)


class TestSquaredOverlaps:
    @staticmethod
    def by_qr(w):
        basis, _ = np.linalg.qr(np.moveaxis(w.astype(np.float64), -1, 0))
        return np.sum(basis**2, axis=-1).T

    @pytest.mark.parametrize("d, k", [(12, 4), (9, 1), (5, 5), (1, 1), (70, 3)])
    def test_against_qr(self, d, k, dtype):
        w = np.random.default_rng(d).normal(size=(d, k, 50)).astype(dtype)
        condition = np.linalg.cond(np.moveaxis(w.astype(np.float64), -1, 0))
        overlaps = np.asarray(squared_overlaps(w))
        assert overlaps.shape == (d, 50) and overlaps.dtype == dtype
        assert np.all(np.abs(overlaps - self.by_qr(w)) <= 8 * eps(dtype) * condition)

    def test_columns_of_any_length(self, dtype):
        """Only the span counts: scaling the columns from 1e-30 to 1e30 moves nothing but the last bits."""
        w = np.random.default_rng(5).normal(size=(12, 4, 50)).astype(dtype)
        stretched = w * np.array([1e-30, 1.0, 1e30, 1e-8], dtype)[:, None]
        np.testing.assert_allclose(squared_overlaps(stretched), self.by_qr(w), atol=100 * eps(dtype))

    def test_nearly_parallel_columns(self, dtype):
        """The error grows with the condition of W, not with its square."""
        rng = np.random.default_rng(6)
        shared, own = rng.normal(size=(12, 1, 50)), rng.normal(size=(12, 4, 50))
        w = (shared + np.sqrt(eps(dtype)) * own).astype(dtype)
        condition = np.linalg.cond(np.moveaxis(w.astype(np.float64), -1, 0))
        error = np.abs(np.asarray(squared_overlaps(w)) - self.by_qr(w)).max(axis=0)
        assert np.all(error <= 8 * eps(dtype) * condition)

    def test_the_whole_space(self, dtype):
        w = np.random.default_rng(7).normal(size=(6, 6, 20)).astype(dtype)
        np.testing.assert_allclose(squared_overlaps(w), 1, atol=16 * eps(dtype))

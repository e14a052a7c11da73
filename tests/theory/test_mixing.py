"""Second moments of the limit against M copies of every coordinate and sample, and the sum that they must have."""

import numpy as np
import pytest
from scipy.linalg import eigh

from phasejax.spiked import SpikedModel
from phasejax.theory.overlap import overlaps, spread
from phasejax.theory.spectrum import Captured
from phasejax.theory.spectrum_joint import captured_jointly
from phasejax.theory.spectrum_square import captured_in_square

# A loud target coordinate and two signals compete for two places; the sides have lacks of their own.
LOUD = SpikedModel([1.7, 1.7], [1.4, 1.4], [0.1, 0.1], np.full(8, 0.74), [45.0, *[1.7] * 9], np.full(8, 0.2))
PAIRS = 80


def drawn(model, n, copies, weighting, seed):
    """Means over copies of the shares, (d_x,), and of the squares of the projector's entries, (k, d_x), of M copies of all."""
    rng, d_x, k = np.random.default_rng(seed), model.d_x, model.k
    cross = np.zeros((d_x, model.d_y))
    np.fill_diagonal(cross, np.concatenate([model.kappa**2, model.eta]))
    covariance = np.block([[np.diag(model.variance_x), cross], [cross.T, np.diag(model.variance_y)]])
    rows = rng.normal(size=(n * copies, copies, d_x + model.d_y)) @ np.linalg.cholesky(covariance).T
    x, y = (part.reshape(n * copies, -1) for part in np.split(rows, [d_x], axis=2))
    xx, xy, yy = x.T @ x / len(x), x.T @ y / len(x), y.T @ y / len(x)
    w = eigh(xy @ weighting(yy) @ xy.T, xx)[1][:, -k * copies :]
    apart = copies, d_x, copies, d_x
    share, energy = (np.einsum("mjmj->j", r.reshape(apart)) / copies for r in (w @ (w.T @ xx), w @ w.T))
    squares = np.sum((w @ w.T).reshape(apart) ** 2, axis=(0, 2)) / copies
    scale = share / energy
    return share, (scale[:, None] * squares * scale[None, :])[:k]


@pytest.mark.parametrize("objective", ["ca", "cp", "joint"])
def test_many_copies_mix_as_the_limit_says(objective):
    lam = 3.0
    found, weighting = {
        "ca": lambda: (captured_in_square(LOUD, PAIRS, 0.0, 0.0), np.linalg.inv),
        "cp": lambda: (captured_in_square(LOUD, PAIRS, 0.0, 1.0), lambda yy: np.eye(len(yy))),
        "joint": lambda: (captured_jointly(LOUD, PAIRS, lam), lambda yy: np.eye(len(yy)) + lam * np.linalg.inv(yy)),
    }[objective]()
    share, squares = drawn(LOUD, PAIRS, 24, weighting, 0)
    np.testing.assert_allclose(found.share, share, atol=0.02)
    np.testing.assert_allclose(np.sum(found.entries[:, 2:], axis=1), np.sum(squares[:, 2:], axis=1), atol=0.01)
    np.testing.assert_allclose(found.entries[:, 2:], squares[:, 2:], atol=0.004)


@pytest.mark.parametrize("n", [30, PAIRS, 3000])
def test_entries_of_a_projector_sum_to_its_share(n):
    """PLS has an orthogonal projector: f_i = f_i² + Σ_j over the other copies and coordinates."""
    found = captured_in_square(LOUD, n, 1.0, 1.0)
    share = found.share[:2]
    np.testing.assert_allclose(np.sum(found.entries, axis=1), share * (1 - share), rtol=0.02, atol=1e-5)


def law(share, entry, scale=1.0):
    """One signal of a share, and ten coordinates of nuisance `scale` times as dear."""
    held = np.full(10, (1 - share) / 10)
    return Captured(
        np.r_[share, held], np.r_[share, scale * held], np.r_[0.0, np.full(10, entry / 10)][None]
    )  # fmt: skip


def test_what_is_missing_costs_its_place_and_what_is_mixed_its_energy():
    for share in (0.2, 0.7):
        np.testing.assert_allclose(overlaps(law(share, 0.0, 30.0), 1), share, atol=1e-9)  # whole or not at all
        even = law(share, share * (1 - share), 1.0)
        np.testing.assert_allclose(overlaps(even, 1), share, atol=1e-3)  # as dear as itself
        assert spread(even, 1) < 1e-9
        dear = [float(overlaps(law(share, part * share * (1 - share), 30.0), 1)[0]) for part in (0, 0.3, 0.6, 1)]
        assert np.all(np.diff(dear) < 0) and dear[-1] < 0.3 * share
        assert spread(law(share, 0.5 * share * (1 - share), 30.0), 1) > 0.05

"""Every formulation of a trial against the plain float64 route, draw by draw."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from phasejax import SpikedModel
from phasejax.simulation import trial
from phasejax.simulation.cell import Ridges
from phasejax.simulation.draws import lane_keys
from phasejax.simulation.wishart import bartlett
from phasejax.solvers import Status

LANES = 24
NOISELESS = dict(d=20, k=5, gamma_x=0.0, gamma_y=0.0, gamma_tilde_x=1.0)
BASE = dict(d=20, k=5, gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=1.0)
# Both boundaries, loud nuisance near and at ν = 1, next to no signal, no correlation, unequal sides, a noiseless signal.
HARD = {
    "ca boundary": (SpikedModel.homogeneous(kappa=1.5, nu=0.89, gamma_tilde_y=5.0, **BASE), 5000),
    "cp boundary": (SpikedModel.homogeneous(kappa=(3, 2, 1.8, 1.6, 1.5), nu=0.19, gamma_tilde_y=50.0, **BASE), 5000),
    "loud": (SpikedModel.homogeneous(kappa=2.0, nu=0.99, gamma_tilde_y=50.0, **BASE), 5000),
    "full": (SpikedModel.homogeneous(kappa=2.0, nu=1.0, gamma_tilde_y=5.0, **BASE), 500),
    "weak": (SpikedModel.homogeneous(kappa=0.1, nu=0.0, gamma_tilde_y=5.0, **BASE), 5000),
    "dead": (SpikedModel.homogeneous(kappa=0.0, nu=0.3, gamma_tilde_y=5.0, **BASE), 200),
    "few samples": (SpikedModel.homogeneous(kappa=2.0, nu=0.3, gamma_tilde_y=1.0, **BASE), 60),
    "many samples": (SpikedModel.homogeneous(kappa=1.0, nu=0.5, gamma_tilde_y=5.0, **BASE), 10**6),
    "very many samples": (SpikedModel.homogeneous(kappa=2.0, nu=0.3, gamma_tilde_y=5.0, **BASE), 10**10),
    "wide target": (SpikedModel.homogeneous(kappa=1.0, nu=0.5, gamma_tilde_y=2.0, d_y=26, **BASE), 400),
    "wide source": (SpikedModel.homogeneous(kappa=1.0, nu=0.5, gamma_tilde_y=2.0, d_y=9, **BASE), 400),
    "noiseless": (
        SpikedModel.homogeneous(kappa=1.0, nu=0.7, gamma_tilde_y=2.0, **NOISELESS),
        400,
    ),
}
RELATIVE = {"many samples": 1e-3, "very many samples": 0.05}
"""Where distances are small, their relative error in float32."""
FAST = [trial.batch_last, trial.batch_first, trial.tridiagonal]
bartlett_factor = jax.jit(bartlett, static_argnames=("d_x", "d_y", "dtype"))
COMPILED = {f: jax.jit(f, static_argnums=3) for f in (trial.reference, *FAST)}


def draw(model, n, dtype):
    """The diagonals, Bartlett factors and sample sizes of LANES trials, drawn in float64 and rounded to dtype."""
    sizes = jnp.full(LANES, n, float)
    keys = lane_keys(jax.random.key(7), jnp.zeros(LANES, "uint32"), jnp.arange(LANES, dtype="uint32"))
    factor = bartlett_factor(keys, sizes, model.d_x, model.d_y, dtype=sizes.dtype)
    diagonals = jax.tree.map(lambda leaf: jnp.repeat(leaf[:, None], LANES, axis=1), model.cholesky())
    return jax.tree.map(lambda leaf: leaf.astype(dtype), (diagonals, factor, sizes))


def by_lapack(model, factor, n, ridges=((0.0, 0.0),) * LANES):
    """Squared overlaps of CA and CP, (2, k, LANES), by NumPy: covariances of (x, y), whitening by eigh, SVD, QR."""
    chol = [np.asarray(x) for x in model.cholesky()]
    d_x, d_y, k = model.d_x, model.d_y, model.k
    out = np.empty((2, k, LANES))
    t = np.zeros((d_x + d_y, d_x + d_y))
    t[:d_x, :d_x], t[d_x:, d_x:] = np.diag(chol[0]), np.diag(chol[2])
    t[range(d_x, d_x + chol[1].size), range(chol[1].size)] = chol[1]
    for lane, ridge in enumerate(ridges):
        r11, r21, r22 = (np.asarray(block[..., lane]) for block in factor)
        left = t @ np.block([[r11, np.zeros((d_x, d_y))], [r21, r22]])
        s = left @ left.T / n
        roots = []
        for block, eps in zip((s[:d_x, :d_x], s[d_x:, d_x:]), ridge, strict=True):
            values, vectors = np.linalg.eigh(block)
            values = values + eps * values.mean()
            roots.append(vectors / np.sqrt(values) @ vectors.T)
        for row, whitened in enumerate((roots[0] @ s[:d_x, d_x:] @ roots[1], roots[0] @ s[:d_x, d_x:])):
            u = np.linalg.svd(whitened)[0][:, :k]
            q = np.linalg.qr(roots[0] @ u)[0]
            out[row, :, lane] = np.sum(q[:k] ** 2, axis=1)
    return out


def overlaps(result):
    """Overlaps of both encoders, (2, k, LANES)."""
    return np.stack([result.ca.overlap, result.cp.overlap])


def distances(result):
    """Distances of both encoders, (2, LANES)."""
    return np.stack([result.ca.distance, result.cp.distance])


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("formulation", [trial.reference, *FAST], ids=lambda f: f.__name__)
def test_formulations_agree_with_lapack_in_float64(formulation, name):
    model, n = HARD[name]
    arguments = draw(model, n, jnp.float64)
    result = COMPILED[formulation](*arguments, model.k)
    # At ν = 1 the sample correlation of nuisance is 1 to rounding, so its order among ties is free; overlaps are not.
    wanted, atol = by_lapack(model, arguments[1], n), 2e-6 if name == "full" else 1e-8
    np.testing.assert_allclose(overlaps(result), wanted, atol=atol)
    np.testing.assert_allclose(distances(result), 1 - wanted.mean(axis=1), atol=atol)
    assert overlaps(result).shape == (2, model.k, LANES) and overlaps(result).dtype == jnp.float64
    if formulation in FAST:
        np.testing.assert_array_equal(result.status, Status.OK)


RIDGES = np.geomspace(1e-4, 1e3, LANES), np.geomspace(1e2, 1e-3, LANES)
"""On x and on y, a lane of each; some are on one view alone, or on none."""
RIDGES[0][::5], RIDGES[1][::4] = 0, 0
RIDGED = [(f, "wide target") for f in (trial.reference, *FAST)]
RIDGED += [(trial.batch_last, name) for name in ("ca boundary", "cp boundary", "loud", "full", "few samples", "many samples")]


@pytest.mark.parametrize(("formulation", "name"), RIDGED, ids=lambda case: getattr(case, "__name__", case))
def test_ridges_agree_with_lapack_in_float64(formulation, name):
    model, n = HARD[name]
    arguments = draw(model, n, jnp.float64)
    result = COMPILED[formulation](*arguments, model.k, Ridges(*map(jnp.asarray, RIDGES)))
    wanted, atol = by_lapack(model, arguments[1], n, zip(*RIDGES, strict=True)), 2e-6 if name == "full" else 1e-8
    np.testing.assert_allclose(overlaps(result), wanted, atol=atol)
    np.testing.assert_allclose(distances(result), 1 - wanted.mean(axis=1), atol=atol)


@pytest.mark.parametrize("name", ["ca boundary", "loud", "full", "few samples"])
def test_ridges_keep_their_accuracy_in_float32(name):
    model, n = HARD[name]
    rounded = draw(model, n, jnp.float32)
    exact = 1 - by_lapack(model, jax.tree.map(np.float64, rounded[1]), n, zip(*RIDGES, strict=True)).mean(axis=1)
    with jax.enable_x64(False):
        fast = COMPILED[trial.batch_last](*rounded, model.k, Ridges(*map(jnp.float32, RIDGES)))
    np.testing.assert_allclose(distances(fast), exact, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("formulation", [trial.reference, *FAST], ids=lambda f: f.__name__)
def test_a_ridge_of_zero_gives_the_bits_of_no_ridge(formulation):
    model, n = HARD["wide target"]
    arguments, none = draw(model, n, jnp.float64), (RIDGES[0] == 0) & (RIDGES[1] == 0)
    without = COMPILED[formulation](*arguments, model.k)
    result = COMPILED[formulation](*arguments, model.k, Ridges(*map(jnp.asarray, RIDGES)))
    for ours, theirs in zip(jax.tree.leaves(result), jax.tree.leaves(without), strict=True):
        np.testing.assert_array_equal(ours[..., none], theirs[..., none])
    np.testing.assert_array_equal(distances(result)[1] != distances(without)[1], RIDGES[0] > 0)
    np.testing.assert_array_equal(distances(result)[0] != distances(without)[0], ~none)


# One full correlation, far ahead of the signals: what is right of it in absolute terms must be right of them.
SPIKES = (3, 2.5, 2, 1.6, 1.2)
ONE_FULL = {"one full": (SpikedModel.homogeneous(kappa=SPIKES, nu=[1.0] + [0.3] * 14, gamma_tilde_y=5.0, **BASE), 500)}


ACCURATE = [(trial.batch_last, name) for name in HARD | ONE_FULL]
ACCURATE += [(f, name) for f in (trial.batch_first, trial.tridiagonal) for name in ("full", "one full", "loud")]


@pytest.mark.parametrize(("formulation", "name"), ACCURATE, ids=lambda case: getattr(case, "__name__", case))
def test_fast_formulations_keep_their_accuracy_in_float32(formulation, name):
    model, n = (HARD | ONE_FULL)[name]
    rounded = draw(model, n, jnp.float32)
    exact = COMPILED[trial.reference](*jax.tree.map(lambda leaf: leaf.astype(jnp.float64), rounded), model.k)
    with jax.enable_x64(False):
        fast = COMPILED[formulation](*rounded, model.k)
    assert overlaps(fast).dtype == distances(fast).dtype == jnp.float32
    np.testing.assert_allclose(
        distances(fast), distances(exact), rtol=RELATIVE.get(name, 1e-4), atol=0 if name in RELATIVE else 2e-5
    )
    decided = np.abs(overlaps(exact) - 0.8) > 1e-4
    np.testing.assert_array_equal((overlaps(fast) > 0.8)[decided], (overlaps(exact) > 0.8)[decided])


def test_a_bad_lane_is_flagged_and_spoils_no_other():
    model, n = HARD["ca boundary"]
    cholesky, factor, sizes = draw(model, n, jnp.float64)
    broken = factor._replace(r21=factor.r21.at[:, :, 3].set(jnp.nan))
    for formulation in (trial.reference, *FAST):
        good, bad = (COMPILED[formulation](cholesky, r, sizes, model.k) for r in (factor, broken))
        others = np.arange(LANES) != 3
        np.testing.assert_array_equal(bad.status[others], good.status[others])
        assert bad.status[3] == Status.NONFINITE
        np.testing.assert_allclose(overlaps(bad)[..., others], overlaps(good)[..., others], atol=1e-12)


def test_singular_covariances_go_to_the_reference():
    assert trial.choose("cpu", (20, 20), 39) is trial.reference
    assert trial.choose("gpu", (20, 20), 39) is trial.reference
    assert trial.choose("cpu", (20, 20), 40) is not trial.reference

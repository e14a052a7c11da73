"""Solvers against SciPy's generalised eigenproblems, least squares on drawn data, scikit-learn, and the theory's counts."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from models import FLAVOURS, GAPPED, draw, fields, random_model, random_orthogonal
from sklearn.cross_decomposition import CCA

from phasejax import theory
from phasejax.recovery import mean_squared_error, subspace_distance
from phasejax.sampling import covariance_of
from phasejax.solvers import Status, align, joint, linear, pls, predict, probe, whiten, whitener
from phasejax.spiked import Covariance, SpikedModel

SOLVERS = (align, predict, pls)
WHITENING = (align, predict)


def second_moments(x, y):
    return Covariance(*(jnp.asarray(block) for block in (x.T @ x / len(x), x.T @ y / len(x), y.T @ y / len(x))))


def random_data(seed=0, n=60, d_x=6, d_y=4):
    """Correlated rows with nothing structured about them."""
    rng = np.random.default_rng([seed, n, d_x, d_y])
    x = rng.normal(size=(n, d_x)) @ rng.normal(size=(d_x, d_x))
    y = x @ rng.normal(size=(d_x, d_y)) * 0.4 + rng.normal(size=(n, d_y)) @ rng.normal(size=(d_y, d_y))
    return x, y


def random_covariance(seed=0, **sizes):
    return second_moments(*random_data(seed, **sizes))


def same_rows_up_to_sign(got, expected, rtol=1e-8):
    signs = np.sign(np.sum(np.asarray(got) * np.asarray(expected), axis=1, keepdims=True))
    np.testing.assert_allclose(np.asarray(got) * signs, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


@pytest.mark.parametrize(
    "solve", [align, predict, pls, whiten, partial(joint, lam=0.5)], ids=["align", "predict", "pls", "whiten", "joint"]
)
def test_a_second_eager_call_traces_nothing(monkeypatch, solve):
    first = solve(random_covariance(), 2)
    monkeypatch.setattr(linear, "judge", None)
    second = solve(random_covariance(seed=1), 2)
    assert not np.allclose(first.singular_values, second.singular_values)


# Against SciPy -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("d_x", "d_y"), [(6, 4), (3, 7), (5, 5)])
def test_align_solves_the_generalised_eigenproblem(d_x, d_y):
    """Sxy Syy⁻¹ Syx w = σ² Sxx w."""
    cov = random_covariance(d_x=d_x, d_y=d_y)
    xx, xy, yy = map(np.asarray, cov)
    values, vectors = scipy.linalg.eigh(xy @ np.linalg.solve(yy, xy.T), xx)
    solution = align(cov, 2)
    np.testing.assert_allclose(solution.singular_values**2, values[::-1][: min(d_x, d_y)], rtol=1e-9, atol=1e-11 * values[-1])
    same_rows_up_to_sign(solution.encoder_x, vectors[:, ::-1][:, :2].T)
    values, vectors = scipy.linalg.eigh(xy.T @ np.linalg.solve(xx, xy), yy)
    same_rows_up_to_sign(solution.encoder_y, vectors[:, ::-1][:, :2].T)


@pytest.mark.parametrize(("d_x", "d_y"), [(6, 4), (3, 7), (5, 5)])
def test_predict_solves_the_generalised_eigenproblem(d_x, d_y):
    """Sxy Syx w = σ² Sxx w."""
    cov = random_covariance(d_x=d_x, d_y=d_y)
    xx, xy, _ = map(np.asarray, cov)
    values, vectors = scipy.linalg.eigh(xy @ xy.T, xx)
    solution = predict(cov, 2)
    np.testing.assert_allclose(solution.singular_values**2, values[::-1][: min(d_x, d_y)], rtol=1e-9, atol=1e-11 * values[-1])
    same_rows_up_to_sign(solution.encoder_x, vectors[:, ::-1][:, :2].T)


@pytest.mark.parametrize(("d_x", "d_y"), [(6, 4), (3, 7)])
def test_pls_is_the_svd_of_the_cross_covariance(d_x, d_y):
    cov = random_covariance(d_x=d_x, d_y=d_y)
    u, s, vt = np.linalg.svd(np.asarray(cov.xy))
    solution = pls(cov, 3)
    np.testing.assert_allclose(solution.singular_values, s, rtol=1e-12)
    same_rows_up_to_sign(solution.encoder_x, u[:, :3].T)
    same_rows_up_to_sign(solution.encoder_y, vt[:3])


@pytest.mark.parametrize(
    ("solver", "metric_x", "metric_y"),
    [
        (align, lambda c: c.xx, lambda c: c.yy),
        (predict, lambda c: c.xx, lambda c: np.eye(4)),
        (pls, lambda c: np.eye(6), lambda c: np.eye(4)),
    ],
)
def test_encoders_are_normalised_and_diagonalise_the_cross_covariance(solver, metric_x, metric_y):
    cov = random_covariance()
    solution = solver(cov, 3)
    w, v = solution.encoder_x, solution.encoder_y
    np.testing.assert_allclose(w @ metric_x(cov) @ w.T, np.eye(3), atol=1e-11)
    np.testing.assert_allclose(v @ metric_y(cov) @ v.T, np.eye(3), atol=1e-11)
    np.testing.assert_allclose(w @ cov.xy @ v.T, np.diag(solution.singular_values[:3]), atol=1e-11)
    assert solution.status == Status.OK
    assert (solution.rank, solution.rank_x, solution.rank_y) == (4, 6, 4)


# Against regression on drawn data ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("d_x", "d_y"), [(6, 4), (3, 7)])
def test_full_rank_prediction_is_least_squares(d_x, d_y):
    x, y = random_data(d_x=d_x, d_y=d_y)
    expected = np.linalg.lstsq(x, y, rcond=None)[0].T
    np.testing.assert_allclose(predict(second_moments(x, y), min(d_x, d_y)).coefficients, expected, rtol=1e-9, atol=1e-11)


def alternating_least_squares(x, y, k, rng):
    """min ‖Y − X A B‖² over A (d_x, k), B (k, d_y), each in turn by least squares, from a random start."""
    a, b = np.zeros((x.shape[1], k)), rng.normal(size=(k, y.shape[1]))
    for _ in range(3000):
        a = np.linalg.lstsq(x, y @ np.linalg.pinv(b), rcond=None)[0]
        b = np.linalg.lstsq(x @ a, y, rcond=None)[0]
    return a @ b


@pytest.mark.parametrize("k", [1, 2, 3])
def test_reduced_rank_prediction_is_the_best_rank_k_fit(k):
    x, y = random_data(seed=k)
    rng = np.random.default_rng(k)
    coefficients = np.asarray(predict(second_moments(x, y), k).coefficients)
    assert np.linalg.matrix_rank(coefficients, tol=1e-9) == k
    best = alternating_least_squares(x, y, k, rng)
    np.testing.assert_allclose(np.sum((y - x @ coefficients.T) ** 2), np.sum((y - x @ best) ** 2), rtol=1e-10)
    np.testing.assert_allclose(coefficients, best.T, rtol=1e-4, atol=1e-6)


def test_alignment_is_prediction_of_whitened_targets():
    cov = random_covariance()
    whiten = scipy.linalg.inv(scipy.linalg.sqrtm(np.asarray(cov.yy))).real
    whitened = Covariance(cov.xx, cov.xy @ whiten, jnp.eye(4))
    by_alignment, by_prediction = align(cov, 3), predict(whitened, 3)
    np.testing.assert_allclose(by_alignment.singular_values, by_prediction.singular_values, rtol=1e-9)
    same_rows_up_to_sign(by_alignment.encoder_x, by_prediction.encoder_x)
    same_rows_up_to_sign(by_alignment.encoder_y, by_prediction.encoder_y @ whiten)


def test_align_agrees_with_scikit_learn():
    """Scores up to sign and scale; scikit-learn iterates on the data, one component after the other."""
    x, y = draw(random_model(3, (3, 9, 6)), 500, np.random.default_rng(0))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    peer = CCA(n_components=3, scale=False, max_iter=20_000, tol=1e-14).fit(x, y)
    solution = align(second_moments(x, y), 3)
    scores_x, scores_y = peer.transform(x, y)
    for ours, theirs in ((x @ solution.encoder_x.T, scores_x), (y @ solution.encoder_y.T, scores_y)):
        for i in range(3):
            assert abs(np.corrcoef(ours[:, i], theirs[:, i])[0, 1]) > 1 - 1e-8
    expected = [np.corrcoef(scores_x[:, i], scores_y[:, i])[0, 1] for i in range(3)]
    np.testing.assert_allclose(solution.singular_values[:3], expected, rtol=1e-7)


# Against the theory --------------------------------------------------------------------------------------------------


def numpy_distance(encoder, truth):
    """1 − (1/k)‖UᵀÛ‖²_F by QR."""
    q, _ = np.linalg.qr(np.asarray(encoder).T)
    return 1 - np.sum((truth.T @ q) ** 2) / truth.shape[1]


def counts_with_gaps(model):
    """(solver, exact count, relative gap at k) for the three objectives."""
    f = fields(model)
    counts = theory.recovery_counts(model)
    values = {
        align: (np.asarray(theory.rho(model)), np.asarray(theory.nu(model)), int(counts.exact.ca)),
        predict: (np.asarray(theory.tau(model)), np.asarray(theory.xi(model)), int(counts.exact.cp)),
        pls: (f["kappa"] ** 2, f["eta"], None),
    }
    for solver, (signal, nuisance, count) in values.items():
        spectrum = np.sort(np.concatenate([signal, nuisance, [0]]))[::-1]
        if count is None:
            count = int(np.sum(signal >= spectrum[model.k - 1]))
        yield solver, count, (spectrum[model.k - 1] - spectrum[model.k]) / spectrum[0]


@pytest.mark.parametrize("shape", [*GAPPED, (1, 4, 3), (4, 8, 4)])
def test_population_solution_recovers_what_theory_counts(shape):
    """Distance 1 − m/k, in canonical coordinates and in rotated ones, whatever the flavour of the model."""
    rng = np.random.default_rng(0)
    k, d_x, d_y = shape
    solve = {solver: jax.jit(lambda cov, solver=solver: solver(cov, k).encoder_x) for solver in SOLVERS}
    seen = {solver: set() for solver in SOLVERS}
    for seed in range(8):
        for flavour in FLAVOURS:
            model = random_model(seed, shape, flavour)
            q_x, q_y = random_orthogonal(rng, d_x), random_orthogonal(rng, d_y)
            for solver, count, gap in counts_with_gaps(model):
                if gap < 1e-3:
                    continue
                seen[solver].add(count)
                encoder = solve[solver](model.covariance())
                np.testing.assert_allclose(numpy_distance(encoder, np.eye(d_x, k)), 1 - count / k, atol=1e-8)
                np.testing.assert_allclose(subspace_distance(encoder), 1 - count / k, atol=1e-8)
                rotated = solve[solver](model.covariance(q_x, q_y))
                np.testing.assert_allclose(numpy_distance(rotated, q_x[:, :k]), 1 - count / k, atol=1e-8)
    assert all(len(counts) > 1 for counts in seen.values()) or min(d_x, d_y) == k


# Units ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x64", [True, False])
@pytest.mark.parametrize("ridge", [0.0, 0.1])
@pytest.mark.parametrize("scale_x", [1e-4, 1e5])
@pytest.mark.parametrize("scale_y", [1e-4, 1e5])
def test_units_of_a_view_change_nothing_but_the_encoder_scale(x64, ridge, scale_x, scale_y):
    xx, xy, yy = random_covariance()
    scaled = (xx * scale_x**2, xy * scale_x * scale_y, yy * scale_y**2)
    rtol = 1e-9 if x64 else 2e-3
    with jax.enable_x64(x64):
        before, after = (Covariance(*(jnp.asarray(np.asarray(b), float) for b in blocks)) for blocks in ((xx, xy, yy), scaled))
        one, other = align(before, 3, ridge=ridge), align(after, 3, ridge=ridge)
        np.testing.assert_allclose(other.singular_values, one.singular_values, rtol=rtol)
        same_rows_up_to_sign(other.encoder_x * scale_x, one.encoder_x, rtol)
        same_rows_up_to_sign(other.encoder_y * scale_y, one.encoder_y, rtol)
        assert one.status == other.status == Status.OK
        one, other = predict(before, 3, ridge=ridge), predict(after, 3, ridge=ridge)
        np.testing.assert_allclose(other.singular_values / scale_y, one.singular_values, rtol=rtol)
        same_rows_up_to_sign(other.encoder_x * scale_x, one.encoder_x, rtol)
        assert one.status == other.status == Status.OK
        assert other.encoder_x.dtype == (jnp.float64 if x64 else jnp.float32)


def in_units(cov, units_x, units_y):
    """The covariance of the same pairs with their columns in other units."""
    xx, xy, yy = map(np.asarray, cov)
    return Covariance(xx * np.outer(units_x, units_x), xy * np.outer(units_x, units_y), yy * np.outer(units_y, units_y))


COLUMN_UNITS = {
    "1e-2..1e2": lambda size: 10.0 ** np.linspace(-2, 2, size),
    "1e3..1e-3": lambda size: 10.0 ** np.linspace(3, -3, size),
    "decaying": lambda size: 0.5 ** np.arange(size),
    "one huge": lambda size: np.r_[1e6, np.ones(size - 1)],
    "one tiny": lambda size: np.r_[np.ones(size - 1), 1e-6],
}


@pytest.mark.parametrize("x64", [True, False])
@pytest.mark.parametrize("units", COLUMN_UNITS)
@pytest.mark.parametrize("size", [5, 20])
def test_units_of_single_columns_change_nothing_but_the_encoders_units(x64, units, size):
    """Canonical correlations and ranks are those of the same pairs in equal units; so is the source side of a prediction."""
    rng = np.random.default_rng(size)
    x, y = draw(SpikedModel([3, 2, 1.5], [1] * 3, [1] * 3, [1] * (size - 3), [2] * (size - 3), [0] * (size - 3)), 400, rng)
    same = second_moments(x @ random_orthogonal(rng, size), y @ random_orthogonal(rng, size))
    units_x, units_y = COLUMN_UNITS[units](size), COLUMN_UNITS[units](size)[::-1]
    rtol = 1e-9 if x64 else 1e-3
    with jax.enable_x64(x64):
        for solver, scale_y in ((align, units_y), (predict, np.ones(size))):
            moved = in_units(same, units_x, scale_y)
            one, other = (solver(Covariance(*(jnp.asarray(np.asarray(b), float) for b in cov)), 3) for cov in (same, moved))
            assert one.status == other.status == Status.OK
            assert (other.rank_x, other.rank_y) == (size, size)
            np.testing.assert_allclose(other.singular_values[:3], one.singular_values[:3], rtol=rtol)
            same_rows_up_to_sign(np.asarray(other.encoder_x) * units_x, one.encoder_x, rtol)


@pytest.mark.parametrize("x64", [True, False])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_constant_column_in_both_views_is_no_correlation(x64, scale):
    """Centring leaves the rounding of the mean, which in two constant columns would correlate perfectly."""
    x, y = random_data(n=300)
    with jax.enable_x64(x64):
        x, y = jnp.asarray(x, float), jnp.asarray(y, float)
        expected = align(covariance_of(x, y, center=True), 2)
        constant = jnp.full((300, 1), scale * np.pi)
        jitter = constant * (1 + jnp.finfo(x.dtype).eps * (jnp.arange(300.0) % 2))[:, None]
        for column in (constant, jitter):
            padded = covariance_of(jnp.hstack([x, column]), jnp.hstack([column, y]), center=True)
            got = align(padded, 2, throw=False)
            assert (got.rank_x, got.rank_y, got.status) == (6, 4, Status.RANK_DEFICIENT)
            np.testing.assert_allclose(got.singular_values[:4], expected.singular_values, rtol=1e-9 if x64 else 1e-4)


@pytest.mark.parametrize("units", COLUMN_UNITS)
def test_a_singular_covariance_keeps_its_rank_and_minimum_norm_in_any_units(units):
    """Against NumPy's pseudo-inverse of the very matrix, which float64 can form for these units."""
    rows = np.random.default_rng(0).normal(size=(4, 7)) * COLUMN_UNITS[units](7)
    s = rows.T @ rows
    w, rank, error = whitener(jnp.asarray(s))
    assert rank == 4 and error < 1e-9
    inverse = np.linalg.pinv(rows) @ np.linalg.pinv(rows).T
    np.testing.assert_allclose(w.T @ w, inverse, rtol=1e-5, atol=1e-7 * np.abs(inverse).max())


# Ridge ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", WHITENING)
def test_ridge_adds_that_multiple_of_the_mean_eigenvalue(solver):
    cov = random_covariance()
    raised = Covariance(
        cov.xx + 0.3 * np.linalg.eigvalsh(cov.xx).mean() * np.eye(6),
        cov.xy,
        cov.yy + 0.3 * np.linalg.eigvalsh(cov.yy).mean() * np.eye(4),
    )
    got, expected = solver(cov, 2, ridge=0.3), solver(raised, 2)
    np.testing.assert_allclose(got.singular_values, expected.singular_values, rtol=1e-10)
    same_rows_up_to_sign(got.encoder_x, expected.encoder_x)
    assert not np.allclose(got.singular_values, solver(cov, 2).singular_values, rtol=1e-3)


@pytest.mark.parametrize("solver", WHITENING)
def test_vanishing_ridge_is_no_ridge(solver):
    cov = random_covariance()
    exact = solver(cov, 2)
    errors = [np.abs(solver(cov, 2, ridge=r).singular_values - exact.singular_values).max() for r in (1e-4, 1e-6, 1e-8)]
    assert errors[0] > 10 * errors[1] > 100 * errors[2] > 0


@pytest.mark.parametrize("solver", WHITENING)
def test_ridge_makes_a_singular_covariance_regular(solver):
    cov = random_covariance(n=5)
    assert solver(cov, 2, throw=False).status != Status.OK
    assert solver(cov, 2, ridge=0.1).status == Status.OK


# Rank ----------------------------------------------------------------------------------------------------------------


def test_fewer_samples_than_dimensions_are_seen():
    cov = random_covariance(n=3, d_x=6, d_y=5)
    solution = align(cov, 2, throw=False)
    assert (solution.rank, solution.rank_x, solution.rank_y, solution.status) == (3, 3, 3, Status.TIED)
    np.testing.assert_allclose(solution.singular_values, [1, 1, 1, 0, 0], atol=1e-7)  # three points always correlate perfectly
    assert align(cov, 3, throw=False).status == Status.RANK_DEFICIENT
    solution = predict(cov, 2, throw=False)
    assert (solution.rank, solution.rank_x, solution.rank_y, solution.status) == (3, 3, 5, Status.RANK_DEFICIENT)
    solution = pls(cov, 2)
    assert (solution.rank, solution.rank_x, solution.rank_y, solution.status) == (3, 6, 5, Status.OK)


@pytest.mark.parametrize("x64", [True, False])
@pytest.mark.parametrize("solver", WHITENING)
def test_a_singular_source_is_solved_on_its_support(solver, x64):
    """x embedded isometrically in more dimensions: the same solution, seen through the embedding."""
    xx, xy, yy = map(np.asarray, random_covariance())
    embedding = random_orthogonal(np.random.default_rng(0), 9)[:, :6]
    with jax.enable_x64(x64):
        flat = Covariance(*(jnp.asarray(b, float) for b in (xx, xy, yy)))
        lifted = Covariance(*(jnp.asarray(b, float) for b in (embedding @ xx @ embedding.T, embedding @ xy, yy)))
        expected, got = solver(flat, 3), solver(lifted, 3, throw=False)
    assert expected.status == Status.OK
    assert (got.rank, got.rank_x, got.rank_y, got.status) == (4, 6, 4, Status.RANK_DEFICIENT)
    rtol = 1e-8 if x64 else 2e-3
    np.testing.assert_allclose(got.singular_values, expected.singular_values, rtol=rtol)
    same_rows_up_to_sign(got.encoder_x, np.asarray(expected.encoder_x) @ embedding.T, rtol)


def test_a_singular_target_matters_only_where_it_is_whitened():
    cov = random_covariance()
    embedding = random_orthogonal(np.random.default_rng(0), 9)[:, :4]
    lifted = Covariance(cov.xx, cov.xy @ embedding.T, embedding @ cov.yy @ embedding.T)
    for solver, rank_y, status in ((align, 4, Status.RANK_DEFICIENT), (predict, 9, Status.OK), (pls, 9, Status.OK)):
        got = solver(lifted, 3, throw=False)
        assert (got.rank, got.rank_x, got.rank_y, got.status) == (4, 6, rank_y, status)
        same_rows_up_to_sign(got.encoder_x, solver(cov, 3).encoder_x)


def test_prediction_from_a_singular_source_is_minimum_norm_least_squares():
    x, y = random_data(n=5)
    solution = predict(second_moments(x, y), 4, throw=False)
    np.testing.assert_allclose(solution.coefficients, np.linalg.lstsq(x, y, rcond=None)[0].T, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("solver", SOLVERS)
def test_too_few_correlated_directions_are_seen(solver):
    xy = jnp.zeros((5, 4)).at[1, 2].set(0.5)
    cov = Covariance(jnp.eye(5), xy, jnp.eye(4))
    assert (solver(cov, 1).rank, solver(cov, 1).status) == (1, Status.OK)
    assert (solver(cov, 2, throw=False).rank, solver(cov, 2, throw=False).status) == (1, Status.RANK_DEFICIENT)
    assert solver(cov._replace(xy=1e-20 * xy), 1).rank == 1  # relative to the largest: no unit makes a direction vanish
    nothing = solver(cov._replace(xy=jnp.zeros((5, 4))), 1, throw=False)
    assert (nothing.rank, nothing.status) == (0, Status.RANK_DEFICIENT)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dead", ["xx", "yy"])
def test_a_view_without_variance_is_rank_deficient_not_nonfinite(solver, dead):
    size = {"xx": 5, "yy": 4}[dead]
    cov = Covariance(jnp.eye(5), jnp.zeros((5, 4)), jnp.eye(4))._replace(**{dead: jnp.zeros((size, size))})
    solution = solver(cov, 1, throw=False)
    assert solution.status == Status.RANK_DEFICIENT
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(solution))


# Ties ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x64", [True, False])
@pytest.mark.parametrize(("d_x", "d_y"), [(5, 5), (10, 40), (30, 30)])
@pytest.mark.parametrize("condition", [1, 30, 1000])
def test_perfect_correlations_of_too_few_pairs_are_tied(x64, d_x, d_y, condition):
    """n < d_x + d_y pairs have d_x + d_y − n canonical correlations of 1: any k below that number is a choice among many."""
    rng = np.random.default_rng([d_x, condition])
    stretch = random_orthogonal(rng, d_x) * np.geomspace(1, condition**0.5, d_x)
    for ones in (2, 4):
        n = d_x + d_y - ones
        x, y = rng.normal(size=(n, d_x)) @ stretch.T, rng.normal(size=(n, d_y))
        with jax.enable_x64(x64):
            cov = second_moments(jnp.asarray(x, float), jnp.asarray(y, float))
            for k in range(1, ones):
                assert align(cov, k, throw=False).status == Status.TIED
            assert align(cov, ones, throw=False).status != Status.TIED
            assert predict(cov, 1, throw=False).status != Status.TIED


@pytest.mark.parametrize("x64", [True, False])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_small_gap_is_no_tie_and_none_is(solver, x64):
    with jax.enable_x64(x64):
        for gap, status in ((0.0, Status.TIED), (1e-10 if x64 else 1e-4, Status.OK)):
            cov = Covariance(jnp.eye(4), jnp.diag(jnp.array([0.9, 0.5 + gap, 0.5, 0.2])), jnp.eye(4))
            assert solver(cov, 2, throw=False).status == status
            assert solver(cov, 1).status == solver(cov, 3).status == Status.OK  # ties within the top k, or below it


# What is raised ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        (
            3,
            r"^a whitened covariance is singular, or fewer than k directions are correlated "
            r"\(k = 3, rank 3, rank_x 3 of 6, rank_y 3 of 6\): throw=False returns the solution with its status\.$",
        ),
        (8, r"^the k-th and the next value cannot be told apart, .*\(k = 3, rank 6, rank_x 6 of 6, rank_y 6 of 6\): throw="),
    ],
)
def test_a_status_that_is_not_ok_is_raised_in_words(pairs, sentence):
    cov = random_covariance(n=pairs, d_x=6, d_y=6)
    with pytest.raises(ValueError, match=sentence):
        align(cov, 3)
    assert jax.jit(lambda cov: align(cov, 3).status)(cov) == align(cov, 3, throw=False).status != Status.OK


def test_the_worse_status_is_the_larger_and_each_has_its_words():
    assert list(Status) == sorted(Status) == [Status.OK, Status.RANK_DEFICIENT, Status.TIED, Status.NONFINITE]
    assert len({status.text for status in Status}) == len(Status)
    assert Status(2) is Status.TIED


# Batches and failures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_vmap_equals_loop_and_keeps_statuses_apart(solver):
    """One regular cell, one singular, one with NaN: the failed cells are marked and the good one is untouched."""
    good, singular = random_covariance(1), random_covariance(2, n=3)
    cells = [good, singular, good._replace(xy=good.xy * np.nan)]
    batch = jax.jit(jax.vmap(lambda cov: solver(cov, 2)))(jax.tree.map(lambda *b: jnp.stack(b), *cells))
    middle = {align: Status.TIED, predict: Status.RANK_DEFICIENT, pls: Status.OK}[solver]
    assert batch.status.tolist() == [Status.OK, middle, Status.NONFINITE]
    alone = solver(good, 2)
    np.testing.assert_allclose(batch.singular_values[0], alone.singular_values, rtol=1e-12)
    same_rows_up_to_sign(batch.encoder_x[0], alone.encoder_x)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_known_covariance_can_be_solved_inside_jit(solver):
    """Constants captured by a jitted function are known values among traced operations."""
    cov = random_covariance()
    np.testing.assert_allclose(jax.jit(lambda: solver(cov, 2).singular_values)(), solver(cov, 2).singular_values, rtol=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("block", Covariance._fields)
def test_nonfinite_covariances_raise_outside_jit_and_are_marked_within(solver, block, bad):
    cov = random_covariance()
    cov = cov._replace(**{block: getattr(cov, block).at[0, 0].set(bad)})
    with pytest.raises(ValueError, match=f"^the covariance block {block} holds NaN or infinity: finite values are needed.$"):
        solver(cov, 2)
    assert jax.jit(lambda cov: solver(cov, 2).status)(cov) == solver(cov, 2, throw=False).status == Status.NONFINITE


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("k", [0, -1, 5])
def test_a_bad_number_of_directions_is_refused(solver, k):
    message = rf"^k = {k} is not allowed: k must be a whole number in 1\.\.4\."
    with pytest.raises(ValueError, match=message):
        solver(random_covariance(), k)
    with pytest.raises(ValueError, match=message):
        jax.jit(lambda cov: solver(cov, k))(random_covariance())


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("changes", [{"xx": np.eye(5)}, {"yy": np.eye(6)}, {"xy": np.ones((4, 6))}, {"xx": np.ones((6, 5))}])
def test_blocks_that_do_not_fit_are_refused(solver, changes):
    with pytest.raises(ValueError, match=r"^covariances have shapes xx .*, xy .*, yy .*: they do not fit\.$"):
        solver(random_covariance()._replace(**changes), 2)


# Alignment and prediction at once, and the probe ----------------------------------------------------------------------


@pytest.mark.parametrize("weight", [0.0, 0.6, 25.0])
@pytest.mark.parametrize(("d_x", "d_y"), [(6, 4), (3, 7)])
def test_joint_solves_the_generalised_eigenproblem(d_x, d_y, weight):
    """Sxy (I + λ Syy⁻¹) Syx w = σ² Sxx w, and its head is the least-squares map onto the codes from y."""
    cov = random_covariance(d_x=d_x, d_y=d_y)
    xx, xy, yy = map(np.asarray, cov)
    values, vectors = scipy.linalg.eigh(xy @ (np.eye(d_y) + weight * np.linalg.inv(yy)) @ xy.T, xx)
    solution = joint(cov, 2, lam=weight)
    assert solution.singular_values.shape == (min(d_x, d_y),)
    np.testing.assert_allclose(solution.singular_values**2, values[::-1][: min(d_x, d_y)], rtol=1e-8, atol=1e-11 * values[-1])
    same_rows_up_to_sign(solution.encoder_x, vectors[:, ::-1][:, :2].T)
    np.testing.assert_allclose(solution.encoder_y, np.linalg.solve(yy, xy.T @ solution.encoder_x.T).T, rtol=1e-8)


def test_joint_ends_in_prediction_and_alignment():
    cov = random_covariance(d_x=6, d_y=5)
    same_rows_up_to_sign(joint(cov, 2, lam=0.0).encoder_x, predict(cov, 2).encoder_x)
    same_rows_up_to_sign(joint(cov, 2, lam=1e12).encoder_x, align(cov, 2).encoder_x, rtol=1e-5)


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_a_bad_weight_is_refused(weight):
    with pytest.raises(ValueError, match=r"lam = .* is not allowed"):
        joint(random_covariance(), 2, lam=weight)


def test_joint_recovers_inside_its_window_only():
    model = SpikedModel(jnp.sqrt(jnp.array([1.3660])), [0.5], [0.6340], [1.0, 1.0], [120.0, 0.5], jnp.array([1.0954, 0.5477]))
    cov = model.covariance()
    distance = [float(subspace_distance(joint(cov, 1, lam=w).encoder_x)) for w in (0.0, 0.35, 0.45, 2.0, 6.8, 7.2, 100.0)]
    np.testing.assert_allclose(distance, [1, 1, 0, 0, 0, 1, 1], atol=1e-9)


def test_probe_of_the_regression_encoder_is_the_regression():
    cov = random_covariance(d_x=6, d_y=4)
    for k in (1, 3):
        solution = predict(cov, k)
        np.testing.assert_allclose(probe(cov, solution.encoder_x), solution.coefficients, rtol=1e-9, atol=1e-11)


def test_probe_of_a_full_encoder_is_least_squares():
    x, y = random_data()
    coefficients = probe(second_moments(x, y), jnp.asarray(np.random.default_rng(3).normal(size=(6, 6))))
    np.testing.assert_allclose(coefficients, np.linalg.lstsq(x, y)[0].T, rtol=1e-8)


def test_prediction_error_is_the_mean_over_pairs():
    x, y = random_data()
    coefficients = np.random.default_rng(1).normal(size=(4, 6))
    expected = np.mean(np.sum((y - x @ coefficients.T) ** 2, axis=1))
    np.testing.assert_allclose(mean_squared_error(jnp.asarray(coefficients), second_moments(x, y)), expected, rtol=1e-10)


@pytest.mark.parametrize("shape", GAPPED)
def test_population_errors_are_the_theorys(shape):
    for seed in range(5):
        model = random_model(seed, shape)
        cov, signal = model.covariance(), model.signal_covariance()
        for solver, expected in zip((align, predict), theory.prediction_errors(model), strict=True):
            coefficients = probe(cov, solver(cov, model.k).encoder_x)
            np.testing.assert_allclose(mean_squared_error(coefficients, cov), expected.total, rtol=1e-9)
            np.testing.assert_allclose(mean_squared_error(coefficients, signal), expected.signal, rtol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
def test_covariances_may_be_lists_integers_or_half_floats(solver):
    whole = Covariance([[4, 1], [1, 3]], [[2, 0], [1, 1]], [[5, 1], [1, 2]])
    expected = solver(Covariance(*(jnp.asarray(block, float) for block in whole)), 1)
    for blocks in (whole, [jnp.asarray(block) for block in whole], [np.asarray(block, np.int8) for block in whole]):
        np.testing.assert_allclose(solver(Covariance(*blocks), 1).encoder_x, expected.encoder_x, rtol=1e-12)
    for half in (jnp.float16, jnp.bfloat16):
        found = solver(Covariance(*(jnp.asarray(block, half) for block in whole)), 1).encoder_x
        assert found.dtype == float and np.allclose(found, expected.encoder_x, rtol=1e-12)
    with pytest.raises(ValueError, match=r"^covariances hold complex128: real numbers are needed\.$"):
        solver(Covariance(*(jnp.asarray(block, complex) for block in whole)), 1)
    with pytest.raises(ValueError, match=r"^covariances have shapes .*: they do not fit"):
        solver(Covariance([1.0], [2.0], [3.0]), 1)


@pytest.mark.parametrize("solver", SOLVERS)
def test_blocks_that_are_no_joint_covariance_are_refused(solver):
    cov = random_covariance()
    for xy in (81 * cov.xy, cov.xy + 9 * jnp.sqrt(jnp.outer(jnp.diag(cov.xx), jnp.diag(cov.yy)))):
        with pytest.raises(ValueError, match=r"^the blocks are no covariance of x and y: .* has the eigenvalue -.*\.$"):
            solver(cov._replace(xy=xy), 2)
    with pytest.raises(ValueError, match=r"^the blocks are no covariance"):
        solver(cov._replace(xx=cov.xx - 2 * jnp.eye(6) * jnp.trace(cov.xx)), 2)
    for scale in (1e-9, 1.0, 1e9):  # nor does the unit of a view matter
        solver(Covariance(cov.xx, scale * cov.xy, scale**2 * cov.yy), 2)


def test_rounding_in_many_dimensions_is_no_rank():
    """Rank 3 in 80 dimensions: what is left of the other 77 is several times ε of the largest."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        loadings, x, y = rng.normal(size=(80, 3)), rng.normal(size=(300, 80)), rng.normal(size=(300, 80))
        assert whitener(jnp.asarray(loadings @ loadings.T)).rank == 3
        xy = jnp.asarray(loadings @ rng.normal(size=(3, 80)))
        cov = Covariance(jnp.asarray(x.T @ x / 300), xy, jnp.asarray(y.T @ y / 300))
        for solver in (align, predict, pls):
            assert solver(cov, 1, throw=False).rank == 3

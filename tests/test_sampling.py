"""Finite samples against the Wishart law's own moments, route against route, and the laws of the latent sources.

Monte-Carlo comparisons are z-scores: a deviation over its standard error, under fixed keys. Hundreds of them at once stay
below 5 when the law is right; each comparison that could be too weak to notice a wrong law shows that it is not.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from models import blocks, random_model, random_orthogonal, stack
from scipy import stats

from phasejax import sampling
from phasejax.recovery import principal_angles, squared_overlap, subspace_distance
from phasejax.sampling import covariance_of, sample_covariance, sample_pairs
from phasejax.solvers import align, pls, predict
from phasejax.spiked import Covariance, SpikedModel

DRAWS = 20_000
MODELS = {
    "square": random_model(1, (2, 4, 4)),
    "wide": random_model(1, (1, 4, 3)),
    "tall": random_model(0, (2, 3, 5)),
    "perfect": random_model(3, (2, 4, 4), "full"),  # ν_1 = 1
    "noiseless": random_model(0, (2, 3, 5), "noiseless"),
}


def by_wishart(model, n, key):
    return sample_covariance(model, n, key=key)


def by_rows(model, n, key):
    return covariance_of(*sample_pairs(model, n, key=key))


ROUTES = (by_wishart, by_rows)
routes = pytest.mark.parametrize("route", ROUTES)


def test_a_second_eager_draw_traces_nothing(monkeypatch):
    draw = lambda seed: sample_covariance(MODELS["square"], 50 + seed, key=jax.random.key(seed))  # noqa: E731
    first = draw(0)
    monkeypatch.setattr(sampling, "bartlett", None)
    assert not np.allclose(first.xx, draw(1).xx)


def joint(cov):
    """The covariance of (x, y) as one matrix; leading axes are batches."""
    xx, xy, yy = (np.asarray(block) for block in cov)
    return np.concatenate([np.concatenate([xx, xy], -1), np.concatenate([np.swapaxes(xy, -1, -2), yy], -1)], -2)


# Compiled once per shape: for the Wishart route n is traced.
alone = {route: jax.jit(route, static_argnums=static) for route, static in ((by_wishart, ()), (by_rows, (1,)))}
batches = {
    route: jax.jit(jax.vmap(route, (None, None, 0)), static_argnums=static)
    for route, static in ((by_wishart, ()), (by_rows, (1,)))
}


def many(route, model, n, draws=DRAWS, seed=0):
    return batches[route](model, n, jax.random.split(jax.random.key(seed), draws))


def z_scores(samples, expected):
    """Deviation of the mean over the first axis, in its standard errors."""
    deviation = samples.mean(axis=0) - expected
    error = samples.std(axis=0) / np.sqrt(len(samples))
    assert np.all(error > 0)
    return np.abs(deviation) / error


def product_scores(samples, expected):
    """`z_scores` of all products of two columns."""
    mean, square = samples.T @ samples / len(samples), (samples**2).T @ samples**2 / len(samples)
    return np.abs(mean - expected) / np.sqrt((square - mean**2) / len(samples))


def moment_scores(samples, sigma, n):
    """Largest z-scores of E S = Σ and of Cov(S_ij, S_kl) = (Σ_ik Σ_jl + Σ_il Σ_jk)/n over all entries and pairs of entries."""
    i, j = np.tril_indices(len(sigma))
    entries = samples[:, i, j]
    expected = (sigma[np.ix_(i, i)] * sigma[np.ix_(j, j)] + sigma[np.ix_(i, j)] * sigma[np.ix_(j, i)]) / n
    return z_scores(entries, sigma[i, j]).max(), product_scores(entries - sigma[i, j], expected).max()


# The Wishart law -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "name", "n"),
    # n below d_x + d_y, where the law is singular, and above; drawn rows cost a compilation for every n.
    [(by_wishart, name, n) for name in MODELS for n in (3, 12)]
    + [(by_rows, name, 12) for name in MODELS]
    + [(by_rows, "tall", 3)],
)
def test_first_and_second_moments_are_those_of_the_wishart_law(route, name, n):
    model = MODELS[name]
    samples = joint(many(route, model, n))
    sigma = joint(blocks(model))
    mean, covariance = moment_scores(samples, sigma, n)
    assert mean < 5 and covariance < 5.5


def test_a_wrong_divisor_or_number_of_degrees_would_be_noticed():
    """The moments above tell n from n − 1, in the mean and in the variance."""
    model, n = MODELS["square"], 12
    samples, sigma = joint(many(by_wishart, model, n)), joint(blocks(model))
    assert moment_scores(samples * n / (n - 1), sigma, n)[0] > 10
    assert moment_scores(samples, sigma, n - 1)[1] > 5.5
    assert moment_scores(joint(many(by_wishart, model, n - 1)), sigma, n)[1] > 5.5


@pytest.mark.parametrize("n", [1, 3, 7, 8, 20])
def test_rank_is_the_number_of_rows_up_to_the_dimension(n):
    values = np.linalg.eigvalsh(joint(many(by_wishart, MODELS["square"], n, draws=20)))
    above = values > 1e-11 * values[:, -1:]
    assert np.all(above.sum(axis=1) == min(n, 8))
    assert np.all(values > -1e-12 * values[:, -1:])


@routes
def test_perfectly_correlated_nuisance_is_perfectly_correlated_in_every_draw(route):
    model = MODELS["perfect"]
    j = model.k
    cov = many(route, model, 9, draws=50)
    correlation = cov.xy[:, j, j] / np.sqrt(cov.xx[:, j, j] * cov.yy[:, j, j])
    np.testing.assert_allclose(correlation, 1, rtol=1e-12)


def test_both_routes_have_the_same_law_of_recovery_errors():
    """Mean and spread of the CA and CP distances, from n that makes them neither small nor hopeless."""
    model = SpikedModel.homogeneous(
        d=5, d_y=6, k=2, kappa=[1.5, 1], gamma_x=0.5, gamma_y=0.3, gamma_tilde_x=1, gamma_tilde_y=3, nu=0.4
    )

    measure = jax.jit(jax.vmap(lambda cov: jnp.stack([subspace_distance(s(cov, 2).encoder_x) for s in (align, predict, pls)])))

    def distances(route, n, seed):
        return np.asarray(measure(many(route, model, n, 3000, seed)))

    def score(a, b):
        return np.abs(a.mean(axis=0) - b.mean(axis=0)) / np.sqrt((a.var(axis=0) + b.var(axis=0)) / len(a))

    wishart, rows = distances(by_wishart, 40, 1), distances(by_rows, 40, 2)
    assert np.all((wishart.mean(axis=0) > 0.03) & (wishart.mean(axis=0) < 0.7))
    assert np.all(score(wishart, rows) < 4)
    assert np.all(score(wishart**2, rows**2) < 4)
    assert np.any(score(distances(by_wishart, 36, 1), rows) > 4)  # a tenth fewer samples shows


@pytest.mark.parametrize("solver", [align, predict, pls])
def test_rotating_the_ambient_coordinates_changes_no_metric(solver):
    model = random_model(0, (2, 6, 6))
    rng = np.random.default_rng(0)
    q_x, q_y = random_orthogonal(rng, 6), random_orthogonal(rng, 6)
    metrics = jax.jit(
        lambda cov, basis: tuple(
            m(solver(cov, 2).encoder_x, basis) for m in (squared_overlap, subspace_distance, principal_angles)
        )
    )
    for seed in range(5):
        cov = alone[by_wishart](model, 100, jax.random.key(seed))
        rotated = Covariance(q_x @ cov.xx @ q_x.T, q_x @ cov.xy @ q_y.T, q_y @ cov.yy @ q_y.T)
        for one, other in zip(metrics(cov, jnp.eye(6, 2)), metrics(rotated, jnp.asarray(q_x[:, :2])), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-9)


# Keys, batches, precision --------------------------------------------------------------------------------------------


@routes
def test_the_key_decides_every_bit(route):
    model = MODELS["wide"]
    first, same, other = (joint(alone[route](model, 10, jax.random.key(seed))) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, same)
    assert np.all(first != other)


@routes
def test_vmap_over_keys_equals_a_loop(route):
    model = MODELS["tall"]
    batch = many(route, model, 10, draws=6)
    for i, key in enumerate(jax.random.split(jax.random.key(0), 6)):
        for together, single in zip(batch, alone[route](model, 10, key), strict=True):
            np.testing.assert_allclose(together[i], single, rtol=1e-12, atol=1e-14)


def test_vmap_over_models_and_sizes_equals_a_loop():
    models, sizes = [random_model(seed, (2, 3, 5)) for seed in range(4)], [4, 9, 50, 10_000]
    key = jax.random.key(0)
    batch = jax.jit(jax.vmap(by_wishart, (0, 0, None)))(stack(models), jnp.array(sizes), key)
    for i, (model, n) in enumerate(zip(models, sizes, strict=True)):
        np.testing.assert_allclose(joint(batch)[i], joint(alone[by_wishart](model, n, key)), rtol=1e-12, atol=1e-14)


@routes
def test_large_samples_converge_to_the_population(route):
    model = MODELS["square"]
    cov, sigma = joint(route(model, 200_000, jax.random.key(0))), joint(blocks(model))
    error = np.sqrt((np.outer(np.diag(sigma), np.diag(sigma)) + sigma**2) / 200_000)
    assert np.all(np.abs(cov - sigma) < 4.5 * error)


@routes
@pytest.mark.parametrize("x64", [True, False])
def test_draws_have_the_precision_of_the_model(route, x64):
    with jax.enable_x64(x64):
        model = SpikedModel.homogeneous(d=3, k=1, kappa=1, gamma_x=0, gamma_y=1, gamma_tilde_x=1, gamma_tilde_y=1, nu=0.5)
        cov = alone[route](model, 7, jax.random.key(0))
        assert {block.dtype for block in cov} == {jnp.dtype("float64" if x64 else "float32")}
        # With unit variances the triangular factor of n·S is the draw itself; float64 must not be float32 in disguise.
        if x64:
            entries = np.linalg.cholesky(np.asarray(cov.xx) * 7)[np.tril_indices(3)]
            assert np.all(np.abs(entries - entries.astype(np.float32)) > 1e-12 * np.abs(entries))


def test_float32_draws_have_the_right_moments(float32):
    model = SpikedModel.homogeneous(d=3, k=1, kappa=1, gamma_x=0.5, gamma_y=1, gamma_tilde_x=1, gamma_tilde_y=2, nu=0.5)
    samples = joint(many(by_wishart, model, 9)).astype(float)
    mean, covariance = moment_scores(samples, joint(blocks(model)), 9)
    assert mean < 5 and covariance < 5.5


# Drawn data of other laws --------------------------------------------------------------------------------------------

EXCESS_KURTOSIS = {"gaussian": 0.0, "laplace": 3.0, "student_t": 6 / (12 - 4)}  # of a source; Student-t with 12 degrees
laws = pytest.mark.parametrize("law", EXCESS_KURTOSIS)


@pytest.fixture(scope="module")
def rows_of():
    """Rows of the "square" model under each law, drawn once."""
    draw = jax.jit(lambda key, law: sample_pairs(MODELS["square"], 100_000, key=key, law=law, dof=12.0), static_argnums=1)
    return {law: [np.asarray(side) for side in draw(jax.random.key(3), law)] for law in EXCESS_KURTOSIS}


@laws
def test_every_law_has_the_population_covariance(law, rows_of):
    rows = np.concatenate(rows_of[law], axis=1)
    assert z_scores(rows, 0).max() < 4.5
    assert product_scores(rows, joint(blocks(MODELS["square"]))).max() < 4.5


@laws
def test_fourth_cumulants_tell_the_law_and_the_sources(law, rows_of):
    """A sum of independent sources with loadings l has fourth cumulant Σ l⁴ times their excess kurtosis.

    So these numbers show the law, the independence of the sources, and how much of x and y comes from shared ones.
    """
    model, (x, y) = MODELS["square"], rows_of[law]
    excess = EXCESS_KURTOSIS[law]
    power = np.asarray(model.kappa) ** 2
    tilde_x, tilde_y = np.asarray(model.gamma_tilde_x), np.asarray(model.gamma_tilde_y)
    nu = np.asarray(model.eta) / np.sqrt(tilde_x * tilde_y)
    sigma = blocks(model)
    var_x, var_y, cross = np.diag(sigma.xx), np.diag(sigma.yy), np.diag(sigma.xy)
    of_x = excess * np.concatenate([power**2 + np.asarray(model.gamma_x) ** 2, tilde_x**2])
    of_y = excess * np.concatenate([power**2 + np.asarray(model.gamma_y) ** 2, tilde_y**2 * (nu**4 + (1 - nu**2) ** 2)])
    of_both = excess * np.concatenate([power**2, tilde_x * tilde_y * nu**2])
    assert z_scores(x**4, of_x + 3 * var_x**2).max() < 4.5
    assert z_scores(y**4, of_y + 3 * var_y**2).max() < 4.5
    assert z_scores(x**2 * y**2, of_both + var_x * var_y + 2 * cross**2).max() < 4.5
    if excess:
        assert z_scores(x**4, 3 * var_x**2).min() > 5  # clearly not Gaussian


@pytest.mark.parametrize("dof", [2.1, 5.0, 1e6])
def test_student_t_has_its_law(dof, float32):
    model = SpikedModel([1], [1], [1], [1, 1, 1], [1, 1, 1], [0, 0, 0])
    sources = np.ravel(sample_pairs(model, 20_000, key=jax.random.key(1), law="student_t", dof=dof)[0][:, 1:])
    probability = {nu: stats.kstest(sources, stats.t(nu, scale=np.sqrt((nu - 2) / nu)).cdf).pvalue for nu in (dof, 2 + dof / 3)}
    assert sources.dtype == np.float32 and probability[dof] > 1e-3
    assert dof > 9 or probability[2 + dof / 3] < 1e-9


def test_degrees_of_freedom_default_to_five():
    """The same computation, so there is no need to run it."""

    def program(**dof):
        return str(
            jax.make_jaxpr(lambda key: sample_pairs(MODELS["wide"], 5, key=key, law="student_t", **dof))(jax.random.key(0))
        )

    assert program() == program(dof=5.0) != program(dof=6.0)


@laws
def test_rows_have_the_promised_shapes_and_precision(law, float32):
    model = SpikedModel([1], [1], [1], [1, 2], [1, 1, 3], [0, 1])
    x, y = jax.eval_shape(lambda: sample_pairs(model, 5, key=jax.random.key(0), law=law))
    assert (x.shape, y.shape) == ((5, 3), (5, 4))
    assert x.dtype == y.dtype == jnp.float32


# covariance_of -------------------------------------------------------------------------------------------------------


def test_covariance_of_rows_divides_by_n_and_centres_on_request():
    rng = np.random.default_rng(0)
    x, y = rng.normal(3, 2, (40, 3)), rng.normal(-1, 1, (40, 5))
    np.testing.assert_allclose(
        joint(covariance_of(jnp.asarray(x), jnp.asarray(y), center=True)), np.cov(x.T, y.T, bias=True), rtol=1e-11
    )
    both = np.concatenate([x, y], axis=1)
    np.testing.assert_allclose(joint(covariance_of(jnp.asarray(x), jnp.asarray(y))), both.T @ both / 40, rtol=1e-12)


# Complaints ----------------------------------------------------------------------------------------------------------


def test_unpaired_rows_are_refused(unchecked):
    with pytest.raises(ValueError, match=r"^x has 4 rows and y has 5: pairs need the same number\.$"):
        covariance_of(jnp.ones((4, 2)), jnp.ones((5, 2)))


@routes
@pytest.mark.parametrize("n", [0, -3])
def test_a_sample_needs_a_pair(route, n):
    with pytest.raises(ValueError, match=rf"^n = {n} is not allowed: n must be a whole number (≥ 1|of pairs in 1\.\.10¹⁵)\.$"):
        route(MODELS["wide"], n, jax.random.key(0))


def test_an_unknown_law_is_refused(unchecked):
    with pytest.raises(ValueError, match=r"^law = 'cauchy' is not allowed: choose one of gaussian, laplace, student_t\.$"):
        sample_pairs(MODELS["wide"], 5, key=jax.random.key(0), law="cauchy")


@pytest.mark.parametrize("dof", [2, 0.5, -1.0, float("nan")])
def test_student_t_needs_a_variance(dof):
    with pytest.raises(ValueError, match=rf"^dof = {dof:g} is not allowed: dof must be > 2, so that .* variance, and ≤ 10⁶\.$"):
        sample_pairs(MODELS["wide"], 5, key=jax.random.key(0), law="student_t", dof=dof)

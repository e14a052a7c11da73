"""Closed forms against dense linear algebra in NumPy, against the theory of pairs, and against their own symmetries."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from multimodal_models import SHAPES, joint_covariance, random_graph, random_model

from phasejax import theory as pairwise
from phasejax.multimodal import MultimodalModel, complete, homogeneous, star, theory

SEEDS = range(12)


@jax.jit
def exact(model, adjacency):
    """Every quantity of the theory at once, so that each shape is compiled once."""
    return dict(
        maxvar=theory.delta_maxvar(model),
        complete=theory.delta_graph(model, complete(model.modalities)),
        graph=theory.delta_graph(model, adjacency),
        sumcor=theory.delta_sumcor(model),
        predict=theory.delta_predict(model),
        predict_first=theory.delta_predict(model, target=0),
        eigenvalues=theory.maxvar_eigenvalues(model),
        nuisance=theory.nuisance_eigenvalues(model),
        tau=theory.tau(model),
        xi=theory.xi(model),
        recovered=(theory.recovered_maxvar(model), theory.recovered_graph(model, adjacency), theory.recovered_predict(model)),
    )


def alike(modalities, nu=0.3, shared_by=None, **changes):
    arguments = dict(d=4, k=2, kappa=[1.2, 0.9], gamma=0.7, gamma_tilde=1.5) | changes
    return MultimodalModel.homogeneous(modalities=modalities, nu=nu, shared_by=shared_by, **arguments)


def whitened_coordinates(model):
    """Correlations of every coordinate across modalities, (d, M, M), from the generating equations."""
    joint = joint_covariance(model)
    scale = np.sqrt(np.diag(joint))
    correlation = (joint / scale[:, None] / scale).reshape(model.modalities, model.d, model.modalities, model.d)
    return np.array([correlation[:, c, :, c] for c in range(model.d)])


def reference_delta(model, adjacency):
    degree = adjacency.sum(axis=1)
    values = np.linalg.eigvalsh(adjacency / np.sqrt(np.outer(degree, degree)) * whitened_coordinates(model))
    signal, nuisance = values[: model.k], values[model.k :]
    weakest = np.argmin(signal[:, -1])
    return signal[weakest, -1] / max(nuisance.max(), np.delete(signal, weakest, axis=0)[:, :-1].max(initial=0))


# One modality more or less ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_two_modalities_are_a_pair(seed):
    model = random_model(seed, (2, 2, 5))
    pair = model.pair(0, 1)
    delta, counts, ours = pairwise.separation(pair), pairwise.recovery_counts(pair), exact(model, star(2))
    for objective in ("maxvar", "complete", "graph", "sumcor"):
        np.testing.assert_allclose(ours[objective], delta.ca, rtol=1e-11)
    np.testing.assert_allclose(ours["predict"], delta.cp, rtol=1e-11)
    np.testing.assert_allclose(ours["predict_first"], pairwise.separation(pair.swap()).cp, rtol=1e-11)
    np.testing.assert_allclose(ours["eigenvalues"], 1 + pairwise.rho(pair), rtol=1e-13)
    np.testing.assert_allclose(ours["nuisance"], 1 + pairwise.nu(pair), rtol=1e-12)
    np.testing.assert_allclose(ours["tau"], pairwise.tau(pair), rtol=1e-13)
    np.testing.assert_allclose(ours["xi"], pairwise.xi(pair), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(ours["recovered"], [counts.exact.ca, counts.exact.ca, counts.exact.cp])


@pytest.mark.parametrize("shape", SHAPES[1:])
def test_order_of_modalities_does_not_matter(shape):
    for seed in SEEDS:
        model = random_model(seed, shape)
        rng = np.random.default_rng(seed)
        order = np.append(1 + rng.permutation(shape[0] - 1), 0)
        adjacency = random_graph(rng, shape[0])
        here = exact(model, jnp.asarray(adjacency))
        there = exact(model.select(order.tolist()), jnp.asarray(adjacency[order[:, None], order]))
        for objective in ("maxvar", "graph", "sumcor"):
            np.testing.assert_allclose(there[objective], here[objective], rtol=1e-10)
        np.testing.assert_allclose(there["predict"], here["predict_first"], rtol=1e-9)
        np.testing.assert_array_equal(there["recovered"][:2], here["recovered"][:2])


# Alignment ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_secular_root_is_the_largest_eigenvalue(shape):
    for seed in SEEDS:
        model = random_model(seed, shape)
        dense = np.linalg.eigvalsh(whitened_coordinates(model))[:, -1]
        ours = exact(model, complete(shape[0]))
        np.testing.assert_allclose(ours["eigenvalues"], dense[: model.k], rtol=1e-12)
        np.testing.assert_allclose(ours["nuisance"], dense[model.k :], rtol=1e-7)


@pytest.mark.parametrize("noise", [(0, 0, 0), (0, 1e12, 1e12), (1e12, 0, 0), (1e-9, 1, 1e9), (1e14, 1e14, 1e14)])
def test_secular_root_of_extreme_qualities(noise):
    model = MultimodalModel([1.0], np.array(noise)[:, None], np.ones((3, 1)), np.eye(3)[None])
    a2 = 1 / (1 + np.array(noise, float))
    excess = np.sqrt(np.outer(a2, a2)) * (1 - np.eye(3))
    np.testing.assert_allclose(theory._secular_roots(model.quality.T)[0], np.linalg.eigvalsh(excess)[-1], rtol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_graph_and_maxvar_separations_are_those_of_dense_eigenvalues(shape):
    for seed in SEEDS:
        model = random_model(seed, shape)
        adjacency = random_graph(np.random.default_rng(seed), shape[0])
        ours = exact(model, jnp.asarray(adjacency))
        np.testing.assert_allclose(ours["graph"], reference_delta(model, adjacency), rtol=1e-7)
        np.testing.assert_allclose(ours["maxvar"], reference_delta(model, np.asarray(complete(shape[0]))), rtol=1e-7)
        np.testing.assert_allclose(ours["complete"], ours["maxvar"], rtol=1e-11)


@pytest.mark.parametrize(("modalities", "members"), [(3, 2), (3, 3), (5, 2), (5, 4), (5, 5)])
def test_alike_modalities(modalities, members):
    """(M−1)ρ/((s−1)ν) for MAXVAR, the complete graph and SUMCOR; ρ√((M−1)/(s−1))/ν on a star whose hub is a member."""
    ours = exact(alike(modalities, shared_by=members), star(modalities))
    rho = 0.81 / (0.81 + 0.7)
    expected = (modalities - 1) * rho / ((members - 1) * 0.3)
    np.testing.assert_allclose([ours["maxvar"], ours["complete"], ours["sumcor"]], expected, rtol=1e-12)
    np.testing.assert_allclose(ours["graph"], rho / 0.3 * np.sqrt((modalities - 1) / (members - 1)), rtol=1e-12)


def test_critical_nu_on_graphs():
    """ν* = ρ/λ_max(𝒩[S]) is where Δ = 1; a pair without an edge never matters."""
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        adjacency = jnp.asarray(random_graph(rng, 5))
        members = tuple(map(int, rng.choice(5, rng.integers(2, 6), replace=False)))
        critical = homogeneous.critical_nu_graph(0.36 / 1.06, adjacency, members)
        delta = exact(alike(5, 0.2, members, k=1, d=2, kappa=0.6), adjacency)["graph"]
        np.testing.assert_allclose(critical, 0.2 * delta, rtol=1e-12)
    assert homogeneous.critical_nu_graph(0.5, star(4), (1, 3)) == np.inf
    assert theory.delta_graph(alike(4, shared_by=(1, 3)), star(4)) == np.inf
    np.testing.assert_allclose(homogeneous.critical_nu_graph(0.4, star(5), (0, 3)), 0.4 * 2)
    np.testing.assert_allclose(homogeneous.critical_nu_graph(0.4, complete(5), (0, 3, 4)), 0.4 * 2)


def test_a_strong_signal_can_fill_two_directions_of_a_sparse_graph():
    """On a path of four, 𝒩 has eigenvalues 1, ½, −½, −1: signals of correlations .9 and .4 leave room for one only."""
    path = jnp.asarray(np.diag(np.ones(3), 1) + np.diag(np.ones(3), -1))
    quality = np.array([0.9, 0.4])
    model = alike(4, nu=0.0, kappa=1.0, gamma=1 / quality - 1)
    assert theory.delta_maxvar(model) == np.inf and theory.recovered_maxvar(model) == 2
    assert theory.delta_graph(model, path) < 1 and theory.recovered_graph(model, path) == 1
    np.testing.assert_allclose(theory.delta_graph(model, path), reference_delta(model, np.asarray(path)), rtol=1e-12)


def test_pair_nuisance_cannot_defeat_many_good_modalities():
    """Immune for every ν < 1 iff κ² ≥ γ (s−1)/(M−s); here s = 2, M = 4, κ² = 1."""
    for gamma, immune in ((1.99, True), (2.01, False)):
        delta = theory.delta_maxvar(alike(4, nu=1.0, shared_by=2, kappa=1.0, gamma=gamma))
        assert (delta > 1) == immune


# SUMCOR ------------------------------------------------------------------------------------------------------------------


def test_sumcor_is_stable_exactly_below_its_boundary():
    """The second derivative of Σ_mn R_mn cos θ_m cos θ_n + N_mn sin θ_m sin θ_n at θ = 0, by automatic differentiation."""
    above = below = 0
    delta = jax.jit(theory.delta_sumcor)

    @jax.jit
    def curvature(r, n):
        def objective(theta):
            return jnp.cos(theta) @ r @ jnp.cos(theta) + jnp.sin(theta) @ n @ jnp.sin(theta)

        return jax.hessian(objective)(jnp.zeros(4))

    for seed in range(40):
        model = random_model(seed, (4, 1, 2), strength=np.random.default_rng(seed).uniform(0.3, 1))
        stable = np.linalg.eigvalsh(curvature(*whitened_coordinates(model)))[-1] < 0
        assert (delta(model) > 1) == stable
        above, below = above + stable, below + (not stable)
    assert above >= 5 and below >= 5


def test_sumcor_cosine_is_continuous_and_reaches_a_switch():
    edge = (5 - 1) * 0.2 / (3 - 1)
    np.testing.assert_allclose(homogeneous.sumcor_cosine(0.2, edge * (1 + 1e-9), 5, 3), 1, atol=1e-7)
    np.testing.assert_array_equal(homogeneous.sumcor_cosine(0.2, np.array([0, edge * 0.99]), 5, 3), [1, 1])
    np.testing.assert_array_equal(homogeneous.sumcor_cosine(0.2, 0.201, 4, 4), 0)
    np.testing.assert_allclose(homogeneous.sumcor_cosine(0.2, 0.8, 4, 2), 2 * 0.2 / 0.6)


# Prediction ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_tau_and_xi_are_singular_values(shape):
    """Of Σ_ys Σ_ss^-½, found densely, with the first and with the last modality as target."""
    strengths = jax.jit(
        lambda model, target: (theory.tau(model, target=target), theory.xi(model, target=target)), static_argnums=1
    )
    for seed in SEEDS:
        model = random_model(seed, shape, strength=0.9)
        joint = joint_covariance(model).reshape(shape[0], shape[2], shape[0], shape[2])
        for target in (0, shape[0] - 1):
            sources = np.delete(np.arange(shape[0]), target)
            inside = joint[sources][:, :, sources].reshape(2 * [len(sources) * shape[2]])
            across = joint[sources][:, :, target].reshape(-1, shape[2])
            dense = np.linalg.svd(np.linalg.solve(np.linalg.cholesky(inside), across), compute_uv=False)
            tau, xi = strengths(model, target if target == 0 else -1)
            np.testing.assert_allclose(np.sort(np.concatenate([tau, xi]))[::-1], dense, rtol=1e-6, atol=1e-8)


def layouts(sources, nu_sources, nu=0.2):
    """Three models of `sources` sources and a target, by where the nuisance lies; nuisance coordinates: as many as sources."""
    shared = np.eye(sources + 1)
    shared[:-1, :-1] += nu_sources * (1 - np.eye(sources))
    shared[-1, :-1] = shared[:-1, -1] = nu
    nothing = np.eye(sources + 1)
    own = [nothing + nu * np.asarray(star(sources + 1, -1, (m,))) for m in range(sources)]
    same = nothing + nu * np.asarray(star(sources + 1, -1))
    rest = [nothing] * (sources - 1)

    def build(nuisance):
        return MultimodalModel([1.1], [[0.8]] * (sources + 1), [[1.3] * sources] * (sources + 1), nuisance)

    return build([shared, *rest]), build(own), build([same, *rest])


@pytest.mark.parametrize("sources", [1, 3])
@pytest.mark.parametrize("nu_sources", [0.1, 0.55, 0.65])
def test_gains_of_more_sources(sources, nu_sources):
    gains = homogeneous.prediction_gains(sources, kappa=1.1, gamma=0.8, nu_sources=nu_sources)
    for model, gain in zip(layouts(sources, nu_sources), gains, strict=True):
        one = theory.delta_predict(model.select((0, -1)))
        np.testing.assert_allclose(theory.delta_predict(model) / one, gain, rtol=1e-12)
    if sources > 1:
        assert (gains.shared > 1) == (nu_sources > 1.21 / 2.01)  # ν_s > ρ
        assert gains.same < 1 < gains.own < np.sqrt(1 + 0.8 / 1.21)


@pytest.mark.parametrize("modalities", [2, 5])
def test_boundaries_by_modalities_are_where_delta_is_one(modalities):
    law = dict(kappa=0.8, gamma=1.1, gamma_tilde=1.7, k=1, d=2)
    critical = homogeneous.critical_nu_by_modalities(np.array([modalities]), kappa=0.8, gamma=1.1, gamma_tilde_target=1.7)

    def at(nu, members):
        return alike(modalities, nu=nu, shared_by=members, **law)

    pair_with_target = (0, modalities - 1)
    everyone = tuple(range(modalities))
    for nu, members, objective in (
        (critical.maxvar_shared, everyone, "maxvar"),
        (critical.maxvar_pair, (0, 1), "maxvar"),
        (critical.star_shared, everyone, "graph"),
        (critical.star_pair, (0, 1), "graph"),
        (critical.predict_shared, everyone, "predict"),
        (critical.predict_pair, pair_with_target, "predict"),
    ):
        assert nu.shape == (1,)
        delta = exact(at(min(nu[0], 1.0), members), star(modalities))[objective]
        assert delta > 1 if nu[0] > 1 else abs(delta - 1) < 1e-12


def test_noiseless_and_perfectly_correlated_sources():
    model = MultimodalModel([2.0], [[0.0], [1.0], [1.0]], np.ones((3, 1)), np.ones((1, 3, 3)))
    np.testing.assert_allclose(theory.tau(model), [2.0])  # a source without noise is all that is needed
    np.testing.assert_allclose(theory.xi(model), [1.0])  # two copies of one nuisance are one


# Edges -------------------------------------------------------------------------------------------------------------------


def test_no_nuisance_and_dead_signals():
    free = alike(3, nu=0.0)
    dead = alike(3, kappa=[1.0, 0.0])
    nothing = alike(3, nu=0.0, kappa=[1.0, 0.0])
    for model, delta, recovered in ((free, np.inf, 2), (dead, 0, 1), (nothing, 0, 1)):
        ours = exact(model, star(3))
        assert {float(ours[name]) for name in ("maxvar", "complete", "graph", "sumcor", "predict")} == {delta}
        np.testing.assert_array_equal(ours["recovered"], recovered)
    assert theory.delta_maxvar(alike(3, d=2)) == np.inf


@pytest.mark.parametrize(
    ("adjacency", "message"),
    [
        (np.ones((3, 3)), "zero diagonal"),
        (np.triu(np.ones((3, 3)), 1), "symmetric"),
        (-np.asarray(complete(3)), "≥ 0"),
        (np.asarray(complete(3, (0, 1))), "modality 2 cannot be reached"),
        (np.asarray(complete(4)), r"shape \(4, 4\): shape \(3, 3\) is allowed"),
    ],
)
def test_bad_graphs(adjacency, message):
    with pytest.raises(ValueError, match=message):
        theory.delta_graph(alike(3), jnp.asarray(adjacency))


def test_bad_target():
    with pytest.raises(ValueError, match="target = 3 is not allowed: there are 3 modalities"):
        theory.delta_predict(alike(3), target=3)


def test_transformations_and_gradients():
    def deltas(nu):
        model = alike(4, nu=nu, shared_by=3)
        graph = theory.delta_graph(model, star(4))
        return jnp.stack([theory.delta_maxvar(model), graph, theory.delta_sumcor(model), theory.delta_predict(model, target=0)])

    step, nus = 1e-5, jnp.array([0.2, 0.6])
    values = jax.jit(jax.vmap(deltas))(jnp.concatenate([nus - step, nus + step]))
    slopes = (values[2:] - values[:2]) / (2 * step)
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.jacfwd(deltas)))(nus), slopes, rtol=1e-6)

    @jax.jit
    def eigenvalue(gamma):
        return theory.maxvar_eigenvalues(alike(3, kappa=1.0, gamma=[[gamma, 1], [0.3, 1], [2, 1]]))[0]

    np.testing.assert_allclose(jax.grad(eigenvalue)(0.5), (eigenvalue(0.50001) - eigenvalue(0.49999)) / 2e-5, rtol=1e-6)


def test_single_precision(float32):
    model = random_model(3, (4, 2, 5), 0.5)
    ours = jax.jit(theory.delta_maxvar)(model)
    with jax.enable_x64(True):
        expected = reference_delta(random_model(3, (4, 2, 5), 0.5), np.asarray(complete(4)))
    assert ours.dtype == jnp.float32
    np.testing.assert_allclose(ours, expected, rtol=1e-5)

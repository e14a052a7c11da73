"""Solvers against SciPy's generalised eigenproblems, regression on drawn data, direct optimisation, and the theory's counts."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
from multimodal_models import as_blocks, flatten, random_graph, random_model, signal_share

from phasejax import solvers as pairwise
from phasejax.multimodal import MultimodalModel, complete, homogeneous, star, theory
from phasejax.multimodal.solvers import align_graph, maxvar, predict_from, sumcor
from phasejax.solvers import Status
from phasejax.spiked import Covariance

M, D = 3, 4

sum_of_correlations = jax.jit(sumcor, static_argnums=1)


def random_data(seed=0, n=80, modalities=M, d=D):
    """Correlated rows with nothing structured about them, (n, M d)."""
    rng = np.random.default_rng([seed, n, modalities, d])
    return rng.normal(size=(n, modalities * d)) @ rng.normal(size=(modalities * d, modalities * d))


def random_blocks(seed=0, **sizes):
    rows = random_data(seed, **sizes)
    return jnp.asarray(as_blocks(rows.T @ rows / len(rows), sizes.get("modalities", M)))


def solve_all(k, adjacency):
    return {
        "maxvar": jax.jit(lambda blocks: maxvar(blocks, k)),
        "graph": jax.jit(lambda blocks: align_graph(blocks, k, adjacency)),
        "predict": jax.jit(lambda blocks: predict_from(blocks, k)),
    }


def same_up_to_sign(got, expected, rtol=1e-7):
    """Rows of encoders (M, k, d): one sign for each of the k directions."""
    got, expected = np.asarray(got), np.asarray(expected)
    signs = np.sign(np.sum(got * expected, axis=(0, 2), keepdims=True))
    np.testing.assert_allclose(got * signs, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


# Against SciPy -------------------------------------------------------------------------------------------------------


def test_maxvar_solves_the_generalised_eigenproblem():
    """S w = λ blockdiag(S_11, …, S_MM) w."""
    blocks = random_blocks()
    own = scipy.linalg.block_diag(*(blocks[m, m] for m in range(M)))
    values, vectors = scipy.linalg.eigh(flatten(blocks), own)
    solution = maxvar(blocks, 2)
    np.testing.assert_allclose(solution.values, values[::-1], rtol=1e-9, atol=1e-12)
    same_up_to_sign(solution.encoders, vectors[:, ::-1][:, :2].T.reshape(2, M, D).swapaxes(0, 1))
    assert (solution.rank, solution.status) == (M * D, Status.OK)


def test_alignment_on_a_graph_minimises_the_differences_along_its_edges():
    """The bottom of Σ_edges A_mn ‖W_m x_m − W_n x_n‖² under Σ_m deg_m W_m S_mm W_mᵀ = I, built edge by edge from the data."""
    adjacency = random_graph(np.random.default_rng(1), M)
    rows = random_data().reshape(-1, M, D)
    n = len(rows)
    cost, norm = np.zeros((M * D, M * D)), np.zeros((M * D, M * D))
    for a in range(M):
        inside = np.zeros((n, M, D))
        inside[:, a] = rows[:, a]
        norm += adjacency[a].sum() * (inside.reshape(n, -1).T @ inside.reshape(n, -1)) / n
        for b in range(a):
            edge = np.zeros((n, M, D))
            edge[:, a], edge[:, b] = rows[:, a], -rows[:, b]
            cost += adjacency[a, b] * (edge.reshape(n, -1).T @ edge.reshape(n, -1)) / n
    values, vectors = scipy.linalg.eigh(cost, norm)
    solution = align_graph(random_blocks(), 2, jnp.asarray(adjacency))
    np.testing.assert_allclose(solution.values, 1 - values, rtol=1e-8, atol=1e-10)
    same_up_to_sign(solution.encoders, vectors[:, :2].T.reshape(2, M, D).swapaxes(0, 1))


@pytest.mark.parametrize("target", [0, 1, -1])
def test_prediction_is_reduced_rank_regression_on_all_sources(target):
    """The least-squares fit, projected on the top-k principal directions of its fitted values."""
    rows = random_data().reshape(-1, M, D)
    sources = np.delete(np.arange(M), target)
    x, y = rows[:, sources].reshape(len(rows), -1), rows[:, target]
    fit = np.linalg.lstsq(x, y, rcond=None)[0]
    _, sigma, vt = np.linalg.svd(x @ fit / np.sqrt(len(rows)), full_matrices=False)
    solution = predict_from(random_blocks(), 2, target=target)
    np.testing.assert_allclose(solution.values, sigma, rtol=1e-9)
    w = np.concatenate(np.asarray(solution.encoders)[sources], axis=1)
    coefficients = solution.encoders[target].T @ (np.asarray(solution.values)[:2, None] * w)
    np.testing.assert_allclose(coefficients.T, fit @ vt[:2].T @ vt[:2], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(solution.encoders[target] @ solution.encoders[target].T, np.eye(2), atol=1e-12)


def test_two_modalities_are_alignment_and_prediction():
    blocks = random_blocks(modalities=2)
    cov = Covariance(blocks[0, 0], blocks[0, 1], blocks[1, 1])
    aligned, predicted = pairwise.align(cov, 2), pairwise.predict(cov, 2)
    pair = np.stack([aligned.encoder_x, aligned.encoder_y])
    correlations = np.asarray(aligned.singular_values)
    solution = maxvar(blocks, 2)
    np.testing.assert_allclose(solution.values, np.concatenate([1 + correlations, 1 - correlations[::-1]]), rtol=1e-8)
    same_up_to_sign(solution.encoders * np.sqrt(2), pair)
    same_up_to_sign(align_graph(blocks, 2, star(2)).encoders * np.sqrt(2), pair)
    by_sum = sum_of_correlations(blocks, 2, key=jax.random.key(0))
    np.testing.assert_allclose(by_sum.values, 2 * correlations[:2], rtol=1e-8)
    same_up_to_sign(by_sum.encoders, pair, 1e-6)
    solution = predict_from(blocks, 2)
    np.testing.assert_allclose(solution.values, predicted.singular_values, rtol=1e-9)
    same_up_to_sign(solution.encoders, np.stack([predicted.encoder_x, predicted.encoder_y]))


def test_the_complete_graph_is_maxvar():
    blocks = random_blocks()
    by_graph, by_variance = align_graph(blocks, 2, complete(M)), maxvar(blocks, 2)
    np.testing.assert_allclose(1 + (M - 1) * by_graph.values, by_variance.values, atol=1e-10)
    same_up_to_sign(by_graph.encoders * np.sqrt(M - 1), by_variance.encoders)


def test_order_of_modalities_does_not_matter():
    blocks, order = random_blocks(), np.array([2, 0, 1])
    shuffled = blocks[order[:, None], order]
    same_up_to_sign(maxvar(shuffled, 2).encoders, np.asarray(maxvar(blocks, 2).encoders)[order])
    same_up_to_sign(predict_from(shuffled, 2).encoders, np.asarray(predict_from(blocks, 2, target=1).encoders)[order])


# SUMCOR ----------------------------------------------------------------------------------------------------------------


def test_sumcor_is_the_best_of_many_descents():
    """One component: the sum of correlations maximised by BFGS over free vectors, from many starts."""
    blocks = np.asarray(random_blocks(3))

    def negative_sum(flat):
        w = flat.reshape(M, D)
        w = w / np.sqrt(np.einsum("md,mde,me->m", w, blocks[range(M), range(M)], w))[:, None]
        return M - np.einsum("md,mnde,ne->", w, blocks, w)

    rng = np.random.default_rng(0)
    best = min(scipy.optimize.minimize(negative_sum, rng.normal(size=M * D)).fun for _ in range(12))
    solution = sum_of_correlations(jnp.asarray(blocks), 1, key=jax.random.key(0))
    np.testing.assert_allclose(solution.values.sum(), -best, rtol=1e-6)
    np.testing.assert_allclose(-negative_sum(np.asarray(solution.encoders).ravel()), -best, rtol=1e-6)


def test_sumcor_components_are_white_and_reproducible():
    blocks = random_blocks()
    solution = sum_of_correlations(blocks, 2, key=jax.random.key(1))
    for m in range(M):
        w = solution.encoders[m]
        np.testing.assert_allclose(w @ blocks[m, m] @ w.T, np.eye(2), atol=1e-10)
    terms = np.einsum("mkd,mnde,nle->kl", solution.encoders, blocks, solution.encoders) - M * np.eye(2)
    np.testing.assert_allclose(terms, np.diag(solution.values), atol=1e-9)
    np.testing.assert_array_equal(sum_of_correlations(blocks, 2, key=jax.random.key(1)).encoders, solution.encoders)


@pytest.mark.parametrize("k", [1, 2])
def test_sumcor_leaves_the_signal_at_its_boundary(k):
    """Heterogeneous models (for k = 2 with γ alike, so that one signal is the weakest everywhere): 0 mismatches."""
    solve = jax.jit(lambda blocks: sumcor(blocks, k, key=jax.random.key(0), starts=6, steps=300).encoders)
    decided = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        model = random_model(seed, (3, k, k + 2), strength=rng.uniform(0.3, 1))
        gamma = model.gamma if k == 1 else jnp.broadcast_to(model.gamma[0], (3, k))
        model = MultimodalModel(0.5 * model.kappa, gamma, model.gamma_tilde, model.nuisance)
        delta = float(theory.delta_sumcor(model))
        if abs(delta - 1) < 0.05:
            continue
        blocks = np.asarray(model.covariance())
        variances = np.array([np.diag(blocks[m, m]) for m in range(3)])
        in_nuisance = np.sum(np.asarray(solve(blocks)) ** 2 * variances[:, None], axis=1)[:, k:]
        pure = np.max(in_nuisance) < 1e-4
        assert pure == (delta > 1), (seed, delta)
        decided.append(pure)
    assert 5 <= sum(decided) <= len(decided) - 5


@pytest.mark.parametrize(("modalities", "members", "nu"), [(4, 2, 0.95), (4, 3, 0.6)])
def test_sumcor_mixes_beyond_its_boundary(modalities, members, nu):
    rho = 0.25
    model = MultimodalModel.homogeneous(
        d=2, k=1, modalities=modalities, kappa=1, gamma=1 / rho - 1, gamma_tilde=1, nu=nu, shared_by=members
    )
    encoders = np.asarray(sumcor(model.covariance(), 1, key=jax.random.key(0), steps=2000).encoders)[:, 0]
    cosine = np.abs(encoders[:, 0]) / np.sqrt(rho)
    expected = homogeneous.sumcor_cosine(rho, nu, modalities, members)
    assert expected < 1
    np.testing.assert_allclose(cosine[:members], expected, atol=1e-6)
    np.testing.assert_allclose(cosine[members:], 1, atol=1e-6)


# Against the theory ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 3, 5)])
def test_population_solutions_recover_what_theory_counts(shape):
    """MAXVAR, a random graph and prediction on a seeded grid away from ties: whole recovery iff Δ > 1, and the exact count."""
    modalities, k, _ = shape
    adjacency = jnp.asarray(random_graph(np.random.default_rng(shape), modalities))
    solve = solve_all(k, adjacency)
    laws = {
        "maxvar": (theory.delta_maxvar, theory.recovered_maxvar),
        "graph": (lambda m: theory.delta_graph(m, adjacency), lambda m: theory.recovered_graph(m, adjacency)),
        "predict": (theory.delta_predict, theory.recovered_predict),
    }
    laws = {name: jax.jit(lambda m, law=law: (law[0](m), law[1](m))) for name, law in laws.items()}
    seen = {name: [] for name in laws}
    for seed in range(40):
        model = random_model(seed, shape)
        for name, law in laws.items():
            solution = solve[name](model.covariance())
            if solution.values[k - 1] - solution.values[k] < 1e-3 * solution.values[0]:
                continue
            delta, count = law(model)
            joint = np.concatenate(np.asarray(solution.encoders)[: -1 if name == "predict" else None], axis=0)
            np.testing.assert_allclose(signal_share(joint, k), count, atol=1e-6)
            assert (delta > 1) == (count == k)
            seen[name].append(int(count))
    for name, counts in seen.items():
        assert len(counts) >= 30 and len(set(counts)) >= 2, name


# Rank and failures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["maxvar", "graph", "predict"])
def test_batches_keep_statuses_apart(name):
    """One regular cell, one of too few samples, one with NaN.

    Three samples of four coordinates: every view spans all samples, so that three components correlate perfectly.
    """
    good = random_blocks()
    few = random_blocks(n=3)
    too_few = Status.RANK_DEFICIENT if name == "predict" else Status.TIED
    batch = jnp.stack([good, few, good.at[0, 1, 2, 2].set(jnp.nan)])
    solution = jax.jit(jax.vmap(solve_all(2, star(M))[name]))(batch)
    np.testing.assert_array_equal(solution.status, [Status.OK, too_few, Status.NONFINITE])
    alone = solve_all(2, star(M))[name](good)
    same_up_to_sign(solution.encoders[0], alone.encoders, 1e-9)


@pytest.mark.parametrize(
    ("solve", "n", "message"),
    [
        (maxvar, 3, "cannot be told apart"),
        (partial(align_graph, adjacency=star(M)), 3, "cannot be told apart"),
        (predict_from, 3, "singular"),
        (partial(sumcor, key=jax.random.key(0), starts=2, steps=2), 3, "singular"),
        (maxvar, 30, None),
    ],
)
def test_outside_jit_a_solution_that_is_not_determined_raises_unless_asked_for(solve, n, message):
    blocks = random_blocks(n=n)
    if message is None:
        assert solve(blocks, 2).status == Status.OK
        return
    with pytest.raises(ValueError, match=message):
        solve(blocks, 2)
    assert Status(int(solve(blocks, 2, throw=False).status)) in (Status.RANK_DEFICIENT, Status.TIED)
    assert solve(blocks.at[0, 0].set(jnp.nan), 2, throw=False).status == Status.NONFINITE


def test_perfect_nuisance_is_solved():
    model = MultimodalModel.homogeneous(d=4, k=1, modalities=3, kappa=2, gamma=0.1, gamma_tilde=1, nu=1.0, shared_by=2)
    solution = maxvar(model.covariance(), 1)
    assert solution.status == Status.OK
    np.testing.assert_allclose(solution.values[:2], [1 + 2 * 4 / 4.1, 2], rtol=1e-12)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b: maxvar(b, 5), "k = 5 is not allowed"),
        (lambda b: maxvar(b[:2], 1), r"\(M, M, d, d\) with M ≥ 2"),
        (lambda b: align_graph(b, 1, complete(4)), r"adjacency has shape \(4, 4\)"),
        (lambda b: predict_from(b, 1, target=3), "target = 3 is not allowed"),
        (lambda b: sumcor(b.at[0, 0, 0, 0].set(jnp.nan), 1, key=jax.random.key(0)), "NaN or infinity"),
    ],
)
def test_mistakes_get_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call(random_blocks())


def test_single_precision(float32):
    blocks = jnp.asarray(np.asarray(random_model(0, (3, 2, 6), 0.3).covariance()), jnp.float32)
    solution = jax.jit(maxvar, static_argnums=1)(blocks, 2)
    assert solution.encoders.dtype == solution.values.dtype == jnp.float32
    joint = flatten(blocks).astype(float)
    own = scipy.linalg.block_diag(*(np.asarray(blocks[m, m], float) for m in range(3)))
    expected = scipy.linalg.eigh(joint, own, eigvals_only=True)[::-1]
    np.testing.assert_allclose(solution.values, expected, atol=1e-5)

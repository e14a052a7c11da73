"""First order in 1/n against simulation in standard errors, against pairs, and against the closed form of alike modalities."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from multimodal_models import random_correlations

from phasejax.multimodal import MultimodalModel, complete, star
from phasejax.multimodal.first_order import first_order_graph, first_order_maxvar, first_order_predict
from phasejax.multimodal.sampling import sample_covariance
from phasejax.multimodal.solvers import align_graph, maxvar, predict_from
from phasejax.multimodal.theory import delta_graph, delta_predict
from phasejax.recovery import subspace_distance
from phasejax.theory.first_order import first_order

PATH = jnp.asarray(np.diag([1.0, 0.5], 1) + np.diag([1.0, 0.5], -1))


maxvar_law, graph_law = jax.jit(first_order_maxvar), jax.jit(first_order_graph)
predict_law = jax.jit(first_order_predict, static_argnames="target")


def separated(seed, modalities=3, k=2, d=5):
    """Heterogeneous in everything, with Δ well above 1 for every objective."""
    rng = np.random.default_rng([seed, modalities])
    return MultimodalModel(
        rng.uniform(1.4, 2.2, k),
        rng.uniform(0.1, 0.8, (modalities, k)),
        rng.uniform(0.4, 2, (modalities, d - k)),
        random_correlations(rng, d - k, modalities, 0.3),
    )


OBJECTIVES = {
    "maxvar": (lambda s: maxvar(s, 2), first_order_maxvar, lambda m: delta_graph(m, complete(3))),
    "graph": (lambda s: align_graph(s, 2, PATH), lambda m, n: first_order_graph(m, n, PATH), lambda m: delta_graph(m, PATH)),
    "predict": (lambda s: predict_from(s, 2), first_order_predict, delta_predict),
}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_first_order_is_the_simulated_distance(objective):
    """Three heterogeneous models: within 3 % or 4 standard errors for each modality, with standard errors below 3 %."""
    solve, law, delta = OBJECTIVES[objective]
    n, trials = 20_000, 800

    def distances(model, key):
        return jax.vmap(subspace_distance)(solve(sample_covariance(model, n, key=key)).encoders)

    simulate = jax.jit(jax.vmap(distances, (None, 0)))
    predict = jax.jit(lambda model: (law(model, n), delta(model)))
    for seed in range(3):
        model = separated(seed)
        expected, ratio = predict(model)
        assert ratio > 1.3
        simulated = np.asarray(simulate(model, jax.random.split(jax.random.key(seed), trials)))[:, : expected.size]
        error = np.std(simulated, axis=0) / np.sqrt(trials)
        assert np.all(error < 0.03 * expected)
        np.testing.assert_array_less(np.abs(np.mean(simulated, axis=0) - expected), np.maximum(0.03 * expected, 4 * error))


def test_two_modalities_are_a_pair():
    model = separated(7, modalities=2)
    forward, backward = first_order(model.pair(0, 1), 500), first_order(model.pair(1, 0), 500)
    np.testing.assert_allclose(maxvar_law(model, 500), [forward.ca, backward.ca], rtol=1e-10)
    np.testing.assert_allclose(predict_law(model, 500), [forward.cp], rtol=1e-10)
    np.testing.assert_allclose(predict_law(model, 500, target=0), [backward.cp], rtol=1e-10)


@pytest.mark.parametrize(("modalities", "members"), [(3, 3), (4, 2)])
def test_alike_modalities(modalities, members):
    """Their mean is 1/(nk) Σ h_ij Σ_v vᵀ(N_j ∘ F_i)v/(λ_i−w_v)², F = λ − 2λ²/M + λ²R/M, over the eigenpairs (w_v, v) of N_j."""
    n, kappa, gamma, tilde = 700, np.array([1.5, 1.1]), 0.6, 1.3
    model = MultimodalModel.homogeneous(
        d=5, k=2, modalities=modalities, kappa=kappa, gamma=gamma, gamma_tilde=tilde, nu=[0.1, 0.2, 0.3], shared_by=members
    )
    total = 0
    for power in kappa**2:
        rho = power / (power + gamma)
        lam = 1 + (modalities - 1) * rho
        r = (1 - rho) * np.eye(modalities) + rho
        f = lam - 2 * lam**2 / modalities + lam**2 * r / modalities
        for nuisance in np.asarray(model.nuisance):
            w, v = np.linalg.eigh(nuisance)
            total += (power + gamma) / tilde * np.sum(np.einsum("av,ab,bv->v", v, nuisance * f, v) / (lam - w) ** 2)
    np.testing.assert_allclose(np.mean(maxvar_law(model, n)), total / (2 * n), rtol=1e-11)


def test_no_series_beyond_the_boundary():
    model = MultimodalModel.homogeneous(d=4, k=1, modalities=3, kappa=0.5, gamma=1, gamma_tilde=1, nu=0.7)
    for distances in (maxvar_law(model, 100), graph_law(model, 100, star(3)), predict_law(model, 100)):
        assert np.all(np.isposinf(distances))
    nothing = MultimodalModel.homogeneous(d=2, k=2, modalities=3, kappa=0.5, gamma=1, gamma_tilde=1, nu=0.7)
    np.testing.assert_array_equal(maxvar_law(nothing, 100), [0, 0, 0])
    np.testing.assert_array_equal(predict_law(nothing, 100), [0, 0])


def test_transformations_and_gradients():
    def law(nu):
        model = MultimodalModel.homogeneous(d=4, k=1, modalities=3, kappa=1.5, gamma=0.5, gamma_tilde=1, nu=nu, shared_by=2)
        return first_order_maxvar(model, 100.0)

    step, nus = 1e-5, jnp.array([0.1, 0.2])
    values = jax.jit(jax.vmap(law))(jnp.concatenate([nus - step, nus + step]))
    assert np.all(np.isfinite(values))
    np.testing.assert_allclose(
        jax.jit(jax.vmap(jax.jacfwd(law)))(nus), (values[2:] - values[:2]) / (2 * step), rtol=1e-6, atol=1e-9
    )

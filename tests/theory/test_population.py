"""Closed forms against matrices assembled in NumPy, brute-force counts, numerical roots and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import FIELDS, FLAVOURS, SHAPES, blocks, fields, inverse_root, random_model, random_orthogonal, stack
from scipy.optimize import brentq

from phasejax import theory
from phasejax.spiked import SpikedModel
from phasejax.theory import Regime

PUBLISHED = {"d": 20, "k": 3, "kappa": [3, 2, 1.5], "gamma_x": 0.5, "gamma_y": 0.05, "gamma_tilde_x": 1, "gamma_tilde_y": 50}

positive = st.floats(0.05, 20)


@pytest.fixture(scope="module")
def whitened(random_models):
    """(model, C, A, Q_x, Q_y) with C and A assembled in randomly rotated coordinates."""
    rng = np.random.default_rng(0)
    cases = []
    for _, _, model in random_models:
        q_x, q_y = random_orthogonal(rng, model.d_x), random_orthogonal(rng, model.d_y)
        cov = blocks(model, q_x, q_y)
        root_x = inverse_root(cov.xx)
        cases.append((model, root_x @ cov.xy @ inverse_root(cov.yy), (root_x @ cov.xy).T, q_x, q_y))
    return cases


def merged(signal, nuisance, size):
    """The spectrum the theory claims: signal, nuisance, and zeros for unpaired coordinates, descending."""
    values = np.concatenate([signal, nuisance])
    return np.sort(np.pad(values, (0, size - values.size)))[::-1]


def smallest(values):
    return values.min()


def largest(values):
    return values.max(initial=0)


# Singular values -----------------------------------------------------------------------------------------------------


def test_rho_and_nu_are_the_singular_values_of_c(whitened):
    for model, c, _, _, _ in whitened:
        expected = np.linalg.svd(c, compute_uv=False)
        np.testing.assert_allclose(merged(theory.rho(model), theory.nu(model), expected.size), expected, atol=1e-10, rtol=0)


def test_tau_and_xi_are_the_singular_values_of_a(whitened):
    for model, _, a, _, _ in whitened:
        expected = np.linalg.svd(a, compute_uv=False)
        np.testing.assert_allclose(merged(theory.tau(model), theory.xi(model), expected.size), expected, atol=1e-10, rtol=0)


def test_delta_is_the_ratio_read_off_the_matrices(whitened):
    """Smallest singular value of the signal block over the largest of the nuisance block, in the rotated frame."""
    compared = 0
    for model, c, a, q_x, q_y in whitened:
        k = model.k
        delta = theory.separation(model)
        for value, matrix in ((delta.ca, c), (delta.cp, a.T)):
            signal = np.linalg.svd(q_x[:, :k].T @ matrix @ q_y[:, :k], compute_uv=False)
            nuisance = np.linalg.svd(q_x[:, k:].T @ matrix @ q_y[:, k:], compute_uv=False)
            if largest(nuisance) > 1e-6:
                np.testing.assert_allclose(value, smallest(signal) / largest(nuisance), rtol=1e-9, atol=1e-10)
                compared += 1
    assert compared > 300


def test_values_stay_in_their_ranges(random_models):
    for _, _, model in random_models:
        assert np.all((theory.rho(model) >= 0) & (theory.rho(model) <= 1 + 1e-15))
        assert np.all((theory.nu(model) >= 0) & (theory.nu(model) <= 1 + 1e-15))


# Conventions of Δ ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [3, 6])  # d = k has no nuisance at all, d > k none that is correlated
def test_delta_is_infinite_without_nuisance_correlation(d):
    model = SpikedModel.homogeneous(d=d, k=3, kappa=1, gamma_x=0.3, gamma_y=2, gamma_tilde_x=1, gamma_tilde_y=1, nu=0)
    assert theory.separation(model) == (np.inf, np.inf)


@pytest.mark.parametrize("d", [3, 6])
def test_dead_signal_without_nuisance_correlation_counts_as_zero_not_nan(d):
    model = SpikedModel.homogeneous(d=d, k=3, kappa=[1, 0, 2], gamma_x=1, gamma_y=2, gamma_tilde_x=1, gamma_tilde_y=1, nu=0)
    assert theory.separation(model) == (0, 0)
    assert theory.regime(model) is Regime.NEITHER


def test_dead_signal_has_delta_zero(random_models):
    dead = [model for _, flavour, model in random_models if flavour == "dead"]
    assert dead and all(theory.separation(model) == (0, 0) for model in dead)


# Derivatives and batches ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(2, 6, 6), (3, 5, 8)])
@pytest.mark.parametrize("which", [0, 1])
def test_gradient_of_log_delta_matches_finite_differences(shape, which):
    def log_delta(model):
        return jnp.log(theory.separation(model)[which])

    value, gradient = jax.jit(log_delta), jax.jit(jax.grad(log_delta))
    for seed in range(5):
        model = random_model(seed, shape)
        got = gradient(model)
        for name, entries in fields(model).items():
            for i, entry in enumerate(entries):
                step = 1e-6 * entry
                up, down = (
                    SpikedModel(**{**fields(model), name: np.where(np.arange(entries.size) == i, entry + s, entries)})
                    for s in (step, -step)
                )
                np.testing.assert_allclose(getattr(got, name)[i], (value(up) - value(down)) / (2 * step), rtol=1e-6, atol=1e-8)
        assert sum(float(jnp.abs(getattr(got, name)).sum()) for name in FIELDS) > 0.1


@pytest.mark.parametrize("which", [0, 1])
def test_gradient_is_finite_everywhere(random_models, which):
    """Ties, dead signals, ν = 0, ν = 1, Δ = +∞ and d = k included."""
    gradient = jax.jit(jax.grad(lambda model: theory.separation(model)[which]))
    for _, _, model in random_models:
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient(model)))


@pytest.mark.parametrize("shape", SHAPES[1:8:2])
def test_vmap_equals_loop(shape):
    models = [random_model(seed, shape, flavour) for seed in range(3) for flavour in FLAVOURS]

    def everything(model):
        return (
            theory.separation(model),
            theory.recovery_counts(model),
            theory.regime(model),
            theory.critical_nu(model),
            theory.critical_kappa(model),
        )

    batch, single = jax.jit(jax.vmap(everything))(stack(models)), jax.jit(everything)
    for i, model in enumerate(models):
        for together, alone in zip(jax.tree.leaves(batch), jax.tree.leaves(single(model)), strict=True):
            np.testing.assert_allclose(together[i], alone, rtol=1e-13)


# Identities and inequalities -----------------------------------------------------------------------------------------


@given(kappa=positive, gamma_x=positive, gamma_y=positive, tilde_x=positive, tilde_y=positive, nu=st.floats(0.01, 1))
def test_homogeneous_identities(kappa, gamma_x, gamma_y, tilde_x, tilde_y, nu):
    """The ratio Δ_CA/Δ_CP, the same for the swapped direction, the ratio of directions, and Δ_CA as their product."""
    noise = {"gamma_x": gamma_x, "gamma_y": gamma_y, "gamma_tilde_x": tilde_x, "gamma_tilde_y": tilde_y}
    model = SpikedModel.homogeneous(d=5, k=2, kappa=kappa, nu=nu, **noise)
    ca, forward = theory.separation(model)
    ca_swapped, backward = theory.separation(model.swap())
    signal_x, signal_y = kappa**2 + gamma_x, kappa**2 + gamma_y
    np.testing.assert_allclose(ca_swapped, ca, rtol=1e-13)
    np.testing.assert_allclose(ca, forward * np.sqrt(tilde_y / signal_y), rtol=1e-13)
    np.testing.assert_allclose(ca, backward * np.sqrt(tilde_x / signal_x), rtol=1e-13)
    np.testing.assert_allclose(forward / backward, np.sqrt(signal_y * tilde_x / (signal_x * tilde_y)), rtol=1e-13)
    np.testing.assert_allclose(ca**2, forward * backward * np.sqrt(tilde_x * tilde_y / (signal_x * signal_y)), rtol=1e-13)


def test_heterogeneous_ratio_of_deltas_lies_between_its_bounds(random_models):
    """√(min γ̃y / max(κ²+γy)) ≤ Δ_CA/Δ_CP ≤ √(max γ̃y / min(κ²+γy)) over paired nuisance."""
    compared = 0
    for _, _, model in random_models:
        delta = theory.separation(model)
        if 0 < delta.cp < np.inf:
            f = fields(model)
            tilde, signal = f["gamma_tilde_y"][: f["eta"].size][f["eta"] > 0], f["kappa"] ** 2 + f["gamma_y"]
            ratio = float(delta.ca / delta.cp)
            assert (
                np.sqrt(tilde.min() / signal.max()) * (1 - 1e-12) <= ratio <= np.sqrt(tilde.max() / signal.min()) * (1 + 1e-12)
            )
            compared += 1
    assert compared > 100


@pytest.mark.parametrize("hold", ["nu", "eta"])
def test_delta_ratio_never_falls_when_target_nuisance_grows(hold):
    rng = np.random.default_rng(1)
    for seed in range(60):
        model = random_model(seed, (2, 6, 6))
        f = fields(model)
        j, factor = rng.integers(4), rng.uniform(1, 5)
        louder = f["gamma_tilde_y"] * np.where(np.arange(4) == j, factor, 1)
        eta = f["eta"] * (np.sqrt(louder / f["gamma_tilde_y"]) if hold == "nu" else 1)
        before, after = theory.separation(model), theory.separation(SpikedModel(**{**f, "gamma_tilde_y": louder, "eta": eta}))
        assert after.ca / after.cp >= before.ca / before.cp * (1 - 1e-12)


def test_delta_ratio_falls_when_the_nuisance_loading_grows():
    """γ̃y_1 = a² + 0.2 and η_1 = 0.9a together: neither ν nor η is held, and the ratio goes down (THEORY 1c)."""
    ratios = []
    for a in (1, 1.5, 2):
        model = SpikedModel([2], [0.5], [0.5], [1, 1], [a**2 + 0.2, 100], [0.9 * a, 5])
        delta = theory.separation(model)
        ratios.append(delta.ca / delta.cp)
    np.testing.assert_allclose(ratios, [2.869, 2.733, 2.684], atol=5e-4)


# Recovery counts -----------------------------------------------------------------------------------------------------


def test_exact_count_is_the_overlap_of_the_true_top_k_subspace(whitened):
    """From the matrices: ‖UᵀÛ‖²_F of the top-k left singular vectors is a whole number, the exact count."""
    compared = 0
    for model, c, a, q_x, _ in whitened:
        counts = theory.recovery_counts(model)
        for count, matrix in ((counts.exact.ca, c), (counts.exact.cp, a.T)):
            u, s, _ = np.linalg.svd(matrix)
            gap = s[model.k - 1] - (s[model.k] if model.k < s.size else 0)
            if gap > 1e-6:
                np.testing.assert_allclose(count, np.sum((q_x[:, : model.k].T @ u[:, : model.k]) ** 2), atol=1e-6)
                compared += 1
    assert compared > 300


def brute_force_count(signal, nuisance, ties_against: bool):
    """Signals among the top k of the explicitly merged and sorted spectrum."""
    k = len(signal)
    rivals = list(nuisance) + [0.0] * k  # uncorrelated coordinates
    entries = [(v, not ties_against, True) for v in signal] + [(v, ties_against, False) for v in rivals]
    return sum(is_signal for _, _, is_signal in sorted(entries, reverse=True)[:k])


def test_exact_count_is_the_guaranteed_one_at_ties(random_models):
    """A tie lets the top k hold fewer or more signals; the count is the fewest, and differs from the most only at ties."""
    ambiguous = 0
    for _, flavour, model in random_models:
        counts = theory.recovery_counts(model)
        pairs = ((counts.exact.ca, theory.rho(model), theory.nu(model)), (counts.exact.cp, theory.tau(model), theory.xi(model)))
        for count, signal, nuisance in pairs:
            fewest, most = (brute_force_count(signal.tolist(), nuisance.tolist(), against) for against in (True, False))
            assert count == fewest
            assert most == fewest or flavour in ("ties", "dead")
            ambiguous += most > fewest
    assert ambiguous > 20


def test_published_bound_never_exceeds_the_exact_count(random_models):
    strict = 0
    for _, _, model in random_models:
        counts = theory.recovery_counts(model)
        for bound, exact, signal, nuisance in (
            (counts.bound.ca, counts.exact.ca, theory.rho(model), theory.nu(model)),
            (counts.bound.cp, counts.exact.cp, theory.tau(model), theory.xi(model)),
        ):
            assert int(bound) == np.sum(np.asarray(signal) > largest(np.asarray(nuisance)))
            assert 0 <= bound <= exact <= model.k
            strict += int(exact) > int(bound)
    assert strict > 30  # the bound is loose often enough for the exact count to matter


def test_bound_is_exact_for_homogeneous_nuisance_with_room():
    rng = np.random.default_rng(3)
    for _ in range(50):
        model = SpikedModel.homogeneous(
            d=6,
            k=3,
            kappa=rng.uniform(0.2, 3, 3),
            gamma_x=rng.uniform(0.1, 2, 3),
            gamma_y=rng.uniform(0.1, 2, 3),
            gamma_tilde_x=1,
            gamma_tilde_y=rng.uniform(0.5, 5),
            nu=rng.uniform(0.1, 1),
        )
        counts = theory.recovery_counts(model)
        assert counts.bound == counts.exact


# Boundaries and regimes ----------------------------------------------------------------------------------------------


def excess(model, objective, *, kappa=None, nu=None):
    """Smallest signal minus largest nuisance singular value of the assembled matrix, with one common κ or ν put in."""
    f, k = fields(model), model.k
    if kappa is not None:
        f["kappa"] = np.full(k, kappa)
    if nu is not None:
        f["eta"] = nu * np.sqrt(f["gamma_tilde_x"][: f["eta"].size] * f["gamma_tilde_y"][: f["eta"].size])
    cov = blocks(SpikedModel(**f))
    matrix = inverse_root(cov.xx) @ cov.xy @ (inverse_root(cov.yy) if objective == "ca" else np.eye(len(cov.yy)))
    signal, nuisance = (np.linalg.svd(block, compute_uv=False) for block in (matrix[:k, :k], matrix[k:, k:]))
    return signal.min() - nuisance.max()


@pytest.mark.parametrize("shape", [(1, 2, 2), (2, 6, 6), (3, 5, 8), (3, 9, 6)])
def test_critical_kappa_is_the_numerical_root(shape):
    """Root of min − max over the singular values of the assembled C and A, as a function of one common κ."""
    for seed in range(8):
        model = random_model(seed, shape)
        for objective, got in theory.critical_kappa(model)._asdict().items():
            root = brentq(lambda q, *args: excess(*args, kappa=q), 1e-3, 1e4, args=(model, objective), xtol=1e-13)
            np.testing.assert_allclose(got, root, rtol=1e-9)


@pytest.mark.parametrize("shape", [(1, 2, 2), (2, 6, 6), (3, 5, 8), (3, 9, 6)])
def test_critical_nu_is_the_numerical_root(shape):
    """Root of min − max over the singular values of the assembled C and A, as a function of one common ν."""
    for seed in range(8):
        model = random_model(seed, shape)
        for objective, got in theory.critical_nu(model)._asdict().items():
            if got <= 1:
                root = brentq(lambda q, *args: excess(*args, nu=q), 0, 1, args=(model, objective), xtol=1e-13)
                np.testing.assert_allclose(got, root, rtol=1e-9)
            else:
                assert excess(model, objective, nu=1.0) > 0


@given(kappa=positive, gamma_x=positive, gamma_y=positive, tilde_x=positive, tilde_y=positive)
def test_critical_nu_and_critical_kappa_are_inverse(kappa, gamma_x, gamma_y, tilde_x, tilde_y):
    def model_at(kappa, nu):
        noise = {"gamma_x": [gamma_x, 2 * gamma_x], "gamma_y": [gamma_y, gamma_y / 2]}
        return SpikedModel.homogeneous(d=4, k=2, kappa=kappa, nu=nu, gamma_tilde_x=tilde_x, gamma_tilde_y=tilde_y, **noise)

    boundary = theory.critical_nu(model_at(kappa, 0))
    # 1 − ν² cancels as ν* → 1, so what can be asked of κ* degrades like eps/(1 − ν²).
    np.testing.assert_allclose(
        theory.critical_kappa(model_at(kappa, boundary.ca)).ca, kappa, rtol=1e-9 + 1e-14 / (1 - boundary.ca**2)
    )
    if boundary.cp <= 1:
        np.testing.assert_allclose(theory.critical_kappa(model_at(kappa, boundary.cp)).cp, kappa, rtol=1e-9)


def test_boundaries_at_the_ends_of_their_range():
    flat = {"d": 5, "k": 2, "gamma_x": 0.5, "gamma_y": 0.2, "gamma_tilde_x": 0.7, "gamma_tilde_y": 3}
    assert theory.critical_kappa(SpikedModel.homogeneous(kappa=1, nu=0, **flat)) == (0, 0)
    assert theory.critical_kappa(SpikedModel.homogeneous(kappa=1, nu=1, **flat)).ca == np.inf
    unpaired = SpikedModel.homogeneous(d=2, d_y=5, k=2, kappa=1, gamma_x=1, gamma_y=1, gamma_tilde_x=1, gamma_tilde_y=1, nu=0)
    assert theory.critical_nu(unpaired) == (np.inf, np.inf)
    assert theory.critical_nu(SpikedModel.homogeneous(kappa=[1, 0], nu=0.3, **flat)) == (0, 0)


def test_no_spike_beats_full_correlation_however_it_is_rounded():
    """η = √(γ̃x γ̃y) is ν = 1 only up to the last digit."""
    x, y = np.exp(np.random.default_rng(0).uniform(-5, 5, (2, 300)))
    kappa = jax.vmap(lambda x, y, eta: theory.critical_kappa(SpikedModel([1.0], [0.5], [0.2], [x], [y], [eta])).ca)(
        x, y, np.sqrt(x * y)
    )
    assert np.all(np.isposinf(kappa))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("objective", ["ca", "cp"])
def test_regime_flips_across_each_boundary(seed, objective):
    model = random_model(seed, (2, 6, 6))
    f = fields(model)
    scale = np.sqrt(f["gamma_tilde_x"] * f["gamma_tilde_y"])
    bit = {"ca": Regime.CA_ONLY, "cp": Regime.CP_ONLY}[objective]

    def recovers(**changes):
        return bool(theory.regime(SpikedModel(**{**f, **changes})) & bit)

    nu_star = float(getattr(theory.critical_nu(model), objective))
    if nu_star < 0.999:
        assert recovers(eta=nu_star * (1 - 1e-6) * scale)
        assert not recovers(eta=nu_star * (1 + 1e-6) * scale)
    kappa_star = float(getattr(theory.critical_kappa(model), objective))
    assert recovers(kappa=np.full(2, kappa_star * (1 + 1e-6)))
    assert not recovers(kappa=np.full(2, kappa_star * (1 - 1e-6)))


def test_published_crossings():
    boundary = theory.critical_nu(SpikedModel.homogeneous(nu=0, **PUBLISHED))
    np.testing.assert_allclose(boundary, [0.8946, 0.1919], atol=5e-5)


@pytest.mark.parametrize(("nu", "expected"), [(0.1, Regime.BOTH), (0.5, Regime.CA_ONLY), (0.95, Regime.NEITHER)])
def test_regime_is_an_enum_outside_and_its_code_inside(nu, expected):
    model = SpikedModel.homogeneous(nu=nu, **PUBLISHED)
    assert theory.regime(model) is expected
    inside = jax.jit(theory.regime)(model)
    assert inside == expected and inside.dtype == jnp.int32


def test_every_regime_has_a_model_and_a_label():
    """Quiet targets favour CP: with γ̃y < κ² + γy the boundary of CP lies beyond that of CA."""
    quiet = {"d": 4, "k": 2, "kappa": 1, "gamma_x": 0.5, "gamma_y": 0.5, "gamma_tilde_x": 1, "gamma_tilde_y": 0.2}
    assert theory.regime(SpikedModel.homogeneous(nu=0.8, **quiet)) is Regime.CP_ONLY
    assert [f"{r}" for r in Regime] == ["Neither", "CA only", "CP only", "Both"]


def test_delta_of_exactly_one_is_not_recovered():
    ca, cp = SpikedModel([1], [1], [1], [1], [1], [0.5]), SpikedModel([2], [12], [1], [1], [4], [1])
    assert theory.separation(ca).ca == 1 and not theory.regime(ca) & Regime.CA_ONLY
    assert theory.separation(cp).cp == 1 and not theory.regime(cp) & Regime.CP_ONLY


def test_float32_agrees_with_float64(random_models):
    for shape, flavour, model in random_models[::15]:
        with jax.enable_x64(False):
            single = SpikedModel(**fields(model))
            delta, counts = theory.separation(single), theory.recovery_counts(single)
            assert delta.ca.dtype == jnp.float32 and counts.exact.ca.dtype == jnp.int32
        np.testing.assert_allclose(delta, theory.separation(model), rtol=1e-5, err_msg=f"{shape} {flavour}")

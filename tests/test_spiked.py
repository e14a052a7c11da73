"""The population model: its covariances against the generating equations, its factor, and its complaints."""

import re
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import FIELDS, blocks, fields, random_model, random_orthogonal, stack

from phasejax import theory
from phasejax.spiked import SpikedModel

VALID = {
    "kappa": [2.0, 1.0],
    "gamma_x": [0.5, 0.25],
    "gamma_y": [0.25, 0.0],
    "gamma_tilde_x": [1.0, 4.0, 2.0],
    "gamma_tilde_y": [9.0, 1.0],
    "eta": [1.5, 2.0],
}
HOMOGENEOUS = {"d": 5, "k": 2, "kappa": 1.0, "gamma_x": 0.5, "gamma_y": 0.2, "gamma_tilde_x": 2.0, "gamma_tilde_y": 3.0}


# Covariances ---------------------------------------------------------------------------------------------------------


def test_covariance_follows_from_the_generating_equations(random_models):
    covariance = jax.jit(SpikedModel.covariance)
    for _, _, model in random_models:
        for got, expected in zip(covariance(model), blocks(model), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shape", [(3, 5, 8), (3, 9, 6)])
def test_rotated_covariance_is_that_of_the_rotated_coordinates(shape):
    rng = np.random.default_rng(0)
    _, d_x, d_y = shape
    q_x, q_y = random_orthogonal(rng, d_x), random_orthogonal(rng, d_y)
    for seed in range(4):
        model = random_model(seed, shape)
        for bases in ((q_x, q_y), (q_x, None), (None, q_y)):
            for got, expected in zip(model.covariance(*bases), blocks(model, *bases), strict=True):
                np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-11)


def test_first_basis_columns_span_the_signal():
    """Σxy u for an ambient signal direction u is κ² times its partner."""
    model = random_model(0, (2, 6, 6))
    rng = np.random.default_rng(1)
    q_x, q_y = random_orthogonal(rng, 6), random_orthogonal(rng, 6)
    np.testing.assert_allclose(
        model.covariance(q_x, q_y).xy @ q_y[:, :2], q_x[:, :2] * np.asarray(model.kappa) ** 2, atol=1e-12
    )


def test_sizes_variances_and_qualities():
    model = SpikedModel(**VALID)
    assert (model.k, model.d_x, model.d_y) == (2, 5, 4)
    np.testing.assert_array_equal(model.variance_x, [4.5, 1.25, 1, 4, 2])
    np.testing.assert_array_equal(model.variance_y, [4.25, 1, 9, 1])
    np.testing.assert_allclose(model.quality_x, [4 / 4.5, 1 / 1.25])
    np.testing.assert_allclose(model.quality_y, [4 / 4.25, 1])


# The Cholesky factor -------------------------------------------------------------------------------------------------


def test_cholesky_diagonals_reproduce_the_joint_covariance(random_models):
    cholesky = jax.jit(SpikedModel.cholesky)
    for _, _, model in random_models:
        a, b, c = (np.asarray(part) for part in cholesky(model))
        lower = np.zeros((model.d_y, model.d_x))
        np.fill_diagonal(lower, np.pad(b, (0, max(0, min(lower.shape) - b.size))))
        factor = np.block([[np.diag(a), np.zeros((a.size, c.size))], [lower, np.diag(c)]])
        cov = blocks(model)
        joint = np.block([[cov.xx, cov.xy], [cov.xy.T, cov.yy]])
        np.testing.assert_allclose(factor @ factor.T, joint, rtol=1e-12, atol=1e-12)
        assert np.all(a > 0) and np.all(c >= 0)


@pytest.mark.parametrize("x64", [True, False])
def test_conditional_variance_keeps_its_digits(x64):
    """Against exact rational arithmetic; κ²+γy − κ⁴/(κ²+γx) loses everything at these quiet noises."""
    with jax.enable_x64(x64):
        quiet = [(1e-12, 1e-14), (1e-9, 0.0), (0.0, 1e-13), (0.3, 1e-15), (1e-15, 0.3), (2.0, 5.0)]
        gamma_x, gamma_y = zip(*quiet, strict=True)
        model = SpikedModel(np.linspace(0.7, 3, len(quiet)), gamma_x, gamma_y, [1], [1], [0.5])
        got = np.asarray(model.cholesky().c[: model.k])
        eps = np.finfo(got.dtype).eps
        for i in range(model.k):
            power, g_x, g_y = (
                Fraction(float(model.kappa[i])) ** 2,
                Fraction(float(model.gamma_x[i])),
                Fraction(float(model.gamma_y[i])),
            )
            exact = float(power + g_y - power**2 / (power + g_x)) ** 0.5
            np.testing.assert_allclose(got[i], exact, rtol=8 * eps)


@pytest.mark.parametrize("x64", [True, False])
def test_conditional_variance_never_goes_negative_up_to_perfect_correlation(x64):
    rng = np.random.default_rng(0)
    with jax.enable_x64(x64):
        jitted = jax.jit(SpikedModel.cholesky)  # fused arithmetic rounds in its own way
        for _ in range(40):
            tilde_x, tilde_y = np.exp(rng.uniform(-5, 5, (2, 12)))
            model = SpikedModel.homogeneous(
                d=13,
                k=1,
                kappa=1,
                gamma_x=1,
                gamma_y=0,
                gamma_tilde_x=tilde_x,
                gamma_tilde_y=tilde_y,
                nu=1 - 2.0 ** -np.arange(18, 30),
            )
            perfect = SpikedModel.homogeneous(
                d=13, k=1, kappa=1, gamma_x=1, gamma_y=0, gamma_tilde_x=tilde_x, gamma_tilde_y=tilde_y, nu=1
            )
            assert np.all(jitted(model).c >= 0)
            # What is left at ν = 1 is the rounding of ν: a few eps of the variance.
            assert np.all(jitted(perfect).c[1:] ** 2 <= 8 * np.finfo(model.eta.dtype).eps * tilde_y)


# swap ----------------------------------------------------------------------------------------------------------------


def test_swap_is_an_involution_that_transposes_the_covariance(random_models):
    for _, _, model in random_models:
        swapped = model.swap()
        assert (swapped.d_x, swapped.d_y) == (model.d_y, model.d_x)
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(swapped.swap(), name), getattr(model, name))
        cov, back = blocks(model), blocks(swapped)
        np.testing.assert_allclose(back.xx, cov.yy, atol=1e-12)
        np.testing.assert_allclose(back.xy, cov.xy.T, atol=1e-12)
        np.testing.assert_allclose(back.yy, cov.xx, atol=1e-12)


# Constructors --------------------------------------------------------------------------------------------------------


def test_homogeneous_repeats_scalars_and_keeps_vectors():
    model = SpikedModel.homogeneous(
        **{**HOMOGENEOUS, "kappa": [2, 1], "gamma_tilde_y": [1, 2, 3, 4]}, d_y=6, nu=[0.1, 0.2, 0.3]
    )
    np.testing.assert_array_equal(model.kappa, [2, 1])
    np.testing.assert_array_equal(model.gamma_x, [0.5, 0.5])
    np.testing.assert_array_equal(model.gamma_tilde_x, [2, 2, 2])
    np.testing.assert_array_equal(model.gamma_tilde_y, [1, 2, 3, 4])
    np.testing.assert_allclose(model.eta, np.array([0.1, 0.2, 0.3]) * np.sqrt(2.0 * np.array([1, 2, 3])))
    assert (model.d_x, model.d_y) == (5, 6)


def test_nu_and_eta_are_two_ways_to_say_the_same():
    by_nu = SpikedModel.homogeneous(**HOMOGENEOUS, nu=0.4)
    by_eta = SpikedModel.homogeneous(**HOMOGENEOUS, eta=0.4 * np.sqrt(6))
    np.testing.assert_allclose(by_nu.eta, by_eta.eta, rtol=1e-14)


@given(st.floats(0.1, 10), st.floats(1e-3, 1), st.floats(1e-3, 1))
def test_from_quality_has_the_asked_qualities(kappa, quality_x, quality_y):
    rest = {"d": 4, "gamma_tilde_x": 1, "gamma_tilde_y": 2, "nu": 0.3}
    model = SpikedModel.from_quality(k=2, kappa=kappa, quality_x=quality_x, quality_y=[quality_y, 1], **rest)
    np.testing.assert_allclose(model.quality_x, quality_x, rtol=1e-13)
    np.testing.assert_allclose(model.quality_y, [quality_y, 1], rtol=1e-13)


@pytest.mark.parametrize("x64", [True, False])
def test_perfect_correlation_constructs_whatever_the_variances(x64):
    """√γ̃x·√γ̃y and √(γ̃x γ̃y) round differently, so ν = 1 may overshoot the bound by rounding."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(x64):
        for _ in range(40):
            tilde_x, tilde_y = np.exp(rng.uniform(-12, 12, (2, 20)))
            model = SpikedModel.homogeneous(
                d=21, k=1, kappa=1, gamma_x=1, gamma_y=1, gamma_tilde_x=tilde_x, gamma_tilde_y=tilde_y, nu=1
            )
            eps = np.finfo(model.eta.dtype).eps
            np.testing.assert_allclose(theory.nu(model), 1, rtol=4 * eps)
            SpikedModel(
                **{**fields(model), "eta": np.sqrt(fields(model)["gamma_tilde_x"]) * np.sqrt(fields(model)["gamma_tilde_y"])}
            )


def test_fields_take_the_default_precision(float32):
    assert {getattr(SpikedModel(**VALID), name).dtype for name in FIELDS} == {jnp.dtype("float32")}


def test_integers_are_welcome():
    model = SpikedModel([2], [1], [1], [1, 1], [1, 1], [0, 1])
    assert {getattr(model, name).dtype for name in FIELDS} == {jnp.dtype("float64")}


def test_construction_inside_jit_vmap_and_grad():
    def kappa_squared(nu, kappa):
        model = SpikedModel.homogeneous(**{**HOMOGENEOUS, "kappa": kappa}, nu=nu)
        return jnp.sum(model.covariance().xy)

    def by_quality(quality):
        return SpikedModel.from_quality(
            k=1, d=2, kappa=2.0, quality_x=quality, quality_y=quality, gamma_tilde_x=1, gamma_tilde_y=1, nu=0.5
        ).gamma_x[0]

    expected = 2 * 4 + 3 * 0.5 * np.sqrt(6)
    np.testing.assert_allclose(jax.jit(kappa_squared)(0.5, 2.0), expected)
    np.testing.assert_allclose(jax.vmap(kappa_squared, (0, None))(jnp.array([0.5, 0.0]), 2.0), [expected, 8])
    np.testing.assert_allclose(jax.grad(kappa_squared)(0.5, 2.0), 3 * np.sqrt(6))
    np.testing.assert_allclose(jax.vmap(jax.jit(by_quality))(jnp.array([0.5, 1.0])), [4, 0])


def test_a_known_model_can_be_used_inside_jit():
    """Constants captured by a jitted function are known values among traced operations."""
    arrays = {name: jnp.asarray(value) for name, value in VALID.items()}
    model = SpikedModel(**arrays)
    np.testing.assert_array_equal(jax.jit(lambda: SpikedModel(**arrays).kappa)(), model.kappa)
    np.testing.assert_array_equal(jax.jit(lambda: model.swap().gamma_x)(), model.gamma_y)
    arrays["eta"] = -arrays["eta"]
    with pytest.raises(ValueError, match=r"eta\[0\] = -1.5 is not allowed"):
        jax.jit(lambda: SpikedModel(**arrays).kappa)()


def test_a_batched_model_maps_like_its_members():
    models = [random_model(seed, (3, 5, 8)) for seed in range(4)]
    batch = jax.vmap(lambda model: (model.covariance().xy, model.swap().variance_x))(stack(models))
    for i, model in enumerate(models):
        np.testing.assert_allclose(batch[0][i], model.covariance().xy, rtol=1e-15)
        np.testing.assert_allclose(batch[1][i], model.variance_y, rtol=1e-15)


# Complaints ----------------------------------------------------------------------------------------------------------


def complains(error: pytest.ExceptionInfo) -> str:
    """The message, which must be one sentence on one line."""
    message = str(error.value)
    assert "\n" not in message and message.endswith(".")
    return message


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [(f, np.nan, "nan") for f in FIELDS] + [(f, -0.5, "-0.5") for f in FIELDS] + [(f, np.inf, "inf") for f in FIELDS],
)
@pytest.mark.parametrize("index", [0, 1])
def test_a_bad_entry_is_named_with_its_value(field, value, said, index):
    entries = list(VALID[field])
    entries[index] = value
    with pytest.raises(ValueError, match=re.escape(f"{field}[{index}] = {said} is not allowed")) as error:
        SpikedModel(**{**VALID, field: entries})
    assert ("≥ 0" in complains(error)) or ("> 0" in complains(error)) or ("[0, " in complains(error))


@pytest.mark.parametrize("field", ["gamma_tilde_x", "gamma_tilde_y"])
def test_nuisance_variance_zero_is_refused(field):
    with pytest.raises(ValueError, match=re.escape(f"{field}[1] = 0 is not allowed: {field} must be finite and > 0.")):
        SpikedModel(**{**VALID, field: [1.0, 0.0, *VALID[field][2:]], "eta": [0.5, 0.0]})


@pytest.mark.parametrize("field", ["gamma_x", "gamma_y"])
def test_a_signal_coordinate_without_any_variance_is_refused(field):
    with pytest.raises(ValueError, match=re.escape(f"kappa² + {field}[1] = 0 is not allowed")):
        SpikedModel(**{**VALID, "gamma_x": [1, 1], "gamma_y": [1, 1], "kappa": [1.0, 0.0], field: [0.0, 0.0]})


@pytest.mark.parametrize("x64", [True, False])
@pytest.mark.parametrize("excess", [1e-5, 1.0])
def test_eta_above_its_bound_is_refused(excess, x64):
    with (
        jax.enable_x64(x64),
        pytest.raises(ValueError, match=r"eta\[1\] = \S+ is not allowed: eta must be in \[0, √\(γ̃x γ̃y\)\]"),
    ):
        SpikedModel(**{**VALID, "eta": [1.5, 2.0 * (1 + excess)]})


@pytest.mark.parametrize("field", [f for f in FIELDS if not f.startswith(("kappa", "gamma_tilde"))])
@pytest.mark.parametrize("size", [1, 4])
def test_a_wrong_length_is_named_with_the_right_one(field, size):
    right = len(VALID[field])
    with pytest.raises(ValueError, match=re.escape(f"{field} has shape ({size},): shape ({right},) is allowed.")):
        SpikedModel(**{**VALID, field: np.full(size, 0.1)})


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [1.0, [[1.0, 1.0]]])
def test_only_vectors_are_fields(field, value):
    with pytest.raises(ValueError, match=re.escape(f"{field} has shape {np.shape(value)}: a vector is allowed")) as error:
        SpikedModel(**{**VALID, field: value})
    complains(error)


def test_an_empty_signal_is_refused():
    with pytest.raises(ValueError, match="kappa is empty"):
        SpikedModel([], [], [], [1], [1], [0])


def test_shapes_are_checked_inside_jit_too():
    with pytest.raises(ValueError, match=r"eta has shape \(3,\)"):
        jax.jit(lambda eta: SpikedModel(**{**VALID, "eta": eta}).kappa)(jnp.zeros(3))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 6}, "k = 6 is not allowed: k must be a whole number in 1..5."),
        ({"k": 0}, "k = 0 is not allowed"),
        ({"k": -1}, "k = -1 is not allowed"),
        ({"k": 2.0}, "k = 2.0 is not allowed: k must be a whole number in 1..5."),
        ({"d_y": 1}, "k = 2 is not allowed: k must be a whole number in 1..1."),
        ({"nu": None}, "give exactly one of nu (correlation) and eta (covariance)."),
        ({"eta": 0.1}, "give exactly one of nu (correlation) and eta (covariance)."),
        ({"nu": 1.0001}, "nu[0] = 1.0001 is not allowed: nu must be in [0, 1]."),
        ({"nu": -0.1}, "nu[0] = -0.1 is not allowed: nu must be in [0, 1]."),
        ({"nu": [0.1, np.nan, 0.1]}, "nu[1] = nan is not allowed: nu must be in [0, 1]."),
        ({"nu": None, "eta": [0.1, 2.5, 0.1]}, "eta[1] = 2.5 is not allowed"),
        ({"nu": None, "eta": np.nan}, "eta[0] = nan is not allowed"),
        ({"nu": [0.1, 0.1]}, "nu has shape (2,): a scalar or shape (3,) is allowed."),
        ({"nu": None, "eta": [0.1]}, "eta has shape (1,): a scalar or shape (3,) is allowed."),
        ({"kappa": [1, 1, 1]}, "kappa has shape (3,): a scalar or shape (2,) is allowed."),
        ({"gamma_x": [1]}, "gamma_x has shape (1,): a scalar or shape (2,) is allowed."),
        ({"gamma_y": [[1, 1]]}, "gamma_y has shape (1, 2): a scalar or shape (2,) is allowed."),
        ({"gamma_tilde_x": [1, 1]}, "gamma_tilde_x has shape (2,): a scalar or shape (3,) is allowed."),
        ({"gamma_tilde_y": np.ones(4)}, "gamma_tilde_y has shape (4,): a scalar or shape (3,) is allowed."),
        ({"kappa": -1}, "kappa[0] = -1 is not allowed: kappa must be finite and ≥ 0."),
        ({"gamma_x": np.nan}, "gamma_x[0] = nan is not allowed: gamma_x must be finite and ≥ 0."),
        ({"gamma_tilde_x": 0}, "gamma_tilde_x[0] = 0 is not allowed: gamma_tilde_x must be finite and > 0."),
        ({"gamma_tilde_y": -2}, "gamma_tilde_y[0] = -2 is not allowed: gamma_tilde_y must be finite and > 0."),
    ],
)
def test_homogeneous_complains_in_one_sentence(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        SpikedModel.homogeneous(**{**HOMOGENEOUS, "nu": 0.3, **changes})
    complains(error)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quality_x": 0.0}, "quality_x[0] = 0 is not allowed: quality_x must be in (0, 1]."),
        ({"quality_y": 1.01}, "quality_y[0] = 1.01 is not allowed: quality_y must be in (0, 1]."),
        ({"quality_x": [0.5, np.nan]}, "quality_x[1] = nan is not allowed: quality_x must be in (0, 1]."),
        ({"quality_y": [0.5, -0.5]}, "quality_y[1] = -0.5 is not allowed: quality_y must be in (0, 1]."),
        ({"quality_x": [0.5]}, "quality_x has shape (1,): a scalar or shape (2,) is allowed."),
        ({"kappa": [1.0, 0.0]}, "kappa[1] = 0 is not allowed: kappa must be > 0 when qualities are given."),
        ({"k": 7}, "k = 7 is not allowed: k must be a whole number in 1..5."),
    ],
)
def test_from_quality_complains_in_one_sentence(changes, message):
    good = {"d": 5, "k": 2, "kappa": 1.0, "quality_x": 0.5, "quality_y": 0.9, "gamma_tilde_x": 1, "gamma_tilde_y": 1, "nu": 0.5}
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        SpikedModel.from_quality(**{**good, **changes})
    complains(error)

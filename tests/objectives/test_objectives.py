"""Losses against NumPy references, finite differences, invariances and extreme inputs."""

import os
import subprocess
import sys
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import objective_references as reference
import pytest

from phasejax import objectives
from phasejax.objectives import REGISTRY, get, unit_rows
from phasejax.objectives.decorrelation import nuclear_norm
from phasejax.objectives.embeddings import whitened

SHAPES = ((2, 7, 4), (4, 5, 3))
STEP = 1e-6

# Every trainable loss with everything moved; the defaults are tested where hyperparameters are swept.
CASES = [
    ("infonce", {"temperature": 0.37, "anchor": 1}),
    ("siglip", {"temperature": 0.5, "bias": -1.3, "anchor": 1}),
    ("vicreg", {"lam_inv": 3.0, "lam_var": 7.0, "lam_cov": 0.4, "epsilon": 0.02}),
    ("cross_correlation", {"lam": 0.7, "epsilon": 0.1}),
    ("deep_cca", {"ridge": 0.3}),
    ("prediction", {"source": 1, "ridge": 0.2}),
    ("joint", {"lam": 0.3, "source": 1, "ridge": 0.2}),
    ("unialign", {}),
    (
        "unialign",
        {
            "bandwidth": 0.8,
            "lam_uni": 0.7,
            "lam_align": 1.3,
            "lam_vol": 0.2,
            "lam_centroid": 0.6,
            "anchor": None,
            "epsilon": 0.01,
        },
    ),
    ("unialign", {"anchor": 1}),
    ("volume_contrast", {"temperature": 0.4, "anchor": 1, "epsilon": 0.02}),
    ("infonce_cauchy_schwarz", {"temperature": 0.3, "bandwidth": 0.8, "lam": 0.4, "anchor": 1}),
]
NAMES = sorted({name for name, _ in CASES})


def inputs_of(name, seed, shape, d_t=3):
    """Random inputs of an objective of z, in NumPy."""
    objective = get(name)
    z = reference.embeddings(seed, *shape, unit=objective.unit_rows)
    target = np.random.default_rng([seed, 99]).normal(size=(shape[1], d_t))
    given = {"z": z, "target": target + z[0] @ np.ones((shape[2], d_t)), "predicted": target}
    return tuple(given[name] for name in objective.inputs)


# Values --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_values_and_gradients_are_those_of_the_reference(name, parameters):
    """The gradient against central differences of the reference, along random directions of every input."""
    objective, slow = get(name), getattr(reference, name)
    run = jax.jit(jax.value_and_grad(lambda inputs: objective(*inputs, **parameters)))
    inputs = inputs_of(name, 0, (4, 5, 3))
    value, gradient = run(inputs)
    assert value.shape == () and value.dtype == jnp.float64
    np.testing.assert_allclose(value, slow(*inputs, **parameters), rtol=1e-9)
    rng = np.random.default_rng(1)
    for _ in range(3):
        directions = [rng.normal(size=x.shape) for x in inputs]
        up, down = (slow(*(x + s * e for x, e in zip(inputs, directions, strict=True)), **parameters) for s in (STEP, -STEP))
        slope = sum(np.sum(g * e) for g, e in zip(gradient, directions, strict=True))
        scale = np.sqrt(sum(np.sum(np.square(g)) for g in gradient))
        np.testing.assert_allclose(slope, (up - down) / (2 * STEP), rtol=1e-5, atol=1e-6 * scale)


def test_every_registered_loss_is_tested():
    assert set(NAMES) | {"reconstruction", "reconstruction_vicreg"} == set(REGISTRY)


def test_reconstruction_equals_its_reference():
    rng = np.random.default_rng(0)
    predicted, target = rng.normal(size=(2, 6, 3))
    np.testing.assert_allclose(
        get("reconstruction")(predicted, target), reference.reconstruction(predicted, target), rtol=1e-12
    )
    pictures = rng.normal(size=(2, 6, 3, 4, 4))
    np.testing.assert_allclose(objectives.reconstruction(*pictures), np.sum(np.diff(pictures, axis=0) ** 2) / 6, rtol=1e-12)


def test_reconstruction_of_tokens_and_classes_is_a_cross_entropy():
    rng = np.random.default_rng(0)
    logits, tokens = rng.normal(size=(6, 5, 7)), rng.integers(0, 7, (6, 5))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    expected = [-sum(np.log(probabilities[i, place, tokens[i, place]]) for place in range(5)) for i in range(6)]
    np.testing.assert_allclose(objectives.reconstruction(logits, tokens), np.mean(expected), rtol=1e-12)
    np.testing.assert_allclose(
        objectives.reconstruction(logits[:, 0], tokens[:, 0]), -np.mean(np.log(probabilities[range(6), 0, tokens[:, 0]]))
    )


def test_reconstruction_with_vicreg_is_their_sum():
    z, predicted, target = inputs_of("reconstruction_vicreg", 0, (2, 7, 4))
    whole = objectives.reconstruction_vicreg(z, predicted, target, lam=0.3, lam_var=2.0)
    parts = reference.reconstruction(predicted, target) + 0.3 * reference.vicreg(z, lam_var=2.0)
    np.testing.assert_allclose(whole, parts, rtol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("uniformity", {"bandwidth": 0.3}),
        ("uniformity", {"bandwidth": 1.2, "off_diagonal": True}),
        ("anchor_alignment", {"anchor": 1}),
        ("pairs_alignment", {}),
        ("centroid_uniformity", {"bandwidth": 0.6}),
        ("gram_volume", {"epsilon": 0.03}),
    ],
)
def test_parts_of_unialign_equal_their_references(name, parameters, shape):
    z = reference.embeddings(1, *shape)
    got = jax.jit(partial(getattr(objectives, name), **parameters))(z)
    np.testing.assert_allclose(got, getattr(reference, name)(z, **parameters), rtol=1e-9)


def test_uniformity_of_one_modality_is_that_of_a_batch_of_one():
    z = jnp.asarray(reference.embeddings(0, 3, 5, 4))
    each = [objectives.uniformity(rows, bandwidth=0.4) for rows in z]
    np.testing.assert_allclose(objectives.uniformity(z, bandwidth=0.4), np.mean(each), rtol=1e-13)


def test_prediction_of_an_affine_function_of_the_embedding_is_perfect():
    rng = np.random.default_rng(3)
    z = rng.normal(size=(2, 40, 4))
    target = z[1] @ rng.normal(size=(4, 6)) + rng.normal(size=6)
    assert abs(objectives.prediction(jnp.asarray(z), jnp.asarray(target), source=1, ridge=0.0)) < 1e-12
    assert objectives.prediction(jnp.asarray(z), jnp.asarray(target), source=0, ridge=0.0) > 1


def test_joint_cannot_be_defeated_by_scaling_the_source():
    """Without the whitening the alignment term could be sent to 0."""
    z, target = map(jnp.asarray, inputs_of("joint", 0, (2, 30, 4)))
    shrunk = z.at[0].multiply(1e-3)
    np.testing.assert_allclose(objectives.joint(shrunk, target, lam=2.0), objectives.joint(z, target, lam=2.0), rtol=1e-9)


def test_whitened_rows_have_identity_covariance():
    z = jnp.asarray(reference.embeddings(0, 3, 20, 4, unit=False)) @ np.diag([1e3, 1, 1e-3, 2])
    u = whitened(z, 0.0)
    np.testing.assert_allclose(jnp.mean(u, axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(jnp.swapaxes(u, 1, 2) @ u / 20, np.broadcast_to(np.eye(4), (3, 4, 4)), atol=1e-9)


# Gradients -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_hyperparameters_are_swept_and_differentiated_in_one_compilation(name):
    """Arrays of hyperparameters under vmap: values and derivatives as in the reference; new numbers are not a new program."""
    objective, slow = get(name), getattr(reference, name)
    inputs = inputs_of(name, 0, (2, 7, 4))
    traces = []

    @jax.jit
    def over_values(values):
        traces.append(1)
        return jax.vmap(jax.value_and_grad(lambda v: objective(*inputs, **v)))(values)

    for scale in (1.0, 1.7):
        defaults = {key: abs(objective.hyperparameters[key] or 0.2) for key in objective.swept}
        grid = {key: value * scale * np.array([1.0, 1.3]) for key, value in defaults.items()}
        got, gradients = over_values(grid)
        for i in range(2):
            values = {key: value[i] for key, value in grid.items()}
            np.testing.assert_allclose(got[i], slow(*inputs, **values), rtol=1e-9)
            for key, value in values.items():
                step = 1e-5 * value
                slope = (slow(*inputs, **values | {key: value + step}) - slow(*inputs, **values | {key: value - step})) / (
                    2 * step
                )
                np.testing.assert_allclose(gradients[key][i], slope, rtol=1e-4, atol=1e-7, err_msg=key)
    assert len(traces) == 1


def with_correlations(correlations, size=40, seed=0):
    """Two views whose sample canonical correlations are exactly these."""
    rng = np.random.default_rng(seed)
    k = len(correlations)
    q, _ = np.linalg.qr(np.column_stack([np.ones(size), rng.normal(size=(size, 2 * k))]))
    white, other = q[:, 1 : k + 1] * np.sqrt(size), q[:, k + 1 :] * np.sqrt(size)
    r = np.asarray(correlations)
    mix_x, mix_y = rng.normal(size=(2, k, k))
    return np.stack([white @ mix_x, (white * r + other * np.sqrt(1 - r**2)) @ mix_y])


def cross_of_whitened(z):
    """Its singular values are the canonical correlations."""
    x, y = (np.linalg.qr(rows - rows.mean(axis=0))[0] for rows in z)
    return x.T @ y


def test_deep_cca_is_the_sum_of_canonical_correlations():
    np.testing.assert_allclose(-objectives.deep_cca(with_correlations([0.9, 0.5, 0.1]), ridge=0.0), 1.5, rtol=1e-10)


def test_deep_cca_gradient_at_equal_correlations():
    """Exactly equal ones: the gradient is that of finite differences, as it is elsewhere."""
    run = jax.jit(jax.value_and_grad(lambda z, ridge: objectives.deep_cca(z, ridge=ridge)))
    for ridge in (0.0, 0.01):
        for correlations in ([0.6, 0.6, 0.6], [0.8, 0.8, 0.3], [0.8, 0.3, 0.3]):
            z = with_correlations(correlations)
            singular_values = np.linalg.svd(cross_of_whitened(z), compute_uv=False)
            np.testing.assert_allclose(singular_values, sorted(correlations, reverse=True), atol=1e-12)
            _, gradient = run(z, ridge)
            assert np.linalg.norm(gradient) > 1e-2
            for seed in range(3):
                direction = np.random.default_rng(seed).normal(size=z.shape)
                numeric = (run(z + STEP * direction, ridge)[0] - run(z - STEP * direction, ridge)[0]) / (2 * STEP)
                np.testing.assert_allclose(np.sum(gradient * direction), numeric, rtol=1e-6, atol=1e-8)


def test_deep_cca_gradient_at_rank_deficiency():
    """Fewer tuples than dimensions: finite. A repeated feature: as finite differences along changes that keep it repeated."""
    rng = np.random.default_rng(0)
    run = jax.jit(jax.value_and_grad(lambda z: objectives.deep_cca(z, ridge=1e-2)))
    value, gradient = run(rng.normal(size=(2, 4, 6)))
    assert np.isfinite(value) and np.all(np.isfinite(gradient)) and np.linalg.norm(gradient) > 1e-3
    z, direction = rng.normal(size=(2, 2, 30, 3))
    for rows in (z, direction):
        rows[0, :, 2] = rows[0, :, 1]
    numeric = (run(z + STEP * direction)[0] - run(z - STEP * direction)[0]) / (2 * STEP)
    np.testing.assert_allclose(np.sum(run(z)[1] * direction), numeric, rtol=1e-6)


def test_nuclear_norm_gradient_is_the_least_subgradient_everywhere():
    """f(T + E) ≥ f(T) + ⟨G, E⟩ at regular, repeated, singular and zero matrices, with G of the rank of T."""
    rng = np.random.default_rng(0)
    singular = rng.normal(size=(4, 2)) @ rng.normal(size=(2, 3))
    run = jax.jit(jax.value_and_grad(nuclear_norm))
    for t in (rng.normal(size=(4, 3)), np.eye(4, 3), singular, np.zeros((4, 3))):
        value, gradient = run(t)
        assert np.linalg.norm(gradient, 2) <= 1 + 1e-12
        assert np.linalg.matrix_rank(gradient, tol=1e-6) == np.linalg.matrix_rank(t)
        for _ in range(50):
            e = rng.normal(size=t.shape) * rng.choice([1e-3, 0.1, 3])
            assert np.linalg.svd(t + e, compute_uv=False).sum() >= value + np.sum(np.asarray(gradient) * e) - 1e-10


# Invariances ---------------------------------------------------------------------------------------------------------

SPHERICAL = [name for name in NAMES if get(name).unit_rows]
SHAPE = (3, 8, 4)


@cache
def compiled(name):
    """One program for all tests at `SHAPE`."""
    objective = get(name)
    return jax.jit(objective.loss, static_argnames=[key for key in objective.hyperparameters if key not in objective.swept])


def unchanged(name, change, **parameters):
    """The loss is the same after a change of z."""
    z, *target = inputs_of(name, 0, SHAPE)
    before, after = (compiled(name)(rows, *target, **parameters) for rows in (z, change(z)))
    np.testing.assert_allclose(after, before, rtol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_tuples_does_not_matter(name):
    inputs = inputs_of(name, 0, SHAPE)
    order = np.random.default_rng(0).permutation(SHAPE[1])
    permuted = (inputs[0][:, order], *(target[order] for target in inputs[1:]))
    np.testing.assert_allclose(compiled(name)(*permuted), compiled(name)(*inputs), rtol=1e-9)


@pytest.mark.parametrize("name", [*SPHERICAL, "deep_cca", "prediction"])
def test_rotating_all_modalities_does_not_matter(name):
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))
    unchanged(name, lambda z: z @ rotation)


@pytest.mark.parametrize("name", ["deep_cca", "prediction"])
def test_any_linear_map_of_each_modality_leaves_canonical_quantities(name):
    unchanged(name, lambda z: z @ np.random.default_rng(5).normal(size=(3, 4, 4)), ridge=0.0)


@pytest.mark.parametrize("name", ["cross_correlation", "deep_cca", "prediction"])
def test_the_scale_of_a_modality_does_not_matter(name):
    unchanged(name, lambda z: z * np.array([1e-3, 1.0, 70.0])[:, None, None])


@pytest.mark.parametrize("name", ["vicreg", "cross_correlation", "deep_cca", "prediction", "joint"])
def test_the_mean_of_the_batch_does_not_matter(name):
    """For VICReg a shift common to all modalities, for the others one of each."""
    shift = np.random.default_rng(0).normal(size=(1 if name == "vicreg" else 3, 1, 4))
    unchanged(name, lambda z: z + shift)


@pytest.mark.parametrize("name", [name for name in NAMES if "source" not in get(name).hyperparameters])
def test_the_order_of_modalities_does_not_matter(name):
    """All of them where pairs are treated alike, the other ones where there is an anchor."""
    unchanged(name, lambda z: z[[0, 2, 1] if get(name).hyperparameters.get("anchor") == 0 else [2, 0, 1]])


def test_unit_rows():
    z = np.random.default_rng(0).normal(size=(3, 5, 4)) * 10.0 ** np.arange(-1, 4)[:, None]
    np.testing.assert_allclose(unit_rows(z), z / np.linalg.norm(z, axis=-1, keepdims=True), rtol=1e-14)
    zero = jnp.zeros((2, 3)).at[0, 1].set(2.0)
    np.testing.assert_array_equal(unit_rows(zero), [[0, 1, 0], [0, 0, 0]])
    jacobian = jax.jit(jax.jacobian(unit_rows))(zero)
    np.testing.assert_array_equal(jacobian[1], 0)
    np.testing.assert_array_equal(jacobian[0, :, 0], np.diag([0.5, 0, 0.5]))
    direction = np.random.default_rng(1).normal(size=z.shape)
    plain = [(z + s * direction) / np.linalg.norm(z + s * direction, axis=-1, keepdims=True) for s in (STEP, -STEP)]
    _, slope = jax.jit(lambda z, e: jax.jvp(unit_rows, (z,), (e,)))(z, direction)
    np.testing.assert_allclose(slope, (plain[0] - plain[1]) / (2 * STEP), rtol=1e-5, atol=1e-6)


def test_unit_rows_neither_under_nor_overflows(float32):
    z = jnp.asarray([[3e-30, 4e-30], [3e30, 4e30]], jnp.float32)
    np.testing.assert_allclose(unit_rows(z), [[0.6, 0.8]] * 2, rtol=1e-6)


# Extreme inputs, in float32 ------------------------------------------------------------------------------------------


def extremes(modalities, size, d=4):
    rng = np.random.default_rng([modalities, size])
    z = rng.normal(size=(modalities, size, d))
    z /= np.linalg.norm(z, axis=-1, keepdims=True)
    same_tuples = np.repeat(z[:, :1], size, axis=1)
    some_zero = z.copy()
    some_zero[0, 0] = 0
    opposite = z.copy()
    opposite[1] = -opposite[0]
    return {
        "random": z,
        "modalities equal": np.repeat(z[:1], modalities, axis=0),
        "tuples equal": same_tuples,
        "everything equal": np.repeat(same_tuples[:1], modalities, axis=0),
        "a zero vector": some_zero,
        "all zero": np.zeros_like(z),
        "opposite": opposite,
    }


SHARP = {"temperature": 0.01, "bandwidth": 0.1, "lam_vol": 1.0, "lam_centroid": 1.0}


@pytest.mark.parametrize(("modalities", "size"), [(2, 2), (8, 5)])
def test_extreme_inputs_give_finite_losses_and_gradients(modalities, size, float32):
    target = jnp.asarray(np.random.default_rng(0).normal(size=(size, 3)), jnp.float32)

    def everything(z):
        found = {}
        for name in NAMES:
            objective = get(name)
            parameters = {key: value for key, value in SHARP.items() if key in objective.hyperparameters}
            inputs = (z, target) if "target" in objective.inputs else (z,)
            found[name] = jax.value_and_grad(objective)(*inputs, **parameters)
        return found

    cases = extremes(modalities, size)
    found = jax.jit(jax.vmap(everything))(jnp.asarray(np.stack(list(cases.values())), jnp.float32))
    for name, (values, gradients) in found.items():
        assert values.dtype == gradients.dtype == jnp.float32
        for what, value, gradient in zip(cases, values, gradients, strict=True):
            assert np.isfinite(value) and np.all(np.isfinite(gradient)), (name, what)


def test_log_volume_keeps_a_gradient_where_the_determinant_has_none():
    """Five vectors at cosine .999: det G = 4e-12, whose gradient is gone; the regularised logarithm still pulls together."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(1, 1, 8))
    z = shared + np.sqrt(0.001 / 8) * np.linalg.norm(shared) * rng.normal(size=(5, 1, 8))
    z /= np.linalg.norm(z, axis=-1, keepdims=True)
    gram = z[:, 0] @ z[:, 0].T
    determinant = 2 * np.linalg.det(gram) * np.linalg.solve(gram, z[:, 0])  # the gradient of det G
    assert np.linalg.det(gram) < 1e-10 and np.linalg.norm(determinant) < 1e-7
    assert np.linalg.norm(jax.jit(jax.grad(objectives.gram_volume))(z)) > 1


def test_zero_volume_is_not_alignment():
    """Two equal vectors and an orthogonal one span no volume, though they are not aligned."""
    z = jnp.asarray([[[1.0, 0, 0]], [[1.0, 0, 0]], [[0, 1.0, 0]]])
    spread = jnp.eye(3)[:, None]
    assert objectives.gram_volume(z) < objectives.gram_volume(spread) - 5
    assert objectives.pairs_alignment(z) > 1


# Errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(4, 3), (1, 4, 3), (2, 1, 3), (2, 4, 0)])
def test_a_bad_shape_is_named(name, shape):
    inputs = [np.zeros(shape)] + [np.zeros((4, 2))] * ("target" in get(name).inputs)
    with pytest.raises(ValueError, match=r"z has shape \(.*M ≥ 2, B ≥ 2"):
        get(name)(*inputs)


HYPERPARAMETERS = [(name, key) for name in sorted(REGISTRY) for key in get(name).hyperparameters]
NUMBERS = [np.nan, np.inf, np.array([0.1, np.nan]), "0.1", True, None]
PLACES = [-1, 3, 0.0, "x", np.zeros(2, int)]


def refused(name, key):
    """Values that this hyperparameter must not take where there are three modalities."""
    if key not in get(name).swept:
        return PLACES + [None] * (key == "source")
    below = [] if key == "bias" else [-1e-3, np.array([0.1, -1.0])]
    positive = key in ("temperature", "bandwidth") or (key == "epsilon" and name in ("unialign", "volume_contrast"))
    return NUMBERS + below + [0, 0.0] * positive


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(("name", "key"), HYPERPARAMETERS)
def test_a_bad_hyperparameter_is_named(name, key):
    """By the check that runs nothing and, unless it is of a wrong kind, by the bare loss; what is allowed passes both."""
    objective, inputs = get(name), tuple(map(jnp.asarray, inputs_of(name, 0, (3, 5, 4))))
    for value in refused(name, key):
        with pytest.raises(ValueError, match=rf"^{key}(\[\d\])? = .* is not allowed: .*\.$"):
            objective.check({key: value}, modalities=3)
        if not isinstance(value, str | bool) and value is not None:
            with pytest.raises(ValueError, match=rf"{key}(\[\d\])? = "):
                objective.loss(*inputs, **{key: value})
    default = objective.hyperparameters[key]
    for value in [default, np.asarray(default), 1, 2.5] if key in objective.swept else [0, 2, np.int64(1)]:
        objective.check({key: value}, modalities=3)
        assert np.isfinite(objective(*inputs, **{key: value}))


DIVISORS = [pair for pair in HYPERPARAMETERS if pair[1] in ("temperature", "bandwidth", "epsilon")]


@pytest.mark.parametrize(("name", "key"), DIVISORS)
def test_what_float32_cannot_divide_by_is_refused(name, key, float32):
    """1e-320 is positive and 0 in float32; 1e-30 is a number there and its square is not."""
    objective, inputs = get(name), tuple(jnp.asarray(array, jnp.float32) for array in inputs_of(name, 0, (3, 5, 4)))
    loss = jax.jit(jax.value_and_grad(lambda value, *inputs: objective.loss(*inputs, **{key: value}), argnums=1))
    for value in (1.1e-19, 1.8e19) if key != "epsilon" else (1.1e-19,):  # volumes have powers of it
        objective.check({key: value})
        assert not any(np.any(np.isnan(found)) for found in jax.tree.leaves(loss(value, *inputs)))
    for value in (1e-320, 1e-44, 1e-30, 1e30, 1e300):
        if key == "epsilon" and name not in ("unialign", "volume_contrast"):  # may be 0
            break
        for refuse in (lambda v: objective.check({key: v}), lambda v: objective.loss(*inputs, **{key: v})):
            with pytest.raises(ValueError, match=rf"^{key} = .* must be in \[.*\], so that float32 holds its square\.$"):
                refuse(value)


def test_a_name_that_is_no_hyperparameter_is_answered_with_those_that_are():
    with pytest.raises(ValueError, match=r"'temprature' is not .* 'infonce': allowed are temperature, anchor\."):
        get("infonce").check({"temprature": 0.1})
    with pytest.raises(ValueError, match=r"allowed are none\."):
        get("reconstruction")(np.zeros((3, 2)), np.zeros((3, 2)), ridge=0.1)


def test_hyperparameters_are_checked_where_jax_cannot_run():
    """Sweeps check them before the processes of a sweep have found each other."""
    code = "from phasejax.objectives import REGISTRY\nfor o in REGISTRY.values(): o.check(o.hyperparameters, modalities=2)"
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"JAX_PLATFORMS": "nowhere"}, check=True)


@pytest.mark.usefixtures("unchecked")
def test_targets_of_another_size_are_refused():
    z = reference.embeddings(0, 2, 5, 3)
    with pytest.raises(ValueError, match=r"target has shape \(4, 2\): \(5, d_t\)"):
        objectives.prediction(z, np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"predicted has shape \(4, 2\) and target \(5, 2\)"):
        objectives.reconstruction(np.zeros((4, 2)), np.zeros((5, 2)))


# The registry and compilation ----------------------------------------------------------------------------------------


def test_an_unknown_objective_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'infonec' is not an objective: choose one of infonce, siglip, vicreg"):
        get("infonec")


def test_the_registry_knows_hyperparameters_and_inputs():
    assert get("infonce").hyperparameters == {"temperature": 0.1, "anchor": None}
    assert get("infonce").swept == ("temperature",) and get("infonce").inputs == ("z",)
    assert get("prediction").inputs == ("z", "target") and get("reconstruction").inputs == ("predicted", "target")
    assert all(objective.name == name for name, objective in REGISTRY.items())
    assert {name for name in REGISTRY if get(name).unit_rows} == {
        "infonce",
        "siglip",
        "unialign",
        "volume_contrast",
        "infonce_cauchy_schwarz",
    }


def test_an_objective_reads_the_same_in_every_process():
    assert "0x" not in repr(objectives.get("infonce"))

"""Integers, half precision, collapsed batches, clouds far from the origin and bad numbers: everything that takes embeddings."""

import inspect
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from phasejax import objectives
from phasejax.objectives import REGISTRY, get

KEY = jax.random.key(0)
TARGET = np.random.default_rng(9).normal(size=(6, 3))


def registered(name, z):
    objective = get(name)
    given = {"z": z, "target": TARGET, "predicted": TARGET[::-1]}
    return objective(*(given[name] for name in objective.inputs))


OF_Z = {name: partial(registered, name) for name in REGISTRY if "z" in get(name).inputs} | {
    "cauchy_schwarz_divergence": lambda z: objectives.cauchy_schwarz_divergence(z[0], z[1]),
    "frechet_distance": lambda z: objectives.frechet_distance(z[0], z[1]),
    "hoelder_importance": partial(objectives.hoelder_importance, key=KEY),
    "hoelder_excess": partial(objectives.hoelder_excess, key=KEY),
    "reconstruction": lambda z: objectives.reconstruction(z[0], z[1]),
}
for plain in ("anchor_alignment", "centroid_uniformity", "conflict", "forces", "gram_volume", "hoelder_bound"):
    OF_Z[plain] = getattr(objectives, plain)
for plain in ("hoelder_divergence", "hoelder_leave_one_out", "modality_gap", "pairs_alignment", "retrieval_at_1", "uniformity"):
    OF_Z[plain] = getattr(objectives, plain)
OF_Z["unit_rows"] = objectives.unit_rows

NOT_OF_Z = {"get", "matched_to_infonce"}


def test_every_function_is_listed():
    functions = {name for name in objectives.__all__ if inspect.isfunction(getattr(objectives, name))}
    assert functions - NOT_OF_Z == set(OF_Z)


def unit(seed=0):
    return objectives.unit_rows(jnp.asarray(np.random.default_rng(seed).normal(size=(2, 6, 4)), jnp.float32))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", OF_Z)
def test_integers_and_half_precision_count_as_the_numbers_they_are(name, float32):
    of_z = jax.jit(OF_Z[name])
    for z in ((100 * unit()).astype("int8"), unit().astype("bfloat16")):
        given, converted = of_z(z), of_z(z.astype(jnp.float32))
        for ours, right in zip(jax.tree.leaves(given), jax.tree.leaves(converted), strict=True):
            assert ours.dtype == jnp.float32
            np.testing.assert_array_equal(ours, right)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", OF_Z)
def test_what_is_not_real_is_refused_in_one_sentence(name):
    with pytest.raises(ValueError, match=r"has type (complex|bool).*: real numbers are allowed\.$"):
        OF_Z[name](jnp.ones((2, 6, 4), complex))
    with pytest.raises(ValueError, match=r"has type bool: real numbers are allowed\.$"):
        OF_Z[name](jnp.ones((2, 6, 4), bool))


@pytest.mark.parametrize(("size", "scale"), [(50, 1e-3), (1000, 1e4)])
def test_a_collapsed_batch_explains_nothing(size, scale, float32):
    """All rows alike: no correlation, nothing explained of the target, and the whole variance penalty."""
    row = np.random.default_rng(1).normal(size=(2, 1, 4)) * scale
    z = jnp.asarray(np.broadcast_to(row, (2, size, 4)), jnp.float32)
    target = np.random.default_rng(2).normal(size=(size, 3))
    variance = np.sum(np.var(target, axis=0))
    assert jax.jit(objectives.cross_correlation)(z) == 4 and jax.jit(objectives.deep_cca)(z) == 0
    for predicted in (objectives.prediction, objectives.joint):
        np.testing.assert_allclose(jax.jit(predicted)(z, target), variance, rtol=1e-5)
    unit = objectives.unit_rows(z)
    np.testing.assert_allclose(objectives.infonce(unit), np.log(size), rtol=1e-5)
    assert objectives.retrieval_at_1(unit) == 0
    penalty = objectives.vicreg(z, lam_inv=0.0, lam_var=1.0, lam_cov=1.0)
    np.testing.assert_allclose(penalty, 2 * 0.5 * (1 - 0.01), rtol=1e-5)


TRANSLATED = [
    "cauchy_schwarz_divergence",
    "centroid_uniformity",
    "cross_correlation",
    "deep_cca",
    "frechet_distance",
    "hoelder_bound",
    "hoelder_divergence",
    "hoelder_excess",
    "hoelder_importance",
    "hoelder_leave_one_out",
    "modality_gap",
    "pairs_alignment",
    "prediction",
    "uniformity",
    "vicreg",
]


@pytest.mark.parametrize("name", TRANSLATED)
def test_nothing_depends_on_where_the_clouds_lie(name, float32):
    """Rows are multiples of 2⁻¹⁰, so that the shift itself costs nothing."""
    z = np.round(np.random.default_rng(3).normal(size=(2, 6, 4)) * 1024) / 1024
    of_z = jax.jit(OF_Z[name])
    near, far = (of_z(jnp.asarray(z + shift, jnp.float32)) for shift in (0, 1000))
    np.testing.assert_allclose(far, near, rtol=2e-4, atol=2e-4)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", sorted(set(OF_Z) - set(REGISTRY)))
def test_a_bad_number_is_refused_outside_the_registry_too(name):
    function = getattr(objectives, name)
    parameters = inspect.signature(function).parameters
    arguments = (unit(),) if "z" in parameters else tuple(unit())
    extra = {"key": KEY} if "key" in parameters else {}
    for key in parameters.keys() & {"temperature", "bandwidth", "epsilon"}:
        for value in (0, 0.0, -1.0, np.nan, np.inf):
            with pytest.raises(ValueError, match=rf"^{key} = .* is not allowed: .*\.$"):
                function(*arguments, **extra, **{key: value})
    for key in parameters.keys() & {"anchor", "query", "gallery"}:
        for value in (-1, 2, 0.5):
            with pytest.raises(ValueError, match=rf"^{key} = .* is not allowed: .*\.$"):
                function(*arguments, **extra, **{key: value})

"""The population against its generating equations, pairs and selections, and what is not allowed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from multimodal_models import SHAPES, flatten, joint_covariance, random_model

from phasejax.multimodal import MultimodalModel, complete, star


def alike(**changes):
    arguments = dict(d=5, k=2, modalities=3, kappa=1.0, gamma=0.5, gamma_tilde=2.0, nu=0.4)
    return MultimodalModel.homogeneous(**(arguments | changes))


@pytest.mark.parametrize("shape", SHAPES)
def test_covariance_follows_from_the_generating_equations(shape):
    model = random_model(0, shape)
    assert (model.modalities, model.k, model.d) == shape
    np.testing.assert_allclose(flatten(model.covariance()), joint_covariance(model), atol=1e-7)


def test_pairs_and_selections_are_blocks_of_the_whole():
    model = random_model(1, (4, 2, 5))
    blocks = np.asarray(model.covariance())
    pair = model.pair(1, 3).covariance()
    np.testing.assert_allclose(pair.xx, blocks[1, 1])
    np.testing.assert_allclose(pair.yy, blocks[3, 3])
    np.testing.assert_allclose(pair.xy, np.abs(blocks[1, 3]))
    chosen = np.array([3, 0, 2])
    np.testing.assert_array_equal(model.select(chosen.tolist()).covariance(), blocks[chosen[:, None], chosen])


def test_homogeneous_nuisance_is_shared_by_the_members():
    expected = np.eye(4)
    expected[0, 2] = expected[2, 0] = 0.4
    np.testing.assert_allclose(alike(modalities=4, shared_by=(0, 2)).nuisance, [expected] * 3)
    np.testing.assert_array_equal(alike(shared_by=2).nuisance, alike(shared_by=[0, 1]).nuisance)
    np.testing.assert_array_equal(alike().nuisance, alike(shared_by=3).nuisance)
    np.testing.assert_allclose(alike(nu=[0, 0.5, 1]).nuisance[:, 0, 1], [0, 0.5, 1])
    np.testing.assert_allclose(alike().quality, np.full((3, 2), 2 / 3))


def test_graphs():
    np.testing.assert_array_equal(complete(3), 1 - np.eye(3))
    np.testing.assert_array_equal(complete(4, (1, 3)), np.eye(4)[:, [3]] @ np.eye(4)[[1]] + np.eye(4)[:, [1]] @ np.eye(4)[[3]])
    np.testing.assert_array_equal(star(3), [[0, 1, 1], [1, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(star(3, hub=-1, leaves=(0,)), [[0, 0, 1], [0, 0, 0], [1, 0, 0]])
    with pytest.raises(ValueError, match=r"modality 3 is not allowed: there are 3"):
        complete(3, (0, 3))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: alike(nu=1.2), r"nu\[0\] = 1.2 is not allowed: nu must be in \[0, 1\]"),
        (lambda: alike(k=6), "k = 6 is not allowed"),
        (lambda: alike(kappa=[1.0, 2.0, 3.0]), r"kappa has shape \(3,\): a scalar or shape \(2,\)"),
        (lambda: alike(gamma=-1.0), r"gamma\[0, 0\] = -1 is not allowed"),
        (lambda: alike(gamma_tilde=0.0), r"gamma_tilde\[0\]\[0\] = 0 is not allowed"),
        (lambda: alike(kappa=0.0, gamma=0.0), r"kappa² \+ gamma\[0, 0\] = 0"),
        (lambda: alike(kappa=np.nan), r"kappa\[0\] = nan"),
        (lambda: alike(modalities=1), "at least two modalities"),
        (
            lambda: MultimodalModel([1.0], [[1.0]] * 2, [[1.0]] * 3, np.eye(2)[None]),
            r"gamma_tilde has shapes \[.*\]: a vector for each of the 2 modalities",
        ),
        (lambda: MultimodalModel([1.0], [[1.0]] * 2, [[1.0]] * 2, np.eye(3)[None]), r"nuisance has shape \(1, 3, 3\)"),
        (lambda: MultimodalModel([1.0], [[1.0]] * 2, [[1.0]] * 2, 2 * np.eye(2)[None]), r"nuisance\[0, 0, 0\] = 2"),
        (lambda: alike(d=[5, 5]), r"d = \[5, 5\] is not allowed: one number, or one for each of the 3 modalities"),
        (lambda: alike(d=[5, 1, 5]), "k = 2 is not allowed"),
        (
            lambda: MultimodalModel([1.0], [[1.0]] * 2, [[], [1.0]], 0.5 + np.eye(2)[None] / 2),
            r"nuisance\[0\] correlates modality 0,",
        ),
        (
            lambda: MultimodalModel([1.0], [[1.0]] * 2, [[1.0]] * 2, [[[1.0, 0.2], [0.1, 1.0]]]),
            "symmetric with unit diagonal",
        ),
        (
            # Two leaves that agree fully with the hub cannot be independent of each other.
            lambda: MultimodalModel([1.0], [[1.0]] * 3, [[1.0]] * 3, (np.eye(3) + 0.8 * np.asarray(star(3)))[None]),
            r"nuisance\[0\] has the eigenvalue -0.131: it must be positive semidefinite",
        ),
    ],
)
def test_mistakes_get_one_sentence(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_the_limit_of_semidefinite_is_allowed():
    model = MultimodalModel([1.0], [[1.0]] * 3, [[1.0]] * 3, (np.eye(3) + np.sqrt(0.5) * np.asarray(star(3)))[None])
    assert abs(np.linalg.eigvalsh(model.nuisance[0])[0]) < 1e-12
    assert alike(nu=1.0).nuisance.shape == (3, 3, 3)


def test_models_are_built_inside_transformations(float32):
    scales = jax.jit(jax.vmap(lambda nu: alike(nu=nu).covariance()))(jnp.array([0.1, 0.2]))
    assert scales.shape == (2, 3, 3, 5, 5) and scales.dtype == jnp.float32
    np.testing.assert_allclose(scales[1], alike(nu=0.2).covariance(), rtol=1e-6)

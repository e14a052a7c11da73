"""Pictures, texts and classes: convolutions in both forms, heads, decoders, held-out rows; alone, side by side and resumed."""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from phasejax.objectives import reconstruction
from phasejax.sampling import covariance_of
from phasejax.solvers import predict
from phasejax.spiked import SpikedModel
from phasejax.training import (
    MLP,
    Convolutional,
    Decoder,
    Identity,
    Linear,
    Projected,
    ToClasses,
    ToPicture,
    ToTokens,
    ToVector,
    Transformer,
    embed,
    features,
    train,
)
from phasejax.training.convolution import Convolution, Transposed, by_blocks, by_library
from phasejax.training.data import rows_of

DEVICE = (jax.devices()[0],)
KEY = jax.random.key(0)
PICTURES = Convolutional(4, channels=(3, 5), hidden=8)


class Blots(eqx.Module):
    """A bright square at one of four places and, by `other`, its caption (a word for the place, then nothing) or its class."""

    other: Literal["caption", "class"] = eqx.field(static=True)

    @property
    def batch_shape(self):
        return ()

    def sample(self, n, *, key):
        place_key, noise_key = jax.random.split(key)
        place = jax.random.randint(place_key, (n,), 0, 4, dtype=jnp.int32)
        picture = jax.nn.one_hot(place, 4).reshape(n, 1, 2, 2).repeat(4, axis=2).repeat(4, axis=3)
        caption = jnp.stack([place + 1, jnp.zeros_like(place)], axis=1)
        return picture + 0.1 * jax.random.normal(noise_key, picture.shape), caption if self.other == "caption" else place


SETTINGS = dict(key=KEY, steps=120, legs=4, batch=32, rows=128, learning_rate=0.02, devices=DEVICE)


# Layers ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(8, 8), (6, 10), (5, 7)])
def test_both_forms_of_the_convolution_are_one(size):
    """Values and both gradients, in a batch; odd sizes leave out what does not fill a step."""
    x = jax.random.normal(KEY, (4, 3, *size))
    weight = jax.random.normal(jax.random.key(1), (5, 3, 4, 4))
    forms = [jax.vmap(form, (0, None)) for form in (by_library, by_blocks)]
    waves = [jax.jit(jax.value_and_grad(lambda x, w, f=form: jnp.sum(jnp.sin(f(x, w))), (0, 1))) for form in forms]
    one, other = (wave(x, weight) for wave in waves)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)
    layer = Convolution(3, 5, key=KEY)
    direct = jax.vmap(lambda row: by_library(row, layer.weight) + layer.bias)(x)
    np.testing.assert_allclose(jax.jit(jax.vmap(layer))(x), direct, atol=1e-12)
    assert direct.shape == (4, 5, size[0] // 2, size[1] // 2)


def test_the_transposed_convolution_is_the_adjoint():
    layer = Transposed(5, 3, key=KEY)
    x, y = jax.random.normal(KEY, (5, 3, 4)), jax.random.normal(jax.random.key(1), (3, 6, 8))
    np.testing.assert_allclose(jnp.sum((layer(x) - layer.bias) * y), jnp.sum(x * by_library(y, layer.weight)), rtol=1e-10)


def test_the_published_encoder_and_decoder_have_the_published_shape():
    picture = jax.ShapeDtypeStruct((1, 64, 64), jnp.float32)
    encoder = Convolutional(128).build(picture, key=KEY)
    decoder = ToPicture().build(128, picture, key=KEY)
    count = lambda tree: sum(leaf.size for leaf in jax.tree.leaves(tree) if hasattr(leaf, "size"))  # noqa: E731
    convolutions = 16 * (1 * 32 + 32 * 32 + 32 * 64 + 64 * 64) + 32 + 32 + 64 + 64
    assert count(encoder) == convolutions + 1024 * 256 + 256 + 256 * 128 + 128
    transposed = 16 * (64 * 64 + 64 * 32 + 32 * 32 + 32 * 1) + 64 + 32 + 32 + 1
    assert count(decoder) == 128 * 1024 + 1024 + transposed
    assert jax.eval_shape(decoder, jnp.zeros(128)).shape == (1, 64, 64)


def test_a_text_is_read_by_its_tokens_alone():
    encoder = Transformer(3, vocabulary=9, size=8, heads=2).build(jax.ShapeDtypeStruct((5,), jnp.int32), key=KEY)
    text = jnp.array([4, 2, 7, 0, 0])
    elsewhere = eqx.tree_at(lambda e: e.places, encoder, encoder.places.at[3:].add(5.0))
    read = eqx.filter_jit(lambda encoder, text: encoder(text))
    np.testing.assert_allclose(read(encoder, text), read(elsewhere, text), rtol=1e-12)  # places without a token are not read
    assert np.all(np.abs(read(encoder, text) - read(encoder, jnp.array([2, 4, 7, 0, 0]))) > 1e-4)  # the order is
    squared = lambda encoder: jnp.sum(encoder(jnp.zeros(5, int)) ** 2)  # noqa: E731
    empty, slope = eqx.filter_jit(eqx.filter_value_and_grad(squared))(encoder)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves((empty, slope)))


# Training --------------------------------------------------------------------------------------------------------------


def test_pictures_texts_and_classes_are_aligned_and_predicted():
    """Each against what knows nothing: log 32 of InfoNCE, the entropy log 4 of the place, the variance of the pictures."""
    text = Transformer(4, vocabulary=5, size=8, heads=2, depth=1)
    aligned = train(
        "infonce",
        Blots("caption"),
        encoder=(Projected(PICTURES, MLP(4, 8)), text),
        hyperparameters={"temperature": 0.2},
        **SETTINGS,
    )
    assert aligned.loss[-1] < np.log(32 / 4) + 0.3  # a batch holds about eight rows of the same place
    views = Blots("caption").sample(16, key=KEY)
    assert embed(aligned.encoders, views).shape == (2, 16, 4) and aligned.decoder is None
    assert features(aligned.encoders, views)[0].shape == (16, 4)
    words = train("reconstruction", Blots("caption"), encoder=(PICTURES, None), decoder=Decoder(ToTokens(5, 16)), **SETTINGS)
    assert words.loss[-1] < 0.1 < np.log(4) < words.loss[0] + 0.5
    assert words.encoders[1] is None
    back = Decoder(ToPicture((5, 3)), source=1, target=0)
    painted = train("reconstruction", Blots("caption"), encoder=(None, text), decoder=back, **SETTINGS)
    noise, spread = 64 * 0.01, 64 * (0.01 + 3 / 16)
    assert noise < painted.loss[-1] < 0.3 * spread
    both = train(
        "reconstruction_vicreg", Blots("caption"), encoder=(PICTURES, text), decoder=back, **(SETTINGS | {"steps": 24})
    )
    assert both.loss[-1] < both.loss[0]


def test_an_affine_decoder_on_a_linear_encoder_reaches_the_closed_form():
    model = SpikedModel.homogeneous(d=4, k=2, kappa=1.5, gamma_x=0.5, gamma_y=0.1, gamma_tilde_x=1, gamma_tilde_y=2, nu=0.2)
    x, y = np.random.default_rng(0).multivariate_normal(np.zeros(8), _joint(model), 300).reshape(300, 2, 4).swapaxes(0, 1)
    trained = train(
        "reconstruction", (x, y), key=KEY, encoder=(Linear(2), None), decoder=Decoder(ToVector()), batch=300, steps=1500,
        legs=2, learning_rate=0.05, devices=DEVICE,
    )  # fmt: skip
    cov = covariance_of(x, y, center=True)
    left = jnp.trace(cov.yy) - jnp.sum(predict(cov, 2).singular_values[:2] ** 2)
    read = features(trained.encoders, (jnp.asarray(x), jnp.asarray(y)))
    assert read[1] is None
    predicted = jax.vmap(trained.decoder)(read[0])
    np.testing.assert_allclose(reconstruction(predicted, jnp.asarray(y)), left, rtol=1e-5)


def _joint(model):
    cov = model.covariance()
    return np.block([[cov.xx, cov.xy], [cov.xy.T, cov.yy]])


def held_out(**changes):
    given = dict(encoder=(PICTURES, None), decoder=Decoder(ToClasses(4)), held_out=64) | SETTINGS
    return train("reconstruction", Blots("class"), **(given | dict(key=jax.random.split(KEY, 4), steps=24) | changes))


def test_the_networks_that_did_best_on_rows_held_out_are_kept():
    """At a learning rate that grows wild the last networks are not the best; the kept ones have the loss of the history."""
    grows = optax.exponential_decay(1.0, 1, 1.08)
    rows = Blots("class").sample(64, key=jax.random.key(8))
    trained = held_out(held_out=rows, schedule=grows, key=KEY, batch=64, steps=60)
    best = np.nanmin(trained.held_out)
    assert not best == trained.held_out[-1] and trained.loss.shape == trained.held_out.shape == (4,)
    predicted = jax.vmap(trained.decoder)(features(trained.encoders, rows)[0])
    np.testing.assert_allclose(reconstruction(predicted, rows[1]), best, rtol=1e-9)


def test_lanes_of_convolutions_resume_and_spread_like_any_other(tmp_path):
    whole = held_out()
    leaves = lambda trained: [x for x in jax.tree.leaves(trained) if hasattr(x, "shape")]  # noqa: E731
    assert whole.held_out.shape == (4, 4) and len({float(v) for v in whole.held_out[:, -1]}) == 4

    class Stop(Exception):
        pass

    def stop(progress):
        if progress.step == 12:
            raise Stop

    with pytest.raises(Stop):
        held_out(checkpoint=tmp_path / "state", on_progress=stop)
    for a, b in zip(leaves(held_out(checkpoint=tmp_path / "state", resume=True)), leaves(whole), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(leaves(held_out(devices=tuple(jax.devices("cpu")))), leaves(whole), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def test_a_healthy_training_passes_the_search_for_nans():
    with jax.debug_nans(True):
        trained = held_out(key=KEY, steps=8, metrics={"norm": lambda encoders, z: jnp.mean(z**2)})
    assert np.all(np.isfinite(trained.loss)) and np.all(trained.metrics["norm"] > 0)


# Mistakes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (dict(encoder=Linear(4)), r"Linear\(width=4\) cannot take rows of shape \(1, 8, 8\) .*: it takes vectors \(d,\)"),
        (dict(encoder=(PICTURES, MLP(4))), r"MLP\(.*\) cannot take rows of shape \(\) and type int32: it takes vectors"),
        (dict(encoder=(Identity(), None)), r"Identity\(\) cannot take rows of shape \(1, 8, 8\)"),
        (dict(encoder=(Transformer(4, 9), None)), r"Transformer\(.*\) cannot take rows of shape \(1, 8, 8\)"),
        (dict(encoder=Convolutional(4)), r"pictures of 8×8 are too small for Convolutional\(.*\): 16 pixels a side"),
        (dict(encoder=(PICTURES,) * 3), "encoder has 3 entries: one for all or one for each of 2"),
        (dict(encoder=(None, None)), "modality 0 has no encoder: the decoder needs its features"),
        (dict(decoder=Decoder(ToPicture())), r"ToPicture\(.*\) cannot give rows of shape \(\) and type int32"),
        (dict(decoder=Decoder(ToPicture(), 0, 0)), r"ToPicture\(.*\) cannot give pictures of 8×8: .* multiples of 16"),
        (dict(decoder=Decoder(ToClasses(4), 0, 2)), "target = 2 is not allowed"),
        (dict(decoder=None), "needs a decoder's output: give it a decoder"),
        (dict(held_out=16), "held_out = 16 is not allowed with batch = 32"),
        (dict(held_out=(np.ones((40, 3)), np.ones(40, int))), r"held_out has rows of shapes \[\(3,\), \(\)\]"),
    ],
)
def test_a_mistake_is_one_sentence(changes, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        held_out(**changes)
    assert "\n" not in str(caught.value)


def test_embeddings_have_one_width_and_every_modality():
    x = np.ones((40, 3))
    settings = dict(key=KEY, batch=8, steps=20)
    with pytest.raises(ValueError, match=r"the encoders give 3, 4 numbers: one width is allowed"):
        train("infonce", (x, x), encoder=(Linear(3), Linear(4)), **settings)
    with pytest.raises(ValueError, match="encoder is None for modality 1: the objective 'infonce' needs all"):
        train("infonce", (x, x), encoder=(Linear(3), None), **settings)
    with pytest.raises(ValueError, match="has no use for a decoder"):
        train("infonce", (x, x), decoder=Decoder(ToVector()), **settings)
    with pytest.raises(ValueError, match="held_out = 8 is not allowed where the rows are given"):
        train("infonce", (x, x), held_out=8, **settings)


def test_a_source_says_what_its_rows_are():
    assert [(row.shape, row.dtype) for row in rows_of(Blots("caption"))] == [((1, 8, 8), jnp.float64), ((2,), jnp.int32)]

"""Captioned, tri-modal, starlit and XOR worlds: views say what the truth says, and nuisance correlates as it is named."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from phasejax.worlds import (
    CaptionedScenes,
    Starlight,
    StereoSolids,
    StereoSprites,
    TriModalScenes,
    XorTriples,
    captions,
    starlight,
    trimodal,
)

KEY = jax.random.key(0)
WORLDS = [CaptionedScenes(size="tiny"), TriModalScenes(size="tiny"), Starlight(size="tiny"), XorTriples()]


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: type(world).__name__)
def test_shapes_and_keys(world):
    one, other = (world.sample(32, key=jax.random.key(seed)) for seed in (0, 1))
    assert tuple(view.shape for view in one) == tuple((32, *shape) for shape in world.dimensions)
    for view, elsewhere, again in zip(one, other, world.draw(32, key=KEY).views, strict=True):
        np.testing.assert_array_equal(view, again)
        assert not np.array_equal(view, elsewhere)
        assert np.all(np.isfinite(view))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CaptionedScenes(style_jitter=1.5), r"style_jitter = 1\.5 is not allowed: style_jitter must be in \[0, 1\]"),
        (lambda: CaptionedScenes(word_dropout=-1), r"word_dropout = -1 is not allowed: word_dropout must be in \[0, 1\]"),
        (lambda: CaptionedScenes(unnamed=2), r"unnamed = 2 is not allowed: unnamed must be in \[0, 1\]"),
        (lambda: CaptionedScenes(noise=-0.1), r"noise = -0\.1 is not allowed: noise must be finite and ≥ 0"),
        (lambda: CaptionedScenes(styles=7), r"styles = 7 is not allowed: styles must be a whole number in 0\.\.6"),
        (lambda: TriModalScenes(nu=1.1), r"nu = 1\.1 is not allowed: nu must be in \[0, 1\]"),
        (lambda: TriModalScenes(size="big"), r"size = 'big' is not allowed: choose one of tiny, small, published"),
        (lambda: TriModalScenes().distinct(1153, key=KEY), r"n = 1153 is not allowed: n must be a whole number in 1\.\.1152"),
        (lambda: Starlight(nu=-0.1), r"nu = -0\.1 is not allowed: nu must be in \[0, 1\]"),
        (lambda: Starlight(photometric_noise=-1), r"photometric_noise = -1 is not allowed: .* must be finite and ≥ 0"),
        (lambda: XorTriples(d=0), r"d = 0 is not allowed: d must be a whole number ≥ 1"),
    ],
)
def test_knobs_out_of_range(build, message):
    with pytest.raises(ValueError, match=rf"^{message}\.$"):
        build()


def truth(world, n):
    """What is true of n samples, nothing rendered but captions."""
    return jax.jit(lambda key: (world.draw(n, key=key).views[1], world.draw(n, key=key)[1:]))(KEY)


def test_captions_say_what_is_drawn():
    """Every word against the truth, and each style group's kind correlating as `nu` says."""
    n, world = 3000, CaptionedScenes(size="tiny", style_jitter=0.3, styles=5)
    tokens, (signal, nuisance) = truth(world, n)
    for caption, label in zip(np.asarray(tokens[:50]), np.asarray(signal["class"]), strict=False):
        hue, shape = world.classes[label].split()
        assert captions.words(caption).split()[2:4] == [hue, shape]
    drawn, told = (np.asarray(nuisance[name]) for name in ("style", "style_told"))
    for group, kinds in enumerate(captions.STYLES.values()):
        words = [captions.WORDS[word] for word in np.asarray(tokens[:, 7 + 2 * group])]
        assert words == ([kinds[kind] for kind in told[:, group]] if group < 5 else [""] * n)
        same = np.mean(drawn[:, group] == told[:, group])
        assert same == pytest.approx(0.7, abs=4 * np.sqrt(0.21 / n))
        # A group of K kinds: the correlation of one-hot codes is (K · same − 1)/(K − 1).
        found = (len(kinds) * same - 1) / (len(kinds) - 1)
        assert found == pytest.approx(1 - 0.3 * len(kinds) / (len(kinds) - 1), abs=0.07)
        assert float(world.nu[group]) == pytest.approx(found if group < 5 else 0, abs=0.07)
        others = set(told[(drawn[:, group] == 0), group])
        assert others == set(range(len(kinds)))


def test_words_are_dropped_and_styles_left_out():
    tokens, _ = truth(CaptionedScenes(size="tiny", word_dropout=0.25, styles=0), 2000)
    dropped = np.asarray(tokens[:, :6]) == captions.UNKNOWN
    assert np.all(np.asarray(tokens[:, 6:]) == captions.PAD)
    assert dropped.mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.1875 / dropped.size))


def test_a_style_of_no_strength_changes_nothing():
    points, place = captions.pixel_centers(16), jnp.array([0.2, -0.1])
    scene = (jnp.asarray(0), jnp.asarray(2), jnp.asarray(1), place)
    plain = captions.styled(points, *scene, jnp.zeros(6, int), jnp.zeros(6), 16)
    for kind in (jnp.zeros(6, int), jnp.ones(6, int)):
        np.testing.assert_allclose(captions.styled(points, *scene, kind, jnp.zeros(6), 16), plain, atol=1e-6)
        for group in range(6):
            styled = captions.styled(points, *scene, kind, jnp.zeros(6).at[group].set(1), 16)
            assert np.abs(styled - plain).max() > 0.05, list(captions.STYLES)[group]
    np.testing.assert_allclose(plain[:, 7, 9], list(captions.HUES.values())[2], atol=1e-6)


def test_style_that_is_not_named_is_noise_of_the_picture_alone():
    clean, noisy = (CaptionedScenes(size="tiny", styles=0, unnamed=u, noise=0.0).draw(32, key=KEY) for u in (0.0, 1.0))
    np.testing.assert_array_equal(clean.views[1], noisy.views[1])
    assert np.abs(clean.views[0] - noisy.views[0]).max() > 0.3


def test_tri_modal_nuisance_has_the_correlation_of_the_spiked_model():
    n = 4000
    _, (signal, nuisance) = truth(TriModalScenes(size="tiny", nu=0.6), n)
    v = np.stack([nuisance[f"nuisance_{side}"] for side in "xyz"])
    for a, b in ((0, 1), (0, 2), (1, 2)):
        for i in range(3):
            assert np.corrcoef(v[a, :, i], v[b, :, i])[0, 1] == pytest.approx(0.6, abs=4 * 0.64 / np.sqrt(n))
    assert abs(np.corrcoef(v[0, :, 0], v[1, :, 1])[0, 1]) < 4 / np.sqrt(n)
    assert {name: set(np.unique(values)) for name, values in signal.items()} == {
        name: set(range(count)) for name, count in trimodal.FACTORS.items()
    }


def test_distinct_scenes_and_their_captions():
    drawn = TriModalScenes(size="tiny").distinct(trimodal.SCENES, key=KEY)
    assert len(set(zip(*(np.asarray(v) for v in drawn.signal.values()), strict=True))) == trimodal.SCENES
    for i in range(40):
        told = trimodal.words(drawn.views[1][i]).split()
        for name, first in (("shape", 0), ("color", 4), ("scale", 10)):
            assert set(trimodal.SYNONYMS[first + int(drawn.signal[name][i])]) & set(told)
        assert trimodal.PLACES[int(drawn.signal["column"][i])] in told


def test_sound_has_its_pitch_and_its_onset():
    """A pure note of the highest colour peaks at its frequency; before its onset there is only hum and hiss."""
    factors = {"shape": 0, "color": 5, "scale": 2, "column": 3, "row": 0}
    factors = {name: jnp.asarray(value) for name, value in factors.items()}
    log_power = np.asarray(trimodal.spectrogram(trimodal.sound(factors, jnp.array([-9.0, -9.0, 0.0]), key=KEY)))[0]
    frequencies = trimodal.RATE / trimodal.FRAME * np.arange(1, 33)
    assert frequencies[log_power[:, 9].argmax()] == pytest.approx(500, abs=32)
    start = int(0.04 * 3 * trimodal.RATE / trimodal.FRAME)
    assert log_power[:, :start].max() < -3 < log_power[:, start + 1].max() - 3


def test_starlight_follows_its_physics():
    assert float(starlight.rotation_period(*map(jnp.asarray, (5772.0, 4.6)))) == pytest.approx(25)
    sun = [jnp.asarray(value) for value in (5772.0, 4.44, 0.0, 0.0)]
    flux = starlight.spectrum(*sun, 1024)
    assert 0.8 < float(flux.mean()) < 1
    deeper = starlight.spectrum(sun[0], sun[1], jnp.asarray(0.4), sun[3], 1024)
    assert np.all(deeper <= flux + 1e-6) and np.min(deeper - flux) < -0.1
    tilted = starlight.spectrum(sun[0], sun[1], sun[2], jnp.asarray(0.3), 1024) / flux
    np.testing.assert_allclose(np.log(np.asarray(tilted)), 0.3 * np.linspace(-1, 1, 1024), atol=1e-4)


def test_the_period_is_in_the_frozen_features():
    """The frequency of most power is that of the star's rotation, to the resolution of the window."""
    drawn = Starlight(size="published", photometric_noise=0.05, dust=0.0).draw(64, key=KEY)
    power = starlight.frozen_features(drawn.views)[1][:, :-1]
    found = (1 + np.argmax(np.asarray(power), axis=1)) / starlight.WINDOW
    off = np.abs(found - 1 / np.asarray(drawn.signal["period"])) * starlight.WINDOW
    assert np.mean(off < 1.0) > 0.85


def test_starlight_nuisance_correlates():
    n = 4000
    _, (_, nuisance) = truth(Starlight(size="tiny", nu=0.7), n)
    assert np.corrcoef(np.asarray(nuisance["dust"]).T)[0, 1] == pytest.approx(0.7, abs=4 * 0.51 / np.sqrt(n))


def test_any_two_of_xor_are_independent_and_the_third_follows():
    n, world = 4000, XorTriples(amplitude=3.0)
    drawn = world.draw(n, key=KEY)
    bits = np.stack([drawn.signal[f"bit_{side}"] for side in "xyz"])
    read = np.stack([np.asarray(view[:, 0]) > 0 for view in drawn.views])
    assert np.mean(read == bits) > 0.995
    np.testing.assert_array_equal(bits[0] ^ bits[1], bits[2])
    assert np.all(np.abs(np.corrcoef(bits) - np.eye(3)) < 4 / np.sqrt(n))


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("world", [CaptionedScenes, TriModalScenes, StereoSprites, StereoSolids, Starlight, XorTriples])
def test_a_world_is_drawn_in_the_precision_that_is_set(world, bits):
    """Whatever was set when it was imported: nothing made then remembers it."""
    with jax.enable_x64(bits == 64):
        views = jax.eval_shape(lambda key: world().one(key).views, jax.random.key(0))
    assert {str(view.dtype) for view in views} <= {f"float{bits}", "int32"}

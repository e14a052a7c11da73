"""The third kind of sweep: networks on a world, from specification to store and figure; a mistake is one sentence."""

import re

import jax
import numpy as np
import pytest
from specs import toml
from typer.testing import CliRunner

from phasejax.cli import app
from phasejax.sweep import SpecError, parse_spec, run
from phasejax.training.probes import READINGS


def raw(**changes):
    world = {
        "name": "sprites",
        "size": "tiny",
        "channels": [4, 4],
        "features": 8,
        "width": 8,
        "samples": 64,
        "held_out": 64,
        "read": 100,
        "steps": 20,
        "batch": 16,
        "objectives": {"vicreg": {}, "predicted x": {"objective": "reconstruction", "source": 1, "width": 8}},
    }
    spec = {"name": "worlds", "trials": 2, "axes": {"jitter": [0.0, 0.5]}, "world": world | changes.pop("world", {})}
    return spec | changes


def one_device(spec, **options):
    return run(spec, devices=tuple(jax.devices()[:1]), **options)


def test_a_sweep_that_was_interrupted_goes_on_to_the_same_bits_and_reads_every_objective(tmp_path):
    spec, path = parse_spec(raw()), tmp_path / "worlds.zarr"

    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one_device(spec, path=path, on_progress=interrupt)
    left = []
    dataset = one_device(spec, path=path, resume=True, on_progress=lambda progress: left.append(progress.cells))
    assert left == [1]  # of two cells
    assert dataset.drop_attrs().identical(one_device(spec).drop_attrs())
    assert dataset.accuracy.dims == ("jitter", "objective", "view", "representation", "reading")
    assert list(dataset.reading.values) == list(READINGS)
    np.testing.assert_allclose(dataset.nu, [1, 0.25], atol=1e-6)
    read = dataset.accuracy.sel(view="x", objective="vicreg")
    assert np.all((read >= 0) & (read <= 1)) and np.all(np.isfinite(dataset.loss))
    assert np.all(np.isfinite(dataset.accuracy_se.sel(view="x", objective="vicreg")))
    assert np.all(dataset.failed_trials == 0) and np.all(dataset.status == 0)
    # What predicts x is the encoder of y, and without a head features are the output; there is no encoder of the other view.
    decoded = dataset.accuracy.sel(objective="predicted x", reading="converged")
    np.testing.assert_array_equal(*(decoded.sel(view="y", representation=of) for of in ("features", "output")))
    assert np.all(np.isnan(decoded.sel(view="x")))
    assert np.all(np.isnan(dataset.r2.sel(reading="published")))
    assert len(spec.kind.figure(dataset).axes) == 6


def test_the_ceiling_of_captioned_pictures_reads_the_picture_alone():
    world = {"name": "captions", "objectives": {"supervised": {}}, "knobs": {"noise": 0.0}}
    dataset = one_device(parse_spec(raw(world=world, trials=1, axes={"style_jitter": [0.5]})))
    np.testing.assert_allclose(dataset.nu, [(2 * (1 - 0.5 * 4 / 3) + 4 * (1 - 0.5 * 2)) / 6], atol=1e-6)
    assert np.all(np.isfinite(dataset.accuracy.sel(view="x"))) and np.all(np.isnan(dataset.accuracy.sel(view="y")))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axes": {"jitter": [-0.1]}}, r"jitter = -0\.1 is not allowed: jitter lies in \[0, inf\)\."),
        ({"axes": {"width": [1]}}, r"axes\.width is not a parameter: choose among jitter, .*"),
        (
            {"world": {"knobs": {"jitter": 0.1}}},
            r"jitter is both fixed under \[world\.knobs\] and swept under \[axes\]: keep one\.",
        ),
        ({"world": {"knobs": {"noise": 0.1}}}, r"world\.knobs\.noise is not a knob of 'sprites': choose among jitter, .*"),
        (
            {"world": {"name": "captions"}, "axes": {"word_dropout": [1.5]}},
            r"word_dropout = 1\.5 is not allowed: .* in \[0, 1\]\.",
        ),
        ({"world": {"held_out": 15}}, r"world\.batch = 16 is not allowed: at most world\.held_out = 15\."),
        ({"world": {"objectives": {"prediction": {}}}}, r"world\.objectives\.prediction: .*: 'reconstruction' predicts, .*"),
        ({"world": {"objectives": {"vicreg": {"width": 0}}}}, r"world\.objectives\.vicreg: width = 0 is not allowed: .*"),
        ({"world": {"objectives": {"vicreg": {"width": 2.5}}}}, r"world\.objectives\.vicreg: width = 2\.5 is not allowed: .*"),
        ({"world": {"width": 0}}, r"world\.width = 0 is not allowed: .*"),
        ({"world": {"features": 0}}, r"world\.features = 0 is not allowed: .*"),
        ({"world": {"text_size": 6}}, r"world\.text_size = 6 is not allowed: .*"),
        ({"world": {"encoder": "linear"}}, r"world\.encoder is not a known field\."),
        ({"world": {"name": "faces"}}, r"world\.name = 'faces' is not allowed: .*"),
        ({"world": {"steps": 30}}, r"world\.steps = 30 is not allowed: a multiple of 20 is needed\."),
        ({"world": {"batch": 65}}, r"world\.batch = 65 is not allowed: at most world\.samples = 64\."),
        ({"world": {"channels": [8] * 5}}, r"world\.channels = .* is not allowed: .* each halving 16 pixels\."),
        ({"world": {"objectives": {"vicrag": {}}}}, r"world\.objectives\.vicrag: 'vicrag' is not an objective: .*"),
        (
            {"world": {"objectives": {"reconstruction": {"source": 2}}}},
            r"world\.objectives\.reconstruction: source = 2 is not allowed: .*",
        ),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(changes, message, tmp_path):
    with pytest.raises(SpecError, match=f"^{message}$"):
        parse_spec(raw(**changes))
    path = tmp_path / "wrong.toml"
    path.write_text(toml(raw(**changes)))
    result = CliRunner().invoke(app, ["sweep", str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2 and result.stdout == ""
    assert re.fullmatch(rf"phasejax: .*{message}\n", result.stderr)
    assert list(tmp_path.iterdir()) == [path]

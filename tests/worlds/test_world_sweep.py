"""The third kind of sweep: networks on a world, from specification to store and figure; a mistake is one sentence."""

import numpy as np
import pytest

from phasejax.sweep import SpecError, parse_spec, run
from phasejax.training.probes import READINGS


def raw(**changes):
    world = {
        "name": "sprites",
        "size": "tiny",
        "channels": [8, 8],
        "features": 16,
        "width": 6,
        "samples": 64,
        "read": 100,
        "steps": 20,
        "batch": 16,
        "objectives": {"vicreg": {}, "predicted x": {"objective": "reconstruction", "source": 1}, "supervised": {}},
    }
    spec = {"name": "worlds", "trials": 2, "axes": {"jitter": [0.0, 0.5]}, "world": world | changes.pop("world", {})}
    return spec | changes


def test_a_sweep_reads_every_objective_three_ways(tmp_path):
    spec = parse_spec(raw())
    dataset = run(spec, path=tmp_path / "worlds.zarr")
    assert dataset.accuracy.dims == ("jitter", "objective", "representation", "reading")
    assert list(dataset.reading.values) == list(READINGS)
    np.testing.assert_allclose(dataset.nu, [1, 0.25], atol=1e-6)
    assert np.all((dataset.accuracy >= 0) & (dataset.accuracy <= 1)) and np.all(np.isfinite(dataset.loss))
    assert np.all(np.isfinite(dataset.accuracy_se)) and np.all(dataset.failed_trials == 0) and np.all(dataset.status == 0)
    # Without a head, features are the output.
    decoded = dataset.sel(objective="predicted x", reading="converged").accuracy
    np.testing.assert_array_equal(decoded.sel(representation="features"), decoded.sel(representation="output"))
    assert np.all(np.isnan(dataset.r2.sel(reading="published")))
    assert len(spec.kind.figure(dataset).axes) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axes": {"jitter": [-0.1]}}, r"jitter = -0\.1 is not allowed: jitter lies in \[0, inf\)\."),
        ({"axes": {"width": [1]}}, r"axes\.width is not a parameter: choose among jitter, .*"),
        ({"world": {"jitter": 0.1}}, r"jitter is both fixed under \[world\] and swept under \[axes\]: keep one\."),
        ({"world": {"name": "faces"}}, r"world\.name = 'faces' is not allowed: .*"),
        ({"world": {"steps": 30}}, r"world\.steps = 30 is not allowed: a multiple of 20 is needed\."),
        ({"world": {"batch": 65}}, r"world\.batch = 65 is not allowed: at most world\.samples = 64\."),
        ({"world": {"channels": [8] * 5}}, r"world\.channels = .* is not allowed: .* each halving 16 pixels\."),
        ({"world": {"objectives": {"vicrag": {}}}}, r"world\.objectives\.vicrag: 'vicrag' is not an objective: .*"),
        ({"world": {"objectives": {"reconstruction": {"source": 2}}}}, r"world\.objectives\.reconstruction: .*source = 0.*"),
    ],
)
def test_mistakes(changes, message):
    with pytest.raises(SpecError, match=f"^{message}$"):
        parse_spec(raw(**changes))

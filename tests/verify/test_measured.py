"""A measured table says which sweep it is of, and that sweep is still the published one; claims read it right."""

import numpy as np
import pytest

from phasejax.experiments.world.spec import WorldSpec
from phasejax.sweep import load_spec, parse_spec
from phasejax.verify import Verdict, measured, verify
from phasejax.verify.claims import worlds
from phasejax.verify.contrast import Contrast, less, more, verdict


@pytest.mark.parametrize("path", sorted(measured.TABLES.glob("*.csv")), ids=lambda path: path.stem)
def test_a_table_is_of_the_sweep_as_it_is_published(path):
    spec, dataset = measured.read(path)
    published = load_spec(path.stem)
    assert parse_spec(spec) == published
    assert isinstance(published, WorldSpec)
    assert set(dataset.objective.values) == set(published.world.objectives)
    assert not np.any(np.isnan(dataset.nu)) and dataset.nu.dims == tuple(published.axes)
    assert np.nanmax(dataset.failed_trials) == 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.3, 0.21], Verdict.HOLDS),
        ([0.3, 0.19], Verdict.CONDITIONAL),
        ([0.3, -0.3], Verdict.CONDITIONAL),
        ([0.19, -0.21], Verdict.REFUTED),
        ([0.19, -0.19], Verdict.OPEN),
    ],
)
def test_two_standard_errors_decide(values, expected):
    assert verdict(Contrast(np.array(values), np.full(2, 0.1))) is expected


def test_without_cells_nothing_is_decided():
    with pytest.raises(ValueError, match="a contrast without cells decides nothing"):
        verdict(Contrast(np.zeros((0,)), np.zeros((0,))))


def test_differences_add_their_variances():
    a, b = Contrast(np.array([0.9]), np.array([0.03])), Contrast(np.array([0.5]), np.array([0.04]))
    np.testing.assert_allclose(less(a, b), [[0.4], [0.05]])
    np.testing.assert_allclose(less(a, 0.5), [[0.4], [0.03]])
    np.testing.assert_allclose(more(1.0, a), [[0.1], [0.03]])


def test_objectives_that_change_places_change_the_verdict(monkeypatch):
    swapped = {worlds.CA: worlds.CP, worlds.CP: worlds.CA}

    def exchanged(path):
        spec, table = measured.read(path)
        return spec, table.assign_coords(objective=[swapped.get(name, name) for name in table.objective.values])

    name = "sprites-prediction-wins-aligned-everything"
    (right,) = verify([name])
    monkeypatch.setattr(worlds, "read", exchanged)
    (wrong,) = verify([name])
    assert right.as_recorded and wrong.finding.verdict is Verdict.REFUTED

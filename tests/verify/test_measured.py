"""A measured table says which sweep it is of, and that sweep is still the published one."""

import numpy as np
import pytest

from phasejax.experiments.world.spec import WorldSpec
from phasejax.sweep import load_spec, parse_spec
from phasejax.verify import measured


@pytest.mark.parametrize("path", sorted(measured.TABLES.glob("*.csv")), ids=lambda path: path.stem)
def test_a_table_is_of_the_sweep_as_it_is_published(path):
    spec, dataset = measured.read(path)
    published = load_spec(path.stem)
    assert parse_spec(spec) == published
    assert isinstance(published, WorldSpec)
    assert set(dataset.objective.values) == set(published.world.objectives)
    assert not np.any(np.isnan(dataset.nu)) and dataset.nu.dims == tuple(published.axes)
    assert np.nanmax(dataset.failed_trials) == 0

"""How trials are laid out on devices."""

import math
from types import SimpleNamespace

import pytest

from phasejax.simulation.rows import Layout


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("platform", ["cpu", "gpu"])
@pytest.mark.parametrize("count", [1, 2, 8])
@pytest.mark.parametrize("d", [2, 20, 64, 256, 1024])
@pytest.mark.parametrize("trials, cells", [(1, 1), (300, 1), (20, 16), (100, 3660), (10**6, 4), (10**9, 1), (1000, 10**6)])
def test_a_plan_does_all_trials_and_little_else(platform, count, d, trials, cells):
    devices = tuple(SimpleNamespace(platform=platform) for _ in range(count))
    plan = Layout.plan((d, d), trials, cells, devices)  # type: ignore[arg-type]
    assert plan.trials_per_row * plan.blocks >= trials and plan.rows % count == 0
    # Lanes of a call on one device: cut into equal chunks, which are filled up by less than 16 lanes each.
    lanes = plan.rows // count * plan.trials_per_row
    chunks = math.ceil(lanes / plan.chunk)
    assert plan.chunk % 16 == 0 and lanes <= chunks * plan.chunk < lanes + 16 * chunks
    # Within 16 GiB where a trial takes 32 matrices of d² floats; a CPU core keeps what fits its cache.
    assert plan.chunk <= max(256, (16 << 30) / (128 * d**2) + 16)
    assert platform == "gpu" or plan.chunk <= 64
    # A call is not much larger than the whole sweep.
    assert plan.rows * plan.trials_per_row <= 2 * trials * cells + count * (plan.trials_per_row + 16)

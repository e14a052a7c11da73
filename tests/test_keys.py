"""Keys from seeds."""

import jax
import numpy as np
import pytest

from phasejax.keys import root_key


@pytest.mark.parametrize("wide", [False, True])
def test_every_bit_of_a_seed_counts(wide):
    seeds = [0, 3, 3 + 2**32, 3 + 2**40, 2**62, 2**63 - 1]
    with jax.enable_x64(wide):
        data = [tuple(np.asarray(jax.random.key_data(root_key(seed))).tolist()) for seed in seeds]
        assert len(set(data)) == len(seeds)
        assert root_key(3) == jax.random.key(3)

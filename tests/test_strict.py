"""The tests are as strict as they say: broadcasts, changes of type and annotations are checked."""

import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from phasejax import objectives, recovery, theory
from phasejax.theory import homogeneous
from phasejax.theory.objectives import regime_of


def test_axes_and_types_are_written_out():
    with pytest.raises(ValueError, match="rank_promotion"):
        jnp.add(jnp.zeros((2, 3)), jnp.zeros(3))
    with pytest.raises(ValueError, match="promotion"):
        jnp.add(jnp.zeros(3, "float32"), jnp.zeros(3, "float64"))


@pytest.mark.parametrize(
    "call",
    [
        lambda: recovery.squared_overlap(jnp.zeros((2, 3, 4))),
        lambda: recovery.squared_overlap(jnp.zeros((2, 3)), jnp.zeros((4, 1))),
        lambda: objectives.pairs_alignment(jnp.zeros((2, 5, 3), int)),
        lambda: regime_of(theory.PerObjective(jnp.array([True]), jnp.array(True))),
        lambda: homogeneous.ca_edge("half", 0.1),
    ],
)
def test_annotations_of_the_core_are_checked(call):
    with pytest.raises(jaxtyping.TypeCheckError):
        call()


def test_arrays_of_numpy_are_arrays():
    assert recovery.squared_overlap(np.eye(2, 3)).shape == (2,)

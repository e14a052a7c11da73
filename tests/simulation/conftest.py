"""What the tests of the kernel share: each in either precision."""

from contextlib import nullcontext

import jax
import numpy as np
import pytest


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    with jax.enable_x64(True) if request.param == "float64" else nullcontext():
        yield np.dtype(request.param)

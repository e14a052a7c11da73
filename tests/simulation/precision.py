"""The unit of a bound on rounding."""

import numpy as np


def eps(dtype):
    return float(np.finfo(dtype).eps)

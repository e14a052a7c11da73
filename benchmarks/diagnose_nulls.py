"""How often is something advised where nothing can be? And how often is it found fit to be asked where something is there?

    python benchmarks/diagnose_nulls.py [--draws 200] [--jobs 1] [--json FILE]

Draws in which views and labels were found fit to be asked, and in which something was advised; of 200, 5 % would be 10.

Of 200 draws of each null: fit 3 where series are related and the labels are a series of their own, 5 where few of these labels
are known, 2 where the rows of y are shuffled, 1 where views are independent (labels from x, from y, from both), where related
views have labels by subject and where labels are unrelated, 0 in the four others. Something was advised no more often: what is
not fit to be asked gets no advice.
"""

import argparse
import json
import multiprocessing
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from phasejax.diagnosis import diagnose


class Pairs(NamedTuple):
    """What a user would bring."""

    x: np.ndarray
    y: np.ndarray
    labels: np.ndarray
    groups: np.ndarray | None = None


def related_views(rng, n=400, d_x=16, d_y=12, shared=4):
    """Views whose first columns share something, and the shared part."""
    z = rng.normal(size=(n, shared))
    x, y = rng.normal(size=(n, d_x)), rng.normal(size=(n, d_y))
    x[:, :shared] += z
    y[:, :shared] += z
    return x, y, z


def series(rng, n, d, memory):
    """Columns that forget exponentially, over `memory` rows."""
    keep = np.exp(-1 / memory)
    out = rng.normal(size=(n, d))
    for row in range(1, n):
        out[row] = keep * out[row - 1] + np.sqrt(1 - keep**2) * out[row]
    return out


def independent(rng, told: str) -> Pairs:
    x, y = rng.normal(size=(400, 16)) * 0.9 ** np.arange(16), rng.normal(size=(400, 12))
    return Pairs(x, y, ("x" in told) * x[:, 0] + ("y" in told) * y[:, 0] + 0.3 * rng.normal(size=400))


def shuffled(rng) -> Pairs:
    x, y, z = related_views(rng)
    return Pairs(x, rng.permutation(y), (z[:, 0] > 0).astype(int))


def subject_noise(rng) -> Pairs:
    """Views that share nothing but have an effect of the subject each; a diagnosis of each subject."""
    groups = np.repeat(np.arange(30), rng.integers(5, 26, 30))
    x, y = (rng.normal(size=(30, d))[groups] + rng.normal(size=(groups.size, d)) for d in (16, 12))
    return Pairs(x, y, rng.integers(0, 2, 30)[groups], groups)


def subject_labels(rng) -> Pairs:
    """Views that are related, by subject and beyond; a diagnosis of each subject that neither view tells."""
    groups = np.repeat(np.arange(30), rng.integers(5, 26, 30))
    x, y, _ = related_views(rng, groups.size)
    effect = rng.normal(size=(30, 12))[groups]
    return Pairs(x + np.pad(effect, ((0, 0), (0, 4))), y + effect, rng.permutation(np.arange(30) % 2)[groups], groups)


def serial_noise(rng, memory=10) -> Pairs:
    x, y, labels = (series(rng, 600, d, memory) for d in (10, 8, 1))
    return Pairs(x, y, labels[:, 0])


def serial_labels(rng) -> Pairs:
    """A series of related views, and labels that are a series of their own."""
    z = series(rng, 600, 10, 10)
    x, y = (z + series(rng, 600, 10, 10) for _ in range(2))
    return Pairs(x, y, (series(rng, 600, 1, 10)[:, 0] > 0).astype(int))


def sparse_serial_labels(rng) -> Pairs:
    """The same, one row in six labelled."""
    x, y, labels, _ = serial_labels(rng)
    return Pairs(x, y, np.where(rng.random(600) < 1 / 6, labels, np.nan))


def slow_drift(rng) -> Pairs:
    """Independent rows upon a slow drift of each view, and labels that drift."""
    x, y = (series(rng, 600, d, 100) + 2 * rng.normal(size=(600, d)) for d in (10, 8))
    return Pairs(x, y, series(rng, 600, 1, 100)[:, 0])


def unrelated_labels(rng) -> Pairs:
    x, y, _ = related_views(rng)
    labels = np.where(rng.random(400) < 0.25, rng.normal(size=400), np.nan)
    return Pairs(x, y, labels)


NULLS: dict[str, Callable[[np.random.Generator], Pairs]] = {
    "independent views, labels from x": lambda rng: independent(rng, "x"),
    "independent views, labels from y": lambda rng: independent(rng, "y"),
    "independent views, labels from both": lambda rng: independent(rng, "xy"),
    "rows of y shuffled": shuffled,
    "nothing shared, labels by subject": subject_noise,
    "views related, labels by subject": subject_labels,
    "independent series": serial_noise,
    "independent series, long memory": lambda rng: serial_noise(rng, 40),
    "series related, labels not": serial_labels,
    "series related, few labels, not related": sparse_serial_labels,
    "slow drifts": slow_drift,
    "labels unrelated": unrelated_labels,
}


def easy(rng, labelled=40) -> Pairs:
    """The loudest shared direction is the label, of which few are known."""
    x, y, z = related_views(rng, 1000, 64, 64, 1)
    x[:, :1], y[:, :1] = x[:, :1] + 4 * z, y[:, :1] + 4 * z
    return Pairs(x, y, np.where(rng.permutation(1000) < labelled, z[:, 0], np.nan))


def by_subject(rng) -> Pairs:
    """A diagnosis of each of 40 subjects that both views tell."""
    groups = np.repeat(np.arange(40), 12)
    z = rng.normal(size=40)
    x, y, _ = related_views(rng, groups.size)
    x[:, 0] += 1.5 * z[groups]
    y[:, 0] += 1.5 * z[groups]
    return Pairs(x, y, (z > 0)[groups].astype(int), groups)


def sorted_by_class(rng) -> Pairs:
    x, y, z = related_views(rng)
    order = np.argsort(np.digitize(z[:, 0], [-0.5, 0.5]), kind="stable")
    return Pairs(x[order], y[order], np.digitize(z[order, 0], [-0.5, 0.5]))


def sorted_few_known(rng) -> Pairs:
    x, y, labels, _ = sorted_by_class(rng)
    return Pairs(x, y, np.where(rng.permutation(400) < 60, labels, np.nan))


def true_series(rng) -> Pairs:
    z = series(rng, 1000, 3, 5)
    x, y = (series(rng, 1000, 8, 5) for _ in range(2))
    x[:, :3] += 2 * z
    y[:, :3] += 2 * z
    return Pairs(x, y, z[:, 0])


FIT: dict[str, Callable[[np.random.Generator], Pairs]] = {
    "40 labels of the loudest direction": easy,
    "labels by subject, told by both": by_subject,
    "file sorted by class": sorted_by_class,
    "file sorted by class, 60 labels": sorted_few_known,
    "series, labels told by both": true_series,
}


def measure(name: str, seed: int) -> dict:
    pairs = (NULLS | FIT)[name](np.random.default_rng(seed))
    found = diagnose(pairs.x, pairs.y, pairs.labels, groups=pairs.groups, key=jax.random.key(seed))
    assert found.relation is not None  # the default method's answer has it
    return {"case": name, "seed": seed, "verdict": found.relation.verdict, "objective": found.objective}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", type=Path, help="write every row to this file")
    options = parser.parse_args()
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        rows = list(pool.map(measure, *zip(*product(NULLS | FIT, range(options.draws)), strict=True), chunksize=5))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=0))
    for title, family in (("Nothing to advise", NULLS), ("Something to advise", FIT)):
        print(f"{title}: of {options.draws} draws")
        for name in family:
            own = [row for row in rows if row["case"] == name]
            verdicts = Counter(row["verdict"] for row in own)
            advised = sum(row["objective"] != "neither" for row in own)
            print(f"{name:40} fit {verdicts['fit']:3d}   advised {advised:3d}   {dict(verdicts)}")


if __name__ == "__main__":
    main()

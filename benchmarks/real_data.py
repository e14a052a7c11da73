"""What does the advice lose on real pairs, against the best choice in hindsight, and is its confidence calibrated?

    python benchmarks/real_data.py [--k 3] [--splits 6] [--jobs 1] [--json FILE]

Six splits of the groups, 70/30. The diagnosis sees the training rows and 200, 60 or 30 of their labels. Choices are encoders of
k dimensions, fitted to all training rows (columns standardised, principal components to 64): CA and PLS read from x or from y,
CP read from its source, one view's principal components; k is the diagnosis's own, unless given. Each is probed with all
training labels and scored by balanced accuracy on groups that it never saw. Regret is what a rule's choice scores less than the
best choice, in points: means over tasks, ± one standard error over tasks. The second column of each pair leaves PLS out of
"best", so that a rule may gain. An advised place inside the square is scored with k dimensions as well; advice without a choice
of its own ("neither") stands for one view's principal components.

Confidence is held against its event: that on the new groups, probed with the labels that the diagnosis saw, no other encoder
of k dimensions scores better by more than two points. The new groups are few, which alone makes some events fail.
"""

import argparse
import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path

import jax
import numpy as np
import pandas as pd
from diagnose import calibration_error

from phasejax.datasets import DATASETS, PairedData
from phasejax.diagnosis import Diagnosis, diagnose
from phasejax.diagnosis.labels import read_labels
from phasejax.diagnosis.probe import contributions, read_out, sums_of, targets_of
from phasejax.diagnosis.sample import reduce_sample
from phasejax.diagnosis.shrinkage import EXPECTED, MARGIN, preferred
from phasejax.diagnosis.square import encoders
from phasejax.diagnosis.trial import ALPHAS, Candidate, Trial, try_out
from phasejax.diagnosis.views import block_sums
from phasejax.folds import group_folds

TASKS = [
    ("penguins", "species"),
    ("penguins", "sex"),
    ("penguins", "island"),
    ("smartwatch", "activity"),
    ("smartwatch", "side"),
    ("foods", "category"),
    ("activities", "activity"),
    ("digits fou-kar", "digit"),
    ("digits mor-fou", "digit"),
    ("digits zer-fac", "digit"),
    ("digit halves", "digit"),
    ("tumours", "diagnosis"),
    ("wines", "cultivar"),
    ("galaxies", "type"),
]
LABELLED = (200, 60, 30)
RULES: dict[str, Callable[[Trial], int]] = {
    "always one view's components": lambda trial: trial.of("principal components"),
    "always PLS": lambda trial: trial.of("PLS"),
    "always CA": lambda trial: trial.of("CA"),
    "always CP x→y": lambda trial: trial.of("CP", "x→y"),
    "always CP y→x": lambda trial: trial.of("CP", "y→x"),
    "highest score of the trial": lambda trial: max(choices(trial), key=lambda i: trial.score[i]),
    "the trial's choice": preferred,
}
_COMPONENTS = 64


def choices(trial: Trial) -> list[int]:
    """The candidates of k dimensions whose place in the square is not itself chosen."""
    return [i for i, c in enumerate(trial.candidates) if c.objective in EXPECTED]


def advised(found: Diagnosis, trial: Trial) -> int:
    """The candidate that a diagnosis advises: the principal components of one view where it advises no training."""
    if found.objective in ("one view", "neither"):
        return trial.of("principal components", view=found.view)
    return trial.of(found.objective, found.direction, found.view if found.trial else None)


def held_out_scores(
    data: PairedData, labels: np.ndarray, train: np.ndarray, known: np.ndarray, candidates: tuple[Candidate, ...]
) -> np.ndarray:
    """Balanced accuracy of each candidate on the rows that are not in `train`, probed with the labels of `known` rows."""
    x, y = _principal(data.x, train), _principal(data.y, train)
    moments = x[train].T @ x[train], x[train].T @ y[train], y[train].T @ y[train]
    fitted = encoders(tuple(m / train.sum() for m in moments), ALPHAS, max(c.k for c in candidates))
    targets = targets_of(np.eye(labels.max() + 1)[labels], True)
    test = targets._replace(weight=~train / np.maximum(targets.values[~train].sum(axis=0), 1)[targets.values.argmax(axis=1)])
    classes = np.sum(targets.values[~train].any(axis=0))
    scores = []
    for c in candidates:
        values, places = (x, fitted[0]) if c.view == "x" else (y, fitted[1])
        if not np.isnan(c.alpha[0]):
            values = values @ places[tuple(ALPHAS.index(alpha) for alpha in c.alpha)]
        values = values[:, : c.k]
        probe = read_out(sums_of(values[known], targets.values[known]), True)
        scores.append(contributions(values, *probe, test, np.arange(len(labels))).sum() / classes)
    return np.array(scores)


def _principal(view: np.ndarray, train: np.ndarray) -> np.ndarray:
    """The view on the leading principal components of its training rows, standardised."""
    moving = view[train].std(axis=0) > 0
    view = (view[:, moving] - view[train][:, moving].mean(axis=0)) / view[train][:, moving].std(axis=0)
    return view @ np.linalg.svd(view[train], full_matrices=False)[2][:_COMPONENTS].T


def tried(x, y, labels, groups, labelled: np.ndarray, k: int, seed: int) -> Trial | None:
    """The trial by itself, whatever the layers before it say."""
    read = read_labels(labels, len(x), labelled)
    sample = reduce_sample(x, y, read, groups)
    block = group_folds(groups, 20, np.random.default_rng(seed))
    return try_out(sample, block_sums(sample.x, sample.y, read.rows, read.columns, block), block, k, seed)


@lru_cache
def load(dataset: str) -> PairedData:
    return DATASETS[dataset]()


def measure(dataset: str, label: str, split: int, k: int | None) -> list[dict]:
    """One row for each number of labels and rule: regret in points, with and without PLS among the best; and, of the
    diagnosis, its confidence and whether its event came true."""
    return list(_rows(dataset, label, split, k))


def _rows(dataset: str, label: str, split: int, k: int | None) -> Iterator[dict]:
    data = load(dataset)
    labels, groups = (np.unique(values, return_inverse=True)[1] for values in (data.labels[label], data.groups))
    rng = np.random.default_rng(split)
    train = group_folds(groups, 10, rng) >= 3
    order = rng.permutation(train.sum())
    pairs, own = (data.x[train], data.y[train], labels[train]), np.unique(groups[train], return_inverse=True)[1]
    for count in LABELLED:
        known = {"groups": own, "labelled": np.isin(np.arange(train.sum()), order[:count])}
        key = jax.random.key(split)
        found, elbow = diagnose(*pairs, **known, k=k, key=key), diagnose(*pairs, **known, method="elbow", key=key)
        trial = found.trial or tried(*pairs, **known, k=found.k, seed=split)
        if trial is None:
            continue
        same_k = tuple(c._replace(k=trial.candidates[0].k) for c in trial.candidates)  # of what is inside the square as well
        scores = held_out_scores(data, labels, train, np.flatnonzero(train), same_k)
        compared = choices(trial)
        best = scores[compared].max()
        best_without_pls = max(scores[i] for i in compared if trial.candidates[i].objective != "PLS")
        picks = {rule: choose(trial) for rule, choose in RULES.items()}
        picks |= {"the advice of diagnose": advised(found, trial), "published elbow": advised(elbow, trial)}
        given = held_out_scores(data, labels, train, np.flatnonzero(train)[known["labelled"]], trial.candidates)
        for rule, i in picks.items():
            row = {"task": f"{dataset} {label}", "split": split, "labels": count, "rule": rule, "k": same_k[0].k}
            row |= {"choice": " ".join(map(str, trial.candidates[i][:3])), "verdict": found.objective}
            row |= {"regret": 100 * (best - scores[i]), "regret without PLS": 100 * (best_without_pls - scores[i])}
            if rule == "the advice of diagnose" and found.confidence is not None:
                row |= {"confidence": found.confidence, "came true": bool(given[compared].max() - given[i] <= MARGIN)}
            yield row


def report(rows: pd.DataFrame) -> None:
    kinds = ["regret", "regret without PLS"]
    by_task = rows.pivot_table(kinds, ["rule", "labels", "task"])
    print("\n" + f"{rows.task.nunique()} tasks".ljust(30) + "".join(f"{count:>13} labels        " for count in LABELLED))
    for rule in rows.rule.unique():
        cells = [by_task.loc[rule, count][column] for count in LABELLED for column in kinds]
        print(f"{rule:30}" + "".join(f"{cell.mean():8.2f} ±{cell.sem():4.2f}" for cell in cells))
    print("\nregret of the advice less that of always one view's components, by task: points, and standard errors over splits")
    wide = rows.pivot_table("regret", ["task", "labels", "split"], "rule", sort=False)
    worse = (wide["the advice of diagnose"] - wide["always one view's components"]).groupby(["task", "labels"], sort=False)
    for task in rows.task.unique():
        cells = (worse.get_group((task, count)) for count in LABELLED)
        print(f"{task:30}" + "".join(f"{cell.mean():15.2f} ±{cell.sem():4.2f}" for cell in cells))
    stated = rows.dropna(subset=["confidence"])
    right = stated["came true"].astype(float).to_numpy()
    print(f"\nconfidence: {len(stated)} stated, {stated.confidence.mean():.2f} on average, came true in {right.mean():.2f}")
    print(f"expected calibration error {calibration_error(stated.confidence.to_numpy(), right):.3f}")
    for count, part in stated.groupby("labels", sort=False):
        print(f"{count:5} labels: stated {part.confidence.mean():.2f}, true {part['came true'].astype(float).mean():.2f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--k", type=int, help="dimensions, where the diagnosis is not to find them")
    parser.add_argument("--splits", type=int, default=6)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", type=Path, help="write every row to this file")
    options = parser.parse_args()
    units = [(*task, split, options.k) for split in range(options.splits) for task in TASKS]
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        rows = [row for part in pool.map(measure, *zip(*units, strict=True)) for row in part]
    if options.json:
        options.json.write_text(json.dumps(rows, indent=0))
    report(pd.DataFrame(rows))


if __name__ == "__main__":
    main()

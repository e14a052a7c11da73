"""What does the advice lose on real pairs, against the best choice in hindsight, and is its confidence calibrated?

    python benchmarks/real_data.py [--k 3] [--splits 6] [--jobs 1] [--json FILE]

Six splits of the groups, 70/30. The diagnosis sees the training rows and 200, 60 or 30 of their labels. Choices are encoders of
k dimensions, fitted to all training rows (columns standardised, principal components to 64): CA and PLS read from x or from y,
CP read from its source, one view's principal components; k is the diagnosis's own, unless given. Each is probed with all
training labels and scored by balanced accuracy on groups that it never saw. Regret is what a rule's choices score less than the
best choice, in points: means over tasks, ± one standard error over tasks. "Best" is the choice that is best on average over a
task's splits, with PLS or without it (so that a rule may gain); or the best of each split, which the noise of few held-out rows
flatters. An advised place inside the square is scored with k dimensions as well; advice without a choice
of its own ("neither") stands for one view's principal components.

Confidence is held against its event twice: that on new groups, probed with the labels that the diagnosis saw, no other encoder
of k dimensions scores better by more than two points. The mean of a task's splits is nearly that truth. The new groups of one
split are few, and their noise alone makes some events fail: there, the event stated is that of groups as few.

The prior of `phasejax.diagnosis.shrinkage` holds moments of these tasks. What it is worth elsewhere shows where data sets are
cut in two halves, and each half is advised by the prior of the other one.

    best of each task, 14 tasks              200 labels      60 labels      30 labels
    always one view's components             2.28 ±0.81     3.07 ±0.80     3.69 ±0.98
    always PLS                               1.36 ±0.48     1.53 ±0.29     1.62 ±0.38
    always CA                                4.06 ±1.06     4.09 ±1.13     4.13 ±1.10
    always CP x→y                            6.03 ±1.50     5.80 ±1.59     5.97 ±1.65
    always CP y→x                            5.61 ±1.30     5.06 ±1.26     5.07 ±1.21
    highest score of the trial               0.55 ±0.20     1.91 ±0.39     2.89 ±0.54
    the advice of diagnose                   0.52 ±0.36     1.24 ±0.23     1.75 ±0.49
    that of a prior from other data          0.51 ±0.35     1.33 ±0.23     1.70 ±0.51
    published elbow                          2.73 ±0.97     3.84 ±0.80     5.47 ±1.76

    the same, PLS aside
    always one view's components             1.52 ±0.70     2.30 ±0.74     2.95 ±0.96
    always PLS                               0.60 ±0.67     0.75 ±0.48     0.88 ±0.48
    highest score of the trial              -0.22 ±0.31     1.14 ±0.45     2.15 ±0.53
    the advice of diagnose                  -0.24 ±0.52     0.47 ±0.40     1.01 ±0.44
    that of a prior from other data         -0.25 ±0.51     0.55 ±0.41     0.96 ±0.46
    published elbow                          1.97 ±0.94     3.07 ±0.94     4.74 ±1.81

Against the best of each split the advice loses 1.22, 1.90, 2.46. What 30 labels cannot tell is which view to read: PLS from the
view that is better in hindsight gains .5 on the best choice without PLS where PLS from the view that 30 labels prefer loses .9,
principal components lose 1.2 and 3.0. Where 30 labels are too few to be related to a view, nothing is advised (24 of 84 calls).
Worse than one view's components by more than a standard error over splits: mor-fou (1.1 ±.6 points, 200 labels), foods
(1.8 ±.8, 60), zer-fac (.1 ±.06, 60; .4 ±.3, 30), fou-kar (3.5 ±2.6, 30); better by more than that in 17 of the 42.

Confidence: 211 stated, .83 on average, true in .85, calibration error .060 (by chance .044); on few groups .72 stated, .74
true, .065 (.058).
"""

import argparse
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from zlib import crc32

import jax
import numpy as np
import pandas as pd
from diagnose import calibration_by_chance, calibration_error

from phasejax.datasets import DATASETS, PairedData
from phasejax.diagnosis import Diagnosis, diagnose
from phasejax.diagnosis.advice import lean
from phasejax.diagnosis.labels import read_labels
from phasejax.diagnosis.probe import Targets, contributions, read_out, scored, sums_of
from phasejax.diagnosis.sample import reduce_sample
from phasejax.diagnosis.shrinkage import COMPARED, MARGIN, Prior, confidence, preferred
from phasejax.diagnosis.square import encoders
from phasejax.diagnosis.trial import ALPHAS, Candidate, Objective, Trial, try_out
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
}
ADVICE, CROSSED = "the advice of diagnose", "that of a prior from other data"
_COMPONENTS = 64


def choices(trial: Trial) -> list[int]:
    """The candidates of k dimensions whose place in the square is not itself chosen."""
    return [i for i, c in enumerate(trial.candidates) if c.objective in COMPARED]


def advised(found: Diagnosis, trial: Trial) -> int:
    """The candidate that a diagnosis advises: the principal components of one view where it advises no training."""
    if found.objective in ("one view", "neither"):
        return trial.of("principal components", view=found.view)
    return trial.of(found.objective, found.direction, found.view if found.trial else None)


def held_out_scores(
    data: PairedData,
    labels: np.ndarray,
    groups: np.ndarray,
    train: np.ndarray,
    known: np.ndarray,
    candidates: tuple[Candidate, ...],
) -> tuple[np.ndarray, np.ndarray]:
    """Balanced accuracy of each candidate on the rows that are not in `train`, probed with the labels of `known` rows, and its
    covariance over these rows' groups."""
    x, y = _principal(data.x, train), _principal(data.y, train)
    moments = x[train].T @ x[train], x[train].T @ y[train], y[train].T @ y[train]
    fitted = encoders(tuple(m / train.sum() for m in moments), ALPHAS, max(c.k for c in candidates))
    new, one_hot = np.flatnonzero(~train), np.eye(labels.max() + 1)[labels]
    counts = one_hot[new].sum(axis=0)
    there = Targets(one_hot[new], True, 1 / (np.sum(counts > 0) * counts[labels[new]]))
    added = []
    for c in candidates:
        values, places = (x, fitted[0]) if c.view == "x" else (y, fitted[1])
        if not np.isnan(c.alpha[0]):
            values = values @ places[tuple(ALPHAS.index(alpha) for alpha in c.alpha)]
        values = values[:, : c.k]
        probe = read_out(sums_of(values[known], one_hot[known]), True)
        added.append(contributions(values[new], *probe, there, np.arange(new.size)))
    return scored(np.array(added), there._replace(values=there.values[:, counts > 0]), groups[new])


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
    """One row for each number of labels: the trial, what every choice scores, what each rule chooses, and, where something is
    advised, its confidence and whether its event came true on the new groups, few as they are."""
    return list(_rows(dataset, label, split, k))


def _rows(dataset: str, label: str, split: int, k: int | None) -> Iterator[dict]:
    data = load(dataset)
    labels, groups = (np.unique(values, return_inverse=True)[1] for values in (data.labels[label], data.groups))
    rng = np.random.default_rng(split)
    train = group_folds(groups, 10, rng) >= 3
    order = rng.permutation(train.sum())
    pairs, own = (data.x[train], data.y[train], labels[train]), np.unique(groups[train], return_inverse=True)[1]
    k = k and min(k, data.x.shape[1], data.y.shape[1])
    for count in LABELLED:
        known = {"groups": own, "labelled": np.isin(np.arange(train.sum()), order[:count])}
        key = jax.random.key(split)
        found, elbow = diagnose(*pairs, **known, k=k, key=key), diagnose(*pairs, **known, method="elbow", key=key)
        trial = found.trial or tried(*pairs, **known, k=found.k, seed=split)
        if trial is None:
            continue
        same_k = tuple(c._replace(k=trial.candidates[0].k) for c in trial.candidates)  # of what is inside the square as well
        held_out = data, labels, groups, train
        scores, _ = held_out_scores(*held_out, np.flatnonzero(train), same_k)
        given, noise = held_out_scores(*held_out, np.flatnonzero(train)[known["labelled"]], same_k)
        leaning = lean(trial, found.sides)
        picks = {rule: choose(trial) for rule, choose in RULES.items()}
        picks |= {ADVICE: advised(found, trial), "published elbow": advised(elbow, trial)}
        row = {"dataset": dataset, "task": f"{dataset} {label}", "split": split, "labels": count, "k": same_k[0].k}
        row |= {"objective": found.objective, "trial": trial, "lean": leaning, "scores": 100 * scores, "given": given}
        row |= {"rules": {rule: 100 * scores[i] for rule, i in picks.items()}, "advised": picks[ADVICE]}
        if found.confidence is not None:
            here = confidence(trial, picks[ADVICE], leaning, noise=noise)
            best = given[choices(trial)].max() - given[picks[ADVICE]]
            row |= {"confidence": found.confidence, "on few groups": here, "came true": bool(best <= MARGIN)}
        yield row


def with_prior_of_other_data(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, and what is chosen by the prior that the other half of the data sets has."""
    half = np.array([crc32(name.encode()) % 2 for name in rows.dataset])
    priors = [moments_of(rows.loc[half != own]) for own in (0, 1)]
    rules = []
    for row, own in zip(rows.to_dict("records"), half, strict=True):
        silent = row["objective"] == "neither"
        chosen = row["advised"] if silent else preferred(row["trial"], row["lean"], priors[own])
        rules.append(row["rules"] | {CROSSED: row["scores"][chosen]})
    return rows.assign(rules=rules)


def moments_of(rows: pd.DataFrame) -> Prior:
    """The prior that the scores of tasks suggest, by analysis of variance: encoders within views."""
    candidates = [rows.trial.iloc[0].candidates[i] for i in choices(rows.trial.iloc[0])]
    scores = rows.scores.map(lambda row: row[choices(rows.trial.iloc[0])] / 100)
    means = np.array([np.mean(list(part), axis=0) for _, part in scores.groupby(rows.task)])
    view, objective = (np.array([getattr(c, name) for c in candidates]) for name in ("view", "objective"))
    levels = {name: means[:, view == name].mean(axis=1) for name in ("x", "y")}
    within = means - np.stack([levels[name] for name in view], axis=1)
    expected: dict[Objective, float] = {name: float(within[:, objective == name].mean()) for name in COMPARED}
    rest = within - [expected[name] for name in objective]
    own = np.sum(rest**2) / (len(means) * 2 * (len(COMPARED) - 1))
    between = np.mean((levels["x"] - levels["y"]) ** 2) / 2 - own / len(COMPARED)
    base = expected["principal components"]
    relative: dict[Objective, float] = {name: value - base for name, value in expected.items()}
    return Prior(relative, max(float(between), 0) ** 0.5, float(own) ** 0.5)


def regrets(rows: pd.DataFrame) -> pd.DataFrame:
    """Regret of each rule by task and number of labels, against the best choice of the task, with and without PLS, and against
    the best choice of each split."""
    found = []
    for _, part in rows.groupby(["task", "labels"], sort=False):
        task, count, candidates = part.task.iloc[0], part.labels.iloc[0], part.trial.iloc[0].candidates
        scores, rules = np.array(list(part.scores)), pd.DataFrame(list(part.rules))
        all_choices = choices(part.trial.iloc[0])
        others = [i for i in all_choices if candidates[i].objective != "PLS"]
        means = scores.mean(axis=0)
        bests = {"task": means[all_choices].max(), "task, PLS aside": means[others].max()}
        bests["split"] = scores[:, all_choices].max(axis=1).mean()
        for rule in rules:
            found += [
                {"task": task, "labels": count, "rule": rule, "best": b, "regret": v - rules[rule].mean()}
                for b, v in bests.items()
            ]
    return pd.DataFrame(found)


def report(rows: pd.DataFrame) -> None:
    rows = with_prior_of_other_data(rows)
    lost = regrets(rows)
    for best, part in lost.groupby("best", sort=False):
        print(f"\nbest of each {best}, {rows.task.nunique()} tasks".ljust(33) + "".join(f"{n:>8} labels" for n in LABELLED))
        for rule, own in part.groupby("rule", sort=False):
            cells = [own.regret[own.labels == count] for count in LABELLED]
            print(f"{rule:34}" + "".join(f"{cell.mean():9.2f} ±{cell.sem():4.2f}" for cell in cells))
    print("\nregret of the advice less that of always one view's components: points, and standard errors over splits")
    for task, own in rows.groupby("task", sort=False):
        rules = [pd.DataFrame(list(own.rules[own.labels == count])) for count in LABELLED]
        cells = [rule["always one view's components"] - rule[ADVICE] for rule in rules]
        print(f"{task:34}" + "".join(f"{cell.mean():9.2f} ±{cell.sem():4.2f}" for cell in cells))
    report_confidence(rows)


def report_confidence(rows: pd.DataFrame) -> None:
    """Against the mean over a task's splits, which is nearly the truth, and against the few new groups of each split."""
    stated = rows.dropna(subset=["confidence"]).copy()
    means = rows.groupby(["task", "labels"]).given.agg(lambda part: np.mean(list(part), axis=0))
    lost = []
    for row in stated.to_dict("records"):
        scores = means[row["task"], row["labels"]]
        lost.append(scores[choices(row["trial"])].max() - scores[row["advised"]])
    stated["true on average"] = np.array(lost) <= MARGIN
    print(f"\nconfidence, {len(stated)} stated: average, share that came true, calibration error (by chance)")
    for name, event in (("confidence", "true on average"), ("on few groups", "came true")):
        for count in (None, *LABELLED):
            part = stated if count is None else stated[stated.labels == count]
            said, right = (np.array(part[column], float) for column in (name, event))
            error, chance = calibration_error(said, right), calibration_by_chance(said)
            print(f"{name:14} {count or 'all':>4} labels {said.mean():.2f} {right.mean():.2f} {error:.3f} ({chance:.3f})")


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
        plain = pd.DataFrame(rows).drop(columns=["trial", "lean"])
        options.json.write_text(plain.to_json(orient="records", indent=0))
    report(pd.DataFrame(rows))


if __name__ == "__main__":
    main()

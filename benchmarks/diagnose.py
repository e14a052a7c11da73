"""The diagnostic on problems of known truth, beside the published procedure.

    python benchmarks/diagnose.py [--split test] [--repeat 1] [--family 40] [--jobs 1]

Every cell of n, d, k, labels and nuisance, regimes in equal shares, |Δ − 1| > 0.1 for both objectives. The head was trained
on other seeds and mostly on another family of problems (`diagnose_network.py`); none of the test seeds was. "Regime" is the
four-way truth of the population, "these pairs" whether fits of CA and CP on the very pairs, told k, come closer than ½.
Answer of the model on the test seeds ("here" is "these pairs"; intervals of CA, CP, CP from y to x; k within one of the truth),
and the published procedure's, which knows one answer to both questions:

    324 problems           regime     CA     CP   here     intervals hold   k ±1      elbow:    here
    all                     0.861  0.920  0.923   0.870     0.92  0.85  0.86     0.79       0.556   0.602
    n 200                   0.704  0.778  0.852   0.914     0.95  0.89  0.94     0.60       0.519   0.716
    n 500                   0.840  0.926  0.926   0.827     0.94  0.84  0.86     0.78       0.531   0.704
    n 1000                  0.914  0.975  0.926   0.852     0.91  0.86  0.80     0.88       0.605   0.481
    n 5000                  0.988  1.000  0.988   0.889     0.86  0.80  0.85     0.89       0.568   0.506
    d 20                    0.917  0.972  0.944   0.833     0.90  0.86  0.90     0.85       0.639   0.611
    d 50                    0.898  0.954  0.926   0.880     0.94  0.86  0.84     0.81       0.685   0.676
    d 128                   0.769  0.833  0.898   0.898     0.91  0.82  0.85     0.69       0.343   0.519
    k 2                     0.880  0.944  0.898   0.880     0.89  0.82  0.87     0.94       0.602   0.694
    k 3                     0.861  0.935  0.935   0.852     0.92  0.80  0.85     0.81       0.546   0.546
    k 5                     0.843  0.880  0.935   0.880     0.94  0.93  0.87     0.62       0.519   0.565
    labels latents          0.815  0.889  0.898   0.833     0.90  0.82  0.83     0.93       0.694   0.648
    labels scalar           0.870  0.935  0.917   0.926     0.95  0.81  0.87     0.74       0.407   0.519
    labels classes          0.898  0.935  0.954   0.852     0.90  0.91  0.89     0.69       0.565   0.639
    nuisance homogeneous    0.880  0.944  0.935   0.917     0.94  0.84  0.87     0.78       0.519   0.657
    nuisance sparse         0.852  0.898  0.917   0.824     0.93  0.86  0.86     0.82       0.620   0.611
    nuisance decaying       0.852  0.917  0.917   0.870     0.89  0.84  0.86     0.76       0.528   0.537

Expected calibration error: regime .022, CA and CP .020, these pairs .055. Median relative error of Δ: CA .11, CP .15; of the
published procedure .34, .32. With 200 labels of 5000 pairs the regime is right in .975, with all of them in .988.

New problems of each corner family; rows of unit norm are none that the network was trained on:

    family       problems   regime   stated   calibration (chance)   intervals hold   k within one
    homogeneous       100     .96      .97       .026 (.034)          .96  .90  .91        .90
    graded            100     .96      .93       .054 (.041)          .93  .88  .87        .93
    factors           100     .71      .72       .094 (.079)          .95  .94  .90        .80
    embeddings         40     .83      .88       .080 (.102)          .93  .90  .90        .65
    unit factors       60     .77      .78       .064 (.099)          .90  .95  .95        .87

Here Δ may lie close to 1; where it is not within a tenth of it, the regime is right in .99, .99, .85, .93, .88. 198 factor
problems of other seeds: regime .78, stated .76, calibration .038, by chance .055. 96, 40, 40 and 40 others of the first four
families: regime 1.00, .93, .80, .97, intervals hold .90 to .97. The README's example: 8 of 8 draws hold the truth.

Calibration error is biased where problems are few: perfect answers to 40 problems, of confidence .4 to 1, show .13 on average.

On the development seeds a head trained alike had regime .861, CA .920, CP .923, these pairs .861. Weak spots: at n = 200 and
d = 128 CA is hard; k is told too small where components mix; the intervals of CP hold a little less than they say.
"""

import argparse
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import jax
import numpy as np
from diagnose_problems import FAMILIES, LABELS, NUISANCE, UNSEEN, Problem, family_problem, fit_distances, random_problem

from phasejax.diagnosis.elbow import Seen, elbow_ca, elbow_cp, shuffled_folds
from phasejax.diagnosis.labels import read_labels
from phasejax.diagnosis.model.explanation import Explanation, explain
from phasejax.diagnosis.sample import reduce_sample
from phasejax.diagnosis.views import block_sums
from phasejax.folds import group_folds
from phasejax.theory import Regime

SIZES, DIMENSIONS, SIGNALS = (200, 500, 1000, 5000), (20, 50, 128), (2, 3, 5)
SEEDS = {"development": 1, "test": 2}
FEW = 200  # labels of the partially labelled runs, which are the problems of n = 5000


def measure(index: int, cell: tuple, seed: int) -> dict:
    """One problem: its cell, both truths, and what each method says, with CA, CP and CP from y to x in this order."""
    rng = np.random.default_rng([seed, index])
    if isinstance(cell, str):
        problem = family_problem(rng, cell)
        n, d, k, labels, nuisance = len(problem.x), problem.x.shape[1], problem.k, "latents", cell
    else:
        n, d, k, labels, nuisance = cell
        problem = random_problem(rng, n=n, d=d, k=k, labels=labels, nuisance=nuisance, regime=Regime(int(rng.integers(4))))
    result = explained(problem, index)
    few = explained(problem, index, np.arange(n) < FEW) if n == SIZES[-1] else result
    deltas = [side.delta for side in result.sides]
    return dict(
        n=n,
        d=d,
        k=k,
        labels=labels,
        nuisance=nuisance,
        delta=problem.delta[:2],
        fit=[distance < 0.5 for distance in fit_distances(problem)[:2]],
        estimate=[delta.value for delta in deltas[:2]],
        inside=[e.low <= t <= e.high for e, t in zip(deltas, problem.delta, strict=True)],
        regimes=list(result.population.probabilities.values()),
        here=list(result.these_pairs.probabilities.values()),
        few=list(few.population.probabilities.values()),
        k_found=result.k,
        elbow=_elbow(problem),
    )


def explained(problem: Problem, index: int, labelled: np.ndarray | None = None) -> Explanation:
    """The model's part of what `diagnose` answers; the trial is held against real pairs (`real_data.py`)."""
    n, seed = len(problem.x), int(jax.random.randint(jax.random.key(index), (), 0, np.iinfo(np.int32).max))
    read = read_labels(problem.labels, n, labelled)
    sample = reduce_sample(problem.x, problem.y, read, np.arange(n))
    block = group_folds(np.arange(n), 20, np.random.default_rng(seed))
    return explain(sample, block_sums(sample.x, sample.y, read.rows, read.columns, block), None, seed)


def _elbow(problem: Problem) -> tuple[float, float]:
    read = read_labels(problem.labels, len(problem.x))
    seen = Seen(read.rows, read.raw, shuffled_folds(read.rows))
    return elbow_ca(problem.x, problem.y, seen).delta, elbow_cp(problem.x, problem.y, seen).delta


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error: mean |share right − stated confidence| over ten bins, weighted by their size."""
    bins = np.minimum((confidence * 10).astype(int), 9)
    return sum(abs(np.sum(right[bins == b] - confidence[bins == b])) for b in range(10)) / len(right)


def calibration_by_chance(confidence: np.ndarray) -> float:
    """What `calibration_error` is on average where the confidence is perfectly calibrated: few answers leave bins uneven."""
    draws = np.random.default_rng(0).random((1000, len(confidence))) < confidence
    return float(np.mean([calibration_error(confidence, right) for right in draws]))


def report(rows: list[dict]) -> None:
    m = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    truth = m["delta"] > 1
    code, here = truth @ [1, 2], m["fit"] @ [1, 2]
    said, said_here, said_few = (m[name].argmax(axis=1) for name in ("regimes", "here", "few"))
    # P(Δ > 1) of CA and CP are the margins of the regime probabilities.
    margins = np.stack([m["regimes"][:, 1] + m["regimes"][:, 3], m["regimes"][:, 2] + m["regimes"][:, 3]], axis=1)
    default, elbow = margins > 0.5, m["elbow"] > 1

    print(f"{len(code)} problems      regime     CA     CP  these pairs |  elbow: regime     CA     CP  these pairs")
    groups = [("all", np.ones(len(code), bool))]
    for name in ("n", "d", "k", "labels", "nuisance"):
        groups += [(f"{name} {value}", m[name] == value) for value in dict.fromkeys(m[name].tolist())]
    for name, chosen in groups:
        right, by_elbow = (default == truth)[chosen], (elbow == truth)[chosen]
        print(
            f"{name:22}{np.mean((said == code)[chosen]):8.3f}{right[:, 0].mean():7.3f}{right[:, 1].mean():7.3f}"
            f"{np.mean((said_here == here)[chosen]):13.3f} |{by_elbow.all(axis=1).mean():15.3f}{by_elbow[:, 0].mean():7.3f}"
            f"{by_elbow[:, 1].mean():7.3f}{np.mean((elbow == m['fit']).all(axis=1)[chosen]):13.3f}"
        )
    top, top_here = m["regimes"].max(axis=1), m["here"].max(axis=1)
    sides = np.maximum(margins, 1 - margins).ravel()
    error = np.median(np.abs(m["estimate"] / m["delta"] - 1), axis=0)
    error_elbow = np.median(np.abs(m["elbow"] / m["delta"] - 1), axis=0)
    large = m["n"] == SIZES[-1]
    print(
        f"expected calibration error: regime {calibration_error(top, said == code):.3f}, CA and CP "
        f"{calibration_error(sides, (default == truth).ravel()):.3f}, these pairs "
        f"{calibration_error(top_here, said_here == here):.3f}; 90 % intervals hold {m['inside'].mean(axis=0).round(3)}"
    )
    print(f"median relative error of Δ: CA {error[0]:.2f}, CP {error[1]:.2f}; elbow {error_elbow[0]:.2f}, {error_elbow[1]:.2f}")
    print(f"both truths agree on {np.mean(code == here):.3f}; k is found in {np.mean(m['k_found'] == m['k']):.3f}")
    print(
        f"{FEW} labels of {SIZES[-1]}: regime {np.mean((said_few == code)[large]):.3f}, with all labels "
        f"{np.mean((said == code)[large]):.3f}"
    )


def report_families(rows: list[dict]) -> None:
    print(
        f"\n{'family':14}problems  regime  stated  calibration (chance)  90 % intervals hold (CA, CP, CP reverse)  k within one"
    )
    for family in (*FAMILIES, *UNSEEN):
        own = [row for row in rows if row["nuisance"] == family]
        regimes = np.array([row["regimes"] for row in own])
        right = regimes.argmax(axis=1) == [(row["delta"][0] > 1) + 2 * (row["delta"][1] > 1) for row in own]
        hold = "  ".join(f"{share:.2f}" for share in np.mean([row["inside"] for row in own], axis=0))
        near = np.mean([abs(row["k_found"] - row["k"]) <= 1 for row in own])
        top = regimes.max(axis=1)
        error, chance = calibration_error(top, right), calibration_by_chance(top)
        print(f"{family:14}{len(own):8}{right.mean():8.2f}{top.mean():8.2f}{error:13.3f} ({chance:.3f}){hold:>40}{near:14.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=SEEDS, default="test")
    parser.add_argument("--repeat", type=int, default=1, help="problems in each of the 324 cells")
    parser.add_argument("--family", type=int, default=40, help="problems of each family")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args()
    cells = list(product(SIZES, DIMENSIONS, SIGNALS, LABELS, NUISANCE)) * options.repeat
    families = [family for family in (*FAMILIES, *UNSEEN) for _ in range(options.family)]
    work = *enumerate(cells), *((10_000 + index, family) for index, family in enumerate(families))
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        rows = list(pool.map(measure, *zip(*work, strict=True), [SEEDS[options.split]] * len(work)))
    report(rows[: len(cells)])
    if families:
        report_families(rows[len(cells) :])


if __name__ == "__main__":
    main()

"""How long does the trial take, and the tests before it? Process time, so that a busy machine changes little.

    python benchmarks/trial_speed.py [--large]

Alone on two cores (seconds of process time; the components are those that the whole diagnosis works on):

    n   5,000 d  128 labels   200: components 0.03 s, relation 0.33 s, sums 0.02 s, trial 0.86 s
    n   5,000 d  128 labels 5,000: components 0.03 s, relation 0.37 s, sums 0.03 s, trial 0.42 s
    n 100,000 d  768 labels 1,000: components 5.11 s, relation 0.87 s, sums 0.61 s, trial 0.99 s

The whole of `diagnose` took 1.6 s for the first of these (median of three; 2.1 s the first time in a process, which compiles),
9.3 s for the last, in .9 times the memory of the input beside it.
"""

import argparse
import time

import numpy as np

from phasejax.diagnosis.labels import read_labels
from phasejax.diagnosis.relation import relate
from phasejax.diagnosis.sample import reduce_sample
from phasejax.diagnosis.trial import try_out
from phasejax.diagnosis.views import block_sums
from phasejax.folds import group_folds


def seconds(n: int, d: int, labelled: int) -> dict[str, float]:
    """Process time of each step on pairs that share eight directions, one of which the labels are."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(n, 8)).astype(np.float32)
    x, y = (rng.standard_normal((n, d), dtype=np.float32) for _ in range(2))
    x[:, :8] += 2 * z
    y[:, :8] += 2 * z
    groups, spent = np.arange(n), {}
    began = time.process_time()

    def lap(step: str) -> None:
        nonlocal began
        spent[step], began = time.process_time() - began, time.process_time()

    sample = reduce_sample(x, y, read_labels(np.where(np.arange(n) < labelled, z[:, 0], np.nan), n), groups)
    lap("components")
    relate(x, y, sample, 0)
    lap("relation")
    block = group_folds(groups, 20, np.random.default_rng(0))
    blocks = block_sums(sample.x, sample.y, sample.labels.rows, sample.labels.columns, block)
    lap("sums")
    try_out(sample, blocks, block, 8, 0)
    lap("trial")
    return spent


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--large", action="store_true", help="100,000 pairs of 768 columns as well")
    sizes = [(1000, 32, 200), (5000, 128, 200), (5000, 128, 5000)] + [(100_000, 768, 1000)] * parser.parse_args().large
    for n, d, labelled in sizes:
        spent = seconds(n, d, labelled)
        print(
            f"n {n:7,} d {d:4} labels {labelled:5,}: " + ", ".join(f"{step} {value:.2f} s" for step, value in spent.items()),
            flush=True,
        )


if __name__ == "__main__":
    main()

"""What the diagnosis says when labels are poor or pairs are few: fractions of each regime over problems of known truth.

python benchmarks/diagnose_robustness.py [--problems 40]
"""

import argparse

import jax
import numpy as np
from diagnose_problems import NUISANCE, Problem, random_problem

from phasejax.diagnose import diagnose, elbow
from phasejax.diagnose.labels import read_labels
from phasejax.theory import Regime

N, D, K = 1000, 20, 3


def problems(count: int) -> list[Problem]:
    """Problems in each regime in turn; labels are the latents."""
    rng = np.random.default_rng(20261123)
    return [
        random_problem(rng, n=N, d=D, k=K, labels="latents", nuisance=NUISANCE[i % 3], regime=Regime(i % 4))
        for i in range(count)
    ]


def noisy(share: float):
    """Labels of which noise makes up this share of the variance."""
    return lambda problem, rng: np.sqrt(1 - share) * problem.labels + np.sqrt(share) * rng.normal(size=problem.labels.shape)


def coarse(bins: int):
    """Each latent cut into so many equally likely bins, as a number; two bins are its sign."""

    def cut(problem, rng):
        ranks = problem.labels.argsort(axis=0).argsort(axis=0)
        return (ranks * bins // len(ranks)).astype(float)

    return cut


def one_latent(problem, rng):
    return problem.labels[:, 0]


def clusters(of: str, count: int):
    """Cluster ids from ten steps of k-means on a view, on both side by side, or on the latents."""

    def ids(problem, rng):
        both = np.hstack([problem.x / problem.x.std(), problem.y / problem.y.std()])
        points = {"x": problem.x, "both": both, "latents": problem.labels}[of]
        centres = points[rng.permutation(len(points))[:count]]
        for _ in range(10):
            nearest = (np.sum(centres**2, axis=1) - 2 * points @ centres.T).argmin(axis=1)
            centres = np.array(
                [points[nearest == c].mean(axis=0) if (nearest == c).any() else centres[c] for c in range(count)]
            )
        return nearest

    return ids


def shuffled(problem, rng):
    return rng.permutation(problem.labels)


LABELS = {
    "clean latents": lambda problem, rng: problem.labels,
    "noise 50 % of the variance": noisy(0.5),
    "noise 80 %": noisy(0.8),
    "noise 95 %": noisy(0.95),
    "each latent in 8 bins": coarse(8),
    "each latent in 2 bins": coarse(2),
    "one latent of three": one_latent,
    "8 clusters of the latents": clusters("latents", 8),
    "8 clusters of x": clusters("x", 8),
    "8 clusters of x and y": clusters("both", 8),
    "shuffled: no information": shuffled,
}


def say(x, y, labels, seed: int) -> int:
    return int(diagnose(x, y, labels, key=jax.random.key(seed)).regime)


def published(x, y, labels, seed: int) -> int:
    """The regime of Algorithm 1."""
    x, y, read = np.asarray(x, float), np.asarray(y, float), read_labels(labels, len(x))
    folds = elbow.folds_of(read.rows, seed)
    deltas = [solve(x, y, read.rows, read.columns, folds).delta for solve in (elbow.elbow_ca, elbow.elbow_cp)]
    return int(deltas[0] > 1) + 2 * int(deltas[1] > 1)


def line(name: str, truth: np.ndarray, said: np.ndarray) -> None:
    fractions = "".join(f"{np.mean(said == regime):10.2f}" for regime in Regime)
    axes = [np.mean(said & bit == truth & bit) for bit in (1, 2)]
    print(f"{name:42}{np.mean(said == truth):8.2f}{axes[0]:6.2f}{axes[1]:6.2f} |{fractions}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--problems", type=int, default=40)
    found = problems(parser.parse_args().problems)
    truth = np.array([problem.regime for problem in found])
    print(f"{'':42}{'regime':>8}{'CA':>6}{'CP':>6} |" + "".join(f"{regime.label:>10}" for regime in Regime))
    for name, relabel in LABELS.items():
        rng = np.random.default_rng(1)
        labels = [relabel(problem, rng) for problem in found]
        for method, ask in (("", say), (", published", published)):
            said = [ask(problem.x, problem.y, seen, i) for i, (problem, seen) in enumerate(zip(found, labels, strict=True))]
            line(name + method, truth, np.array(said))
    for pairs in (100, 200, 500):
        said = [say(p.x[:pairs], p.y[:pairs], p.labels[:pairs], i) for i, p in enumerate(found)]
        line(f"{pairs} pairs", truth, np.array(said))
        for elbow.RIDGE in (1e-4, 1e-2, 1.0):
            said = [published(p.x[:pairs], p.y[:pairs], p.labels[:pairs], i) for i, p in enumerate(found)]
            line(f"{pairs} pairs, published, ridge {elbow.RIDGE:g}", truth, np.array(said))
    for labelled in (50, 100, 200):
        mask = np.arange(N) < labelled
        said = [say(p.x, p.y, np.where(mask[:, None], p.labels, np.nan), i) for i, p in enumerate(found)]
        line(f"{labelled} labels on {N} pairs", truth, np.array(said))


if __name__ == "__main__":
    main()

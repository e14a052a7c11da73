"""Random problems of known truth for the diagnostic: a spiked model, n pairs drawn from it, and labels that see its signal.

The benchmark's family is the published one: three kinds of nuisance, clean labels of three kinds. The broad family holds it and
goes beyond it: views of different dimension, any n and k, very unequal variances, nuisance of no particular shape, heavy tails,
noisy labels, labels that speak of other things as well. Four more are corners that neither of them visits: nuisance that is
exactly homogeneous, with signals of one strength or of several; factor models, a few factors over faint noise; and embeddings,
wide views of decaying variance. The network of the diagnostic is trained on all of them; on one more it is not: factor models
whose rows are brought to unit norm.
"""

from typing import NamedTuple

import numpy as np

from phasejax.theory import Regime

LABELS = ("latents", "scalar", "classes")
NUISANCE = ("homogeneous", "sparse", "decaying")
FAMILIES = ("homogeneous", "graded", "factors", "embeddings")
UNSEEN = ("unit factors",)
_MANY = 100_000  # rows that tell the moments of rows of unit norm


class Problem(NamedTuple):
    """A problem and its truth: `x`, `y` (n, d), `labels`, the population's Δ of CA, CP and CP from y to x, and k.

    The first k coordinates of each view span its signal.
    """

    x: np.ndarray
    y: np.ndarray
    labels: np.ndarray
    delta: tuple[float, ...]
    k: int

    @property
    def regime(self) -> Regime:
        return Regime((self.delta[0] > 1) + 2 * (self.delta[1] > 1))


def random_problem(
    rng: np.random.Generator, *, n: int, d: int, k: int, labels: str, nuisance: str, regime: Regime, most_spread: float = 0.5
) -> Problem:
    """A problem of the benchmark's family in the given regime; |Δ − 1| > 0.1 for CA and for CP from x to y.

    `most_spread` bounds the standard deviation of a view's log nuisance variances.
    """
    model, delta = _model_in_regime(rng, d, d, k, nuisance, regime, most_spread)
    x, y, z = _draw(rng, n, *model)
    return Problem(x, y, _labels(rng, z, labels), delta, k)


def broad_problem(rng: np.random.Generator) -> Problem:
    """A problem of the broad family, any size."""
    n = int(np.exp(rng.uniform(np.log(60), np.log(8000))))
    d_x, d_y = (int(d) for d in rng.choice([12, 20, 32, 50, 80, 128], 2))
    if rng.random() < 0.5:
        d_y = d_x
    k = int(rng.integers(1, 7))
    nuisance = str(rng.choice([*NUISANCE, "any"]))
    model, delta = _model_in_regime(rng, d_x, d_y, k, nuisance, Regime(int(rng.integers(4))), most_spread=1.3)
    x, y, z = _draw(rng, n, *model, heavy=bool(rng.random() < 0.25))
    seen = _labels(rng, z, str(rng.choice(LABELS)))
    if seen.ndim == 2 or seen.dtype.kind == "f":
        seen = seen.reshape(n, -1)
        others = rng.normal(size=(n, int(rng.integers(0, 3))))
        seen = np.hstack([seen + rng.choice([0, 0.3, 1]) * rng.normal(size=seen.shape), others])
    elif rng.random() < 0.3:
        seen = np.where(rng.random(n) < 0.15, rng.permutation(seen), seen)
    return Problem(x, y, seen, delta, k)


def family_problem(rng: np.random.Generator, family: str) -> Problem:
    """A problem of one of `FAMILIES` or `UNSEEN`, any size that it has."""
    unit, family = family in UNSEEN, family.removeprefix("unit ")
    while True:
        n, model = {"factors": _factors, "embeddings": _embeddings}.get(family, _homogeneous)(rng, family)
        delta = _separations_of_unit_rows(rng, *model) if unit else _separations(*model)
        if np.abs(np.log(delta[:2])).max() < 2:
            break
    x, y, z = _draw(rng, n, *model)
    x, y = (_unit_rows(x), _unit_rows(y)) if unit else (x, y)
    return Problem(x, y, _labels(rng, z, str(rng.choice(LABELS))), delta, z.shape[1])


def _homogeneous(rng, family):
    """One nuisance variance and correlation; the README's example is graded: signals of several strengths."""
    n, d, k = int(np.exp(rng.uniform(np.log(300), np.log(6000)))), int(rng.choice([20, 32, 50])), int(rng.integers(1, 6))
    kappa = np.sort(rng.uniform(1, 3, k))[::-1] if family == "graded" else np.full(k, rng.uniform(1, 3))
    gamma, tilde = np.exp(rng.uniform(-3, 1, 2)), np.exp(rng.uniform(-1, 4 if family == "graded" else 2, 2))
    nuisance = [np.full(d - k, value) for value in (*tilde, rng.uniform(0.1, 0.8))]
    return n, (kappa, *(np.full(k, value) for value in gamma), *nuisance)


def _factors(rng, family):
    """k signals, up to seven shared and as many private nuisance factors, over faint isotropic noise."""
    n, d = int(np.exp(rng.uniform(np.log(300), np.log(6000)))), int(rng.choice([30, 60, 100]))
    k, q = int(rng.integers(1, 11)), int(rng.integers(1, 8))
    rest = d - k - 2 * q
    tilde = [
        np.exp(rng.uniform(-3, -1))
        + np.concatenate([np.exp(rng.uniform(-0.5, 2, q)), np.exp(rng.uniform(-1, 1.5, q)), np.zeros(rest)])
        for _ in range(2)
    ]
    gamma = [np.full(k, value) for value in np.exp(rng.uniform(-2.5, 0.5, 2))]
    nu = np.concatenate([np.sort(rng.uniform(0.1, 0.98, q))[::-1], np.zeros(rest + q)])
    return n, (rng.uniform(1, 3, k), *gamma, *tilde, nu)


def _embeddings(rng, family):
    """A few to ten strong signals, and nuisance whose variance and correlation decay over many dimensions."""
    n, k = int(rng.integers(2000, 5000)), int(rng.integers(2, 11))
    d_x, d_y = (768, 512) if rng.random() < 0.1 else (int(d) for d in rng.choice([128, 192, 256], 2))
    tilde = [np.exp(rng.uniform(0, 2)) * (1 + np.arange(d - k)) ** -rng.uniform(0.4, 1) for d in (d_x, d_y)]
    nu = rng.uniform(0.2, 0.95) * np.exp(-np.arange(min(d_x, d_y) - k) / np.exp(rng.uniform(1, 5)))
    kappa = rng.uniform(1, 4) * rng.uniform(0.8, 1, k)
    gamma = [np.full(k, value) for value in np.exp(rng.uniform(-4, 0.5, 2))]
    return n, (kappa, *gamma, *tilde, nu)


def _model_in_regime(rng, d_x, d_y, k, nuisance, regime, most_spread):
    while True:
        model = _random_model(rng, d_x, d_y, k, nuisance, most_spread)
        delta = _separations(*model)
        clear = min(abs(value - 1) for value in delta[:2]) > 0.1 and max(abs(np.log(delta[:2]))) < 2
        if clear and (delta[0] > 1) + 2 * (delta[1] > 1) == regime:
            return model, delta


def _random_model(rng, d_x, d_y, k, nuisance, most_spread):
    """κ (k,), γ^x, γ^y (k,), γ̃^x (d_x − k,), γ̃^y (d_y − k,), ν (min − k,), as SpikedModel has them but with ν in place of η."""
    m = min(d_x, d_y) - k
    kappa = np.exp(rng.uniform(-0.7, 0.7)) * rng.uniform(0.5, 1, k)
    quality_x, quality_y = np.clip(rng.uniform(0.2, 0.98, (2, 1)) * rng.uniform(0.8, 1, (2, k)), 0.05, 0.99)
    gamma_x, gamma_y = kappa**2 * (1 - quality_x) / quality_x, kappa**2 * (1 - quality_y) / quality_y
    tilde_x, tilde_y = (
        np.exp(rng.uniform(-1.5, 3) + rng.uniform(0, most_spread) * rng.normal(size=size - k)) for size in (d_x, d_y)
    )
    top = rng.uniform(0.02, 0.99)
    shape = {
        "homogeneous": lambda: np.ones(m),
        "sparse": lambda: (np.arange(m) < rng.integers(1, 7)) * rng.uniform(0.8, 1, m),
        "decaying": lambda: np.exp(-np.arange(m) / (m * rng.uniform(0.05, 0.5))) * rng.uniform(0.8, 1, m),
        "any": lambda: rng.beta(*rng.uniform(0.3, 3, 2), m),
    }[nuisance]()
    return kappa, gamma_x, gamma_y, tilde_x, tilde_y, top * shape


def _separations(kappa, gamma_x, gamma_y, tilde_x, tilde_y, nu):
    s_x, s_y = kappa**2 + gamma_x, kappa**2 + gamma_y
    m = nu.size
    rho, tau_y, tau_x = kappa**2 / np.sqrt(s_x * s_y), kappa**2 / np.sqrt(s_x), kappa**2 / np.sqrt(s_y)
    xi_y, xi_x = nu * np.sqrt(tilde_y[:m]), nu * np.sqrt(tilde_x[:m])
    return tuple(float(a.min() / b.max()) for a, b in ((rho, nu), (tau_y, xi_y), (tau_x, xi_x)))


def _separations_of_unit_rows(rng, *model):
    """Of rows of unit norm: no coordinate is related to another one then either, so that covariances stay diagonal."""
    k, nuisance = model[0].size, model[-1] > 0
    x, y, _ = _draw(rng, _MANY, *model)
    x, y = _unit_rows(x), _unit_rows(y)
    m = k + nuisance.size
    cross = np.einsum("ij,ij->j", x[:, :m], y[:, :m], dtype=float) / _MANY
    scale_x, scale_y = (np.sqrt(np.mean(view[:, :m] ** 2, axis=0, dtype=float)) for view in (x, y))
    singular = (cross / (scale_x * scale_y), cross / scale_x, cross / scale_y)
    return tuple(float(a[:k].min() / a[k:][nuisance].max()) for a in singular)


def _unit_rows(view):
    return view / np.linalg.norm(view, axis=1, keepdims=True)


def _draw(rng, n, kappa, gamma_x, gamma_y, tilde_x, tilde_y, nu, *, heavy=False):
    """x, y and the latents z; independent sources, Gaussian or Student-t with 5 degrees of freedom, of variance 1."""

    def source(size):
        if heavy:
            return (rng.standard_t(5, (n, size)) * np.sqrt(3 / 5)).astype(np.float32)
        return rng.standard_normal((n, size), dtype=np.float32)

    k, m = kappa.size, nu.size
    z, u, w, noise_x, noise_y = (source(size) for size in (k, tilde_x.size, tilde_y.size, k, k))
    w[:, :m] = nu * u[:, :m] + np.sqrt(1 - nu**2) * w[:, :m]
    x = np.hstack([kappa * z + np.sqrt(gamma_x) * noise_x, np.sqrt(tilde_x) * u]).astype(np.float32)
    y = np.hstack([kappa * z + np.sqrt(gamma_y) * noise_y, np.sqrt(tilde_y) * w]).astype(np.float32)
    return x, y, z


def _labels(rng, z, kind):
    """All latents; one random mixture of them; or four classes, the quadrants of two of them (quartiles of one)."""
    if kind == "latents":
        return z
    mixture = z @ np.linalg.qr(rng.normal(size=(z.shape[1], 2)))[0]
    if kind == "scalar":
        return mixture[:, 0]
    if z.shape[1] == 1:
        return np.digitize(z[:, 0], [-0.67, 0, 0.67])
    return (mixture > 0) @ np.array([1, 2])


def fit_distances(problem: Problem) -> tuple[float, float, float]:
    """Subspace distances of the encoders that CA, CP and CP from y to x fit to these very pairs, told the true k.

    What `solvers.align` and `solvers.predict` give, in NumPy, which needs no compilation for each new shape.
    """
    x, y = (view - view.mean(axis=0) for view in (problem.x, problem.y))
    cross = x.T @ y / len(x)
    white_x, white_y = _inverse_root(x.T @ x / len(x)), _inverse_root(y.T @ y / len(y))
    fits = ((white_x @ cross @ white_y, white_x), (white_x @ cross, white_x), (white_y @ cross.T, white_y))
    ca, cp, reverse = (_distance(np.linalg.svd(matrix)[0][:, : problem.k].T @ white, problem.k) for matrix, white in fits)
    return ca, cp, reverse


def _distance(encoder: np.ndarray, k: int) -> float:
    return float(1 - np.mean(np.sum(np.linalg.qr(encoder.T)[0][:k] ** 2, axis=1)))


def _inverse_root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    kept = values > len(values) * np.finfo(values.dtype).eps * values[-1]
    return (vectors * np.where(kept, 1 / np.sqrt(np.where(kept, values, 1)), 0)) @ vectors.T

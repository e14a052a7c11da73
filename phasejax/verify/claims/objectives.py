"""Objectives that are trained: their gradients, their conflicts, the divergences, and the side of the diagram they are on."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from phasejax import objectives, recovery, sampling, solvers
from phasejax.spiked import SpikedModel
from phasejax.verify.registry import Finding, Verdict, claim, judge, refute

_sample_pairs = jax.jit(sampling.sample_pairs, static_argnums=1)
_EXACT = 1e-12
_CLEAR = 4.0  # standard errors
_UNIALIGN = "UniAlign, arXiv 2602.09507 (reconstruction)"


@claim(
    id="infonce-gradient",
    statement="∂L/∂z_i^a = 2/(MBT) (Φ_a,i − V_a,i) for InfoNCE over all pairs, V the mean of the positives, Φ the softmax mean",
    condition="none",
    source=_UNIALIGN,
    recorded=Verdict.HOLDS,
)
def infonce_gradient(seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    worst, cases = 0.0, 0
    for modalities in (2, 5):
        both = jax.jit(lambda z, t: (jax.grad(objectives.infonce)(z, temperature=t), objectives.forces(z, temperature=t)))
        for temperature in (0.05, 0.2, 1.0):
            z = _unit(rng.normal(size=(modalities, 12, 6)))
            gradient, parts = both(z, temperature)
            expected = 2 / (modalities * 12 * temperature) * (parts.repulsion - parts.attraction)
            worst, cases = max(worst, float(jnp.max(jnp.abs(gradient - expected)))), cases + 1
    return Finding(judge(as_stated=worst < _EXACT), f"largest difference {worst:.0e}", cases)


@claim(
    id="intra-alignment-conflict",
    statement="χ = 1 − ‖V‖ is 0 for two modalities and grows with M: E‖V‖² = ρ + (1−ρ)/(M−1), towards χ = 1 − √ρ",
    condition="positives exchangeable, with mean pairwise cosine ρ",
    source=_UNIALIGN,
    recorded=Verdict.HOLDS,
)
def intra_alignment_conflict(seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    measure = jax.jit(lambda z: objectives.conflict(z).intra_alignment)
    deviation, means, holds = 0.0, [], True
    for rho in (0.0, 0.3, 0.7):
        chi = {modalities: np.asarray(measure(_tuples(rng, modalities, 128, 64, rho))) for modalities in (2, 4, 8)}
        for modalities, values in chi.items():
            squares = np.mean((1 - values) ** 2, axis=0)
            law, error = rho + (1 - rho) / (modalities - 1), squares.std(ddof=1) / np.sqrt(squares.size)
            deviation = max(deviation, abs(squares.mean() - law) / max(error, 1e-9))
        means = [values.mean() for values in chi.values()]
        holds &= bool(abs(means[0]) < _EXACT and np.all(np.diff(means) > 0.02) and means[-1] < 1 - np.sqrt(rho))
    figure = f"E‖V‖² within {deviation:.1f} s.e. of the law; at ρ = .7, χ = {_row(means)} for M = 2, 4, 8"
    return Finding(judge(as_stated=holds and deviation < _CLEAR), figure, 9)


@claim(
    id="alignment-uniformity-conflict",
    statement="the alignment–uniformity conflict ζ rises towards 1 as M grows",
    condition="negatives drawn independently in every modality, and through the positive's own term in Φ alone; with negatives "
    "that are tuples themselves ζ falls a little (by .08 from M = 2 to 18), and with a modality gap far more",
    source=_UNIALIGN,
    recorded=Verdict.CONDITIONAL,
)
def alignment_uniformity_conflict(seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    repeats, sizes, rho = 200, (2, 6, 18), 0.7
    measure = jax.jit(jax.vmap(partial(objectives.conflict, temperature=0.5)))
    zeta: dict[str, list] = {kind: [] for kind in ("shared", "independent", "gapped")}
    without_own = []
    for modalities in sizes:
        for kind, found in zeta.items():
            z = np.stack([with_negatives(rng, kind, modalities, 16, 16, rho) for _ in range(repeats)])
            values = measure(z)
            found.append(_mean_and_error(np.asarray(values.alignment_uniformity)[:, :, 0].mean(axis=1)))
            if kind == "independent":
                without_own.append(_mean_and_error(np.asarray(values.against_negatives)[:, :, 0].mean(axis=1)))
    rise = {kind: _rise(found) for kind, found in zeta.items()}
    rises = {kind: change > 0.1 and change > _CLEAR * error for kind, (change, error) in rise.items()}
    falls = all(rise[kind][0] < -_CLEAR * rise[kind][1] for kind in ("shared", "gapped"))
    little = -0.15 < rise["shared"][0] and rise["gapped"][0] < 1.5 * rise["shared"][0]
    own_term = abs(_rise(without_own)[0]) < max(0.1, _CLEAR * _rise(without_own)[1])
    figure = "; ".join(f"{kind} negatives ζ = {_row([mean for mean, _ in found])}" for kind, found in zeta.items())
    verdict = judge(as_stated=all(rises.values()), corrected=rises["independent"] and falls and little and own_term)
    return Finding(verdict, f"{figure} at M = 2, 6, 18 (T = .5, ρ = .7)", 3 * len(sizes) * repeats)


@claim(
    id="hoelder-half-cauchy-schwarz",
    statement="D_H = ½ D_CS for two modalities, with the squared numerator in D_CS",
    condition="kernel estimates of one bandwidth h, hence Gram kernels of variance 2h²",
    source="global Hölder divergence (reconstruction)",
    recorded=Verdict.HOLDS,
)
def hoelder_half_cauchy_schwarz(seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    z = _unit(rng.normal(size=(60, 2, 10, 5)) + rng.uniform(0, 3, (60, 1, 1, 1)) * rng.normal(size=(60, 2, 1, 5)))
    bandwidth = jnp.exp(jnp.asarray(rng.uniform(-2, 1, 60)))

    @jax.jit
    @jax.vmap
    def both(z, h):
        half = objectives.cauchy_schwarz_divergence(z[0], z[1], bandwidth=h) / 2
        return objectives.hoelder_divergence(z, bandwidth=h), half

    value, half = map(np.asarray, both(z, bandwidth))
    worst = np.max(np.abs(value - half) / np.maximum(half, 1e-3))
    return Finding(judge(as_stated=bool(worst < 1e-9)), f"largest relative difference {worst:.0e}", value.size)


@claim(
    id="hoelder-bound",
    statement="D_H ≤ 1/M Σ_m log E_i[(E_j e^{−‖z_i^m−z_j^m‖²/2Mh²})^{M−1}] + (M−1)/(2h²) L_align + (M−1) log B",
    condition="none; the slack is of the size of (M−1) log B, so that the bound says little",
    source="global Hölder divergence (reconstruction)",
    recorded=Verdict.HOLDS,
)
def hoelder_bound(seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    slack, ratio, trivial = [], [], []
    for modalities, size in ((2, 16), (3, 8), (4, 5)):
        both = jax.jit(
            jax.vmap(lambda z, h: (objectives.hoelder_divergence(z, bandwidth=h), objectives.hoelder_bound(z, bandwidth=h)))
        )
        gap = rng.uniform(0, 2, (30, 1, 1, 1)) * rng.normal(size=(30, modalities, 1, 6))
        alike = rng.uniform(0, 1, (30, 1, 1, 1))
        z = alike * rng.normal(size=(30, 1, size, 6)) + (1 - alike) * (rng.normal(size=(30, modalities, size, 6)) + gap)
        value, bound = map(np.asarray, both(_unit(z), jnp.exp(jnp.asarray(rng.uniform(-2.5, 0.7, 30)))))
        slack += list(bound - value)
        ratio += list(bound / value)
        trivial += [(modalities - 1) * np.log(size)] * 30
    share = np.median(np.array(slack) / trivial)
    figure = f"least slack {min(slack):.2g}, median ratio {np.median(ratio):.1f}, median slack {share:.2f} (M−1) log B"
    return Finding(judge(as_stated=min(slack) >= 0), figure, len(slack))


@claim(
    id="temperature-matching",
    statement="uniformity and alignment at τ = √T, lam_uni = 1, lam_align = 1/(2τ²) have InfoNCE's gradient at temperature T "
    "on the unit sphere",
    condition="all-pairs alignment (or M = 2): the attraction at every z, the repulsion where modalities coincide and every "
    "tuple has the same total similarity to the batch",
    source=_UNIALIGN,
    recorded=Verdict.CONDITIONAL,
)
def temperature_matching(seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    everywhere, attraction, homogeneous, unmatched = [], [], [], []
    for modalities, anchor in ((2, 0), (4, None)):
        gradients = jax.jit(partial(_gradients, anchor=anchor))
        for temperature in (0.1, 0.3, 1.0):
            matched = objectives.matched_to_infonce(temperature)
            z = _unit(rng.normal(size=(modalities, 9, 6)))
            of_infonce, of_pull, pull, of_unialign = gradients(z, temperature, matched)
            everywhere.append(_relative(of_unialign, of_infonce))
            attraction.append(_relative(pull, of_pull))
            orbit = np.repeat(_orbit(rng, 9, 3)[None], modalities, axis=0)
            of_infonce, _, _, of_unialign = gradients(orbit, temperature, matched)
            homogeneous.append(_relative(of_unialign, of_infonce))
            off = gradients(orbit, temperature, matched._replace(bandwidth=2 * matched.bandwidth))[3]
            unmatched.append(_relative(off, of_infonce))
    corrected = max(attraction) < 1e-10 and max(homogeneous) < 1e-10 and min(unmatched) > 1e-2
    figure = (
        f"relative difference of gradients: attraction {max(attraction):.0e}, on homogeneous batches {max(homogeneous):.0e} "
        f"(at 2τ at least {min(unmatched):.2f}), at random z {min(everywhere):.2f} to {max(everywhere):.2f}"
    )
    return Finding(judge(as_stated=max(everywhere) < 1e-10, corrected=corrected), figure, len(everywhere))


@claim(
    id="retrieval-is-not-recovery",
    statement="retrieval R@1 tells how much of the shared signal an encoder recovered",
    condition="CCA encoders at κ = (3, 2, 1.5), γ̃ = (1, 50): as ν grows R@1 rises while the signal is lost, for shared "
    "nuisance identifies a tuple as well",
    source="spiked model",
    recorded=Verdict.REFUTED,
)
def retrieval_is_not_recovery(seed: int) -> Finding:
    values = jnp.array([0.0, 0.8, 0.95, 0.999])
    keys = jax.random.split(jax.random.key(seed), 6)
    r1, r2 = (np.asarray(found).mean(axis=1) for found in retrieval_and_recovery(values, keys))
    counterexample = bool(r1[-1] > r1[0] + 0.3 and r2[-1] < 0.1 * r2[0])
    figure = f"ν = 0, .8, .95, .999: R@1 {_row(r1)}, signal R² {_row(r2)}"
    return Finding(refute(counterexample=counterexample, corrected=bool(r2[1] > 0.8)), figure, keys.size * values.size)


_ALIGNING: dict[str, dict] = {
    "infonce": {"temperature": 0.2},
    "siglip": {"temperature": 0.2},
    "vicreg": {},
    "deep_cca": {},
    "unialign": {},
}


@claim(
    id="aligning-losses-are-on-the-ca-side",
    statement="linear encoders trained by InfoNCE, SigLIP, VICReg, Deep CCA or uniformity and alignment, started from CCA, "
    "keep the signal where CA recovers it and CP does not",
    condition="basin of the CCA solution, ν = .5 (CP's boundary .19, CA's .89); prediction, from the same start, loses it",
    source="spiked model",
    recorded=Verdict.HOLDS,
)
def aligning_losses_are_on_the_ca_side(seed: int) -> Finding:
    model = _published(8, 0.5)
    steps, batch = 250, 192
    x, y = _sample_pairs(model, steps * batch, key=jax.random.key(seed))
    rows = x.reshape(steps, batch, -1), y.reshape(steps, batch, -1)
    start = solvers.align(model.covariance(), model.k)
    start = start.encoder_x, start.encoder_y
    kept = {
        name: float(_after_training(objectives.get(name), parameters, start, rows)) for name, parameters in _ALIGNING.items()
    }
    lost = float(_after_training(objectives.get("prediction"), {}, start, rows))
    stays = max(kept.values()) < 0.25
    verdict = judge(as_stated=stays) if lost > 0.75 else Verdict.UNDECIDED
    distances = ", ".join(f"{name} {distance:.2f}" for name, distance in kept.items())
    return Finding(verdict, f"distance of the x encoder from the signal: {distances}; prediction {lost:.2f}", len(kept) + 1)


@jax.jit
@partial(jax.vmap, in_axes=(0, None))
@partial(jax.vmap, in_axes=(None, 0))
def retrieval_and_recovery(nu, key):
    """R@1 among 400 pairs and R² of the signal given the x encoder, of CCA on 2000 others: ν (V,), keys (R,) → (V, R) each."""
    model = _published(20, nu)
    x, y = sampling.sample_pairs(model, 2400, key=key)
    fit = solvers.align(sampling.covariance_of(x[400:], y[400:]), model.k)
    z = objectives.unit_rows(jnp.stack([x[:400] @ fit.encoder_x.T, y[:400] @ fit.encoder_y.T]))
    w = fit.encoder_x
    with_signal = w[:, : model.k] * model.kappa[None, :]  # covariance of Wx with the sources
    r2 = jnp.sum(with_signal * jnp.linalg.solve(w * model.variance_x[None, :] @ w.T, with_signal), axis=0)
    return objectives.retrieval_at_1(z), jnp.mean(r2)


@partial(jax.jit, static_argnums=0)
def _after_training(objective: objectives.Objective, parameters: dict, start, rows) -> Array:
    """Distance of the x encoder from the signal after Adam over all batches, at a learning rate that decays to 0."""
    optimizer = optax.adam(optax.cosine_decay_schedule(0.03, rows[0].shape[0]))

    def loss(weights, x, y):
        z = jnp.stack([x @ weights[0].T, y @ weights[1].T])
        z = objectives.unit_rows(z) if objective.unit_rows else z
        return objective(*((z, y) if "target" in objective.inputs else (z,)), **parameters)

    def step(carry, views):
        weights, state = carry
        gradient = jax.grad(loss)(weights, *views)
        with jax.numpy_dtype_promotion("standard"):  # Optax mixes floats with integer counts of steps
            updates, state = optimizer.update(gradient, state)
        return (optax.apply_updates(weights, updates), state), None

    (weights, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), rows)
    return recovery.projector_distance(jax.tree.leaves(weights)[0])


def _published(d: int, nu) -> SpikedModel:
    """The published spectrum, with noisy nuisance in the target."""
    kappa = jnp.array([3.0, 2.0, 1.5])
    return SpikedModel.homogeneous(
        d=d, k=3, kappa=kappa, gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=1.0, gamma_tilde_y=50.0, nu=nu
    )


def _gradients(z, temperature, matched, *, anchor):
    """Tangent gradients of InfoNCE, of its positive term, of the weighted alignment, and of the whole of UniAlign."""

    def tangent(g: Array) -> Array:
        return g - jnp.sum(g * z, axis=-1, keepdims=True) * z

    forces = objectives.forces(z, temperature=temperature)
    positive = -2 / (z.shape[0] * z.shape[1] * temperature) * forces.attraction
    alignment = objectives.pairs_alignment if anchor is None else partial(objectives.anchor_alignment, anchor=anchor)
    return (
        tangent(jax.grad(objectives.infonce)(z, temperature=temperature)),
        tangent(positive),
        tangent(matched.lam_align * jax.grad(alignment)(z)),
        tangent(jax.grad(objectives.unialign)(z, **matched._asdict(), anchor=anchor)),
    )


def _orbit(rng: np.random.Generator, size: int, frequencies: int) -> np.ndarray:
    """Unit rows that a rotation carries into each other, hence with equal total similarity, at unequal amplitudes."""
    angles = 2 * np.pi * np.outer(np.arange(size), np.arange(1, frequencies + 1)) / size
    amplitudes = rng.uniform(0.3, 1, frequencies)
    return _unit(np.hstack([amplitudes * np.cos(angles), amplitudes * np.sin(angles)]))


def _tuples(rng: np.random.Generator, modalities: int, size: int, d: int, rho: float) -> np.ndarray:
    """Unit rows whose positives have mean cosine ρ: a shared direction plus own ones orthogonal to it, (M, B, d)."""
    shared = _unit(rng.normal(size=(1, size, d)))
    own = rng.normal(size=(modalities, size, d))
    own = _unit(own - np.sum(own * shared, axis=-1, keepdims=True) * shared)
    return np.sqrt(rho) * shared + np.sqrt(1 - rho) * own


def with_negatives(rng: np.random.Generator, kind: str, modalities: int, size: int, d: int, rho: float) -> np.ndarray:
    """Unit rows (M, B, d): tuple 0 with mean cosine ρ among tuples alike ("shared"), among "independent" rows, or among tuples
    that stand apart by modality ("gapped")."""
    z = _tuples(rng, modalities, size, d, rho)
    if kind == "independent":
        z[:, 1:] = _unit(rng.normal(size=(modalities, size - 1, d)))
    if kind == "gapped":
        z = _unit(z + _unit(rng.normal(size=(modalities, 1, d))))
    return z


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def _relative(got: Array, expected: Array) -> float:
    return float(jnp.linalg.norm(got - expected) / jnp.linalg.norm(expected))


def _mean_and_error(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))


def _rise(found: list[tuple[float, float]]) -> tuple[float, float]:
    """From the first to the last, with its standard error."""
    return found[-1][0] - found[0][0], float(np.hypot(found[0][1], found[-1][1]))


def _row(values) -> str:
    return "/".join(f"{abs(value):.2f}" if abs(value) < 0.005 else f"{value:.2f}" for value in values)

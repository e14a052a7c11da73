"""What the population covariances imply: singular values, separation ratios, recovery counts."""

import jax
import numpy as np
import sympy as sp

from phasejax import theory
from phasejax.spiked import SpikedModel
from phasejax.verify.models import (
    EXACT,
    SHAPES,
    Dense,
    Shape,
    batched,
    dense,
    dense_separation,
    dense_separations,
    evaluate,
    homogeneous_models,
    random_models,
    signal_energy,
    stack,
    whitened,
)
from phasejax.verify.registry import Finding, Verdict, claim, judge, refute
from phasejax.verify.simulate import simulate

PER_SHAPE = 250


@claim(
    id="singular-values",
    statement="The singular values of C = Σxx^-½ Σxy Σyy^-½ are ρ_i and ν_j, those of A = Σyx Σxx^-½ are τ_i and ξ_j.",
    condition="Σxx and Σyy nonsingular; d_x ≠ d_y allowed (unpaired coordinates add zeros).",
    source="Proposition 3.1",
    recorded=Verdict.HOLDS,
)
def singular_values(seed: int) -> Finding:
    worst = 0.0
    for models, cov in _random(seed):
        closed = evaluate(lambda m: (theory.rho(m), theory.nu(m), theory.tau(m), theory.xi(m)), models)
        for cross, signal, nuisance in zip(whitened(cov), closed[::2], closed[1::2], strict=True):
            found = np.linalg.svd(cross, compute_uv=False)
            expected = np.zeros_like(found)
            expected[:, : signal.shape[1] + nuisance.shape[1]] = np.concatenate([signal, nuisance], axis=1)
            worst = max(worst, np.abs(found - np.sort(expected)[:, ::-1]).max() / found.max())
    return Finding(judge(as_stated=worst < EXACT), f"largest relative error {worst:.1e}", _random_cases())


@claim(
    id="recovery-iff-delta-above-one",
    statement="An objective recovers the whole signal from the population iff its separation ratio Δ exceeds 1.",
    condition="Δ ≠ 1 (at Δ = 1 see delta-equal-one).",
    source="section 3, definition of Δ_CA and Δ_CP",
    recorded=Verdict.HOLDS,
)
def recovery_iff_delta_above_one(seed: int) -> Finding:
    wrong = decided = 0
    for models, cov in _random(seed):
        k = models.kappa.shape[1]
        for cross, delta in zip(whitened(cov), evaluate(theory.separation, models), strict=True):
            recovers = signal_energy(cov, cross, k) > k - 1e-6
            clear = np.abs(delta - 1) > 1e-6
            wrong += int(np.sum((recovers != (delta > 1)) & clear))
            decided += int(clear.sum())
    return Finding(judge(as_stated=wrong == 0), f"{wrong} wrong decisions", decided)


@claim(
    id="homogeneous-identity",
    statement="Δ_CA = Δ_CP √(γ̃y / (κ² + γy)): alignment is the more robust iff the target's nuisance is the louder.",
    condition="Signal and nuisance coordinates homogeneous.",
    source="section 3, homogeneous case",
    recorded=Verdict.HOLDS,
)
def homogeneous_identity(seed: int) -> Finding:
    delta_ca, delta_cp, symbols = _symbolic_ratios()
    proven = sp.simplify(delta_ca / (delta_cp * sp.sqrt(symbols.tilde_y / (symbols.kappa**2 + symbols.gamma_y)))) == 1
    worst, cases = 0.0, 0
    for models in _homogeneous(seed):
        ca, cp = evaluate(theory.separation, models)
        scale = np.sqrt(models.gamma_tilde_y[:, 0] / (models.kappa[:, 0] ** 2 + models.gamma_y[:, 0]))
        worst, cases = max(worst, np.abs(ca / (cp * scale) - 1).max()), cases + len(ca)
    verdict = judge(as_stated=proven and worst < EXACT)
    return Finding(verdict, f"{'proved symbolically' if proven else 'no proof'}; largest relative error {worst:.1e}", cases)


@claim(
    id="pls-ratio",
    statement="Each whitening multiplies the ratio by √(nuisance variance / signal variance): Δ_CP = Δ_PLS √(γ̃x / (κ² + γx)).",
    condition="Signal and nuisance coordinates homogeneous; Δ_PLS = κ²/η.",
    source="derived here",
    recorded=Verdict.HOLDS,
)
def pls_ratio(seed: int) -> Finding:
    rng = np.random.default_rng([seed, 3])
    worst, cases = 0.0, 0
    for models in _homogeneous(seed):
        cov = dense(models, rng)
        _, cp = dense_separations(cov)
        pls = dense_separation(cov, cov.xy, np.eye(cov.xx.shape[1]))
        scale = np.sqrt(models.gamma_tilde_x[:, 0] / (models.kappa[:, 0] ** 2 + models.gamma_x[:, 0]))
        formulas = evaluate(lambda m: (theory.separation(m).cp, theory.pls_separation(m)), models)
        errors = cp / (pls * scale) - 1, formulas[0] / cp - 1, formulas[1] / pls - 1
        worst, cases = max(worst, np.abs(errors).max()), cases + len(cp)
    return Finding(judge(as_stated=worst < EXACT), f"largest relative error {worst:.1e}, in dense algebra and formulas", cases)


@claim(
    id="ratio-monotone-in-target-nuisance",
    statement="Δ_CA / Δ_CP does not decrease when any target nuisance variance γ̃y_j grows.",
    condition="True with η fixed and with ν fixed. False when what grows is the loading of a shared nuisance source, which "
    "raises η as well.",
    source="section 3, monotonicity in γ̃y",
    recorded=Verdict.CONDITIONAL,
)
def ratio_monotone_in_target_nuisance(seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    smallest, cases = np.inf, 0
    for models, cov in _random(seed):
        tilde_y, eta = np.asarray(models.gamma_tilde_y), np.asarray(models.eta)
        grown = tilde_y * np.where(rng.random(tilde_y.shape) < 0.5, 1.0, np.exp(rng.uniform(0, 2, tilde_y.shape)))
        for new_eta in (eta, eta * np.sqrt(grown / tilde_y)[:, : eta.shape[1]]):
            changed = batched(**{**_fields(models), "gamma_tilde_y": grown, "eta": new_eta})
            smallest = min(smallest, (_ratio(dense(changed, rng)) / _ratio(cov)).min())
            cases += len(tilde_y)
    loading = np.array([1.0, 1.5, 2.0])
    one = np.ones((3, 1))
    growing = batched(
        kappa=2 * one,
        gamma_x=0.5 * one,
        gamma_y=0.5 * one,
        gamma_tilde_x=np.ones((3, 2)),
        gamma_tilde_y=np.stack([loading**2 + 0.2, np.full(3, 100.0)], axis=1),
        eta=np.stack([0.9 * loading, np.full(3, 5.0)], axis=1),
    )
    along = _ratio(dense(growing, rng))
    corrected = smallest > 1 - EXACT
    figure = (
        f"smallest factor {smallest:.6f} with η or ν fixed; ratio {' → '.join(f'{r:.3f}' for r in along)} as a loading grows"
    )
    return Finding(judge(as_stated=corrected and bool(np.all(np.diff(along) >= 0)), corrected=corrected), figure, cases)


@claim(
    id="heterogeneous-bounds",
    statement="√(min γ̃y / max(κ²+γy)) ≤ Δ_CA / Δ_CP ≤ √(max γ̃y / min(κ²+γy)).",
    condition="Over paired nuisance. Inequalities only: neither end is a value of the ratio.",
    source="section 3, heterogeneous case (upper bound); lower bound derived here",
    recorded=Verdict.HOLDS,
)
def heterogeneous_bounds(seed: int) -> Finding:
    above, below = [], []
    for models, cov in _random(seed):
        paired = np.asarray(models.gamma_tilde_y)[:, : models.eta.shape[1]]
        power = np.asarray(models.kappa**2 + models.gamma_y)
        ratio = _ratio(cov)
        above.append(ratio / np.sqrt(paired.max(1) / power.min(1)))
        below.append(ratio / np.sqrt(paired.min(1) / power.max(1)))
    above, below = np.concatenate(above), np.concatenate(below)
    holds = above.max() < 1 + EXACT and below.min() > 1 - EXACT
    loose = 1 / np.quantile(above, 0.05)
    figure = (
        f"ratio / upper at most {above.max():.6f}, ratio / lower at least {below.min():.6f}; upper loose by ×{loose:.1f} (95 %)"
    )
    return Finding(judge(as_stated=bool(holds)), figure, above.size)


@claim(
    id="partial-recovery-bound",
    statement="The top k of CA (CP) hold at least r_CA (r_CP) signal directions.",
    condition="A lower bound; the count is exact for homogeneous nuisance with d − k ≥ k.",
    source="Proposition 3.2",
    recorded=Verdict.HOLDS,
)
def partial_recovery_bound(seed: int) -> Finding:
    counts = _counted(seed)
    violations, larger = int(np.sum(counts.bound > counts.dense)), int(np.sum(counts.bound < counts.dense))
    equal = True
    rng = np.random.default_rng([seed, 11])
    for models in _homogeneous(seed):
        unequal = batched(**{**_fields(models), "kappa": rng.uniform(0.2, 3, models.kappa.shape)})
        found = evaluate(theory.recovery_counts, unequal)
        equal &= bool(np.all(found[0] == found[2]) and np.all(found[1] == found[3]))
    figure = f"{violations} violations; the bound is strictly too small in {larger}"
    return Finding(judge(as_stated=violations == 0 and equal), figure, counts.bound.size)


@claim(
    id="exact-recovery-count",
    statement="The number of signal directions in the top k is #{i ≤ k : ρ_(i) > ν_(k+1−i)}; for CP with τ and ξ.",
    condition="No tie between a signal and a nuisance value.",
    source="derived here, in place of Proposition 3.2",
    recorded=Verdict.HOLDS,
)
def exact_recovery_count(seed: int) -> Finding:
    counts = _counted(seed)
    wrong = int(np.sum(counts.exact != counts.dense))
    return Finding(judge(as_stated=wrong == 0), f"{wrong} mismatches", counts.exact.size)


@claim(
    id="hard-bottleneck",
    statement="min(rank Σxx, rank Σyy, rank Σxy) is the number of dimensions that can be recovered.",
    condition="Counter-example: k = 2, all ranks 5, ν = .99: no signal direction is recovered. What stands: never more than "
    "rank Σxy, which is at most min(rank Σxx, rank Σyy) and makes the minimum redundant.",
    source="hard bottleneck",
    recorded=Verdict.REFUTED,
)
def hard_bottleneck(seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    violations, trials = 0, 300
    for _ in range(trials):
        d, latent = 6, rng.integers(1, 10)
        joint = rng.normal(size=(2 * d, latent)) * (rng.random((2 * d, 1)) < 0.8)
        cov = joint @ joint.T
        rank = np.linalg.matrix_rank
        violations += rank(cov[:d, d:]) > min(rank(cov[:d, :d]), rank(cov[d:, d:]))
    model = SpikedModel.homogeneous(
        d=5, k=2, kappa=1.0, gamma_x=0.5, gamma_y=0.5, gamma_tilde_x=1.0, gamma_tilde_y=1.0, nu=0.99
    )
    cov = dense(stack([model]), rng)
    rank = min(np.linalg.matrix_rank(block[0]) for block in cov[:3])
    recovered = round(float(signal_energy(cov, whitened(cov)[0], 2)[0]))
    counted = int(theory.recovery_counts(model).exact.ca)
    fields = vars(random_models(rng, Shape(3, 6, 5), trials))
    some_off = {name: fields[name] * (rng.random(fields[name].shape) < 0.5) for name in ("kappa", "eta")}
    many = batched(**{**fields, **some_off})
    above = evaluate(lambda m: theory.recovery_counts(m).exact.ca, many)[0] > np.linalg.matrix_rank(dense(many, rng).xy)
    bounded = violations == 0 and not above.any()
    verdict = refute(counterexample=rank == 5 and recovered == 0, corrected=bounded and counted == recovered)
    return Finding(
        verdict, f"ranks {rank}, {recovered} signal directions recovered; {violations} rank violations", 2 * trials + 1
    )


@claim(
    id="swap",
    statement="Exchanging source and target replaces γ̃y by γ̃x alone: Δ_CA = Δ_CP(y→x) √(γ̃x / (κ² + γy)).",
    condition="Homogeneous, and with γx in place of γy as well: Δ_CA = Δ_CP(y→x) √(γ̃x / (κ² + γx)).",
    source="section 3, direction of prediction",
    recorded=Verdict.CONDITIONAL,
)
def swap(seed: int) -> Finding:
    worst = kept = 0.0
    cases = 0
    for models in _homogeneous(seed):
        swapped = jax.vmap(lambda m: m.swap())(models)
        ca, _ = evaluate(theory.separation, models)
        _, reverse = evaluate(theory.separation, swapped)
        power = models.kappa[:, 0] ** 2
        for name in ("gamma_x", "gamma_y"):
            noise = getattr(models, name)[:, 0]
            off = np.abs(ca / (reverse * np.sqrt(models.gamma_tilde_x[:, 0] / (power + noise))) - 1).max()
            worst, kept = (max(worst, off), kept) if name == "gamma_x" else (worst, max(kept, off))
        cases += len(ca)
    figure = f"largest relative error {worst:.1e}; {kept:.2f} with γy kept"
    return Finding(judge(as_stated=kept < EXACT, corrected=worst < EXACT), figure, cases)


@claim(
    id="source-side-only",
    statement="Whether prediction recovers depends on source-side quantities only.",
    condition="In the population and with η fixed (τ and ξ hold no γy, γ̃y); with ν fixed, ξ = ν √γ̃y moves.",
    source="section 3, prediction",
    recorded=Verdict.CONDITIONAL,
)
def source_side_only(seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    fixed_eta = fixed_nu = 0.0
    cases = 0
    for models, _ in _random(seed):
        tilde_y, eta, gamma_y = (np.asarray(leaf) for leaf in (models.gamma_tilde_y, models.eta, models.gamma_y))
        factor = np.exp(rng.uniform(0, 2, tilde_y.shape))
        noise = gamma_y * np.exp(rng.normal(size=gamma_y.shape))
        _, before = evaluate(theory.separation, models)
        for hold in ("eta", "nu"):
            new_eta = eta if hold == "eta" else eta * np.sqrt(factor[:, : eta.shape[1]])
            changed = batched(**{**_fields(models), "gamma_y": noise, "gamma_tilde_y": tilde_y * factor, "eta": new_eta})
            moved = np.abs(evaluate(theory.separation, changed)[1] / before - 1).max()
            fixed_eta, fixed_nu = (max(fixed_eta, moved), fixed_nu) if hold == "eta" else (fixed_eta, max(fixed_nu, moved))
        cases += len(before)
    figure = f"Δ_CP moves by {fixed_eta:.1e} with η fixed, by up to {100 * fixed_nu:.0f} % with ν fixed"
    return Finding(judge(as_stated=fixed_nu < EXACT, corrected=fixed_eta < EXACT), figure, cases)


@claim(
    id="source-side-only-at-finite-n",
    statement="From n pairs, too, whether prediction recovers depends on source-side quantities only.",
    condition="Counter-example: η = .3, κ = (2, 1.5), n = 1000, d = 20: Δ_CP is 4.52 for every γ̃y, while the distance grows "
    "from .01 to .55 as γ̃y goes from 1 to 50. The finite-sample theory predicts it.",
    source="section 3, prediction",
    recorded=Verdict.REFUTED,
)
def source_side_only_at_finite_n(seed: int) -> Finding:
    targets = (1.0, 5.0, 20.0, 50.0)
    models = [
        SpikedModel.homogeneous(
            d=20, k=2, kappa=np.array([2.0, 1.5]), gamma_x=0.5, gamma_y=0.05, gamma_tilde_x=1.0, gamma_tilde_y=target, eta=0.3
        )
        for target in targets
    ]
    models = stack(models)
    delta = evaluate(theory.separation, models)[1]
    measured = simulate(models, 1000.0, 400, seed)
    distance = measured.mean[:, 1]
    predicted = evaluate(lambda m: theory.expected_distance(m, 1000.0), models)[1]
    same_delta = float(np.ptp(delta)) < EXACT
    grows = distance[-1] - distance[0] > 0.3 + 4 * measured.error[:, 1].max()
    explained = bool(np.all(np.abs(predicted - distance) < 0.03 + 4 * measured.error[:, 1]))
    shown, told = (" / ".join(f"{value:.3f}" for value in values) for values in (distance, predicted))
    figure = f"Δ_CP = {delta[0]:.2f}; distance {shown}, predicted {told}"
    return Finding(refute(counterexample=same_delta and bool(grows), corrected=explained), figure, 4 * 400)


@claim(
    id="delta-equal-one",
    statement="At Δ_CA = 1 with all signal and nuisance correlations equal the sample subspace is uniform: "
    "E overlap = k/(k + m) at any n.",
    condition="Whitened and original coordinates equal, κ² + γx = γ̃x.",
    source="derived here (Haar invariance)",
    recorded=Verdict.HOLDS,
)
def delta_equal_one(seed: int) -> Finding:
    figures, holds, trials = [], True, 2000
    for m in (1, 5):
        model = SpikedModel.homogeneous(
            d=1 + m, k=1, kappa=1.0, gamma_x=1.0, gamma_y=1.0, gamma_tilde_x=2.0, gamma_tilde_y=2.0, nu=0.5
        )
        measured = simulate(stack([model]), 500.0, trials, seed)
        overlap, error = 1 - measured.mean[0, 0], measured.error[0, 0]
        holds &= bool(abs(overlap - 1 / (1 + m)) < 4.5 * error) and float(theory.separation(model).ca) == 1
        figures.append(f"{overlap:.3f} ± {error:.3f} for {1 / (1 + m):.3f}")
    return Finding(judge(as_stated=holds), "overlap " + ", ".join(figures), 2 * trials)


class _Counts:
    """Recovery counts of all random models and both objectives: the bound, the exact formula, the dense top-k."""

    def __init__(self):
        self.bound, self.exact, self.dense = (np.zeros(0, int) for _ in range(3))

    def add(self, bound: np.ndarray, exact: np.ndarray, dense: np.ndarray) -> None:
        self.bound, self.exact = np.append(self.bound, bound), np.append(self.exact, exact)
        self.dense = np.append(self.dense, dense)


def _counted(seed: int) -> _Counts:
    counts = _Counts()
    for models, cov in _random(seed):
        k = models.kappa.shape[1]
        bound_ca, bound_cp, exact_ca, exact_cp = evaluate(theory.recovery_counts, models)
        in_c, in_a = (np.rint(signal_energy(cov, cross, k)).astype(int) for cross in whitened(cov))
        counts.add(bound_ca, exact_ca, in_c)
        counts.add(bound_cp, exact_cp, in_a)
    return counts


class _Symbols:
    kappa, gamma_x, gamma_y, tilde_x, tilde_y, nu = sp.symbols("kappa gamma_x gamma_y tilde_x tilde_y nu", positive=True)


def _symbolic_ratios() -> tuple[sp.Expr, sp.Expr, type[_Symbols]]:
    """Δ_CA and Δ_CP of a homogeneous model from the singular values of its 2 × 2 whitened blocks."""
    s = _Symbols
    xx, yy = sp.diag(s.kappa**2 + s.gamma_x, s.tilde_x), sp.diag(s.kappa**2 + s.gamma_y, s.tilde_y)
    xy = sp.diag(s.kappa**2, s.nu * sp.sqrt(s.tilde_x * s.tilde_y))
    a = xx.applyfunc(sp.sqrt).inv() * xy
    c = a * yy.applyfunc(sp.sqrt).inv()
    return c[0, 0] / c[1, 1], a[0, 0] / a[1, 1], s


def _random(seed: int):
    """(batch of models, their dense covariances) for each shape."""
    rng = np.random.default_rng([seed, 1])
    for shape in SHAPES:
        models = random_models(rng, shape, PER_SHAPE)
        yield models, dense(models, rng)


def _random_cases() -> int:
    return len(SHAPES) * PER_SHAPE


def _homogeneous(seed: int):
    rng = np.random.default_rng([seed, 2])
    for shape in (Shape(1, 4, 4), Shape(3, 8, 8)):
        yield homogeneous_models(rng, shape, PER_SHAPE)


def _ratio(cov: Dense) -> np.ndarray:
    """Δ_CA / Δ_CP in dense algebra."""
    ca, cp = dense_separations(cov)
    return ca / cp


def _fields(models: SpikedModel) -> dict[str, np.ndarray]:
    names = ("kappa", "gamma_x", "gamma_y", "gamma_tilde_x", "gamma_tilde_y", "eta")
    return {name: np.asarray(getattr(models, name)) for name in names}

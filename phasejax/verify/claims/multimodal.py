"""M modalities: generalised CCA, alignment on a graph, and prediction from several sources."""

import jax
import jax.numpy as jnp
import numpy as np

from phasejax.multimodal import MultimodalModel, complete, homogeneous, star, theory
from phasejax.multimodal.first_order import first_order_graph, first_order_maxvar, first_order_predict
from phasejax.multimodal.high_dimensional import maxvar_prediction
from phasejax.multimodal.sampling import sample_covariance
from phasejax.multimodal.solvers import align_graph, maxvar, predict_from, sumcor
from phasejax.recovery import subspace_distance
from phasejax.verify.registry import Finding, Verdict, claim, judge

_EXACT = 1e-9
_AWAY = 1e-3  # relative gap below which a decision would be rounding


@claim(
    id="maxvar-separation",
    statement="MAXVAR generalised CCA has signal eigenvalues λ_i with Σ_m a_m²/(λ_i−1+a_m²) = 1 and recovers the signal iff "
    "min λ_i − 1 > max λ_max(N_j) − 1; alike modalities, nuisance ν in s of M: iff (M−1)ρ > (s−1)ν",
    condition="a² = κ²/(κ²+γ) > 0",
    source="multimodal: MAXVAR",
    recorded=Verdict.HOLDS,
)
def maxvar_separation(seed: int) -> Finding:
    models = _random_models(np.random.default_rng(seed), 300, modalities=4, k=2, d=5)

    @jax.jit
    @jax.vmap
    def compare(model):
        solution = maxvar(model.covariance(), model.k)
        expected = jnp.concatenate([theory.maxvar_eigenvalues(model), theory.nuisance_eigenvalues(model)])
        error = jnp.max(jnp.min(jnp.abs(solution.values[:, None] - expected[None]), axis=0))
        return error, theory.delta_maxvar(model), _pure(solution.encoders), _tie(solution.values, model.k)

    error, delta, pure, tie = compare(models)
    mismatches, cases = _mismatches(delta > 1, pure, tie)
    alike = jax.vmap(lambda nu: theory.delta_maxvar(_alike(5, nu, shared_by=3)) * nu)(jnp.array([0.1, 0.9]))
    formula = float(jnp.max(jnp.abs(alike - 4 * _RHO / 2)))
    holds = float(jnp.max(error)) < _EXACT and formula < _EXACT and mismatches == 0
    figure = f"eigenvalues within {float(jnp.max(error)):.0e}, {mismatches} of {cases} decisions wrong"
    return Finding(judge(as_stated=holds), figure, cases)


@claim(
    id="maxvar-immunity",
    statement="nuisance shared by s of M alike modalities never defeats MAXVAR, whatever ν < 1, iff κ² ≥ γ (s−1)/(M−s)",
    condition="s < M",
    source="multimodal: MAXVAR",
    recorded=Verdict.HOLDS,
)
def maxvar_immunity(seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    wrong, cases = 0, 0
    for modalities, members in ((4, 2), (6, 4)):
        edge = (members - 1) / (modalities - members)
        powers = jnp.asarray(edge * np.concatenate([rng.uniform(1.02, 3, 20), rng.uniform(0.3, 0.98, 20)]))

        @jax.jit
        @jax.vmap
        def recovers(power, modalities=modalities, members=members):
            model = MultimodalModel.homogeneous(
                d=3, k=1, modalities=modalities, kappa=jnp.sqrt(power), gamma=1, gamma_tilde=1, nu=1 - 1e-6, shared_by=members
            )
            return _pure(maxvar(model.covariance(), 1).encoders)

        wrong += int(jnp.sum(recovers(powers) != (powers >= edge)))
        cases += powers.size
    return Finding(judge(as_stated=wrong == 0), f"{wrong} of {cases} decisions at ν = 1 − 10⁻⁶ wrong", cases)


@claim(
    id="graph-alignment",
    statement="alignment on a connected graph recovers the signal iff ν < ρ_min/λ_max(𝒩[S]), 𝒩 = D^-½ A D^-½, for nuisance of "
    "correlation ν among the modalities S: (M−1)ρ/(s−1) on the complete graph, √(M−1) ρ for a pair on a star, and a pair "
    "without an edge is harmless",
    condition="signals of one strength; else the second eigenvalues of strong signals compete as well: on a path of four, "
    "correlations .9 and .4 leave room for one signal even at ν = 0",
    source="multimodal: alignment on a graph",
    recorded=Verdict.CONDITIONAL,
)
def graph_alignment(seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    path = jnp.asarray(np.diag(np.ones(3), 1) + np.diag(np.ones(3), -1))
    layouts = [(star(4), (0, 2)), (star(4), (1, 2)), (complete(4), (0, 1, 3)), (path, (1, 2)), (path, (0, 1, 2, 3))]
    graphs = jnp.repeat(jnp.stack([adjacency for adjacency, _ in layouts]), 24, axis=0)
    shared = jnp.repeat(jnp.stack([complete(4, members) for _, members in layouts]), 24, axis=0)
    critical = jnp.repeat(jnp.stack([homogeneous.critical_nu_graph(_RHO, *layout) for layout in layouts]), 24)
    nus = jnp.asarray(rng.uniform(0, 1, len(critical)))

    @jax.jit
    @jax.vmap
    def recovers(nu, adjacency, joined):
        nuisance = jnp.broadcast_to(jnp.eye(4) + nu * joined, (2, 4, 4))
        model = MultimodalModel(jnp.full(2, 0.8), jnp.ones((4, 2)), jnp.full((4, 2), 1.5), nuisance)
        return _pure(align_graph(model.covariance(), 2, adjacency).encoders)

    wrong, cases = _mismatches(nus < critical, recovers(nus, graphs, shared), jnp.abs(nus - critical) < _AWAY)

    quality = jnp.array([0.9, 0.4])
    unequal = MultimodalModel.homogeneous(
        d=4, k=2, modalities=4, kappa=1, gamma=1 / quality - 1, gamma_tilde=1, nu=0, shared_by=2
    )
    counter = not bool(_pure(align_graph(unequal.covariance(), 2, path).encoders))

    models = _random_models(rng, 300, modalities=4, k=2, d=5)

    @jax.jit
    @jax.vmap
    def compare(model):
        solution = align_graph(model.covariance(), model.k, path)
        return theory.delta_graph(model, path), _pure(solution.encoders), _tie(solution.values, model.k)

    general, general_cases = _mismatches(*_above_one(compare(models)))
    figure = (
        f"one strength: {wrong} of {cases} decisions wrong; any model with all eigenvalues as rivals: {general} of "
        f"{general_cases}; counter-example {'lost a signal' if counter else 'not found'}"
    )
    return Finding(judge(as_stated=not counter, corrected=wrong + general == 0), figure, cases + general_cases)


@claim(
    id="sumcor-boundary",
    statement="SUMCOR's first component is the signal iff λ_max(D^-½ (N_j−I) D^-½) < 1 with D = diag Σ_{n≠m} a_m a_n, for "
    "alike modalities ν < (M−1)ρ/(s−1) as for MAXVAR; beyond, the s members mix: cos θ = (M−s)ρ/((s−1)(ν−ρ))",
    condition="the strongest signal counts (first component)",
    source="multimodal: SUMCOR",
    recorded=Verdict.HOLDS,
)
def sumcor_boundary(seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    models = _random_models(rng, 60, modalities=3, k=1, d=3)

    @jax.jit
    @jax.vmap
    def compare(model):
        encoders = sumcor(model.covariance(), 1, key=jax.random.key(seed), starts=6, steps=300).encoders
        return theory.delta_sumcor(model), _pure(encoders, 1e-4)

    delta, pure = compare(models)
    mismatches, cases = _mismatches(delta > 1, pure, jnp.abs(delta - 1) < 0.05)
    nus, rho = jnp.asarray(rng.uniform(0.55, 1, 8)), 0.2

    @jax.jit
    @jax.vmap
    def cosine(nu):
        model = MultimodalModel.homogeneous(
            d=2, k=1, modalities=4, kappa=1, gamma=1 / rho - 1, gamma_tilde=1, nu=nu, shared_by=3
        )
        encoders = sumcor(model.covariance(), 1, key=jax.random.key(seed), steps=500).encoders
        return jnp.abs(encoders[0, 0, 0]) / jnp.sqrt(rho)

    error = float(jnp.max(jnp.abs(cosine(nus) - homogeneous.sumcor_cosine(rho, nus, 4, 3))))
    holds = mismatches == 0 and error < 1e-5
    figure = f"{mismatches} of {cases} decisions wrong, cos θ within {error:.0e}"
    return Finding(judge(as_stated=holds), figure, cases + nus.size)


@claim(
    id="multi-source-gains",
    statement="predicting from m alike sources multiplies Δ_CP by √((1+(m−1)ν_s)/(1+(m−1)ρ)) if they share the nuisance (a "
    "gain iff ν_s > ρ), by √(m(κ²+γ)/(γ+mκ²)) ≤ √(1+γ/κ²) if each has a target coordinate of its own, and by "
    "√((κ²+γ)/(γ+mκ²)) < 1 if their independent nuisance meets in one target coordinate",
    condition="none",
    source="multimodal: prediction from several sources",
    recorded=Verdict.HOLDS,
)
def multi_source_gains(seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    kappa, gamma = rng.uniform(0.5, 2, 20), rng.uniform(0.2, 2, 20)
    rho = kappa**2 / (kappa**2 + gamma)
    worst, signs, cases = 0.0, True, 0
    for sources in (2, 4):
        nu_sources = rng.uniform(0.05, 0.95, 20)
        gains = homogeneous.prediction_gains(sources, kappa=kappa, gamma=gamma, nu_sources=nu_sources)
        measured = jax.jit(jax.vmap(lambda *law, m=sources: _measured_gains(m, *law)))(
            *map(jnp.asarray, (kappa, gamma, nu_sources))
        )
        worst = max(worst, float(jnp.max(jnp.abs(jnp.stack(gains) / jnp.stack(measured) - 1))))
        shared, own, same = map(np.asarray, measured)
        signs &= bool(np.all((shared > 1) == (nu_sources > rho)) and np.all(same < 1) and np.all(own > 1))
        signs &= bool(np.all(own <= np.sqrt(1 + gamma / kappa**2)))
        cases += 60
    return Finding(judge(as_stated=worst < _EXACT and signs), f"solver's ratios of gains within {worst:.0e}", cases)


@claim(
    id="multimodal-first-order",
    statement="the expected distance of n tuples is E1 = 1/(nk) Σ_ij h_mij/u_im² [G (N_j∘F_i) G]_mm to first order, for MAXVAR "
    "and for alignment on any graph, and its counterpart for each source of a multi-source prediction",
    condition="Δ > 1",
    source="multimodal: first order in 1/n",
    recorded=Verdict.HOLDS,
)
def multimodal_first_order(seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    n, trials = 20_000, 600
    model = MultimodalModel(
        jnp.array([2.0, 1.5]),
        rng.uniform(0.1, 0.8, (3, 2)),
        jnp.asarray(rng.uniform(0.5, 2, (3, 3))),
        _correlations(rng, 3, 3, 0.3),
    )
    objectives = (
        (lambda s: maxvar(s, 2), first_order_maxvar),
        (lambda s: align_graph(s, 2, star(3)), lambda model, n: first_order_graph(model, n, star(3))),
        (lambda s: predict_from(s, 2), first_order_predict),
    )

    @jax.jit
    @jax.vmap
    def simulate(key):
        sample = sample_covariance(model, n, key=key)
        return jnp.stack([jax.vmap(subspace_distance)(solve(sample).encoders) for solve, _ in objectives])

    simulated = np.asarray(simulate(jax.random.split(jax.random.key(seed), trials)))
    scores, ratios = [], []
    for number, (_, law) in enumerate(objectives):
        expected = np.asarray(jax.jit(law)(model, n))
        distances = simulated[:, number, : expected.size]
        error = np.std(distances, axis=0) / np.sqrt(trials)
        scores.extend(np.abs(np.mean(distances, axis=0) - expected) / np.hypot(error, 0.01 * expected))
        ratios.extend(np.mean(distances, axis=0) / expected)
    figure = f"measured/predicted in [{min(ratios):.3f}, {max(ratios):.3f}]"
    return Finding(judge(as_stated=max(scores) < 4.5), figure, len(scores))


@claim(
    id="multimodal-high-dimensional",
    statement="with d/n → c MAXVAR's sample eigenvalues and the distance of each encoder follow from the fixed point "
    "L⁻¹ = K⁻¹ + (1/n) Σ_j N_j ∘ (L ∘ N_j)⁻¹, K = 11ᵀ − zI, at the z where L ∘ R_i is singular",
    condition="signals above all nuisance in the population",
    source="multimodal: d/n → c",
    recorded=Verdict.HOLDS,
)
def multimodal_high_dimensional(seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    n, trials, m = 300, 150, 24
    model = MultimodalModel(
        jnp.array([2.0, 1.6]),
        rng.uniform(0.2, 1, (3, 2)),
        jnp.asarray(rng.uniform(0.7, 2, (3, m))),
        _correlations(rng, m, 3, 0.5),
    )

    @jax.jit
    @jax.vmap
    def simulate(key):
        solution = maxvar(sample_covariance(model, n, key=key), 2)
        return jax.vmap(subspace_distance)(solution.encoders), solution.values[:2]

    distances, values = map(np.asarray, simulate(jax.random.split(jax.random.key(seed), trials)))
    predicted = maxvar_prediction(model, n)
    error = np.std(distances, axis=0) / np.sqrt(trials)
    expected = np.asarray(jnp.mean(predicted.distances, axis=1))
    scores = np.abs(np.mean(distances, axis=0) - expected) / np.hypot(error, 0.03 * expected)
    # Their sum: the sample has them by size, not by signal, and two that are almost alike repel each other.
    off = abs(float(np.mean(np.sum(values, axis=1)) - np.sum(predicted.eigenvalues)))
    ratios = np.mean(distances, axis=0) / expected
    holds = bool(np.all(scores < 4)) and off < 0.03
    figure = f"measured/predicted in [{ratios.min():.3f}, {ratios.max():.3f}], sum of the eigenvalues within {off:.3f}"
    return Finding(judge(as_stated=holds), figure, len(scores) + 1)


_RHO = 0.64 / 1.64


def _alike(modalities: int, nu, shared_by) -> MultimodalModel:
    return MultimodalModel.homogeneous(
        d=4, k=2, modalities=modalities, kappa=0.8, gamma=1, gamma_tilde=1.5, nu=nu, shared_by=shared_by
    )


def _correlations(rng: np.random.Generator, count: int, modalities: int, strength) -> np.ndarray:
    """(count, M, M) correlation matrices of random factor models, their off-diagonal entries scaled by `strength`."""
    loadings = rng.normal(size=(count, modalities, modalities))
    loadings /= np.linalg.norm(loadings, axis=2, keepdims=True)
    return (1 - strength) * np.eye(modalities) + strength * loadings @ loadings.swapaxes(1, 2)


def _random_models(rng: np.random.Generator, count: int, *, modalities: int, k: int, d: int) -> MultimodalModel:
    """A batch of heterogeneous models for `vmap`."""
    m = d - k
    nuisance = _correlations(rng, count * m, modalities, rng.uniform(0, 1, (count * m, 1, 1)))
    law = (
        rng.uniform(0.3, 1.5, (count, k)),
        np.exp(rng.uniform(-2, 1.5, (count, modalities, k))),
        np.exp(rng.uniform(-1, 2, (count, modalities, m))),
        nuisance.reshape(count, m, modalities, modalities),
    )
    return jax.vmap(MultimodalModel)(*map(jnp.asarray, law))


def _pure(encoders: jax.Array, tolerance: float = 1e-9) -> jax.Array:
    """Whether the k directions, taken over all modalities, span the k signal coordinates and nothing else."""
    k = encoders.shape[1]
    energy = jnp.sum(encoders**2, axis=0)
    energy = energy / jnp.sum(energy, axis=1, keepdims=True)
    return (jnp.sum(energy[:, k:]) < tolerance) & (jnp.min(jnp.sum(energy[:, :k], axis=0)) > 0.1)


def _tie(values: jax.Array, k: int) -> jax.Array:
    return values[k - 1] - values[k] < _AWAY * values[0]


def _above_one(comparison: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
    delta, pure, tie = comparison
    return delta > 1, pure, tie


def _mismatches(predicted: jax.Array, measured: jax.Array, undecided: jax.Array) -> tuple[int, int]:
    """Wrong decisions, and decisions, away from ties. None are counted right unless both answers occur often."""
    decided = ~undecided
    cases = int(jnp.sum(decided))
    both = min(int(jnp.sum(predicted & decided)), int(jnp.sum(~predicted & decided)))
    return (cases if both < cases // 20 else int(jnp.sum((predicted != measured) & decided))), cases


def _measured_gains(sources: int, kappa, gamma, nu_sources) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Ratio of the solver's Δ, several sources over one, by layout of the nuisance; it and the signal are solved apart."""
    size, nu = sources + 1, 0.2
    identity = jnp.eye(size)
    among = complete(size, range(sources))
    to_target = star(size, -1)
    shared = [identity + nu_sources * among + jnp.sqrt(nu_sources) * nu * to_target]
    own = [identity + nu * star(size, -1, (m,)) for m in range(sources)]
    same = [identity + nu * to_target]

    def delta(nuisance):
        m = len(nuisance)
        model = MultimodalModel(kappa[None], jnp.full((size, 1), gamma), jnp.full((size, m), 1.3), jnp.stack(nuisance))
        blocks = model.covariance()

        def separation(blocks):
            signal = predict_from(blocks[:, :, :1, :1], 1).values[0]
            return signal / predict_from(blocks[:, :, 1:, 1:], 1).values[0]

        ends = jnp.array([0, size - 1])
        return separation(blocks) / separation(blocks[ends[:, None], ends])

    return delta(shared), delta(own), delta(same)

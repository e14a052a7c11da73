"""The whitening square: which corner or interior point recovers, in the population and from n pairs."""

from functools import partial

import numpy as np
import sympy as sp

from phasejax.theory import square
from phasejax.verify.models import Shape, evaluate, homogeneous_models, random_models
from phasejax.verify.registry import Finding, Verdict, claim, judge

CORNERS = ((0.0, 0.0), (0.0, np.inf), (np.inf, 0.0), (np.inf, np.inf))


@claim(
    id="square-corner-rule",
    statement="Of all ridges a corner separates best: whiten a view iff its nuisance variance exceeds its signal variance.",
    condition="Signal and nuisance coordinates homogeneous: Δ depends on ε through √((γ̃+ε)/(κ²+γ+ε)), whose derivative has the "
    "sign of κ²+γ−γ̃. Heterogeneous models can have their best point inside.",
    source="derived here",
    recorded=Verdict.CONDITIONAL,
)
def square_corner_rule(seed: int) -> Finding:
    nuisance, signal, ridge = sp.symbols("nuisance signal ridge", positive=True)
    slope = sp.diff(sp.log((nuisance + ridge) / (signal + ridge)), ridge)
    proven = sp.simplify(slope * (nuisance + ridge) * (signal + ridge) - (signal - nuisance)) == 0
    rng = np.random.default_rng([seed, 31])
    models = homogeneous_models(rng, Shape(2, 6, 5), 300)
    corners = np.stack([_separation(models, *ridges) for ridges in CORNERS])
    loud_x = models.gamma_tilde_x[:, 0] > models.kappa[:, 0] ** 2 + models.gamma_x[:, 0]
    loud_y = models.gamma_tilde_y[:, 0] > models.kappa[:, 0] ** 2 + models.gamma_y[:, 0]
    rule = np.where(loud_x, np.where(loud_y, 0, 1), np.where(loud_y, 2, 3))
    chosen = np.take_along_axis(corners, rule[None], axis=0)[0]
    inside = _widest(models)
    worst = max(np.max(corners.max(0) / chosen), np.max(inside / chosen)) - 1
    mixed = random_models(rng, Shape(2, 6, 5), 300)
    gain = _widest(mixed) / np.max([_separation(mixed, *ridges) for ridges in CORNERS], axis=0)
    figure = (
        f"{'proved symbolically' if proven else 'no proof'}; the rule's corner is beaten by {worst:.0e}; heterogeneous: "
        f"an interior point is better in {np.mean(gain > 1.001):.0%}, by up to {gain.max() - 1:.0%}"
    )
    verdict = judge(as_stated=bool(np.all(gain < 1.001)), corrected=bool(proven and worst < 1e-9))
    return Finding(verdict, figure, 600)


@claim(
    id="neither-is-not-the-last-word",
    statement="Where alignment and prediction from x both fail, nothing in the whitening square recovers the signal.",
    condition="Counter-examples: heterogeneous models (k = 2, 3 nuisance pairs) that prediction from y or PLS recovers, and "
    "others that only an interior ridge does.",
    source="derived here",
    recorded=Verdict.REFUTED,
)
def neither_is_not_the_last_word(seed: int) -> Finding:
    rng = np.random.default_rng([seed, 32])
    models = random_models(rng, Shape(2, 5, 5), 4000)
    recovers = np.stack([_separation(models, *ridges) > 1 for ridges in CORNERS])
    neither = ~recovers[0] & ~recovers[1]
    corner = neither & (recovers[2] | recovers[3])
    hopeless = neither & ~corner
    inside = hopeless & (_widest(models) > 1)
    figure = (
        f"{corner.sum()} of {neither.sum()} Neither models ({corner.sum() / neither.sum():.0%}) at the other corners, "
        f"{inside.sum()} of the other {hopeless.sum()} ({inside.sum() / hopeless.sum():.0%}) inside"
    )
    return Finding(judge(as_stated=not (corner.any() or inside.any())), figure, 4000)


def _separation(models, ridge_x: float, ridge_y: float) -> np.ndarray:
    return evaluate(partial(square.separation, ridge_x=ridge_x, ridge_y=ridge_y), models)[0]


def _widest(models) -> np.ndarray:
    return evaluate(lambda m: square.widest_separation(m).value, models)[0]

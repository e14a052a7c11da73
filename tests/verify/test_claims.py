"""Every claim gives the verdict on record, and a broken formula turns the claims that rest on it red."""

import json
import re
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from typer.testing import CliRunner

from phasejax import solvers
from phasejax.cli import app
from phasejax.spiked import SpikedModel
from phasejax.theory import PerObjective, errors, first_order, homogeneous, joint, population
from phasejax.verify import Verdict, list_claims, verify
from phasejax.verify.registry import Claim, Finding, judge, refute
from phasejax.verify.run import Result

ALL = list_claims()


DRAW_MOST = ("first-order-any-law", "second-moments-at-fixed-ratio")
"""Claims that wait for what they draw rather than for the compiler."""


@pytest.mark.parametrize("claim", ALL, ids=lambda claim: claim.id)
def test_the_verdict_is_the_one_on_record(claim, request):
    if claim.id in DRAW_MOST:
        request.getfixturevalue("optimised")
    (result,) = verify([claim.id])
    assert result.finding.verdict is claim.recorded, result.finding.figure
    assert result.finding.cases >= 1 and any(digit.isdigit() for digit in result.finding.figure)


def test_the_registry_holds_what_a_reader_expects():
    assert len(ALL) >= 35 and len({claim.id for claim in ALL}) == len(ALL)
    for claim in ALL:
        assert claim.statement and claim.condition and claim.source
    assert {claim.recorded for claim in ALL} == set(Verdict) - {Verdict.UNDECIDED}


def test_the_readme_counts_the_claims():
    told = [claim for claim in ALL if claim.source.startswith("published") and "easured" in claim.condition]
    text = " ".join((Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").split())
    checked, held, conditional, refuted = re.search(
        r"checks (\d+) of them .*? (\d+) hold, (\d+) hold with a condition, (\d+) are refuted", text
    ).groups()
    assert len(ALL) - len(told) == int(checked) == int(held) + int(conditional) + int(refuted)
    measured = re.search(
        r"Another (\d+) set .*?: (\d+) hold, (\d+) with a condition, (\d+) are refuted and (\d+) are not decided", text
    ).groups()
    verdicts = (Verdict.HOLDS, Verdict.CONDITIONAL, Verdict.REFUTED, Verdict.OPEN)
    assert [len(told), *(sum(claim.recorded is verdict for claim in told) for verdict in verdicts)] == [
        int(n) for n in measured
    ]


# A broken formula must be noticed ---------------------------------------------------------------------------------------


def _without_root(model):
    power = model.kappa**2
    return power / (power + model.gamma_x)


def _xi_of_the_wrong_side(model):
    return model.eta / jnp.sqrt(model.gamma_tilde_y[: model.eta.size])


def _tau_of_the_target(model):
    return model.kappa**2 / jnp.sqrt(model.kappa**2 + model.gamma_y)


def _largest_over_largest(signal, nuisance):
    return jnp.max(signal) / jnp.max(nuisance, initial=0)


def _published_count(signal, nuisance):
    return jnp.sum(signal > jnp.max(nuisance, initial=0), dtype=jnp.int32)


def _closed_window(model):
    low, high = ORIGINAL_WINDOW(model)
    return joint.Window(low * 0.5, high)


def _without_residual(model, kept):
    found = ORIGINAL_ERROR(model, kept)
    return found._replace(signal=found.signal + 0.01 * jnp.sum(model.gamma_x))


def _noisier(model, n):
    ca, cp = ORIGINAL_FIRST_ORDER(model, n)
    return PerObjective(1.1 * ca, cp)


def _omega_without_c(rho, nu, c):
    return ORIGINAL_OMEGA(rho, nu, c) * (1 - c)


def _half_whitened(cov, k, *, ridge=0.0):
    return ORIGINAL_PREDICT(cov, k, ridge=ridge)


def _unwhitened(cov, k, *, ridge=0.0):
    return solvers.pls(cov, k)


def _swapped_but_for_the_noise(model):
    swapped = ORIGINAL_SWAP(model)
    return SpikedModel(**{**vars(swapped), "gamma_x": model.gamma_x, "gamma_y": model.gamma_y})


ORIGINAL_WINDOW, ORIGINAL_ERROR = joint.joint_window, errors.prediction_error
ORIGINAL_FIRST_ORDER, ORIGINAL_OMEGA = first_order.first_order, homogeneous.ca_omega
ORIGINAL_PREDICT, ORIGINAL_SWAP = solvers.predict, SpikedModel.swap

MUTATIONS = {
    "rho": (population.rho, _without_root, ["singular-values", "homogeneous-identity", "recovery-iff-delta-above-one"]),
    "tau": (population.tau, _tau_of_the_target, ["singular-values", "source-side-only", "published-crossings"]),
    "xi": (population.xi, _xi_of_the_wrong_side, ["singular-values", "source-side-only", "swap", "pls-ratio"]),
    "ratio": (population.smallest_over_largest, _largest_over_largest, ["recovery-iff-delta-above-one", "published-crossings"]),
    "count": (population.count_in_top_k, _published_count, ["exact-recovery-count", "joint-window"]),
    "window": (joint.joint_window, _closed_window, ["joint-window", "joint-published-setting"]),
    "errors": (errors.prediction_error, _without_residual, ["error-decomposition"]),
    "first order": (first_order.first_order, _noisier, ["first-order-distance"]),
    "omega": (homogeneous.ca_omega, _omega_without_c, ["first-order-symbolic"]),
    "align": (solvers.align, _half_whitened, ["alignment-minimisers"]),
    "predict": (solvers.predict, _unwhitened, ["prediction-minimisers"]),
    "swap": (SpikedModel.swap, _swapped_but_for_the_noise, ["swap"]),
}


@pytest.fixture
def mutate(monkeypatch):
    """Replace a function wherever the library has bound it; nothing compiled before or after is reused."""

    def replace(original, broken):
        jax.clear_caches()
        owners = [module for name, module in sys.modules.items() if name.startswith("phasejax")] + [SpikedModel]
        places = [(owner, name) for owner in owners for name, value in vars(owner).items() if value is original]
        assert places
        for owner, name in places:
            monkeypatch.setattr(owner, name, broken)

    yield replace
    monkeypatch.undo()
    jax.clear_caches()


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_broken_formula_turns_its_claims_red(mutation, mutate):
    original, broken, red = MUTATIONS[mutation]
    mutate(original, broken)
    results = list(verify(red))
    assert [result.claim.id for result in results] == red
    for result in results:
        assert not result.as_recorded, (result.claim.id, result.finding)
        assert "the check failed" not in result.finding.figure  # red for its number, not for a crash


# The registry and the command -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (judge(as_stated=True), Verdict.HOLDS),
        (judge(as_stated=False), Verdict.REFUTED),
        (judge(as_stated=True, corrected=True), Verdict.HOLDS),
        (judge(as_stated=False, corrected=True), Verdict.CONDITIONAL),
        (judge(as_stated=True, corrected=False), Verdict.UNDECIDED),
        (judge(as_stated=np.bool_(False), corrected=np.bool_(False)), Verdict.UNDECIDED),
        (refute(counterexample=True), Verdict.REFUTED),
        (refute(counterexample=False), Verdict.HOLDS),
        (refute(counterexample=True, corrected=False), Verdict.UNDECIDED),
    ],
)
def test_verdicts(verdict, expected):
    assert verdict is expected


def invoke(*arguments):
    return CliRunner().invoke(app, ["verify", *map(str, arguments)])


def test_the_command_writes_what_it_prints(tmp_path):
    file = tmp_path / "claims.json"
    result = invoke("--only", "singular-values", "--only", "hard-bottleneck", "--json", file, "--seed", 3)
    assert result.exit_code == 0, result.output
    report = json.loads(file.read_text())
    assert [claim["id"] for claim in report["claims"]] == ["singular-values", "hard-bottleneck"]
    assert [claim["verdict"] for claim in report["claims"]] == ["holds", "refuted"]
    for claim in report["claims"]:
        assert {"id", "statement", "condition", "source", "verdict", "figure", "cases"} <= set(claim)
    for text in ("singular-values", "holds", "refuted", "2 claims in"):
        assert text in result.output


def test_an_unexpected_verdict_is_exit_1(monkeypatch):
    claim = Claim("c", "s", "none", "here", Verdict.HOLDS, lambda seed: Finding(Verdict.REFUTED, "error 1", 1))
    monkeypatch.setattr("phasejax.verify.run.list_claims", lambda only: [claim])
    result = invoke()
    assert result.exit_code == 1 and "refuted, but holds is on record" in result.output


def test_a_check_that_raises_is_undecided(monkeypatch):
    claim = Claim("c", "s", "none", "here", Verdict.HOLDS, lambda seed: 1 / 0)
    monkeypatch.setattr("phasejax.verify.run.list_claims", lambda only: [claim])
    (result,) = verify()
    assert isinstance(result, Result) and result.finding.verdict is Verdict.UNDECIDED
    assert "division by zero" in result.finding.figure


def test_mistakes_are_sentences(tmp_path):
    unknown = invoke("--only", "nonsense", "--json", tmp_path / "x.json")
    assert unknown.exit_code == 2 and "there is no claim 'nonsense': choose among" in unknown.stderr
    nowhere = invoke("--json", tmp_path / "no" / "x.json")
    assert nowhere.exit_code == 2 and "cannot be written" in nowhere.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_same_seed_gives_the_same_figure():
    (one,), (two,), (other,) = (list(verify(["ratio-monotone-in-target-nuisance"], seed=seed)) for seed in (5, 5, 6))
    assert one.finding == two.finding
    (a,), (b,) = (list(verify(["singular-values"], seed=seed)) for seed in (5, 6))
    assert a.finding.figure != b.finding.figure and other.as_recorded

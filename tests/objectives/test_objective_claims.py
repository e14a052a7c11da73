"""The claims about objectives turn red when a formula is broken."""

import jax.numpy as jnp

from phasejax import objectives
from phasejax.verify import Verdict
from phasejax.verify.claims import objectives as claims


def test_a_repulsion_without_the_positive_refutes_the_gradient_identity(monkeypatch):
    true = objectives.forces

    def without_own_term(z, *, temperature):
        parts = true(z, temperature=temperature)
        return parts._replace(repulsion=parts.negatives)

    monkeypatch.setattr(objectives, "forces", without_own_term)
    assert claims.infonce_gradient(0).verdict is Verdict.REFUTED


def test_a_wrong_width_undoes_the_temperature_matching(monkeypatch):
    true = objectives.matched_to_infonce
    monkeypatch.setattr(objectives, "matched_to_infonce", lambda t: true(t)._replace(bandwidth=jnp.asarray(t)))
    assert claims.temperature_matching(0).verdict is Verdict.UNDECIDED


def test_an_unsquared_numerator_refutes_the_half(monkeypatch):
    true = objectives.cauchy_schwarz_divergence
    monkeypatch.setattr(objectives, "cauchy_schwarz_divergence", lambda x, y, *, bandwidth: true(x, y, bandwidth=bandwidth) / 2)
    assert claims.hoelder_half_cauchy_schwarz(0).verdict is Verdict.REFUTED


def test_a_bound_without_its_logarithm_is_refuted(monkeypatch):
    true = objectives.hoelder_bound

    def without(z, *, bandwidth):
        return true(z, bandwidth=bandwidth) - (z.shape[0] - 1) * jnp.log(z.shape[1])

    monkeypatch.setattr(objectives, "hoelder_bound", without)
    assert claims.hoelder_bound(0).verdict is Verdict.REFUTED


def test_a_predicting_loss_among_the_aligning_ones_is_noticed(monkeypatch):
    monkeypatch.setattr(claims, "_ALIGNING", {"prediction": {}})
    assert claims.aligning_losses_are_on_the_ca_side(0).verdict is Verdict.REFUTED

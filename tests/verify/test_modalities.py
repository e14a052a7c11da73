"""Three modalities: contrasts are paired by seed, and say what the table says."""

import numpy as np
import pandas as pd

from phasejax.verify import Verdict
from phasejax.verify.claims import modalities
from phasejax.verify.claims.modalities import BOTH, INFONCE, UNIALIGN, Measured, cross_less_self
from phasejax.verify.contrast import paired


def test_pairs_of_seeds_take_away_what_they_share():
    shared = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    found = paired(np.stack([shared + 0.1 - shared, shared]))
    np.testing.assert_allclose(found.value, [0.1, 2.0])
    np.testing.assert_allclose(found.error, [0, np.sqrt(2.5 / 5)], atol=1e-12)


def test_a_measure_is_read_by_correlation_and_seed_in_their_order():
    rows = [
        (objective, f"error from {modality}", nu, seed, 10 * i + j + nu + seed / 100)
        for i, objective in enumerate((INFONCE, UNIALIGN))
        for j, modality in enumerate(("picture", "caption", "sound"))
        for seed in (1, 0)
        for nu in (0.9, 0.0)
    ]
    measured = Measured(pd.DataFrame(rows, columns=["objective", "measure", "nu", "seed", "value"]))
    np.testing.assert_allclose(measured(UNIALIGN, "error from caption"), [[11, 11.01], [11.9, 11.91]])
    np.testing.assert_allclose(cross_less_self(measured, UNIALIGN), np.full((2, 2), 1.5))


def test_a_training_that_diverged_is_in_no_average():
    rows = [(INFONCE, "R@1 after", 0.0, seed, value) for seed, value in enumerate((0.4, 0.6, 9.0))]
    rows += [(INFONCE, "diverged", 0.0, seed, float(seed == 2)) for seed in range(3)]
    measured = Measured(pd.DataFrame(rows, columns=["objective", "measure", "nu", "seed", "value"]))
    found = paired(measured(INFONCE, "R@1 after"))
    np.testing.assert_allclose(found, [[0.5], [0.1]])
    assert measured(INFONCE, "diverged").sum() == 1


def test_what_has_not_learnt_decides_nothing(monkeypatch):
    statement = next(one for one in modalities.STATEMENTS if one.id == "modalities-infonce-closes-the-gap")
    assert modalities.check(statement, 0).verdict is Verdict.HOLDS
    monkeypatch.setattr(modalities, "learnt", lambda measured, *objectives: False)
    assert modalities.check(statement, 0).verdict is Verdict.OPEN


def test_the_table_is_whole():
    """Every objective, measure, ν and seed once; what is found first is found among the first ten."""
    settings, measured = modalities.read()
    assert {INFONCE, UNIALIGN, BOTH} <= set(measured.objectives)
    for objective in measured.objectives:
        assert measured(objective, "diverged").shape == (2, settings["seeds"])
        lost = measured(objective, "R@10 after") - measured(objective, "R@1 after")
        assert not np.any(lost < 0)

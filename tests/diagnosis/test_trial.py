"""The trial: encoders by an independent route, probes against scikit-learn, scores honest where nothing is told."""

import numpy as np
import pytest
import scipy.linalg
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from phasejax.diagnosis.labels import read_labels
from phasejax.diagnosis.probe import contributions, read_out, scored, sums_of, targets_of
from phasejax.diagnosis.sample import reduce_sample
from phasejax.diagnosis.square import encoders
from phasejax.diagnosis.trial import try_out
from phasejax.diagnosis.views import block_sums
from phasejax.folds import group_folds


def trial(x, y, labels, groups=None, k=2, seed=0):
    codes = np.arange(len(x)) if groups is None else groups
    read = read_labels(labels, len(x))
    sample = reduce_sample(x, y, read, codes)
    block = group_folds(codes, 20, np.random.default_rng(seed))
    return try_out(sample, block_sums(sample.x, sample.y, read.rows, read.columns, block), block, k, seed)


def pairs(rng, n, d=8, shared=2, nuisance=0.0):
    """Views that share their first columns, and a louder nuisance in the next two."""
    z, u, (x, y) = rng.normal(size=(n, shared)), rng.normal(size=(n, 2)), rng.normal(size=(2, n, d))
    x[:, :shared] += 2 * z
    y[:, :shared] += 2 * z
    x[:, shared : shared + 2] += nuisance * u
    y[:, shared : shared + 2] += nuisance * u
    return x, y, z


@pytest.mark.parametrize("shape", [(5, 5), (4, 7), (7, 3)])
def test_encoders_solve_the_generalised_eigenproblem_of_their_place(shape):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(60, sum(shape))) @ rng.normal(size=(sum(shape), sum(shape)))
    full = a.T @ a / 60
    xx, xy, yy = full[: shape[0], : shape[0]], full[: shape[0], shape[0] :], full[shape[0] :, shape[0] :]
    alphas = (0.001, 0.3, 1.0)
    e_x, e_y = encoders((xx, xy, yy), alphas, 2)

    def metric(s, alpha):
        return (1 - alpha) * s / np.mean(np.diag(s)) + alpha * np.eye(len(s))

    for i, own in enumerate(alphas):
        for j, other in enumerate(alphas):
            for cross, mine, theirs, e in ((xy, xx, yy, e_x[i, j]), (xy.T, yy, xx, e_y[i, j])):
                left, m = cross @ np.linalg.solve(metric(theirs, other), cross.T), metric(mine, own)
                vectors = scipy.linalg.eigh(left, m)[1][:, ::-1][:, :2]  # of unit length in m
                np.testing.assert_allclose(np.abs(e.T @ m @ vectors), np.eye(2), atol=1e-6)


def test_the_read_out_of_classes_is_the_shrunken_discriminant():
    rng = np.random.default_rng(1)
    codes = np.repeat(np.arange(3), 20)
    features = rng.normal(size=(60, 4)) + rng.normal(size=(3, 4))[codes]
    targets = targets_of(np.eye(3)[codes], True)
    weights, offsets = read_out(sums_of(features, targets.values), True)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=4 / 64, priors=[1 / 3] * 3).fit(features, codes)
    new = rng.normal(size=(500, 4))
    names = np.array([codes[targets.values[:, c] == 1][0] for c in range(3)])
    np.testing.assert_array_equal(names[(new @ weights + offsets).argmax(axis=1)], theirs.predict(new))


def test_the_read_out_of_numbers_minimises_generalised_cross_validation():
    rng = np.random.default_rng(2)
    features, labels = rng.normal(size=(40, 6)), rng.normal(size=(40, 2))
    labels[:, 0] += features[:, 0]
    weights, offsets = read_out(sums_of(features, labels), False)
    f, g = features - features.mean(axis=0), labels - labels.mean(axis=0)
    scale = np.trace(f.T @ f) / 240
    inverses = [np.linalg.inv(f.T @ f / 40 + penalty * scale * np.eye(6)) for penalty in np.logspace(-4, 2, 13)]
    hats = [f @ inverse @ f.T / 40 for inverse in inverses]
    criteria = [np.sum((g - hat @ g) ** 2) / (1 - (1 + np.trace(hat)) / 40) ** 2 for hat in hats]
    expected = inverses[np.argmin(criteria)] @ f.T @ g / 40
    np.testing.assert_allclose(weights, expected, rtol=1e-8)
    np.testing.assert_allclose(offsets, labels.mean(axis=0) - features.mean(axis=0) @ expected, rtol=1e-8, atol=1e-12)


def test_contributions_add_up_to_balanced_accuracy_and_to_r_squared():
    rng = np.random.default_rng(3)
    codes = rng.choice(3, 90, p=[0.6, 0.3, 0.1])
    features, rows = rng.normal(size=(90, 2)), np.arange(90)
    weights, offsets = rng.normal(size=(2, 3)), rng.normal(size=3)
    targets = targets_of(np.eye(3)[codes], True)
    hit = (features @ weights + offsets).argmax(axis=1) == targets.values.argmax(axis=1)
    added = contributions(features, weights, offsets, targets, rows)
    np.testing.assert_allclose(added.sum(), np.mean([hit[codes == c].mean() for c in range(3)]))
    sure = contributions(features, 1e6 * weights, 1e6 * offsets, targets, rows, smooth=True)
    np.testing.assert_allclose(sure, added, atol=1e-12)
    undecided = contributions(features, 0 * weights, 0 * offsets, targets, rows, smooth=True)
    np.testing.assert_allclose(undecided.sum(), 1 / 3)
    targets = targets_of(7 + 3 * rng.normal(size=(90, 3)), False)
    labels = targets.values
    np.testing.assert_allclose((labels.mean(axis=0), labels.std(axis=0)), ([0] * 3, [1] * 3), atol=1e-12)
    added = contributions(features, weights, offsets, targets, rows)
    np.testing.assert_allclose(1 + added.sum(), np.mean(1 - np.mean((labels - features @ weights - offsets) ** 2, axis=0)))


@pytest.mark.parametrize("groups", ["rows", "one class each", "all classes each"])
def test_errors_are_those_of_repeated_draws_where_a_class_has_three_rows(groups):
    """Rows that hit by chance, alike within groups: what classes take of the freedom of so few is given back."""
    rng, codes = np.random.default_rng(10), np.repeat(np.arange(10), 6)
    group = {"rows": np.arange(60), "one class each": np.arange(60) // 2, "all classes each": np.arange(60) % 6}[groups]
    rows = group < 3 if groups == "all classes each" else np.arange(60) % 6 < (3 if groups == "rows" else 6)
    codes, group = codes[rows], np.unique(group[rows], return_inverse=True)[1]
    targets = targets_of(np.eye(10)[codes], True)
    chance = rng.uniform(0.2, 0.9, (10, 1))[codes]
    scores, variances = [], []
    for _ in range(4000):
        luck = rng.random((group.max() + 1, 2))[group]  # of two encoders
        score, covariance = scored((targets.weight[:, None] * (luck < chance)).T, targets, group)
        scores.append(score)
        variances.append(np.diag(covariance))
    true = np.var(scores, axis=0)
    error = true * np.sqrt(2 / 4000) + np.std(variances, axis=0) / np.sqrt(4000)
    assert error.max() < 0.06 * true.min()
    np.testing.assert_array_less(np.abs(np.mean(variances, axis=0) - true), 4 * error)


def test_leaving_a_fold_out_is_a_subtraction():
    rng = np.random.default_rng(4)
    features, values = rng.normal(size=(2, 30, 3)), np.eye(2)[rng.integers(0, 2, 30)]
    left = sums_of(features, values) - sums_of(features[:, 20:], values[20:])
    for one, other in zip(left, sums_of(features[:, :20], values[:20]), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_labels_that_say_nothing_score_what_chance_does_wherever_the_folds_may_choose(kind):
    scores = []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        x, y, _ = pairs(rng, 150)
        found = trial(x, y, rng.integers(0, 3, 150) if kind == "classes" else rng.normal(size=150), seed=seed)
        scores.append(found.score - found.chance)
    mean, error = np.mean(scores, axis=0), np.std(scores, axis=0) / np.sqrt(16)
    assert error.max() < 0.025
    assert (mean < 3.5 * error).all()


def test_subjects_are_never_on_both_sides():
    """Every subject has a place of its own in both views, and a label by chance: rows split at random would tell it."""
    rng = np.random.default_rng(5)
    groups = np.repeat(np.arange(40), 8)
    place = rng.normal(size=(40, 6))[groups]
    x, y = place + 0.1 * rng.normal(size=(320, 6)), place + 0.1 * rng.normal(size=(320, 6))
    labels = rng.permutation(np.arange(40) % 2)[groups]
    honest, leaking = (trial(x, y, labels, groups=g, k=5) for g in (groups, None))
    whole = honest.of("whole view")
    assert honest.score[whole] < 0.5 + 3 * honest.error[whole] and leaking.score[whole] > 0.7
    assert honest.error[whole] > 2 * leaking.error[whole]


def test_the_winner_is_what_the_model_says():
    """Signal and nuisance are both shared. Whitening prefers the more correlated, no whitening the louder."""
    rng = np.random.default_rng(6)
    n, loud = 1200, 6.0
    z, u = rng.normal(size=(2, n))
    x, y = rng.normal(size=(2, n, 6))
    x[:, 0], y[:, 0] = z + 0.2 * x[:, 0], z + 0.2 * y[:, 0]  # quiet, canonical correlation .96
    x[:, 1], y[:, 1] = loud * (u + x[:, 1]), loud * (u + y[:, 1])  # loud, .5
    found = trial(x, y, np.where(rng.random(n) < 0.2, z, np.nan), k=1)
    scores = {(c.objective, c.view): s for c, s in zip(found.candidates, found.score, strict=True)}
    assert scores["CA", "x"] > 0.9 and scores["CA", "y"] > 0.9 and scores["whitened", "x"] > 0.9
    assert scores["CP", "x"] < 0.1 and scores["PLS", "x"] < 0.1 and scores["principal components", "x"] < 0.1
    ca, cp = found.of("CA"), found.of("CP", "x→y")
    assert found.difference[ca, cp] > 5 * found.difference_error[ca, cp] and found.measure == "R²"


def test_errors_are_no_less_than_those_of_repeated_draws_and_pairing_makes_them_smaller():
    found = [trial(*pairs(np.random.default_rng(seed), 200)[:2], _classes(seed), k=2, seed=seed) for seed in range(25)]
    scores, errors = np.array([one.score for one in found]), np.array([one.error for one in found])
    ratio = np.sqrt(np.mean(errors**2, axis=0)) / scores.std(axis=0, ddof=1)
    assert (ratio > 0.9).all() and (ratio < 2.5).all()  # 25 draws tell a standard deviation to 15 %
    ca, cp = found[0].of("CA", view="x"), found[0].of("CP", "x→y")
    paired = np.mean([one.difference_error[ca, cp] for one in found])
    assert paired < 0.5 * np.mean(np.hypot(errors[:, ca], errors[:, cp]))


def _classes(seed):
    return (pairs(np.random.default_rng(seed), 200)[2][:, 0] > 0).astype(int)


def test_units_change_nothing():
    rng = np.random.default_rng(7)
    x, y, z = pairs(rng, 200)
    one, other = trial(x, y, z), trial(1e7 * x - 3e7, 1e-5 * y, 100 * z)
    np.testing.assert_allclose(one.score, other.score, atol=1e-6)


def test_labels_in_one_block_cannot_be_tried():
    rng = np.random.default_rng(8)
    x, y, z = pairs(rng, 200)
    groups = np.repeat(np.arange(10), 20)
    assert trial(x, y, np.where(groups == 3, z[:, 0], np.nan), groups) is None


def test_however_many_labels_there_are_some_of_every_block_are_tried():
    """A twentieth of 100,000 labelled rows is more than are looked at; it must not be all that is looked at."""
    rng = np.random.default_rng(9)
    x, y, z = pairs(rng, 100_000, d=3, shared=1)
    found = trial(x, y, z, k=1)
    assert found is not None and found.error.max() < 0.05 and found.score[found.of("CA")] > 0.6

"""Fit to be asked: honest where there is nothing, awake where there is something, and each defect called by its name."""

import numpy as np
import pytest

from phasejax.diagnosis.image import image_of
from phasejax.diagnosis.labels import read_labels
from phasejax.diagnosis.permutation import related, some_rows
from phasejax.diagnosis.relation import LEVEL, relate
from phasejax.diagnosis.sample import reduce_sample
from phasejax.diagnosis.series import alike_at, autocorrelation


def relation(x, y, labels, groups=None):
    codes = np.arange(len(x)) if groups is None else groups
    return relate(x, y, reduce_sample(x, y, read_labels(labels, len(x)), codes), 0)


def pairs(seed, n=300, d=8, shared=2):
    rng = np.random.default_rng(seed)
    z, (x, y) = rng.normal(size=(n, shared)), rng.normal(size=(2, n, d))
    x[:, :shared] += 2 * z
    y[:, :shared] += 2 * z
    return x, y, z


def series(rng, n, d, keep=0.9):
    out = rng.normal(size=(n, d))
    for row in range(1, n):
        out[row] = keep * out[row - 1] + np.sqrt(1 - keep**2) * out[row]
    return out


def null_p_values(draw, count=150):
    """p-values under a null; each `draw` gives a, b, groups and whether rows are a series."""
    out = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        a, b, groups, serial = draw(rng)
        out.append(related(a, b, groups, rng, serial=serial))
    return np.array(out)


def loose_rows(rng):
    return rng.standard_t(3, size=(60, 5)), rng.normal(size=(60, 3)), np.arange(60), False


def alike_in_groups(rng):
    groups = np.repeat(np.arange(20), rng.integers(2, 9, 20))
    a, b = (rng.normal(size=(20, d))[groups] + 0.3 * rng.normal(size=(groups.size, d)) for d in (4, 3))
    return a, b, groups, False


def constant_in_groups(rng):
    groups = np.repeat(np.arange(20), rng.integers(2, 9, 20))
    return rng.normal(size=(20, 4))[groups] + rng.normal(size=(groups.size, 4)), rng.normal(size=(20, 1))[groups], groups, False


def in_series(rng):
    return series(rng, 300, 3), series(rng, 300, 2), np.arange(300), True


def in_series_by_group(rng):
    groups = np.repeat(np.arange(8), 40)
    a, b = (np.vstack([series(rng, 40, d, 0.8) for _ in range(8)]) for d in (3, 2))
    return a, b, groups, True


@pytest.mark.parametrize("draw", [loose_rows, alike_in_groups, constant_in_groups, in_series, in_series_by_group])
def test_unrelated_columns_are_called_related_at_the_level_asked(draw):
    p = null_p_values(draw)
    for level in (0.05, 0.2):
        assert np.mean(p <= level) < level + 3.5 * np.sqrt(level * (1 - level) / p.size)
    assert np.mean(p) > 0.35  # not merely silent: the doubled smaller of two p-values is conservative, but not much


def test_likeness_in_groups_and_series_would_deceive_a_test_that_ignores_it():
    for draw in (alike_in_groups, in_series):

        def ignorant(rng, draw=draw):
            a, b, _, _ = draw(rng)
            return a, b, np.arange(len(a)), False

        assert np.mean(null_p_values(ignorant, 40) <= 0.05) > 0.25


@pytest.mark.parametrize("where", ["between groups", "within groups"])
def test_a_relation_on_either_level_is_found(where):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(30), 6)
    between, within = rng.normal(size=(30, 1))[groups], rng.normal(size=(180, 1))
    common = between if where == "between groups" else within
    a, b = (np.hstack([common + 0.5 * rng.normal(size=(180, 1)), rng.normal(size=(180, 5))]) for _ in range(2))
    assert related(a, b, groups, rng) <= LEVEL


def test_rows_of_a_sample_are_whole_groups():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 50, 1000)
    rows = some_rows(groups, 300, rng)
    assert 200 < rows.size <= 300 and (np.diff(rows) > 0).all()
    assert not set(groups[rows]) & set(np.delete(groups, rows))


@pytest.mark.parametrize("told", ["x", "y", "xy"])
def test_independent_views_and_shuffled_rows_are_not_asked(told):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 300, 8))
    found = relation(x, y, ("x" in told) * x[:, 0] + ("y" in told) * y[:, 0])
    assert found.verdict == "views unrelated" and found.told == told
    x, y, z = pairs(1)
    assert relation(x, y, z).verdict == "fit"
    assert relation(x, rng.permutation(y), z).verdict == "views unrelated"


@pytest.mark.parametrize("shift", [1, -3])
def test_rows_that_slipped_are_told_by_how_many(shift):
    x, y, z = pairs(2)
    found = relation(x, np.roll(y, -shift, axis=0), z)
    assert (found.verdict, found.shift) == ("order of rows", shift)


def test_labels_that_neither_view_tells_are_few_or_unrelated():
    x, y, _ = pairs(4)
    rng = np.random.default_rng(5)
    many, few = rng.normal(size=300), np.where(np.arange(300) < 12, rng.normal(size=300), np.nan)
    found = relation(x, y, many)
    assert (found.verdict, found.told) == ("labels unrelated", "") and found.power > 0.9
    found = relation(x, y, few)
    assert found.verdict == "too few labels" and found.power < 0.5


def test_forty_labels_of_the_loudest_direction_are_enough():
    """d = 128, p < 1e-47: labels that an adjusted χ² called unrelated."""
    rng = np.random.default_rng(0)
    z, (x, y) = rng.normal(size=2000), rng.normal(size=(2, 2000, 128))
    x[:, 0], y[:, 0] = 6 * z + 0.3 * x[:, 0], 6 * z + 0.3 * y[:, 0]
    found = relation(x, y, np.where(rng.permutation(2000) < 40, z, np.nan))
    assert found.verdict == "fit" and found.told == "xy" and np.isnan(found.power)


def test_labels_of_subjects_count_as_many_as_there_are_subjects():
    rng = np.random.default_rng(6)
    groups = np.repeat(np.arange(24), 20)
    x, y, _ = pairs(6, n=480)
    effect = rng.normal(size=(24, 8))[groups]
    diagnosis = rng.permutation(np.arange(24) % 2)[groups]
    assert relation(x + effect, y + effect, diagnosis, groups).verdict in ("too few labels", "labels unrelated")
    assert relation(x + effect, y + effect, (effect[:, 0] > 0).astype(int), groups).verdict == "fit"


def test_copies_and_linear_images_are_named():
    x, other, z = pairs(7, n=200, d=6)
    rng = np.random.default_rng(8)
    rotation, mixing = np.linalg.qr(rng.normal(size=(6, 6)))[0], rng.normal(size=(6, 6))
    cases = {
        "copy": (x, 3 * x + 5, x @ rotation, (x @ rotation).astype(np.float32)),
        "linear image": (x * np.array([1, 2, 1e4, 1e-3, 1, 1]), x @ mixing, np.hstack([x, x[:, :2]]) @ rng.normal(size=(8, 9))),
        "x gives y": (x[:, :3], x @ mixing[:, :2]),
        "y gives x": (np.hstack([x, other]),),
        "none": (other, x + 0.1 * other),
    }
    for image, views in cases.items():
        for y in views:
            assert image_of(x, y, rng) == image
    assert relation(x, x @ mixing, z).verdict == relation(x, x[:, ::-1], z).verdict == "same view"
    wide = rng.normal(size=(60, 100))
    assert image_of(wide, wide @ np.linalg.qr(rng.normal(size=(100, 100)))[0], rng) == "copy"
    assert image_of(wide, rng.normal(size=(60, 100)), rng) == "none"


def test_a_series_is_told_from_a_file_sorted_by_class_or_by_group():
    rng = np.random.default_rng(9)
    x, y, z = pairs(9, n=400)
    assert not relation(x, y, z).serial
    order = np.argsort(z[:, 0] > 0, kind="stable")
    assert not relation(x[order], y[order], (z[order, 0] > 0).astype(int)).serial
    groups = np.repeat(np.arange(20), 20)
    assert not relation(x + rng.normal(size=(20, 8))[groups], y, z, groups).serial
    drift = series(rng, 400, 8)
    found = relation(x + 2 * drift, y, z)
    assert found.serial and 0.4 < found.autocorrelation < 1
    slow = np.sin(np.arange(4000) / 300)[:, None]
    noise = rng.normal(size=(4000, 4))
    first, serial = autocorrelation(noise + 0.35 * slow, np.arange(4000))
    assert serial and first < 0.15  # hardly anything from row to row
    assert not autocorrelation(noise, np.arange(4000))[1]


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_a_file_sorted_by_labels_of_which_few_are_known_is_no_series(kind):
    x, y, z = pairs(12, n=1000)
    labels = np.digitize(z[:, 0], [-1, 0, 1]).astype(float) if kind == "classes" else z[:, 0]
    order = np.argsort(labels, kind="stable")
    known = np.random.default_rng(12).permutation(1000) < 40
    labels = np.where(known, labels[order], np.nan)
    if kind == "classes":
        labels = np.array([f"class {label:.0f}" if label == label else "" for label in labels], dtype=object)
    found = relation(x[order], y[order], labels)
    assert found.verdict == "fit" and found.told == "xy"


@pytest.mark.parametrize("seed", range(5))
def test_where_one_class_ends_is_read_from_the_views(seed):
    """Ten classes one after another, three labels of each: no series, unless the rows of a class drift as well."""
    rng = np.random.default_rng([15, seed])
    sizes = rng.integers(60, 200, 10)
    classes = np.repeat(np.arange(10), sizes)
    labels = np.where(np.concatenate([rng.permutation(size) < 3 for size in sizes]), classes, np.nan)
    x, y = (rng.normal(size=(10, 6))[classes] * 2 + rng.normal(size=(classes.size, 6)) for _ in range(2))
    named = np.array([f"class {label:.0f}" if label == label else "" for label in labels], dtype=object)
    assert not relation(x, y, named).serial
    assert relation(x + series(rng, classes.size, 6), y, named).serial


def test_labels_far_apart_in_a_series_are_free_and_neighbours_are_not():
    rng = np.random.default_rng(13)
    z = series(rng, 1600, 2)
    x, y = (np.hstack([2 * z + series(rng, 1600, 2), series(rng, 1600, 4)]) for _ in range(2))
    apart, beside = np.flatnonzero(np.arange(1600) % 40 == 0), np.arange(40)
    assert not alike_at(x, np.arange(1600), apart) and alike_at(x, np.arange(1600), beside)
    assert relation(x, y, np.where(np.arange(1600) % 40 == 0, z[:, 0], np.nan)).told == "xy"
    own = [relation(x, y, np.where(np.arange(1600) % 12 == 0, series(rng, 1600, 1)[:, 0], np.nan)).told for _ in range(3)]
    assert own.count("") >= 2


def test_a_short_series_has_arrangements_enough():
    """60 rows moved round alone would leave no p-value below 1/60."""
    rng = np.random.default_rng(14)
    a = series(rng, 60, 2, keep=0.5)
    assert related(a, a, np.arange(60), rng, serial=True) <= 0.005
    chance = [related(a, series(rng, 60, 2, keep=0.5), np.arange(60), rng, serial=True) for _ in range(25)]
    assert np.mean(np.array(chance) <= 0.05) < 0.2 and 0.2 < np.mean(chance) < 0.8


def test_one_row_that_makes_a_component_is_named():
    x, y, z = pairs(10)
    y[17] *= 200
    found = relation(x, y, z)
    assert {(one.view, one.row) for one in found.dominant} == {("y", 17)}
    assert found.dominant[0].component == 1 and 0.5 < found.dominant[0].share <= 1
    assert not relation(x, pairs(10)[1], z).dominant

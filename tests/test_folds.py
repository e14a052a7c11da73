"""Folds keep groups whole, whatever they are called and however unequal."""

import numpy as np
import pytest

from phasejax.folds import group_folds


@pytest.mark.parametrize("folds", [5, 20])
def test_no_group_is_split_and_folds_are_of_even_size(folds):
    rng = np.random.default_rng(2)
    for groups in (np.repeat(np.arange(23), 7), rng.integers(0, 70, 3000), rng.choice(list("abcdefghijklmnopqrstuvwxyz"), 900)):
        fold = group_folds(groups, folds, rng)
        assert all(np.unique(fold[groups == g]).size == 1 for g in np.unique(groups))
        assert set(fold) == set(range(folds))
        largest = np.unique(groups, return_counts=True)[1].max()
        assert np.ptp(np.bincount(fold)) <= largest


def test_fewer_groups_than_folds_make_one_fold_each():
    for groups in (np.repeat(np.arange(3), 50), np.repeat(np.arange(3), [1, 5, 50])):
        fold = group_folds(groups, 20, np.random.default_rng(0))
        assert sorted(np.unique(fold)) == [0, 1, 2]


def test_one_large_group_does_not_empty_the_other_folds():
    fold = group_folds(np.repeat(np.arange(41), [400, *[1] * 40]), 5, np.random.default_rng(0))
    assert np.bincount(fold).size == 5 and np.bincount(fold).min() >= 8


def test_the_order_is_random_and_repeatable():
    groups = np.arange(40)
    one, same, other = (group_folds(groups, 4, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert (one == same).all() and (one != other).any()

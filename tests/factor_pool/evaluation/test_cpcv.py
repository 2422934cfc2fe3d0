"""Folds do not touch, every path covers every session once, and noise is not stable."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factor_pool.errors import EvaluationError
from factor_pool.evaluation.cpcv import splits, stability


@given(st.integers(40, 300), st.integers(2, 8), st.data(), st.integers(0, 12), st.integers(0, 6))
def test_training_stays_clear_of_the_test(
    sessions: int, groups: int, data: st.DataObject, purge: int, embargo: int
) -> None:
    tested = data.draw(st.integers(1, groups - 1))
    tests = []
    for train, test in splits(sessions, groups=groups, tested=tested, purge=purge, embargo=embargo):
        tests.append(test)
        for row in train:
            before = test[test < row]
            after = test[test > row]
            assert not len(before) or row - before[-1] > purge + embargo
            assert not len(after) or after[0] - row > purge
    assert len(tests) == math.comb(groups, tested)
    covered = np.bincount(np.concatenate(tests), minlength=sessions)
    assert (covered == math.comb(groups - 1, tested - 1)).all()


def test_the_books_example_has_fifteen_splits_and_five_paths() -> None:
    """Lopez de Prado (2018), chapter 12: six groups, two of them tested."""
    assert len(list(splits(600))) == 15
    assert stability(np.random.default_rng(1).normal(size=600)).paths == 5


def test_paths_by_hand() -> None:
    """Three groups of four days worth +1, +1, -3, one tested at a time, nothing purged.

    Training on groups 2 and 3 (sum -8) turns group 1: -1. On 1 and 3 likewise group 2: -1. On 1
    and 2 (sum +8) group 3 stays: -3. The one path is worth (-4 - 4 - 12) / 12.
    """
    daily = np.repeat([1.0, 1.0, -3.0], 4)
    found = stability(daily, groups=3, tested=1, purge=0, embargo=0)
    assert (found.paths, found.mean, found.worst) == (1, pytest.approx(-5 / 3), found.mean)
    assert found.positive_share == 0.0
    assert found.turned_share == pytest.approx(1 / 3)


def test_orientation_does_not_matter_and_gaps_are_left_out() -> None:
    x = np.random.default_rng(2).normal(0.05, 0.2, 400)
    assert stability(x) == stability(-x)
    late = np.concatenate([np.full(300, np.nan), x])
    assert stability(late) == stability(x)
    x[::7] = np.nan
    assert stability(x).mean == pytest.approx(np.nanmean(x))


def test_skill_is_stable_and_noise_is_not() -> None:
    rng = np.random.default_rng(3)
    skilled = [stability(rng.normal(0.05, 0.2, 700), purge=21) for _ in range(50)]
    noise = [stability(rng.normal(0.0, 0.2, 700), purge=21) for _ in range(200)]
    assert np.mean([one.positive_share for one in skilled]) > 0.98
    assert np.mean([one.mean for one in skilled]) == pytest.approx(0.05, abs=0.005)
    assert np.mean([one.mean for one in noise]) < 0.002  # choosing the sign gains nothing
    assert np.mean([one.positive_share == 1.0 for one in noise]) < 0.45


def test_little_data_has_no_figure() -> None:
    assert stability(np.full(300, np.nan)).mean is None
    assert stability(np.ones(20)).worst is None
    with pytest.raises(EvaluationError, match="1 <= tested < groups"):
        list(splits(100, groups=3, tested=3))

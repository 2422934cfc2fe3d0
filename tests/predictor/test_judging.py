"""Daily figures of a ranking, against plain definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from predictor.judging import auc, by_place, ndcg


def case(seed: int, sectors: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 6, (1, sectors)).astype(float)
    gain = rng.poisson(1, (1, sectors)).astype(float)
    score[0, rng.random(sectors) < 0.1] = np.nan
    gain[0, rng.random(sectors) < 0.1] = np.nan
    return score, gain


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_ties_share_what_lots_would_give_on_average(seed: int) -> None:
    score, gain = case(seed)
    rng = np.random.default_rng(seed)
    known = np.isfinite(score[0]) & np.isfinite(gain[0])
    total = np.zeros(3)
    for _ in range(3000):
        order = np.lexsort((rng.random(known.sum()), -score[0, known]))
        total += gain[0, known][order[:3]]
    np.testing.assert_allclose(by_place(score, gain, 3)[0], total / 3000, atol=0.15)


def test_a_constant_score_is_chance() -> None:
    gain = np.array([[4.0, 0.0, 1.0, 3.0]])
    np.testing.assert_allclose(by_place(np.zeros((1, 4)), gain, 2), [[2.0, 2.0]])
    assert auc(np.zeros((1, 4)), gain > 2)[0] == 0.5


def test_too_few_sectors_have_no_figure() -> None:
    assert np.isnan(by_place(np.array([[1.0, np.nan]]), np.ones((1, 2)), 2)).all()


def test_ndcg_by_hand() -> None:
    gain = np.array([[3.0, 1.0, 0.0, 2.0]])
    score = np.array([[1.0, 2.0, 3.0, 4.0]])  # order: 2, 0, 1
    discount = 1 / np.log2([2, 3, 4])
    expected = np.dot([2, 0, 1], discount) / np.dot([3, 2, 1], discount)
    assert ndcg(score, gain, 3)[0] == pytest.approx(expected)
    assert ndcg(gain, gain, 3)[0] == 1
    assert np.isnan(ndcg(score, np.zeros((1, 4)), 3)[0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_auc_is_mann_and_whitneys(seed: int) -> None:
    score, gain = case(seed)
    event = np.where(np.isfinite(gain), gain >= 1, np.nan)
    known = np.isfinite(score[0]) & np.isfinite(event[0])
    one, other = score[0, known & (event[0] == 1)], score[0, known & (event[0] == 0)]
    found = auc(score, event)[0]
    if not len(one) or not len(other):
        assert np.isnan(found)
        return
    assert found == pytest.approx(mannwhitneyu(one, other).statistic / len(one) / len(other))

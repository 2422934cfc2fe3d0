"""The day's list as the rules see it."""

import numpy as np
import pytest

from predictor.dragon_tiger.listing import Listing
from predictor.dragon_tiger.rules import Rules


def listing(scores: np.ndarray, day: np.ndarray, **passes: np.ndarray) -> Listing:
    rows = len(day)
    given = {"F1": np.ones(rows), "F2": np.ones(rows), "F4": np.full(rows, 2.0)} | passes
    given.setdefault("F6", np.full(rows, np.nan))
    column = np.concatenate([np.arange(n) for n in np.bincount(day) if n])
    return Listing((3, 40), ("F1", "F2"), day, column, scores, given)


def test_the_best_tenth_is_taken_and_ties_go_by_code():
    day = np.repeat([0, 2], [20, 5])
    scores = np.zeros((25, 2))
    scores[:20, 0] = np.arange(20)
    made = listing(scores, day).decide(np.array([1.0, 0.0]), Rules())
    assert np.flatnonzero(made.buy[0]).tolist() == [18, 19]
    assert made.above[0, 19] == 0
    assert made.above[0, 18] == pytest.approx(0.05)
    assert np.flatnonzero(made.buy[2]).tolist() == [0]  # of five equal ones the first code
    assert np.isnan(made.above[1]).all()
    assert not made.buy[1].any()


@pytest.mark.parametrize(
    ("name", "value", "bought"),
    [
        ("F1", 0.0, False), ("F1", 0.01, True), ("F1", np.nan, False), ("F2", 0.5, False),
        ("F2", 0.51, True), ("F4", 1.0, False), ("F4", 1.01, True), ("F4", np.nan, False),
    ],
)  # fmt: skip
def test_each_condition_is_strict_and_missing_fails(name: str, value: float, bought: bool):
    one = listing(np.ones((1, 2)), np.array([0]), **{name: np.array([value])})
    assert one.decide(np.array([0.5, 0.5]), Rules()).buy[0, 0] == bought


def test_each_session_may_have_its_own_weights():
    day = np.array([0, 0, 1, 1])
    scores = np.array([[1.0, 0.0], [0.0, 1.0]] * 2)
    weights = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    made = listing(scores, day).decide(weights, Rules(top=0.5, keep=0.5))
    assert [np.flatnonzero(made.buy[t]).tolist() for t in (0, 1)] == [[0], [1]]

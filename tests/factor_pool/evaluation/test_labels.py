"""Labels look one session ahead and no further."""

import numpy as np
import pandas as pd
import pytest

from factor_pool.errors import EvaluationError
from factor_pool.evaluation.baselines import SECTORS, STOCKS
from factor_pool.evaluation.labels import LABELS, events, label
from tests.factor_pool.evaluation.markets import market, panel_of, stocks


def test_count_and_density_are_those_of_the_next_session() -> None:
    panel = panel_of(
        limit_up_count=np.array([[1.0, 2], [3, 4], [5, 6]]),
        company_count=np.array([[10.0, 10], [30, 20], [50, 60]]),
    )
    np.testing.assert_array_equal(label(panel), [[3, 4], [5, 6], [np.nan, np.nan]])
    np.testing.assert_allclose(
        label(panel, "limit_up_density"), [[0.1, 0.2], [0.1, 0.1], [np.nan, np.nan]]
    )


def test_a_missing_next_value_or_an_ended_listing_has_no_label() -> None:
    counts = np.array([[1.0, 2, np.nan], [np.nan, 4, 1], [5, np.nan, 1], [1, np.nan, 1]])
    expected = [[np.nan, 4, np.nan], [5, np.nan, 1], [1, np.nan, 1], [np.nan] * 3]
    np.testing.assert_array_equal(label(panel_of(limit_up_count=counts)), expected)


def test_surge_needs_three_and_twice_the_usual() -> None:
    counts = np.array([[0.0, 4, 1], [0, 4, 1], [3, 7, 2], [0, 0, 0]])
    usual = pd.DataFrame(counts).ewm(span=20).mean().to_numpy()
    assert usual[1, 1] == 4
    np.testing.assert_array_equal(
        label(panel_of(limit_up_count=counts), "limit_up_surge")[:3],
        [[0, 0, 0], [1, 0, 0], [0, 0, 0]],
    )


def test_top_decile_is_about_a_tenth() -> None:
    values = np.tile(np.arange(40.0), (3, 1))
    top = label(panel_of(limit_up_count=values), "limit_up_top_decile")
    assert top[0].sum() == 4
    assert np.flatnonzero(top[0]).tolist() == [36, 37, 38, 39]


def test_composite_is_the_reference_formula() -> None:
    panel = market(3, sessions=20)
    count, close = (
        pd.DataFrame(panel.values[name]).rank(axis=1, pct=True)
        for name in ("limit_up_count", "close")
    )
    expected = (0.7 * close + 0.3 * count).shift(-1).to_numpy()
    np.testing.assert_allclose(label(panel, "composite"), expected, rtol=1e-6)


def test_events_are_limit_ups_or_the_indicator() -> None:
    panel = market(4, sessions=50)
    ahead = np.zeros(panel.shape, dtype=bool)
    ahead[:-1] = panel.values["limit_up_count"][1:] >= 1
    np.testing.assert_array_equal(events(panel), ahead)
    np.testing.assert_array_equal(
        events(panel, "limit_up_surge"), label(panel, "limit_up_surge") == 1
    )


OF_SECTORS, OF_STOCKS = (
    sorted(name for name, one in LABELS.items() if one.baseline is baseline)
    for baseline in (SECTORS, STOCKS)
)


def test_a_stock_is_bought_at_the_next_open_and_sold_at_the_one_after() -> None:
    opens = np.array([[10.0, 10], [11, 10], [12.1, 5], [12.1, 5]])
    panel = panel_of(open=opens, high=opens + 1, low=opens - 1)
    expected = np.array([[0.1, -0.5], [0, 0], [np.nan, np.nan], [np.nan, np.nan]])
    np.testing.assert_allclose(label(panel, "stock_open_return"), expected, atol=1e-6)
    assert events(panel, "stock_open_return").tolist()[0] == [True, False]


def test_a_stock_that_knew_one_price_cannot_be_bought() -> None:
    opens = np.full((4, 2), 10.0)
    high = opens + np.array([[1.0, 1], [1, 0], [1, 1], [1, 1]])
    panel = panel_of(open=opens, high=high, low=opens)
    assert np.isfinite(label(panel, "stock_open_return")).tolist()[0] == [True, False]


def test_a_stock_closes_at_the_limit_next_session_or_does_not() -> None:
    panel = panel_of(limit_up=np.array([[0.0, 1], [1, 0], [0, 0]]))
    assert label(panel, "stock_limit_up")[:2].tolist() == [[1, 0], [0, 0]]
    assert events(panel, "stock_limit_up").astype(int).tolist() == [[1, 0], [0, 0], [0, 0]]


@pytest.mark.parametrize("name", OF_STOCKS)
def test_a_label_of_stocks_begins_after_the_evening_of_its_session(name: str) -> None:
    """Garbage in everything known at 18:10 of session 40, and after its horizon: the same."""
    clean, garbage = stocks(5, sessions=60), stocks(6, sessions=60)
    end = 41 + LABELS[name].horizon
    values = {
        k: np.concatenate([garbage.values[k][:41], v[41:end], garbage.values[k][end:]])
        for k, v in clean.values.items()
    }
    poisoned = panel_of(**values)
    np.testing.assert_array_equal(label(clean, name)[40], label(poisoned, name)[40])


@pytest.mark.parametrize("name", OF_SECTORS)
def test_poison_two_sessions_ahead_changes_nothing(name: str) -> None:
    clean = market(5, sessions=60)
    garbage = market(6, sessions=60)
    row = 40
    values = {
        k: np.concatenate([v[: row + 1], garbage.values[k][row + 1 :]])
        for k, v in clean.values.items()
    }
    poisoned = panel_of(**values)
    np.testing.assert_array_equal(label(clean, name)[:row], label(poisoned, name)[:row])


def test_unknown_label_and_missing_field_are_named() -> None:
    panel = panel_of(close=np.ones((3, 2)))
    with pytest.raises(EvaluationError, match="no label 'profit'; have limit_up_count"):
        label(panel, "profit")
    with pytest.raises(EvaluationError, match="field 'limit_up_count'; the panel has close"):
        label(panel)

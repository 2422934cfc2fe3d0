"""Baselines are what pandas says they are, and know nothing of tomorrow."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factor_pool.errors import EvaluationError
from factor_pool.evaluation.baselines import BASELINES, DEFAULT_BASELINE, STOCKS, design, ewm
from tests.factor_pool.evaluation.markets import market, panel_of, stocks


@given(st.integers(0, 10_000), st.sampled_from([1, 2.5, 10, 40]))
def test_ewm_is_pandas_ewm_holes_included(seed: int, span: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(50, 4))
    values[rng.random(values.shape) < 0.3] = np.nan
    expected = pd.DataFrame(values).ewm(span=span).mean().to_numpy()
    np.testing.assert_allclose(ewm(values, span), expected, rtol=1e-10, atol=1e-12)


def test_design_is_the_documented_set_in_order() -> None:
    panel = market(1, sessions=80)
    count = pd.DataFrame(panel.values["limit_up_count"]).astype(float)
    companies = pd.DataFrame(panel.values["company_count"]).astype(float)
    expected = [
        count.ewm(span=10).mean(),
        count.ewm(span=40).mean(),
        count,
        (count / companies).ewm(span=10).mean(),
        companies,
    ]
    np.testing.assert_allclose(design(panel), np.array(expected), rtol=1e-6)
    assert {*DEFAULT_BASELINE, *STOCKS.names} == set(BASELINES)


def test_the_design_of_stocks_is_documented_too() -> None:
    panel = stocks(1, sessions=60)
    values = {name: pd.DataFrame(x).astype(float) for name, x in panel.values.items()}
    expected = [
        values["limit_up"].ewm(span=20).mean(),
        values["streak"],
        values["turnover"],
        values["close"] / values["close"].shift(5) - 1,
        values["close"] / values["close"].shift(20) - 1,
        values["float_value"],
    ]
    np.testing.assert_allclose(design(panel, STOCKS.names), np.array(expected), rtol=1e-5)


def test_the_design_of_stocks_knows_nothing_of_tomorrow() -> None:
    clean, garbage = stocks(2, sessions=60), stocks(3, sessions=60)
    values = {
        name: np.concatenate([x[:41], garbage.values[name][41:]])
        for name, x in clean.values.items()
    }
    before, after = (design(panel, STOCKS.names) for panel in (clean, panel_of(**values)))
    np.testing.assert_array_equal(before[:, :41], after[:, :41])


def test_nothing_outside_the_listing() -> None:
    counts = np.array([[1.0, np.nan], [2, 5], [3, np.nan], [np.nan, np.nan], [1, np.nan]])
    panel = panel_of(limit_up_count=counts, company_count=np.where(np.isfinite(counts), 9, np.nan))
    values = design(panel)
    assert np.isnan(values[:, ~panel.listed]).all()
    assert np.isfinite(values[:2, 3, 0]).all()  # a hole inside the listing keeps the last mean


def test_poison_changes_nothing_before_it() -> None:
    clean, garbage = market(2, sessions=60), market(3, sessions=60)
    values = {k: np.concatenate([v[:41], garbage.values[k][41:]]) for k, v in clean.values.items()}
    np.testing.assert_array_equal(design(clean)[:, :41], design(panel_of(**values))[:, :41])


def test_unknown_name_is_refused() -> None:
    with pytest.raises(EvaluationError, match="no baseline 'momentum'"):
        design(market(1, sessions=5), ("momentum",))

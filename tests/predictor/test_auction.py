"""What the opening auction says of a sector: afterwards from history, and in the morning."""

import datetime

import numpy as np
import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.market import Market
from data_profile.stocks import StockStore
from data_profile.store import Store
from predictor.auction import TERMS, Auction, history, observed
from predictor.errors import PredictorError
from tests.predictor.members.conftest import (
    STOCKS,
    filled,  # noqa: F401 - a fixture
    limit_events,
    stock_map,
    take,
)
from tests.predictor.stocks import put


def day_of_quotes(market: Market, opened_at_limit: list[int], gap: float = 0.01) -> pd.DataFrame:
    """Every stock opens `gap` higher, some at their limit and stay there."""
    codes = list(stock_map(market)["code"])
    limit = np.array([11.0 if code[0] == "6" else 12.0 for code in codes])
    sealed = np.isin(np.arange(STOCKS), opened_at_limit)
    opening = np.where(sealed, limit, round(10 * (1 + gap), 2))
    close = np.where(sealed, limit, 10.2)
    return pd.DataFrame(
        {"code": codes, "name": "股", "open": opening, "high": np.maximum(opening, close),
         "low": np.minimum(opening, close), "close": close, "previous_close": 10.0,
         "volume": 1e6, "ret": close / 10 - 1}
    )  # fmt: skip


def morning(quotes: pd.DataFrame) -> pd.DataFrame:
    """The same before the first trade."""
    return quotes.assign(high=np.nan, low=np.nan, close=quotes["open"], volume=100.0)


def of(home: Home) -> Auction:
    found = history(home.store, Store(home.store).panel())
    assert found is not None
    return found


def test_the_morning_says_what_history_will_say(filled: Home, market: Market) -> None:  # noqa: F811
    events = limit_events(market)
    last = events["session"].max()
    take(filled, market, events[events["session"] < last])
    panel = Store(filled.store).panel()
    before = of(filled)
    assert np.isnan(before.sealed[-2]).all()  # nothing is known of the last session's opening
    quotes = day_of_quotes(market, [0, 1, 21, 41])
    put(filled, "akshare.stocks", last.date(), quotes)
    later = of(filled)
    known = StockStore(filled.stocks).map()
    early = observed(morning(quotes), known, panel.instruments, last.date())
    np.testing.assert_array_equal(later.sealed[-2], early.sealed[0])
    assert early.sealed.sum() == 4
    assert early.sealed.max() == 3  # stocks 1, 21 and 41 are of one sector
    np.testing.assert_array_equal(later.sealed[:-2], before.sealed[:-2])
    assert np.isnan(later.sealed[-1]).all()
    assert np.isnan(later.gap[-1]).all()


def test_gaps_of_history_are_those_of_the_sectors_indexes(filled: Home) -> None:  # noqa: F811
    panel = Store(filled.store).panel()
    opened, closed = panel.values["open"], panel.values["close"]
    expected = opened[1:].astype(float) / closed[:-1].astype(float) - 1
    np.testing.assert_array_equal(of(filled).gap[:-1], expected)


def test_only_stocks_that_took_part_count(filled: Home, market: Market) -> None:  # noqa: F811
    known = StockStore(filled.stocks).map()
    sector = known["sector_id"].iloc[0]
    inside = known.index[known["sector_id"] == sector]
    quotes = (
        morning(day_of_quotes(market, [], gap=0.02))
        .set_index("code")
        .loc[known["code"]]
        .reset_index()
    )
    quotes.loc[inside[0], "volume"] = 0.0
    quotes.loc[inside[1], "open"] = np.nan
    quotes.loc[inside[2], "open"] = 10.5
    found = observed(quotes, known, [sector, "C99"], datetime.date(2026, 11, 20))
    expected = (0.05 + 0.02 * (len(inside) - 3)) / (len(inside) - 2)
    assert found.gap[0, 0] == pytest.approx(expected)
    assert np.isnan(found.gap[0, 1])
    assert not found.known[0, 1]


def test_marked_stocks_count_for_the_gap_alone(filled: Home, market: Market) -> None:  # noqa: F811
    known = StockStore(filled.stocks).map()
    quotes = morning(day_of_quotes(market, []))
    quotes.loc[1, ["name", "open", "close"]] = ["*ST股", 10.5, 10.5]
    sector = known.set_index("code")["sector_id"]["600001"]
    found = observed(quotes, known, [sector], datetime.date(2026, 11, 20))
    assert found.sealed[0, 0] == 0
    assert found.gap[0, 0] > 0.01


def test_prices_that_were_never_traded_are_refused(filled: Home, market: Market) -> None:  # noqa: F811
    quotes = morning(day_of_quotes(market, []))
    quotes.loc[0, "open"] = 10.123
    with pytest.raises(PredictorError, match="2026-11-20"):
        observed(quotes, StockStore(filled.stocks).map(), ["C01"], datetime.date(2026, 11, 20))


def test_no_stocks_no_auctions(tmp_path_factory: pytest.TempPathFactory, market: Market) -> None:
    home = Home(tmp_path_factory.mktemp("bare")).create()
    Store(home.store).build(market.frame, market.names, source="synthetic-3")
    assert history(home.store, Store(home.store).panel()) is None


def test_terms_are_of_one_session_and_of_its_known_sectors() -> None:
    gap = np.array([[0.01, -0.01, 0.5, np.nan], [0.0, 0.0, 0.0, 0.0]])
    sealed = np.array([[2.0, 0.0, 7.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    present = np.array([[True, True, False, True], [True] * 4])
    terms = Auction(gap, sealed).terms(present)
    assert terms.shape == (2, 4, len(TERMS))
    assert np.isfinite(terms).all(axis=-1).tolist() == [[True, True, False, False], [True] * 4]
    np.testing.assert_allclose(terms[0, 0], [np.arcsinh(1), np.log(3)])
    np.testing.assert_allclose(terms[0, 1], [-np.arcsinh(1), 0])
    np.testing.assert_array_equal(terms[1], 0)

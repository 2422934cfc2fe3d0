"""Stocks and their events: of a file, and of days that were collected, as known at the cut-off."""

import datetime

import numpy as np
import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.market import Market
from data_profile.panel import Panel
from data_profile.store import Store
from predictor.members.events import Stocks, read
from tests.predictor.members.conftest import STOCKS, limit_events, stock_map, take
from tests.predictor.stocks import put


def stocks_of(home: Home) -> Stocks:
    found = read(home.store, panel_of(home), "15:45")
    assert found is not None
    return found


def panel_of(home: Home) -> Panel:
    return Store(home.store).panel(cutoff="15:45")


@pytest.fixture
def cut(filled: Home, market: Market) -> tuple[Home, datetime.date]:
    """A home whose file of events ends a session early, and the session."""
    events = limit_events(market)
    last = events["session"].max()
    take(filled, market, events[events["session"] < last])
    return filled, last.date()


def quotes(market: Market, up: list[int]) -> pd.DataFrame:
    codes = stock_map(market)["code"]
    close = np.where(np.isin(np.arange(STOCKS), up), [11.0 if c[0] == "6" else 12.0 for c in codes],
                     10.1)  # fmt: skip
    return pd.DataFrame(
        {"code": codes, "name": "股", "open": 10.0, "high": close, "low": 10.0, "close": close,
         "previous_close": 10.0, "volume": 1e6, "ret": close / 10 - 1}
    )  # fmt: skip


def test_a_file_s_events_by_session(filled: Home, market: Market) -> None:
    found = stocks_of(filled)
    events = limit_events(market)
    assert len(found.codes) == STOCKS
    assert sum(day is not None for day in found.days) == events["session"].nunique()
    last = found.days[-1]
    assert last is not None
    assert (np.diff(last.stock) > 0).all()
    of_day = events[events["session"] == events["session"].max()]
    assert last.column("limit_up").sum() == of_day["limit_up"].sum()


def test_a_collected_session_is_judged_as_known_at_the_cut_off(
    cut: tuple[Home, datetime.date], market: Market
) -> None:
    home, day = cut
    assert stocks_of(home).days[-1] is None
    put(home, "akshare.stocks", day, quotes(market, [1, 3]))
    before = stocks_of(home).days[-1]
    assert before is not None
    codes = stocks_of(home).codes
    assert {codes[n] for n in before.stock} == {"600001", "300003"}
    put(home, "akshare.stocks", day, quotes(market, [5, 7, 8]), at=datetime.time(16, 45))
    after = stocks_of(home).days[-1]
    assert after is not None
    np.testing.assert_array_equal(after.values, before.values)


def test_quotes_that_came_late_count_as_that_night_knew_them(
    cut: tuple[Home, datetime.date], market: Market
) -> None:
    home, day = cut
    put(home, "akshare.stocks", day, quotes(market, [1]), at=datetime.time(17, 30))
    last = stocks_of(home).days[-1]
    assert last is not None
    assert last.column("limit_up").tolist() == [1.0]


def test_marked_stocks_are_left_out(cut: tuple[Home, datetime.date], market: Market) -> None:
    home, day = cut
    table = quotes(market, [1, 2])
    table.loc[1, ["name", "high", "close"]] = ["*ST股", 10.5, 10.5]
    put(home, "akshare.stocks", day, table)
    last = stocks_of(home).days[-1]
    assert last is not None
    assert [stocks_of(home).codes[n] for n in last.stock] == ["600002"]


def test_no_map_no_stocks(tmp_path_factory: pytest.TempPathFactory, market: Market) -> None:
    home = Home(tmp_path_factory.mktemp("bare")).create()
    Store(home.store).build(market.frame, market.names, source="synthetic-3")
    assert read(home.store, panel_of(home), "15:45") is None

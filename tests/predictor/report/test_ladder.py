"""The ladder: from single stocks where they are known, and named where they are not."""

import datetime

import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.raw import Raw
from data_profile.stocks import StockStore
from predictor.report.ladder import ladder
from tests.predictor.report.conftest import pool, previous


@pytest.fixture
def last(panel: Panel) -> tuple[datetime.date, datetime.date]:
    first, second = panel.sessions[-2:].tolist()
    return first, second


def test_without_stocks_it_says_so_and_shows_the_sectors(panel: Panel, tmp_path) -> None:
    found = ladder(Home(tmp_path), panel, {panel.instruments[0]: "银行"})
    assert found.rungs == ()
    assert found.missing == ("ladder.no_stocks", "ladder.no_previous")
    counts = panel.values["limit_up_count"][-1]
    assert sorted(one.limit_ups for one in found.sectors) == sorted(counts[counts > 0])
    heights = [one.highest or 0 for one in found.sectors]
    assert heights == sorted(heights, reverse=True)


def test_promotion_by_height_is_of_the_same_stocks(panel: Panel, tmp_path, last) -> None:
    home, raw = Home(tmp_path), Raw(Home(tmp_path).store / "raw")
    raw.put(pool(last[0], {"600001": 1, "600002": 1, "600003": 2, "600004": 4}))
    raw.put(pool(last[1], {"600001": 2, "600003": 3, "600005": 1, "600006": 2}))
    raw.put(previous(last[1], {"600001": 0.1, "600002": -0.06}))
    found = ladder(home, panel, {})
    assert found.missing == ()
    assert found.source == "limit_up_pool"
    rungs = {rung.height: rung for rung in found.rungs}
    assert list(rungs) == [5, 3, 2, 1]
    assert (rungs[2].before, rungs[2].climbed, rungs[2].rate) == (2, 1, 0.5)
    assert rungs[2].fell == ("股票600002",)
    assert (rungs[3].rate, rungs[5].rate, rungs[1].rate) == (1.0, 0.0, None)
    assert rungs[5].stocks == ()
    assert found.previous is not None
    assert found.previous.mean_return == pytest.approx(0.02)
    assert (found.previous.risen, found.previous.at_limit) == (0.5, 0.5)


def test_without_the_session_before_no_rate_is_made_up(panel: Panel, tmp_path, last) -> None:
    Raw(Home(tmp_path).store / "raw").put(pool(last[1], {"600001": 2}))
    found = ladder(Home(tmp_path), panel, {})
    assert found.missing == ("ladder.no_rates", "ladder.no_previous")
    assert found.rungs[0].rate is None


def test_a_refused_pool_is_not_read(panel: Panel, tmp_path, last) -> None:
    Raw(Home(tmp_path).store / "raw").put(pool(last[1], {"600001": 2}), ["too few rows"])
    assert ladder(Home(tmp_path), panel, {}).rungs == ()


def test_the_stock_store_comes_first(panel: Panel, tmp_path, last) -> None:
    events = pd.DataFrame(
        [
            {"session": pd.Timestamp(day), "code": code, "name": f"n{code}", "limit_up": up,
             "streak": streak}
            for day, code, up, streak in (
                (last[0], "600001", 1.0, 1.0), (last[0], "600002", 0.0, 0.0),
                (last[1], "600001", 1.0, 2.0), (last[1], "600009", 0.0, 0.0),
            )
        ]
    )  # fmt: skip
    home = Home(tmp_path)
    Raw(home.store / "raw").put(pool(last[1], {"600007": 7}))
    StockStore(home.stocks).take("limit_events", events, source="events.parquet")
    found = ladder(home, panel, {})
    assert found.source == "limit_events"
    assert [(rung.height, rung.climbed, rung.before) for rung in found.rungs] == [(2, 1, 1)]

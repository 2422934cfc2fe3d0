"""The real list: every trade of the run is one that could have been had.

Checked against the files themselves, not against what the strategy made of them. Prices are
front-adjusted, so a limit is known within a tick and a half.
"""

import dataclasses
import datetime
import json
from decimal import Decimal

import pandas as pd
import pytest

from data_profile.price_limits import board_of, limit_of, status_of
from data_profile.sessions import next_session, sessions
from predictor.dragon_tiger.rules import EXITS, Rules
from predictor.dragon_tiger.scene import load
from predictor.dragon_tiger.strategy import Options, play
from predictor.dragon_tiger.study import backtest

pytestmark = pytest.mark.real_data
NEAR = 0.0115


@pytest.fixture(scope="module")
def document(real_home):
    return backtest(real_home)


@pytest.fixture(scope="module")
def every_listed(real_home):
    """The widest strategy there is, so that thousands of trades are walked, not only dozens."""
    rules = Rules(
        top=1.0, keep=1.0, min_net_buy=-1e18, min_institutional=-1.0, min_turnover_change=-9.0,
        max_weight=0.003, max_drawdown=1.0, cash=1e8,
    )  # fmt: skip
    run = play(load(real_home), Options(rules=rules)).run
    return {
        "trades": [dataclasses.asdict(trade) for trade in run.trades],
        "failed_orders": [dataclasses.asdict(failure) for failure in run.failures],
    }


@pytest.fixture(scope="module")
def facts(real_data, real_bars):
    stocks = pd.read_parquet(real_data / "stock_map.parquet").set_index("code")
    lists = pd.read_parquet(real_data / "lhb_stock.parquet").dropna(subset="name")
    names = dict(zip(zip(lists["date"], lists["code"], strict=True), lists["name"], strict=True))
    return real_bars, stocks["list_date"].to_dict(), names


DAYS = [str(day) for day in sessions("2025-07-01", "2025-12-31")]


def days_between(start: str, end: str) -> list[str]:
    return DAYS[DAYS.index(start) : DAYS.index(end) + 1]


def limits(trade, day: str, facts) -> tuple[float, float]:
    """(lowest, highest) price of the session by the exchange's rule on adjusted prices."""
    bars, listed_on, names = facts
    code, previous = trade["code"], bars[trade["code"], day].previous
    known = [names.get((str(d), code)) for d in days_between(trade["listed_on"], day)]
    name = [n for n in known if isinstance(n, str)][-1]
    began = listed_on.get(code)
    session = datetime.date.fromisoformat(day)
    began = datetime.date.fromisoformat(began) if isinstance(began, str) and began else None
    if began is not None and (session - began).days > 30:
        began = None  # no first session any more; slow to look up
    limit = limit_of(board_of(code), session, status_of(name), listed_on=began)
    up = float("inf") if limit.up is None else previous * float(1 + Decimal(limit.up) / 100)
    down = 0.0 if limit.down is None else previous * float(1 - Decimal(limit.down) / 100)
    return down, up


def walk(trade, facts) -> None:
    bars = facts[0]
    code, listed, bought = trade["code"], trade["listed_on"], trade["bought_on"]
    assert bought == str(next_session(listed)), "the first open after 18:10 of the list"
    bar = bars[code, bought]
    assert bar.volume > 0
    assert trade["open"] == pytest.approx(bar.open, rel=1e-6)
    down, up = limits(trade, bought, facts)
    assert down - NEAR <= trade["open"] < up - 0.005, "not at the upper limit"
    assert trade["open"] <= trade["buy_price"] <= up + NEAR
    if trade["sold_on"] is None:
        return
    sold = trade["sold_on"]
    bar = bars[code, sold]
    assert bought <= trade["ordered_on"] < sold, "ordered after a close, T+1"
    assert bar.volume > 0
    assert trade["sell_open"] == pytest.approx(bar.open, rel=1e-6)
    down, up = limits(trade, sold, facts)
    assert down + 0.005 < trade["sell_open"] <= up + NEAR, "not at the lower limit"
    assert down - NEAR <= trade["sell_price"] <= trade["sell_open"]
    assert trade["reason"] in EXITS
    held = len(days_between(bought, sold)) - 1
    assert 1 <= held <= 5 + trade["waited"]
    assert trade["waited"] == len(days_between(trade["ordered_on"], sold)) - 2


def test_every_trade_could_have_been_had(document, facts):
    assert document["strategy"]["trades"] == len(document["trades"]) > 50
    for trade in document["trades"]:
        walk(trade, facts)


def test_every_trade_of_the_whole_list_could_have_been_had(every_listed, facts):
    assert len(every_listed["trades"]) > 1500
    for trade in every_listed["trades"]:
        walk(trade, facts)
    waited = [trade for trade in every_listed["trades"] if trade["waited"]]
    failed = every_listed["failed_orders"]
    assert waited
    assert sum(trade["waited"] for trade in every_listed["trades"]) == sum(
        one["side"] == "sell" for one in failed
    )


def test_failed_orders_failed_for_what_the_bars_show(every_listed, facts):
    bars = facts[0]
    for one in every_listed["failed_orders"]:
        key = (one["code"], one["session"])
        if one["why"].startswith("suspended"):
            assert key not in bars or not bars[key].volume > 0
        elif "limit" in one["why"] and "unknown" not in one["why"]:
            bar = bars[key]
            change = bar.open / bar.previous - 1
            assert change > 0.04 if one["side"] == "buy" else change < -0.04


def test_the_rules_held(document):
    rules = Rules()
    for trade in document["trades"]:
        assert trade["above"] < rules.top
        assert trade["shares"] % 100 == 0
        if trade["reason"] == "stop":
            assert trade["gain"] < 0.05
    assert max(document["curve"]["invested"]) <= 1
    assert all(x["gain"] > -0.5 for x in document["trades"])


def test_the_document_says_what_it_must(document):
    json.dumps(document, allow_nan=False)
    assert document["claimed"] == {"annual_return": 0.25, "sharpe": 1.2}
    assert document["rivals"]["by_lot"]["draws"] == 1000
    for name in ("all_listed", "market"):
        low, high = document["rivals"][name]["annual_return_interval"]
        assert low < document["rivals"][name]["annual_return"] < high
    assert "83 sessions are 0.3 years" in document["caveats"][0]
    assert set(document["absent"]) == {"F6", "F7", "F8"}

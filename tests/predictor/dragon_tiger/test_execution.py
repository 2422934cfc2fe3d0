"""What can be traded at the open: limits by board and status, suspensions, costs."""

import numpy as np
import pandas as pd
import pytest

from data_profile.panel import Panel
from predictor.dragon_tiger import rules as r
from predictor.dragon_tiger.execution import Costs, market
from predictor.dragon_tiger.rules import RulesError
from predictor.errors import PredictorError
from tests.predictor.dragon_tiger.markets import DAYS


def bars(code: str, *rows: tuple[float, float, float, float] | None) -> list[dict]:
    """The first row is the session before; None is a suspension."""
    return [
        {
            "date": str(DAYS[t]), "instrument": code, "open": row[0], "high": row[1],
            "low": row[2], "close": row[3], "volume": 1e6, "turnover": 1e7,
        }
        for t, row in enumerate(rows)
        if row is not None
    ]  # fmt: skip


def judged(rows: list[dict], *, name: str = "平安银行", list_date: str = "2001-01-01"):
    frame = pd.DataFrame(rows)
    codes = tuple(sorted(frame["instrument"].unique()))
    stocks = pd.DataFrame({"code": list(codes), "list_date": pd.Timestamp(list_date)})
    lists = pd.DataFrame({"session": [pd.Timestamp(DAYS[0])], "code": [codes[0]], "name": [name]})
    return market(Panel.from_frame(frame), stocks, lists, codes=codes)


BEFORE = (10.0, 10.0, 10.0, 10.0)


@pytest.mark.parametrize(
    ("code", "name", "opened", "buy", "sell"),
    [
        ("600001", "好股", (10.99, 11.0, 10.9, 11.0), r.NOTHING, r.NOTHING),
        ("600001", "好股", (11.00, 11.0, 10.9, 11.0), r.AT_UPPER, r.NOTHING),
        ("600001", "好股", (11.00, 11.0, 11.0, 11.0), r.ONE_WORD, r.NOTHING),
        ("600001", "好股", (9.00, 9.5, 9.0, 9.4), r.NOTHING, r.AT_LOWER),
        ("600001", "好股", (9.01, 9.5, 9.0, 9.4), r.NOTHING, r.NOTHING),
        ("600001", "*ST好", (10.50, 10.5, 10.2, 10.4), r.AT_UPPER, r.NOTHING),
        ("600001", "*ST好", (9.50, 9.6, 9.5, 9.5), r.NOTHING, r.AT_LOWER),
        ("300001", "好股", (11.00, 12.0, 10.9, 11.0), r.NOTHING, r.NOTHING),
        ("300001", "好股", (12.00, 12.0, 11.9, 12.0), r.AT_UPPER, r.NOTHING),
        ("688001", "好股", (8.00, 8.5, 8.0, 8.0), r.NOTHING, r.AT_LOWER),
        ("920001", "好股", (13.00, 13.0, 12.0, 12.5), r.AT_UPPER, r.NOTHING),
        ("920001", "好股", (12.00, 13.0, 12.0, 12.5), r.NOTHING, r.NOTHING),
        ("600001", "好股", (11.50, 11.6, 11.4, 11.5), r.UNJUDGED, r.UNJUDGED),
    ],
)
def test_limits_by_board_and_status(code, name, opened, buy, sell):
    made = judged(bars(code, BEFORE, opened), name=name)
    assert (made.no_buy[1, 0], made.no_sell[1, 0]) == (buy, sell)


def test_suspensions_and_first_rows_are_not_traded():
    rows = bars("600001", BEFORE, None, BEFORE) + bars("600002", BEFORE, BEFORE, BEFORE)
    made = judged(rows)
    assert made.no_buy[:, 0].tolist() == [r.UNJUDGED, r.SUSPENDED, r.NOTHING]
    assert made.no_sell[1, 0] == r.SUSPENDED


def test_a_new_listing_has_no_limit_in_its_first_sessions():
    made = judged(bars("600001", BEFORE, (14.0, 15.0, 13.0, 14.0)), list_date=str(DAYS[0]))
    assert (made.no_buy[1, 0], np.isnan(made.upper[1, 0])) == (r.NOTHING, True)


def test_adjusted_prices_near_a_limit_count_as_at_it():
    before, limit = 7.123, 7.123 * 1.1
    for opened, barred in ((limit - 0.006, True), (limit - 0.02, False)):
        row = (round(opened, 3), 7.84, 7.5, 7.6)
        made = judged(bars("600001", (before,) * 4, row))
        assert (made.no_buy[1, 0] == r.AT_UPPER) == barred


def test_duty_lots_and_rows():
    made = judged(bars("600001", BEFORE, BEFORE) + bars("688001", BEFORE, BEFORE))
    assert made.stamp_duty.tolist() == [0.0005, 0.0005]
    assert made.least_lots.tolist() == [1, 2]
    assert made.row(DAYS[1]) == 1
    with pytest.raises(PredictorError, match="2024-01-02"):
        made.row("2024-01-02")
    assert made.since(DAYS[1]).open.shape == (1, 2)


def test_costs_are_not_negative():
    with pytest.raises(RulesError):
        Costs(impact=-0.1)

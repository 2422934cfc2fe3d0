"""The account, seen through `backtest.simulate` on markets made by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.dragon_tiger import rules as r
from predictor.dragon_tiger.backtest import simulate
from predictor.dragon_tiger.execution import Costs, Market
from predictor.dragon_tiger.listing import Decisions
from predictor.dragon_tiger.rules import OBSTACLES, Rules
from tests.predictor.dragon_tiger.markets import flat_market, wanting

FREE = Costs(0.0, 0.0, 0.0, 0.0, 0.0, 0)


def day(market: Market, row: int) -> str:
    return str(market.sessions[row])


def test_a_list_is_traded_at_the_next_open_and_held_five_sessions():
    market = flat_market(12, 1)
    market.open[:, 0] = np.arange(10, 22)
    market.close[:] = market.open + 0.5
    (trade,) = simulate(market, wanting(market, (2, 0)), Rules(), FREE).trades
    assert (trade.listed_on, trade.bought_on) == (day(market, 2), day(market, 3))
    assert trade.buy_price == trade.open == 13
    assert (trade.ordered_on, trade.sold_on) == (day(market, 7), day(market, 8))
    assert (trade.sell_price, trade.reason) == (18, "held_the_longest")
    assert trade.gain == pytest.approx(18 / 13 - 1 - 0.0005 * 18 / 13)


def test_the_stop_is_judged_at_the_close_and_sold_at_the_next_open():
    market = flat_market(12, 1)
    market.close[4:, 0] = 9.5
    market.open[5:, 0] = 9.2
    (trade,) = simulate(market, wanting(market, (2, 0)), Rules(hold_min=4), FREE).trades
    assert (trade.reason, trade.ordered_on, trade.sold_on) == (
        "stop", day(market, 4), day(market, 5),
    )  # fmt: skip
    assert trade.sell_price == 9.2


def test_bought_and_stopped_on_the_same_day_is_sold_on_the_next():
    market = flat_market(8, 1)
    market.close[3:, 0] = 9.0
    (trade,) = simulate(market, wanting(market, (2, 0)), Rules(), FREE).trades
    assert (trade.bought_on, trade.sold_on) == (day(market, 3), day(market, 4))


@pytest.mark.parametrize(
    ("above", "sentiment", "hold_min", "reason", "sold"),
    [
        (0.29, np.nan, 1, "held_the_longest", 8),
        (0.30, np.nan, 1, "left_the_top", 5),
        (0.95, np.nan, 3, "held_the_longest", 8),  # only the list of session 4 says so: too early
        (0.05, -0.51, 1, "sentiment", 5),
        (0.05, -0.50, 1, "held_the_longest", 8),
    ],
)
def test_exits_by_score_and_sentiment(above, sentiment, hold_min, reason, sold):
    market = flat_market(12, 1)
    decisions = wanting(market, (2, 0))
    decisions.above[4, 0], decisions.sentiment[4, 0] = above, sentiment
    (trade,) = simulate(market, decisions, Rules(hold_min=hold_min), FREE).trades
    assert (trade.reason, trade.sold_on) == (reason, day(market, sold))


def test_what_leaves_the_list_may_be_kept_or_sold():
    market = flat_market(12, 1)
    decisions = wanting(market, (2, 0))
    (kept,) = simulate(market, decisions, Rules(), FREE).trades
    (sold,) = simulate(market, decisions, Rules(unlisted="sell"), FREE).trades
    assert (kept.reason, sold.reason) == ("held_the_longest", "left_the_list")
    assert sold.sold_on == day(market, 4)


@pytest.mark.parametrize("why", [r.SUSPENDED, r.UNJUDGED, r.ONE_WORD, r.AT_UPPER])
def test_a_barred_purchase_lapses_with_its_reason(why: int):
    market = flat_market(8, 1)
    market.no_buy[3, 0] = why
    run = simulate(market, wanting(market, (2, 0)), Rules(), FREE)
    assert not run.trades
    (failure,) = run.failures
    assert (failure.side, failure.session, failure.why) == ("buy", day(market, 3), OBSTACLES[why])


def test_a_barred_sale_waits_and_each_session_is_recorded():
    market = flat_market(14, 1)
    market.no_sell[8:10, 0] = r.AT_LOWER
    market.no_sell[10, 0] = r.SUSPENDED
    run = simulate(market, wanting(market, (2, 0)), Rules(), FREE)
    (trade,) = run.trades
    assert (trade.ordered_on, trade.sold_on, trade.waited) == (day(market, 7), day(market, 11), 3)
    assert [f.session for f in run.failures] == [day(market, t) for t in (8, 9, 10)]
    assert run.failures[-1].why == OBSTACLES[r.SUSPENDED]


def test_costs_by_hand():
    market = flat_market(12, 1)
    market.turnover[:] = 4e6
    costs = Costs(0.0003, 5.0, 0.00001, 0.001, 0.1, 100)
    (trade,) = simulate(market, wanting(market, (2, 0)), Rules(), costs).trades
    bought = 10 * (1 + 0.001 + 0.1 * math.sqrt(50_000 / 4e6))
    assert trade.buy_price == pytest.approx(bought)
    assert trade.shares == 4900  # 50,000 yuan buy 4,939 and some
    worth = 4900 * 10
    sold = 10 * (1 - 0.001 - 0.1 * math.sqrt(worth / 4e6))
    assert trade.sell_price == pytest.approx(sold)
    fees = sum(max(0.0003 * 4900 * p, 5.0) + 0.00001 * 4900 * p for p in (bought, sold))
    duty = 0.0005 * 4900 * sold
    slipped = 4900 * (bought - 10) + 4900 * (10 - sold)
    assert trade.cost == pytest.approx(fees + duty + slipped)


def test_slippage_never_leaves_the_limits():
    market = flat_market(12, 1)
    market.upper[:], market.lower[:] = 10.01, 9.99
    (trade,) = simulate(market, wanting(market, (2, 0)), Rules(), Costs(spread=0.05)).trades
    assert (trade.buy_price, trade.sell_price) == (10.01, 9.99)


def test_lots():
    market = flat_market(8, 2, price=400.0)
    market.least_lots[1] = 2
    run = simulate(market, wanting(market, (2, 0), (2, 1)), Rules(), replace(FREE, lot=100))
    assert [(t.code, t.shares) for t in run.trades] == [("600000", 100)]
    assert [f.why for f in run.failures] == [OBSTACLES[r.NO_CASH]]


def test_no_more_than_five_percent_and_equal_parts():
    market = flat_market(8, 30)
    run = simulate(market, wanting(market, *((2, i) for i in range(30))), Rules(), FREE)
    worth = [t.shares * t.buy_price for t in run.trades]
    assert worth == pytest.approx([1e6 / 30] * 30)
    few = simulate(market, wanting(market, (2, 0), (2, 1)), Rules(), FREE)
    assert [t.shares * t.buy_price for t in few.trades] == pytest.approx([50_000] * 2)
    assert few.invested[3] == pytest.approx(0.1)


def test_a_thin_book_rests_in_cash_in_part_or_in_all():
    market = flat_market(10, 5)
    four = wanting(market, *((2, i) for i in range(4)))
    loose = Rules(max_weight=1.0)
    assert simulate(market, four, loose, FREE).invested[3] == pytest.approx(0.8)
    strict = Rules(max_weight=1.0, thin_book="all_in_cash")
    assert not simulate(market, four, strict, FREE).trades
    five = wanting(market, *((2, i) for i in range(5)))
    assert len(simulate(market, five, strict, FREE).trades) == 5
    # Four that are held and stay count with one that is wanted.
    later = wanting(market, *((2, i) for i in range(5)), (4, 4))
    assert len(simulate(market, later, strict, FREE).trades) == 5


def test_a_drawdown_pauses_buying_until_the_rules_earn_again_on_paper():
    market = flat_market(40, 40)
    wishes = [(2, i) for i in range(20)] + [(t, t) for t in range(3, 39)]
    market.close[3:, :20] = 8.0
    market.open[4:, :20] = 8.0
    rules = Rules(revalidation=5)
    run = simulate(market, wanting(market, *wishes), rules, FREE)
    assert run.paused[3] == 1
    assert max(t.bought_on for t in run.trades) <= day(market, 3)  # flat prices earn nothing
    rising = replace(market, close=market.close.copy(), open=market.open.copy())
    grown = 10 * 1.01 ** np.arange(40)[:, None]
    rising.open[:, 20:] = rising.close[:, 20:] = grown
    again = simulate(rising, wanting(rising, *wishes), rules, FREE)
    end = int(np.flatnonzero(again.paused)[-1])
    assert 3 + 5 <= end + 1 < 39
    bought = {t.bought_on for t in again.trades}
    assert not bought & {day(rising, t) for t in range(5, end + 2)}
    assert bought & {day(rising, t) for t in range(end + 2, 40)}


def test_the_last_evenings_orders_are_the_signals():
    market = flat_market(6, 3)
    run = simulate(market, wanting(market, (5, 2), (5, 0)), Rules(), FREE)
    assert not run.trades
    assert sorted(run.orders) == ["600000", "600002"]


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), weight=st.sampled_from([0.05, 0.3, 1.0]))
def test_whatever_the_market_the_books_balance(seed: int, weight: float):
    rng = np.random.default_rng(seed)
    count, stocks = 25, 8
    market = flat_market(count, stocks)
    market.open[:] = np.exp(rng.normal(2, 0.3, market.open.shape))
    market.close[:] = market.open * np.exp(rng.normal(0, 0.1, market.open.shape))
    gone = rng.random(market.open.shape) < 0.1
    market.open[gone] = market.close[gone] = np.nan
    market.no_buy[gone] = market.no_sell[gone] = r.SUSPENDED
    market.no_sell[rng.random(market.open.shape) < 0.1] = r.AT_LOWER
    above = np.where(rng.random(market.open.shape) < 0.5, rng.random(market.open.shape), np.nan)
    decisions = Decisions(above, above, above < 0.4, np.full(above.shape, np.nan))
    rules = Rules(max_weight=weight, max_drawdown=0.2, revalidation=3)
    run = simulate(market, decisions, rules, Costs(min_commission=5.0))
    order = {str(d): t for t, d in enumerate(market.sessions)}
    cash = np.full(count, rules.cash)
    held = np.zeros(count)
    for t in run.trades:
        i, bought = market.codes.index(t.code), order[t.bought_on]
        assert order[t.listed_on] + 1 == bought
        assert not market.no_buy[bought, i]
        assert t.shares % 100 == 0
        sold = count if t.sold_on is None else order[t.sold_on]
        assert sold > bought
        fees = max(0.00025 * t.shares * t.buy_price, 5) + 0.00001 * t.shares * t.buy_price
        cash[bought:] -= t.shares * t.buy_price + fees
        if t.sold_on is not None:
            assert not market.no_sell[sold, i]
            assert order[t.ordered_on] < sold
            got = t.shares * t.sell_price
            cash[sold:] += got * (1 - 0.0005 - 0.00001) - max(0.00025 * got, 5)
        last = t.buy_price
        for k in range(bought, sold):
            last = last if np.isnan(market.close[k, i]) else market.close[k, i]
            held[k] += t.shares * last
    assert (cash > -1e-6).all()
    np.testing.assert_allclose(run.value, cash + held, rtol=1e-9)
    np.testing.assert_allclose(run.invested, held / run.value, atol=1e-9)

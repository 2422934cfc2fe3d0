"""A portfolio of sectors, by hand-computed accounts."""

import numpy as np
import pytest

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation.backtest import SESSIONS_A_YEAR, Market, Rules, ordinal
from tests.factor_pool.evaluation.markets import market, panel_of

FREE = Rules(
    top=1, drop=1, deal="close", no_buy=None, no_sell=None,
    open_cost=0.0, close_cost=0.0, min_cost=0.0, risk_degree=1.0, cash=1000.0,
)  # fmt: skip


def prices(*columns: list[float]) -> Panel:
    return panel_of(close=np.array(columns, dtype=float).T)


def test_scores_of_a_session_are_traded_in_the_next():
    panel = prices([10, 20, 40, 80], [10, 10, 10, 10])
    scores = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=float)

    curve = Market(panel, FREE).simulate(scores)

    assert curve.account.tolist() == [1000, 1000, 2000, 4000]  # bought at 20, sold at 80
    assert curve.positions.tolist() == [0, 1, 1, 1]


def test_a_session_without_any_score_is_not_traded():
    panel = prices([10, 20, 40, 80], [10, 10, 10, 10])
    scores = np.full(panel.shape, np.nan)
    scores[0] = [1, 0]

    curve = Market(panel, FREE).simulate(scores)

    assert curve.turnover.tolist() == [0, 1, 0, 0]
    assert curve.account[-1] == 4000


def test_costs_are_paid_out_of_the_account_and_given_back_in_returns():
    panel = prices([10, 10, 10], [10, 10, 10])
    rules = Rules(top=1, deal="close", no_buy=None, no_sell=None, cash=1e6)
    scores = np.array([[1, 0], [0, 1], [0, 1]], dtype=float)

    curve = Market(panel, rules).simulate(scores)

    bought = 0.95e6
    assert curve.account[1] == pytest.approx(1e6 - bought * 0.0005)
    assert curve.cost[1] == pytest.approx(bought * 0.0005 / 1e6)
    assert curve.returns == pytest.approx([0, 0, 0], abs=1e-15)


def test_a_small_trade_costs_the_minimum():
    panel = prices([10, 10], [10, 10])
    rules = Rules(top=1, deal="close", no_buy=None, no_sell=None, cash=1000.0)

    curve = Market(panel, rules).simulate(np.array([[1.0, 0.0], [1.0, 0.0]]))

    assert curve.account.tolist() == [1000, 995]


def test_a_sector_at_its_limit_is_not_bought_and_the_cash_stays_idle():
    panel = panel_of(
        close=np.full((3, 2), 10.0),
        limit_up_count=np.array([[0, 0], [5, 0], [0, 0]]),
        company_count=np.full((3, 2), 10.0),
    )
    scores = np.tile([1.0, 0.0], (3, 1))

    kept = Market(panel, Rules(top=1).on(panel)).simulate(scores)
    chosen = Market(panel, Rules(top=1, only_tradable=True).on(panel)).simulate(scores)

    assert kept.positions.tolist() == [0, 0, 1]
    assert chosen.positions.tolist() == [0, 1, 1]


def test_a_suspended_sector_keeps_its_last_price_and_cannot_be_sold():
    panel = panel_of(close=np.array([[10, 10], [10, 10], [np.nan, 10], [20, 10]]))
    scores = np.array([[1, 0], [0, 1], [0, 1], [0, 1]], dtype=float)

    curve = Market(panel, FREE).simulate(scores)

    assert curve.account.tolist() == [1000, 1000, 1000, 2000]
    assert curve.positions.tolist() == [0, 1, 1, 1]


def test_only_the_sessions_between_the_dates_are_traded():
    panel = market(0, sessions=80)
    start, end = panel.sessions[30], panel.sessions[49]
    scores = panel.values["signal"]
    rules = Rules().on(panel)

    curve = Market(panel, rules).simulate(scores, start, end)
    poisoned = scores.copy()
    poisoned[:29] = np.nan
    poisoned[49:] = 1e9

    assert curve.sessions.tolist() == panel.sessions[30:50].tolist()
    again = Market(panel, rules).simulate(poisoned, start, end)
    assert np.array_equal(curve.account, again.account)


def test_nothing_later_changes_the_account():
    panel = market(1, sessions=60)
    rules = Rules().on(panel)
    scores = panel.values["signal"]
    values = {name: matrix.copy() for name, matrix in panel.values.items()}
    for matrix in values.values():
        matrix[40:] = 7.0
    later = Panel(panel.sessions, panel.instruments, values, panel.listed)

    one = Market(panel, rules).simulate(scores)
    other = Market(later, rules).simulate(values["signal"])

    assert np.array_equal(one.account[:40], other.account[:40])


def test_equal_scores_rank_in_the_order_of_the_columns():
    panel = prices([10, 10, 10], [10, 10, 20], [10, 10, 40])
    scores = np.ones(panel.shape)

    assert Market(panel, FREE).simulate(scores).account[-1] == 1000  # the first column
    assert ordinal(scores)[0].tolist() == [3, 2, 1]


def test_infinite_scores_rank_first_and_last():
    panel = prices([10, 10, 20], [10, 10, 10], [10, 10, 10])
    scores = np.array([[np.inf, 5, -np.inf]] * 3)

    assert Market(panel, FREE).simulate(scores).account[-1] == 2000


def test_figures_tell_the_account():
    panel = market(2, sessions=300)
    curve = Market(panel, Rules().on(panel)).simulate(panel.values["signal"])
    figures = curve.figures()

    excess = curve.returns - curve.cost - curve.benchmark
    assert figures["annual_excess"] == pytest.approx(excess.mean() * SESSIONS_A_YEAR)
    assert curve.net_value() == pytest.approx(np.cumprod(1 + curve.returns - curve.cost))
    assert figures["max_drawdown"] == curve.drawdown().min() <= 0
    assert 0 < figures["daily_turnover"] < 2
    assert set(map(len, (v for v in curve.to_dict().values()))) == {300}


def test_an_account_that_never_trades_has_no_information_ratio():
    panel = prices([10, 10, 10], [10, 10, 10])
    curve = Market(panel, FREE).simulate(np.full(panel.shape, np.nan))
    assert curve.figures()["information_ratio"] is None
    assert curve.figures()["max_drawdown"] == 0


def test_rules_leave_out_what_a_panel_cannot_tell():
    panel = market(3, sessions=30)
    rules = Rules().on(panel)
    assert (rules.deal, rules.no_buy is None, rules.no_sell) == ("close", False, None)
    with pytest.raises(EvaluationError, match=r"'limit_down_count'.*Rules\.on"):
        Market(panel, Rules(deal="close"))


@pytest.mark.parametrize(
    "wrong", [{"top": 0}, {"drop": 0}, {"risk_degree": 0.0}, {"cash": 0.0}, {"open_cost": -1.0}]
)
def test_impossible_rules_are_refused(wrong):
    with pytest.raises(EvaluationError):
        Rules(**wrong)


def test_scores_and_dates_must_fit_the_panel():
    panel = market(4, sessions=30)
    trading = Market(panel, Rules().on(panel))
    with pytest.raises(EvaluationError, match="shape"):
        trading.simulate(np.zeros((3, 3)))
    with pytest.raises(EvaluationError, match="no session between"):
        trading.simulate(panel.values["signal"], "1999-01-01", "1999-02-01")

"""The rules over history: the account's curve, its ledger of trades, what failed and why."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from factor_pool.evaluation.backtest import SESSIONS_A_YEAR
from predictor.dragon_tiger import account as a
from predictor.dragon_tiger.execution import Costs, Market
from predictor.dragon_tiger.listing import Decisions
from predictor.dragon_tiger.rules import EXITS, OBSTACLES, Rules


@dataclass(frozen=True)
class Trade:
    """One position, from the list that asked for it to its sale.

    Parameters
    ----------
    code
        Six digits.
    listed_on, bought_on
        Session of the list, and of the purchase at its open.
    shares
        In front-adjusted shares.
    open, buy_price
        The open, and what was paid a share with slippage, yuan.
    score, above
        On `listed_on`: the score, and the share of the day's list that scored better.
    ordered_on, sold_on, sell_open, sell_price, reason
        The same of the sale, with its reason (`rules.EXITS`); None while the position is open.
    waited
        Sessions for which a sale was ordered and could not be had.
    cost
        Yuan: fees, duty and slippage of both sides.
    gain
        Of the value paid, after all costs; of an open position at the last close, unsold.
    """

    code: str
    listed_on: str
    bought_on: str
    shares: float
    open: float
    buy_price: float
    score: float
    above: float
    ordered_on: str | None
    sold_on: str | None
    sell_open: float | None
    sell_price: float | None
    reason: str | None
    waited: int
    cost: float
    gain: float


@dataclass(frozen=True)
class Failure:
    """An order that the market did not carry out.

    Parameters
    ----------
    session, code
        When, and of which stock.
    side
        "buy", which lapses, or "sell", which waits for the next session.
    why
        Of `rules.OBSTACLES`.
    """

    session: str
    code: str
    side: str
    why: str


@dataclass(frozen=True, eq=False)
class Run:
    """An account over n sessions; every array is float64 (n,) unless said.

    Parameters
    ----------
    sessions
        datetime64[D] (n,).
    value, invested, held, paid, traded, paused
        After each session: yuan, share of it in stocks, positions, costs paid (yuan), value traded
        (yuan), 1 in a pause.
    cash
        At the start, yuan.
    trades, failures
        In order.
    orders
        Codes ordered on the last evening, the best first.
    """

    sessions: np.ndarray
    value: np.ndarray
    invested: np.ndarray
    held: np.ndarray
    paid: np.ndarray
    traded: np.ndarray
    paused: np.ndarray
    cash: float
    trades: tuple[Trade, ...]
    failures: tuple[Failure, ...]
    orders: tuple[str, ...]

    @property
    def returns(self) -> np.ndarray:
        """Net of all costs, a session; idle cash earns nothing."""
        return returns_of(self.value, self.cash)


def returns_of(value: np.ndarray, cash: float) -> np.ndarray:
    """Changes of an account's value, as shares of the value before; float64 (n,)."""
    return value / np.concatenate(([cash], value[:-1])) - 1


def simulate(
    market: Market,
    decisions: Decisions,
    rules: Rules,
    costs: Costs,
    *,
    first: int = 0,
    last: int | None = None,
) -> Run:
    """Trade on the lists of the sessions `first` to `last` (rows of the market, both inclusive).

    The first purchase is at the open after `first`. What a pause waits for is the same account
    without pauses, kept on paper.
    """
    last = len(market.sessions) - 1 if last is None else last
    ready = _paper_gains(market, decisions, rules, costs, first, last)
    trades, daily, failed, orders = a.trade(
        prices_of(market), _wishes(decisions, ready), terms_of(rules, costs), first, last
    )
    days = np.datetime_as_string(market.sessions, unit="D").tolist()
    kept = slice(first, last + 1)
    return Run(
        sessions=market.sessions[kept],
        value=daily[:, a.VALUE], invested=1 - daily[:, a.CASH] / daily[:, a.VALUE],
        held=daily[:, a.HELD], paid=daily[:, a.PAID],
        traded=daily[:, a.TRADED], paused=daily[:, a.PAUSED], cash=rules.cash,
        trades=tuple(_trade(row, market, decisions, days, last) for row in trades),
        failures=tuple(
            Failure(days[t], market.codes[i], "buy" if buying else "sell", OBSTACLES[why])
            for t, i, why, buying in failed
        ),
        orders=tuple(market.codes[i] for i in orders),
    )  # fmt: skip


def values(
    prices: a.Prices, decisions: Decisions, terms: a.Terms, first: int, last: int
) -> tuple[np.ndarray, np.ndarray]:
    """(account after each session, gains of the positions closed) of a run without pauses.

    The quick way for searches and draws, which make thousands of runs.
    """
    free = terms._replace(max_drawdown=np.inf)
    ready = np.zeros(len(decisions.buy), dtype=bool)
    trades, daily, _, _ = a.trade(prices, _wishes(decisions, ready), free, first, last)
    closed = trades[trades[:, a.SOLD] >= 0]
    return daily[:, a.VALUE], _gain(closed, closed[:, a.SELL_PRICE], closed[:, a.SELL_COST])


def prices_of(market: Market) -> a.Prices:
    """What the account needs of a market."""
    return a.Prices(
        market.open, market.close, market.turnover, market.upper, market.lower,
        market.no_buy, market.no_sell, market.least_lots, market.stamp_duty,
    )  # fmt: skip


def terms_of(rules: Rules, costs: Costs) -> a.Terms:
    """The account's numbers from the rules and the costs."""
    return a.Terms(
        rules.keep, rules.unlisted == "sell", rules.min_sentiment, rules.hold_min, rules.hold_max,
        rules.max_weight, rules.min_holdings, rules.thin_book == "all_in_cash", rules.stop,
        rules.max_drawdown, rules.revalidation, rules.cash, costs.commission,
        costs.min_commission, costs.transfer_fee, costs.spread, costs.impact, costs.lot,
    )  # fmt: skip


def figures(returns: np.ndarray) -> dict[str, float | None]:
    """Plain figures of daily returns (n,); a year is `SESSIONS_A_YEAR` sessions."""
    value = np.cumprod(1 + returns)
    deviation = returns.std(ddof=1) if len(returns) > 1 else 0.0
    drawdown = value / np.maximum.accumulate(np.maximum(value, 1.0)) - 1
    return {
        "total_return": float(value[-1] - 1) if len(value) else None,
        "annual_return": float(returns.mean() * SESSIONS_A_YEAR) if len(value) else None,
        "annual_volatility": float(deviation * np.sqrt(SESSIONS_A_YEAR)),
        "sharpe": sharpe(returns),
        "max_drawdown": float(drawdown.min()) if len(value) else None,
    }


def sharpe(returns: np.ndarray) -> float | None:
    """Annualised mean over standard deviation, no interest on cash; None where nothing varies."""
    if len(returns) < 2 or not returns.std(ddof=1) > 0:
        return None
    return float(returns.mean() / returns.std(ddof=1) * np.sqrt(SESSIONS_A_YEAR))


def _paper_gains(
    market: Market, decisions: Decisions, rules: Rules, costs: Costs, first: int, last: int
) -> np.ndarray:
    """Whether the account without pauses gained over the last `revalidation` sessions, (T,)."""
    value, _ = values(prices_of(market), decisions, terms_of(rules, costs), first, last)
    ready = np.zeros(len(market.sessions), dtype=bool)
    back = rules.revalidation
    ready[first + back : last + 1] = value[back:] > value[:-back]
    return ready


def _wishes(decisions: Decisions, ready: np.ndarray) -> a.Wishes:
    return a.Wishes(decisions.above, decisions.buy, decisions.sentiment, ready)


def _gain(rows: np.ndarray, price: np.ndarray, cost: np.ndarray) -> np.ndarray:
    paid = rows[:, a.SHARES] * rows[:, a.BUY_PRICE] + rows[:, a.BUY_COST]
    return (rows[:, a.SHARES] * price - cost) / paid - 1


def _trade(
    row: np.ndarray, market: Market, decisions: Decisions, days: list[str], last: int
) -> Trade:
    i, signal, bought = (int(row[c]) for c in (a.STOCK, a.SIGNAL, a.BOUGHT))
    ordered, sold = int(row[a.ORDERED]), int(row[a.SOLD])
    cost = row[a.BUY_COST] + row[a.BUY_SLIP]
    if sold < 0:
        closes = market.close[bought : last + 1, i]
        gain = _gain(row[None], closes[np.isfinite(closes)][-1:], np.zeros(1))
    else:
        cost += row[a.SELL_COST] + row[a.SELL_SLIP]
        gain = _gain(row[None], row[a.SELL_PRICE : a.SELL_PRICE + 1], row[None, a.SELL_COST])
    return Trade(
        code=market.codes[i], listed_on=days[signal], bought_on=days[bought],
        shares=float(row[a.SHARES]), open=float(market.open[bought, i]),
        buy_price=float(row[a.BUY_PRICE]),
        score=float(decisions.score[signal, i]), above=float(decisions.above[signal, i]),
        ordered_on=days[ordered] if ordered >= 0 else None,
        sold_on=days[sold] if sold >= 0 else None,
        sell_open=float(market.open[sold, i]) if sold >= 0 else None,
        sell_price=float(row[a.SELL_PRICE]) if sold >= 0 else None,
        reason=EXITS[int(row[a.REASON])] if ordered >= 0 else None,
        waited=int(row[a.WAITED]), cost=float(cost), gain=float(gain[0]),
    )  # fmt: skip


def describe(run: Run) -> dict[str, Any]:
    """The account in figures: returns, drawdown, trades, exits by reason, failed orders."""
    closed = [trade for trade in run.trades if trade.sold_on is not None]
    gains = np.array([trade.gain for trade in closed])
    obstacles = [f"{failure.side}: {failure.why}" for failure in run.failures]
    return {
        **figures(run.returns),
        "trades": len(run.trades),
        "open_positions": len(run.trades) - len(closed),
        "mean_gain": float(gains.mean()) if len(gains) else None,
        "share_won": float((gains > 0).mean()) if len(gains) else None,
        "mean_invested": float(run.invested.mean()),
        "mean_positions": float(run.held.mean()),
        "cost": float(run.paid.sum()),
        "cost_share": float(run.paid.sum() / run.cash),
        "turnover_a_session": float((run.traded / run.value).mean()),
        "sessions_paused": int(run.paused.sum()),
        "exits": {r: sum(trade.reason == r for trade in closed) for r in EXITS},
        "failed_orders": {why: obstacles.count(why) for why in sorted(set(obstacles))},
    }

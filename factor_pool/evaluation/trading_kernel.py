"""The compiled loop behind `backtest`: Qlib's TopkDropoutStrategy, exchange and account in one.

Statement by statement it does what pyqlib 0.9.7 does in `contrib/strategy/signal_strategy.py`,
`backtest/exchange.py`, `backtest/position.py` and `backtest/account.py`, for baskets without lots;
that a sale which fails leaves more than K positions, up to K + n_drop, is Qlib's way as well. Only
the order of equal scores is ours (`backtest`).
"""

from typing import NamedTuple

import numba
import numpy as np

_DUST = 1e-5  # a trade of no more value is none
_NO_PRICE = 1e-8  # a deal price of no more is replaced by the close

# Columns of the table that `trade` fills, one row a session.
ACCOUNT, CASH, VALUE, TURNOVER, COST, POSITIONS = range(6)
COLUMNS = 6


class Market(NamedTuple):
    """What can be traded at which price; every array is (T, S).

    Parameters
    ----------
    close, buy, sell
        float64 prices: that positions are valued at, bought at and sold at. No close: suspended.
    no_buy, no_sell
        bool: barred from being bought, from being sold.
    """

    close: np.ndarray
    buy: np.ndarray
    sell: np.ndarray
    no_buy: np.ndarray
    no_sell: np.ndarray


class Plan(NamedTuple):
    """The numbers of `backtest.Rules` that the loop needs, under the same names."""

    top: int
    drop: int
    hold: int
    risk_degree: float
    only_tradable: bool
    forbid_all: bool
    open_cost: float
    close_cost: float
    min_cost: float
    cash: float


@numba.njit(cache=True)
def trade(scores: np.ndarray, market: Market, plan: Plan, first: int, last: int) -> np.ndarray:
    """Trade the sessions `first` to `last` on the scores of the session before each.

    Returns
    -------
    ndarray
        float64 (last - first + 1, COLUMNS): after each session the account's value, its cash and
        the value of its positions, all in yuan; the yuan traded and paid as cost in the session;
        the number of positions.
    """
    instruments = scores.shape[1]
    table = np.zeros((last - first + 1, COLUMNS))
    amount = np.zeros(instruments)
    price = np.zeros(instruments)  # the last close, or the price paid
    bars = np.full(instruments, -1)  # sessions held; -1: not held
    cash = plan.cash
    for t in range(first, last + 1):
        turnover = 0.0
        paid = 0.0
        if t > 0 and not np.isnan(scores[t - 1]).all():
            sell, wanted, buys = _decide(scores[t - 1], bars, market, plan, t)
            budget = cash
            for i in range(instruments):
                if not sell[i] or bars[i] < plan.hold or not _open(market, plan, t, i, False):
                    continue
                at = _price(market.sell, market.close, t, i)
                worth = amount[i] * at
                cost = max(worth * plan.close_cost, plan.min_cost)
                if cash + worth < cost or worth <= _DUST:
                    continue
                cash += worth - cost
                budget += worth - cost
                turnover += worth
                paid += cost
                bars[i] = -1
            share = budget * plan.risk_degree / buys if buys > 0 else 0.0
            for k in range(buys):
                i = wanted[k]
                if not _open(market, plan, t, i, True):
                    continue
                at = _price(market.buy, market.close, t, i)
                worth = _affordable(share / at, at, cash, plan) * at
                if worth <= _DUST:
                    continue
                cost = max(worth * plan.open_cost, plan.min_cost)
                amount[i] = worth / at
                bars[i] = 0
                cash -= worth + cost
                turnover += worth
                paid += cost
                price[i] = at
        value = 0.0
        held = 0
        for i in range(instruments):
            if bars[i] < 0:
                continue
            if not np.isnan(market.close[t, i]):
                price[i] = market.close[t, i]
            bars[i] += 1
            held += 1
            value += amount[i] * price[i]
        row = table[t - first]
        row[ACCOUNT], row[CASH], row[VALUE] = value + cash, cash, value
        row[TURNOVER], row[COST], row[POSITIONS] = turnover, paid, held
    return table


@numba.njit(cache=True)
def _decide(
    scores: np.ndarray, bars: np.ndarray, market: Market, plan: Plan, t: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """(bool (S,) to sell, columns wanted best first, how many of these to buy)."""
    instruments = len(scores)
    held = 0
    for i in range(instruments):
        held += bars[i] >= 0
    count = plan.drop + plan.top - held
    if plan.only_tradable:
        count = max(count, 1)  # Qlib's loop takes one before it counts
    wanted = _best(scores, bars, market, plan, t, count)
    among = bars >= 0
    among[wanted] = True
    sell = np.zeros(instruments, dtype=np.bool_)
    sales = 0
    for _ in range(plan.drop):
        worst = -1
        for i in range(instruments):
            if not among[i] or (plan.only_tradable and not _tradable(market, t, i)):
                continue
            # Without a score is worse than any; of equals the last is the worst.
            if worst < 0 or np.isnan(scores[i]) or scores[i] <= scores[worst]:
                worst = i
        if worst < 0:
            break
        among[worst] = False
        if bars[worst] >= 0:
            sell[worst] = True
            sales += 1
    return sell, wanted, len(wanted[: sales + plan.top - held])


@numba.njit(cache=True)
def _best(
    scores: np.ndarray, bars: np.ndarray, market: Market, plan: Plan, t: int, count: int
) -> np.ndarray:
    """Columns of the `count` best that are not held, best first; of equals the first is better."""
    found = np.empty(count, dtype=np.int64)
    size = 0
    for i in range(len(scores)):
        if bars[i] >= 0 or np.isnan(scores[i]):
            continue
        if size == count and (count == 0 or scores[i] <= scores[found[-1]]):
            continue
        if plan.only_tradable and not _tradable(market, t, i):
            continue
        place = size if size < count else count - 1
        while place > 0 and scores[found[place - 1]] < scores[i]:
            found[place] = found[place - 1]
            place -= 1
        found[place] = i
        size = min(size + 1, count)
    return found[:size]


@numba.njit(cache=True)
def _tradable(market: Market, t: int, i: int) -> bool:
    return not (np.isnan(market.close[t, i]) or market.no_buy[t, i] or market.no_sell[t, i])


@numba.njit(cache=True)
def _open(market: Market, plan: Plan, t: int, i: int, buying: bool) -> bool:
    if plan.forbid_all:
        return _tradable(market, t, i)
    barred = market.no_buy[t, i] if buying else market.no_sell[t, i]
    return not (np.isnan(market.close[t, i]) or barred)


@numba.njit(cache=True)
def _price(prices: np.ndarray, close: np.ndarray, t: int, i: int) -> float:
    price = prices[t, i]
    return price if price > _NO_PRICE else close[t, i]


@numba.njit(cache=True)
def _affordable(amount: float, price: float, cash: float, plan: Plan) -> float:
    """The amount of an order that the cash can pay, costs included."""
    worth = amount * price
    cost = max(worth * plan.open_cost, plan.min_cost)
    if cash < cost:
        return 0.0
    if cash >= worth + cost:
        return amount
    if cash < plan.min_cost:
        return 0.0
    proportional = plan.open_cost == 0.0 or cash >= plan.min_cost / plan.open_cost + plan.min_cost
    if proportional:
        return min(cash / (1 + plan.open_cost) / price, amount)
    return min((cash - plan.min_cost) / price, amount)

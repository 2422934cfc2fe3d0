"""The compiled account: orders of one evening, carried out at the next open or not at all.

A session goes: sales that were ordered, purchases that were ordered, the close, and then, with that
evening's list, the orders for the next session. So nothing that is bought in a session can be sold
in it (T+1), and no order knows the price it will trade at. A purchase that fails is dropped; a sale
that fails waits for the next session.
"""

from typing import NamedTuple

import numba
import numpy as np

from predictor.dragon_tiger.rules import NO_CASH

# Columns of the tables that `trade` fills.
STOCK, SIGNAL, BOUGHT, SHARES, BUY_PRICE, BUY_COST, BUY_SLIP = range(7)
ORDERED, SOLD, SELL_PRICE, SELL_COST, SELL_SLIP, REASON, WAITED = range(7, 14)
COLUMNS = 14
VALUE, CASH, HELD, PAID, TRADED, PAUSED = range(6)
DAILY = 6
_LEFT_OPEN = -1.0


class Prices(NamedTuple):
    """Of `execution.Market`, what the account needs, under the same names; all (T, S) or (T,)."""

    open: np.ndarray
    close: np.ndarray
    turnover: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    no_buy: np.ndarray
    no_sell: np.ndarray
    least_lots: np.ndarray
    stamp_duty: np.ndarray


class Wishes(NamedTuple):
    """Of `listing.Decisions`, what the account needs; `ready` bool (T,) ends a pause."""

    above: np.ndarray
    buy: np.ndarray
    sentiment: np.ndarray
    ready: np.ndarray


class Terms(NamedTuple):
    """The numbers of `rules.Rules` and `execution.Costs` under the same names."""

    keep: float
    sell_unlisted: bool
    min_sentiment: float
    hold_min: int
    hold_max: int
    max_weight: float
    min_holdings: int
    all_in_cash: bool
    stop: float
    max_drawdown: float
    revalidation: int
    cash: float
    commission: float
    min_commission: float
    transfer_fee: float
    spread: float
    impact: float
    lot: int


@numba.njit(cache=True)
def trade(
    prices: Prices, wishes: Wishes, terms: Terms, first: int, last: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Run the account over the lists of the sessions `first` to `last`.

    Returns
    -------
    tuple of ndarray
        float64 (n, COLUMNS), one row a position, -1 in what did not happen yet;
        float64 (last - first + 1, DAILY), after each session;
        int64 (m, 4), orders that failed: session, stock, obstacle, 1 for a purchase and 0 for a
        sale that waits; int64 (k,), the purchases ordered on the last evening, best first.
    """
    stocks = wishes.buy.shape[1]
    trades = np.full((int(wishes.buy[first : last + 1].sum()), COLUMNS), _LEFT_OPEN)
    daily = np.zeros((last - first + 1, DAILY))
    failed = np.zeros((len(trades) * (last - first + 2), 4), dtype=np.int64)
    row_of = np.full(stocks, -1)  # a held stock's row in trades
    mark = np.zeros(stocks)  # its last close, or the price paid
    orders = np.zeros(0, dtype=np.int64)
    cash = value = peak = terms.cash
    made = failures = 0
    paused_at = -1
    for t in range(first, last + 1):
        paid = traded = 0.0
        for i in range(stocks):
            if row_of[i] < 0 or trades[row_of[i], ORDERED] < 0:
                continue
            row = trades[row_of[i]]
            if prices.no_sell[t, i]:
                failures = _note(failed, failures, t, i, prices.no_sell[t, i], 0)
                row[WAITED] += 1
                continue
            _sell(row, t, i, prices, terms)
            cash += row[SHARES] * row[SELL_PRICE] - row[SELL_COST]
            paid += row[SELL_COST] + row[SELL_SLIP]
            traded += row[SHARES] * row[SELL_PRICE]
            row_of[i] = -1
        part = _share((row_of >= 0).sum() + len(orders), terms) * value
        for k in range(len(orders)):
            i = int(orders[k])
            obstacle = int(prices.no_buy[t, i])
            if not obstacle and not _buy(trades[made], t, i, part, cash, prices, terms):
                obstacle = NO_CASH
            if obstacle:
                failures = _note(failed, failures, t, i, obstacle, 1)
                continue
            row = trades[made]
            cash -= row[SHARES] * row[BUY_PRICE] + row[BUY_COST]
            paid += row[BUY_COST] + row[BUY_SLIP]
            traded += row[SHARES] * row[BUY_PRICE]
            row_of[i], mark[i] = made, row[BUY_PRICE]
            made += 1
        value = cash
        for i in range(stocks):
            if row_of[i] >= 0:
                mark[i] = _or(prices.close[t, i], mark[i])
                value += trades[row_of[i], SHARES] * mark[i]
        peak = max(peak, value)
        if paused_at < 0 and value <= peak * (1 - terms.max_drawdown):
            paused_at = t
        elif paused_at >= 0 and t - paused_at >= terms.revalidation and wishes.ready[t]:
            paused_at, peak = -1, value
        _order_sales(t, trades, row_of, mark, wishes, terms)
        orders = _purchases(t, row_of, trades, wishes, terms, paused_at >= 0)
        day = daily[t - first]
        day[VALUE], day[CASH], day[HELD] = value, cash, (row_of >= 0).sum()
        day[PAID], day[TRADED], day[PAUSED] = paid, traded, paused_at >= 0
    return trades[:made], daily, failed[:failures], orders


@numba.njit(cache=True)
def _sell(row: np.ndarray, t: int, i: int, prices: Prices, terms: Terms) -> None:
    """Write the sale of a position at the open into its row."""
    worth = row[SHARES] * prices.open[t, i]
    slip = _slippage(worth, prices.turnover[t, i], terms)
    price = max(prices.open[t, i] * (1 - slip), _or(prices.lower[t, i], 0.0))
    got = row[SHARES] * price
    row[SOLD], row[SELL_PRICE], row[SELL_SLIP] = t, price, worth - got
    row[SELL_COST] = _fees(got, terms) + got * prices.stamp_duty[t]


@numba.njit(cache=True)
def _buy(
    row: np.ndarray, t: int, i: int, part: float, cash: float, prices: Prices, terms: Terms
) -> bool:
    """Write a purchase at the open into a row; False if the money buys no lot."""
    budget = min(part, cash)
    slip = _slippage(budget, prices.turnover[t, i], terms)
    price = min(prices.open[t, i] * (1 + slip), _or(prices.upper[t, i], np.inf))
    shares = _affordable(budget, price, prices.least_lots[i], cash, terms)
    if shares <= 0:
        return False
    row[STOCK], row[SIGNAL], row[BOUGHT], row[SHARES], row[WAITED] = i, t - 1, t, shares, 0
    row[BUY_PRICE], row[BUY_COST] = price, _fees(shares * price, terms)
    row[BUY_SLIP] = shares * (price - prices.open[t, i])
    return True


@numba.njit(cache=True)
def _note(failed: np.ndarray, count: int, t: int, i: int, obstacle: int, buying: int) -> int:
    row = failed[count]
    row[0], row[1], row[2], row[3] = t, i, obstacle, buying
    return count + 1


@numba.njit(cache=True)
def _order_sales(
    t: int, trades: np.ndarray, row_of: np.ndarray, mark: np.ndarray, wishes: Wishes, terms: Terms
) -> None:
    """Order tonight what has a reason to be sold; the numbers are positions in `rules.EXITS`."""
    for i in range(len(row_of)):
        if row_of[i] < 0 or trades[row_of[i], ORDERED] >= 0:
            continue
        row = trades[row_of[i]]
        sessions = t + 1 - row[BOUGHT]  # held, if sold at the next open
        reason = -1
        if mark[i] <= row[BUY_PRICE] * (1 - terms.stop):
            reason = 0
        elif sessions >= terms.hold_min and wishes.sentiment[t, i] < terms.min_sentiment:
            reason = 1
        elif sessions >= terms.hold_min and wishes.above[t, i] >= terms.keep:
            reason = 2
        elif sessions >= terms.hold_min and terms.sell_unlisted and np.isnan(wishes.above[t, i]):
            reason = 3
        elif sessions >= terms.hold_max:
            reason = 4
        if reason >= 0:
            row[ORDERED], row[REASON] = t, reason


@numba.njit(cache=True)
def _purchases(
    t: int, row_of: np.ndarray, trades: np.ndarray, wishes: Wishes, terms: Terms, paused: bool
) -> np.ndarray:
    """Stocks to buy at the next open, the best first."""
    wanted = np.flatnonzero(wishes.buy[t] & (row_of < 0))
    wanted = wanted[np.argsort(wishes.above[t][wanted])]
    staying = 0
    for i in np.flatnonzero(row_of >= 0):
        staying += trades[row_of[i], ORDERED] < 0
    if paused or (terms.all_in_cash and staying + len(wanted) < terms.min_holdings):
        return wanted[:0]
    return wanted


@numba.njit(cache=True)
def _share(holdings: int, terms: Terms) -> float:
    """Part of the account that each purchase gets."""
    return min(terms.max_weight, 1.0 / max(holdings, terms.min_holdings))


@numba.njit(cache=True)
def _slippage(worth: float, turnover: float, terms: Terms) -> float:
    size = max(worth, 0.0) / turnover if turnover > 0 else 0.0
    return terms.spread + terms.impact * np.sqrt(size)


@numba.njit(cache=True)
def _fees(worth: float, terms: Terms) -> float:
    return max(worth * terms.commission, terms.min_commission) + worth * terms.transfer_fee


@numba.njit(cache=True)
def _affordable(budget: float, price: float, least_lots: int, cash: float, terms: Terms) -> float:
    """Shares that the budget buys, fees paid out of the cash; 0 if not even the least lots."""
    rate = 1 + terms.commission + terms.transfer_fee
    most = min(budget, (cash - terms.min_commission) / rate) / price
    if terms.lot == 0:
        return max(most, 0.0)
    lots = np.floor(most / terms.lot)
    return lots * terms.lot if lots >= least_lots else 0.0


@numba.njit(cache=True)
def _or(value: float, otherwise: float) -> float:
    return otherwise if np.isnan(value) else value

"""A factor as a portfolio: the sectors it ranks highest, bought and sold day by day.

What is traded is each sector's equal-weight basket at its index price. Nobody can buy that basket
as such: a person holds a fund or some of its members, and the leaders, which the factor is about,
cannot be bought once they are sealed at the limit. The account says what the ranking is worth
after costs, in sectors whose greater part could be traded; it is no promise of a return.

`simulate` gives the account curve of Qlib 0.9.7's TopkDropoutStrategy with its exchange and
executor (`qlib_backtest` runs those) to 1e-9, hundreds of times faster. One thing is ours: Qlib
leaves the order of equal scores to NumPy's unstable sort, which differs from one processor to
another; here equal scores rank in the order of the columns. `ordinal` turns scores into such an
order, without ties, for Qlib as well.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.evaluation import trading_kernel as kernel
from factor_pool.expression import Expression, evaluate, parse

SESSIONS_A_YEAR = 238
"""As Qlib's `risk_analysis` counts them."""


@dataclass(frozen=True)
class Rules:
    """How the portfolio trades; names in brackets are Qlib's.

    Parameters
    ----------
    top
        Sectors held (`topk`).
    drop
        Sectors exchanged in a session at most (`n_drop`), at least 1: for 0 Qlib sells everything.
    hold
        Sessions that a position is kept at least (`hold_thresh`).
    risk_degree
        Share of the cash that is spent on a session's purchases.
    only_tradable
        Choose among the sectors that can be traded, instead of finding an order refused.
    forbid_all
        A sector at either limit is neither bought nor sold (`forbid_all_trade_at_limit`).
    deal
        Field of the price of a trade (`deal_price`), in the session after the score's.
    no_buy, no_sell
        Expressions that are true where a sector cannot be bought, or sold (`limit_threshold` as a
        tuple); None for no such limit. A missing value counts as true, as in Qlib. The default
        bars a sector of which half or more of the companies closed at the limit, also at the open
        of that session, when nobody knows it yet: the loss of such purchases is on the safe side.
    open_cost, close_cost
        Cost of a purchase and of a sale, as a share of its value.
    min_cost
        Least cost of one trade, yuan.
    cash
        What the account begins with, yuan.
    """

    top: int = 5
    drop: int = 1
    hold: int = 1
    risk_degree: float = 0.95
    only_tradable: bool = False
    forbid_all: bool = True
    deal: str = "open"
    no_buy: str | None = "$limit_up_count >= 0.5 * $company_count"
    no_sell: str | None = "$limit_down_count >= 0.5 * $company_count"
    open_cost: float = 0.0005
    close_cost: float = 0.0015
    min_cost: float = 5.0
    cash: float = 1e8

    def __post_init__(self) -> None:
        if min(self.top, self.drop) < 1:
            raise EvaluationError(f"top and drop must be at least 1, got {self.top}, {self.drop}")
        if not 0 < self.risk_degree <= 1 or self.cash <= 0:
            raise EvaluationError("risk_degree must lie in (0, 1], and cash be positive")
        if min(self.open_cost, self.close_cost, self.min_cost) < 0:
            raise EvaluationError("costs cannot be negative")

    def on(self, panel: Panel) -> Self:
        """These rules without what the panel cannot tell.

        Limits whose fields it lacks fall away, and trades are at the close where it has no `deal`.
        """
        known = {
            name: text
            for name in ("no_buy", "no_sell")
            if (text := getattr(self, name)) and set(parse(text).fields) <= set(panel.values)
        }
        deal = self.deal if self.deal in panel.values else "close"
        return replace(self, no_buy=known.get("no_buy"), no_sell=known.get("no_sell"), deal=deal)

    def limits(self) -> tuple[Expression | None, Expression | None]:
        """(`no_buy`, `no_sell`), parsed."""
        return tuple(parse(text) if text else None for text in (self.no_buy, self.no_sell))  # type: ignore[return-value]


STOCK_RULES = Rules(top=20, drop=4, no_buy="$limit_up >= 1", no_sell="$limit_down >= 1")
"""For single stocks: no purchase in a session that closes at the upper limit, also at its open."""


def rules_of(panel: Panel) -> Rules:
    """How a panel's factors are traded: as stocks where it has `limit_up`, else as sectors."""
    return (STOCK_RULES if "limit_up" in panel.values else Rules()).on(panel)


@dataclass(frozen=True, eq=False)
class Curve:
    """An account, session by session; every array is float64 (n,).

    Parameters
    ----------
    sessions
        datetime64[D] (n,), the sessions that were traded.
    account
        Cash and positions after the session, yuan.
    returns
        Change of the account in the session, costs given back, as a share of the account before.
    cost, turnover
        Costs paid, and value bought and sold, as shares of the account before.
    benchmark
        Mean change of the close of all sectors: the equal-weight market.
    positions
        Sectors held after the session.
    cash
        What the account began with, yuan.
    """

    sessions: np.ndarray
    account: np.ndarray
    returns: np.ndarray
    cost: np.ndarray
    turnover: np.ndarray
    benchmark: np.ndarray
    positions: np.ndarray
    cash: float

    def figures(self) -> dict[str, float | None]:
        """The account in a few numbers.

        Returns
        -------
        dict
            A year is `SESSIONS_A_YEAR` sessions; returns of a year are sums, not compounded, as in
            Qlib's `risk_analysis`. `annual_excess` is after costs and over the benchmark, and
            `information_ratio` and `excess_drawdown` belong to it; `max_drawdown` is the largest
            loss of the account since its peak, as a share of that peak. None where undefined.
        """
        excess = self.returns - self.benchmark - self.cost
        deviation = excess.std(ddof=1) if len(excess) > 1 else np.nan
        gained = np.cumsum(excess)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = excess.mean() / deviation * np.sqrt(SESSIONS_A_YEAR)
        found = {
            "sessions": len(self.sessions),
            "annual_return": (self.returns - self.cost).mean() * SESSIONS_A_YEAR,
            "annual_benchmark": self.benchmark.mean() * SESSIONS_A_YEAR,
            "annual_excess": excess.mean() * SESSIONS_A_YEAR,
            "annual_excess_before_cost": (excess + self.cost).mean() * SESSIONS_A_YEAR,
            "annual_cost": self.cost.mean() * SESSIONS_A_YEAR,
            "information_ratio": ratio,
            "max_drawdown": self.drawdown().min(),
            "excess_drawdown": (gained - np.maximum.accumulate(gained)).min(),
            "daily_turnover": self.turnover.mean(),
            "mean_positions": self.positions.mean(),
        }
        return {name: float(x) if np.isfinite(x) else None for name, x in found.items()}

    def net_value(self) -> np.ndarray:
        """The account as a multiple of what it began with."""
        return self.account / self.cash

    def benchmark_value(self) -> np.ndarray:
        """What one yuan in the benchmark, bought at the close before the first session, became."""
        return np.cumprod(1 + self.benchmark)

    def drawdown(self) -> np.ndarray:
        """The account's loss since its highest value so far, as a share of that; never positive."""
        value = np.concatenate(([self.cash], self.account))
        return (value / np.maximum.accumulate(value) - 1)[1:]

    def to_dict(self) -> dict[str, Any]:
        """Dates as ISO text and lists of numbers, for JSON."""
        return {
            "sessions": [str(day) for day in self.sessions],
            "net_value": self.net_value().tolist(),
            "benchmark_value": self.benchmark_value().tolist(),
            "drawdown": self.drawdown().tolist(),
            "returns": self.returns.tolist(),
            "cost": self.cost.tolist(),
            "turnover": self.turnover.tolist(),
            "benchmark": self.benchmark.tolist(),
            "positions": self.positions.tolist(),
        }


class Market:
    """Prices and limits of a panel under some rules, made once for any number of factors.

    Parameters
    ----------
    panel
        With the fields `close` and those that the rules name.
    rules
        See `Rules.on` for a panel that lacks some of them.

    Attributes
    ----------
    benchmark
        float64 (T,): mean change of the close over all sectors, the equal-weight market.
    tradable
        bool (T, S): has a close and is at neither limit.

    Raises
    ------
    EvaluationError
        The panel lacks a field.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [(f"2025-01-{d:02}", name, price * (1 + step) ** d)
    ...         for d in (2, 3, 6, 7) for name, price, step in (("A", 10, 0.01), ("B", 10, 0))]
    >>> frame = pd.DataFrame(rows, columns=["date", "instrument", "close"])
    >>> panel = Panel.from_frame(frame)
    >>> market = Market(panel, Rules(top=1, cash=1e6, deal="close").on(panel))
    >>> curve = market.simulate(panel.values["close"])
    >>> curve.net_value().round(4).tolist(), int(curve.positions[-1])
    ([1.0, 0.9995, 1.0283, 1.0381], 1)
    """

    def __init__(self, panel: Panel, rules: Rules) -> None:
        limits = rules.limits()
        wanted = {"close", rules.deal}.union(*(set(one.fields) for one in limits if one))
        if missing := sorted(wanted - set(panel.values)):
            raise EvaluationError(
                f"a backtest needs the field {missing[0]!r}, which the panel does not have; "
                "`Rules.on(panel)` leaves out what a panel cannot tell"
            )
        self.panel = panel
        self.rules = rules
        close = panel.values["close"].astype(np.float64)
        deal = panel.values[rules.deal].astype(np.float64)
        barred = [
            np.zeros(panel.shape, dtype=bool) if one is None else evaluate([one], panel)[0] != 0
            for one in limits
        ]
        self._market = kernel.Market(close, deal, deal, *barred)
        self.benchmark = _benchmark(close)
        self.tradable = ~(np.isnan(close) | barred[0] | barred[1])

    def simulate(self, scores: np.ndarray, start: object = None, end: object = None) -> Curve:
        """Trade on scores; those of a session are traded in the next.

        Parameters
        ----------
        scores
            (T, S): the higher, the better; NaN where the factor says nothing. They are used as
            they stand, so turn the sign of a factor that predicts downwards.
        start, end
            First and last session that is traded (dates, both inclusive); None for the panel's.

        Raises
        ------
        EvaluationError
            The scores do not fit the panel, or no session lies between the dates.
        """
        if scores.shape != self.panel.shape:
            raise EvaluationError(f"scores of shape {scores.shape}, a panel of {self.panel.shape}")
        first, last = rows_between(self.panel, start, end)
        rules = self.rules
        plan = kernel.Plan(
            rules.top, rules.drop, rules.hold, rules.risk_degree, rules.only_tradable,
            rules.forbid_all, rules.open_cost, rules.close_cost, rules.min_cost, rules.cash,
        )  # fmt: skip
        table = kernel.trade(scores.astype(np.float64), self._market, plan, first, last)
        account = table[:, kernel.ACCOUNT]
        before = np.concatenate(([rules.cash], account[:-1]))
        paid = table[:, kernel.COST]
        return Curve(
            sessions=self.panel.sessions[first : last + 1],
            account=account,
            returns=(account - before + paid) / before,
            cost=paid / before,
            turnover=table[:, kernel.TURNOVER] / before,
            benchmark=self.benchmark[first : last + 1],
            positions=table[:, kernel.POSITIONS],
            cash=rules.cash,
        )


def ordinal(scores: np.ndarray) -> np.ndarray:
    """Scores as distinct numbers in the same order, equal ones in the order of the columns.

    Parameters
    ----------
    scores
        (T, S), NaN where missing.

    Returns
    -------
    ndarray
        float64 (T, S): S for the best of a session, S - 1 for the next; NaN where missing.

    Examples
    --------
    >>> ordinal(np.array([[2.0, 7.0, 2.0, np.nan]])).tolist()
    [[3.0, 4.0, 2.0, nan]]
    """
    order = np.argsort(-scores, axis=1, kind="stable")  # NaN last
    places = np.empty(scores.shape)
    descending = np.arange(scores.shape[1], 0, -1, dtype=np.float64)
    np.put_along_axis(places, order, np.broadcast_to(descending, scores.shape), axis=1)
    return np.where(np.isnan(scores), np.nan, places)


def rows_between(panel: Panel, start: object, end: object) -> tuple[int, int]:
    """First and last row of the sessions between two dates, both inclusive, None for open.

    Raises
    ------
    EvaluationError
        No session lies between them.
    """
    inside = np.ones(len(panel.sessions), dtype=bool)
    if start is not None:
        inside &= panel.sessions >= np.datetime64(start, "D")  # type: ignore[call-overload]
    if end is not None:
        inside &= panel.sessions <= np.datetime64(end, "D")  # type: ignore[call-overload]
    rows = np.flatnonzero(inside)
    if not len(rows):
        raise EvaluationError(f"the panel has no session between {start} and {end}")
    return int(rows[0]), int(rows[-1])


def _benchmark(close: np.ndarray) -> np.ndarray:
    """Mean change of the close over the sectors that have one in both sessions; else 0."""
    change = np.full(close.shape, np.nan)
    change[1:] = close[1:] / close[:-1] - 1
    counts = np.isfinite(change).sum(axis=1)
    return np.where(np.isfinite(change), change, 0.0).sum(axis=1) / np.maximum(counts, 1)

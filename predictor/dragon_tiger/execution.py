"""What could be traded at which price: opens, limits, suspensions and costs of listed stocks.

The list of session t is known at 18:10 of t, so its orders trade at the open of t+1 and never
before. A purchase is barred where the stock opens at its upper limit, a sale where it opens at the
lower one, and both where it does not trade.

**Prices are front-adjusted (qfq).** Limits are judged as data_profile/limit_events.py judges them,
from the previous close of the same adjusted history; where the prices are off the ticks the
unrounded limit is used. An open within `TOLERANCE` of a limit counts as at it. On traded prices
that is exact, since two prices are a tick apart or equal; on rescaled ones it may bar a trade one
tick away from the limit, and never lets one through at it.
"""

import datetime
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from data_profile.limit_events import PRICES, classify
from data_profile.panel import Panel
from data_profile.price_limits import board_of, status_of
from predictor.dragon_tiger import rules as r
from predictor.errors import PredictorError

if TYPE_CHECKING:
    import pandas as pd

_FIELDS = (*PRICES, "volume", "turnover")
TOLERANCE = 0.0066  # yuan: half a tick of rounding, and what float32 leaves of an adjusted price
STAMP_DUTY: tuple[tuple[datetime.date, float], ...] = (
    (datetime.date(2008, 9, 19), 0.001),
    (datetime.date(2023, 8, 28), 0.0005),
)
"""Share of a sale, from which day on. Ministry of Finance and STA, announcement 39 of 2023."""


@dataclass(frozen=True)
class Costs:
    """What trading costs, as shares of the value traded unless a unit is given.

    Parameters
    ----------
    commission, min_commission
        Either side; the least of an order in yuan.
    transfer_fee
        Either side (过户费, 0.001% since 2022-04-29).
    spread
        Paid to cross half the spread, either side.
    impact
        Of size: slippage is ``spread + impact * sqrt(order value / the session's turnover)``. At
        the default 0.1 an order of 1% of the day's turnover moves the price by 1%.
    lot
        Shares; purchases are whole lots (STAR: at least two). 0 trades fractions.

    Notes
    -----
    The square root of size is the usual law of market impact: Almgren, Thum, Hauptmann and Li
    (2005), Risk 18(7). Shares and turnover are those of adjusted prices.
    """

    commission: float = 0.00025
    min_commission: float = 5.0
    transfer_fee: float = 0.00001
    spread: float = 0.0005
    impact: float = 0.1
    lot: int = 100

    def __post_init__(self) -> None:
        if min(vars(self).values()) < 0:
            raise r.RulesError("no cost can be negative")


@dataclass(frozen=True, eq=False)
class Market:
    """Prices of S stocks over T sessions, and what bars a trade at the open.

    Parameters
    ----------
    sessions, codes
        datetime64[D] (T,), and S six-digit codes.
    open, high, low, close, volume, turnover
        float64 (T, S), yuan, shares and yuan, front-adjusted; NaN where there is no bar.
    upper, lower
        float64 (T, S), limit prices in yuan; NaN where there is no limit.
    no_buy, no_sell
        int8 (T, S), positions in `rules.OBSTACLES`; 0 where nothing bars the order.
    least_lots
        int64 (S,), lots in the smallest purchase: two on the STAR market, else one.
    stamp_duty
        float64 (T,), share of a sale.
    """

    sessions: np.ndarray
    codes: tuple[str, ...]
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    turnover: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    no_buy: np.ndarray
    no_sell: np.ndarray
    least_lots: np.ndarray
    stamp_duty: np.ndarray

    def since(self, day: Any) -> "Market":
        """The sessions from a day on."""
        rows = slice(int(np.searchsorted(self.sessions, np.datetime64(day, "D"))), None)
        kept = {
            one.name: getattr(self, one.name)[rows]
            for one in fields(self)
            if one.name not in ("codes", "least_lots")
        }
        return replace(self, **kept)

    def row(self, day: Any) -> int:
        """Position of a session.

        Raises
        ------
        PredictorError
            It is not among them.
        """
        at = int(np.searchsorted(self.sessions, np.datetime64(day, "D")))
        if at == len(self.sessions) or self.sessions[at] != np.datetime64(day, "D"):
            raise PredictorError(f"there are no stock prices of {day}")
        return at


def market(
    panel: Panel, stocks: "pd.DataFrame", lists: "pd.DataFrame", *, codes: tuple[str, ...]
) -> Market:
    """What could be traded, of the stocks named.

    Parameters
    ----------
    panel
        Stock bars (`StockStore.panel`), cut at what is known.
    stocks
        Columns code, list_date: limits do not hold in the first sessions of a listing.
    lists
        Columns session, code, name: the list names a stock as of the day, so it says who is ST
        or being delisted. Between two listings the last name holds.
    codes
        Those to keep, of the panel's instruments; in this order.
    """
    import pandas as pd

    place = {code: column for column, code in enumerate(panel.instruments)}
    columns = [place[code] for code in codes]
    prices = {n: panel.values[n][:, columns].astype(np.float64) for n in _FIELDS}
    shape = (len(panel.sessions), len(codes))
    listed_on = pd.to_datetime(stocks.set_index("code")["list_date"], errors="coerce")
    long = pd.DataFrame(
        {
            "code": np.tile(np.array(codes, dtype=object), shape[0]),
            "date": np.repeat(panel.sessions, shape[1]),
            **{name: prices[name].ravel() for name in (*PRICES, "volume")},
            "status": _statuses(lists, panel.sessions, codes).ravel(),
        }
    )
    long["listed_on"] = long["code"].map(listed_on)
    judged = classify(long, adjusted=True)
    upper, lower, known = (
        judged[name].to_numpy().reshape(shape) for name in ("up_price", "down_price", "judged")
    )
    no_buy, no_sell = _barred(prices, upper, lower, known)
    return Market(
        sessions=panel.sessions, codes=codes, **prices, upper=upper, lower=lower,
        no_buy=no_buy, no_sell=no_sell,
        least_lots=np.array([1 + (board_of(code) == "star") for code in codes]),
        stamp_duty=_stamp_duty(panel.sessions),
    )  # fmt: skip


def _barred(
    prices: dict[str, np.ndarray], upper: np.ndarray, lower: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    traded = (prices["volume"] > 0) & np.isfinite(prices["open"])
    at_upper = prices["open"] >= upper - TOLERANCE  # NaN: no limit, never at it
    one_word = at_upper & (prices["low"] >= upper - TOLERANCE)
    at_lower = prices["open"] <= lower + TOLERANCE
    both = [(~traded, r.SUSPENDED), (~known, r.UNJUDGED)]
    buy = [*both, (one_word, r.ONE_WORD), (at_upper, r.AT_UPPER)]
    sell = [*both, (at_lower, r.AT_LOWER)]
    made = [
        np.select([where for where, _ in table], [why for _, why in table], r.NOTHING)
        for table in (buy, sell)
    ]
    return made[0].astype(np.int8), made[1].astype(np.int8)


def _statuses(lists: "pd.DataFrame", sessions: np.ndarray, codes: tuple[str, ...]) -> np.ndarray:
    """(T, S) of `price_limits.STATUSES`, as the last name on the list says."""
    import pandas as pd

    rows = lists[lists["name"].notna()].drop_duplicates(["session", "code"])
    wide = (
        rows.assign(status=rows["name"].astype(str).map(status_of))
        .pivot(index="session", columns="code", values="status")
        .reindex(columns=list(codes))
    )
    wide.index = pd.to_datetime(wide.index)
    days = pd.DatetimeIndex(sessions)
    wide = wide.astype(object).reindex(wide.index.union(days)).ffill().reindex(days)
    return wide.where(wide.notna(), "normal").to_numpy()


def _stamp_duty(sessions: np.ndarray) -> np.ndarray:
    duty = np.full(len(sessions), np.nan)
    for start, share in STAMP_DUTY:
        duty[sessions >= np.datetime64(start)] = share
    if np.isnan(duty).any():
        raise PredictorError(f"the stamp duty before {STAMP_DUTY[0][0]} is not in the table")
    return duty

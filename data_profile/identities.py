"""What must hold between the columns of a table, whoever labelled them.

Upstreams reorder their fields and parsers then mislabel silently: names prove nothing, relations
do. Each identity says which rows break it; the tolerances come from how upstreams round, and from
recorded days.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

_TEXT = ("code", "first_time", "last_time")
_CENT = 0.011  # prices and points are rounded to two digits
_TURNOVER = 1.3  # a stock's turnover over its float at the close, against its turnover rate
_AVERAGE_PRICE = (0.05, 5_000.0)  # yuan a share


@dataclass(frozen=True)
class Identity:
    """A relation that rows obey.

    Parameters
    ----------
    says
        The relation in words, for who reads why a table was refused.
    needs
        Columns it is about; it is passed over where one is missing from a row.
    holds
        From the rows that have all of `needs`, which obey it.
    tolerated
        Share of rows that may break it: where the market itself has exceptions.
    """

    says: str
    needs: tuple[str, ...]
    holds: Callable[[pd.DataFrame], pd.Series]
    tolerated: float = 0.0

    def broken(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows that break it; none if not more of them do than is tolerated."""
        for name in self.needs:
            if name not in frame.columns or (name not in _TEXT and frame[name].dtype != np.float64):
                return frame.iloc[:0]  # the schema says what is wrong with it
        rows = frame.dropna(subset=list(self.needs))
        wrong = rows[~self.holds(rows).astype(bool)] if len(rows) else rows
        return wrong if len(wrong) > self.tolerated * len(rows) else rows.iloc[:0]


def _close(
    a: pd.Series, b: pd.Series, relative: float, absolute: float | pd.Series = 0.0
) -> pd.Series:
    return (a - b).abs() <= relative * np.maximum(a.abs(), b.abs()) + absolute


def _limit(code: pd.Series) -> pd.Series:
    """The board's price limit. What differs (ST, delisting) is left to the tolerance."""
    code = code.astype(str)
    beijing, wide = code.str.match("4|8|92"), code.str.match("30|68")
    return pd.Series(np.select([beijing, wide], [0.3, 0.2], 0.1), index=code.index)


def _one_turnover(f: pd.DataFrame) -> pd.Series:
    """Every net over its share gives the same turnover, as far as shares are rounded."""
    holds = pd.Series(True, index=f.index)
    base = f["main_net"] / f["main_net_ratio"].where(f["main_net_ratio"].abs() >= 0.005)
    for size in ("super_large", "large", "medium", "small"):
        share = f[f"{size}_net_ratio"].where(f[f"{size}_net_ratio"].abs() >= 0.005)
        turnover = f[f"{size}_net"] / share
        comparable = base.notna() & turnover.notna()
        holds &= ~comparable | _close(base, turnover, 0.05)
    return holds


_SIZES = ("main", "super_large", "large", "medium", "small")
_NETS = tuple(f"{size}_net" for size in _SIZES)

_SPAN = Identity(
    "high >= open and close >= low",
    ("open", "high", "low", "close"),
    lambda f: (
        (f["high"] >= f[["open", "close"]].max(axis=1) - _CENT)
        & (f["low"] <= f[["open", "close"]].min(axis=1) + _CENT)
    ),
)
_CHANGE = Identity(
    "ret = change_points / (close - change_points)",
    ("close", "change_points", "ret"),
    lambda f: _close(
        f["ret"], f["change_points"] / (f["close"] - f["change_points"]), 0.0,
        1.2e-4 + _CENT / (f["close"] - f["change_points"]).abs(),
    ),
)  # fmt: skip
_PREVIOUS = Identity(
    "close - change_points = previous_close",
    ("close", "change_points", "previous_close"),
    lambda f: _close(f["close"] - f["change_points"], f["previous_close"], 0.0, 2 * _CENT),
)
_CHAIN = Identity(
    "close - change_points = the close of the row before",
    ("close", "change_points"),
    lambda f: (
        _close(f["close"] - f["change_points"], f["close"].shift(), 1e-4, 2 * _CENT)
        | f["close"].shift().isna()
    ),
    tolerated=0.02,  # an upstream rebases a board now and then
)
_NET = Identity(
    "net_inflow = inflow - outflow",
    ("inflow", "outflow", "net_inflow"),
    # Each of the three is rounded to 0.01 of 亿.
    lambda f: _close(f["net_inflow"], f["inflow"] - f["outflow"], 1e-9, 1.6e6),
)
_BOUGHT = Identity(
    "net_buy = buy - sell",
    ("buy", "sell", "net_buy"),
    lambda f: _close(f["net_buy"], f["buy"] - f["sell"], 1e-6, 10.0),
)
_MAIN = Identity(
    "main_net = super_large_net + large_net",
    ("main_net", "super_large_net", "large_net"),
    lambda f: (
        (f["main_net"] - f["super_large_net"] - f["large_net"]).abs()
        <= 1e-3 * f[list(_NETS)].abs().max(axis=1) + 1e4
    ),
    tolerated=0.02,
)
_ONE_TURNOVER = Identity(
    "each net over its ratio is the same turnover",
    tuple(f"{net}{end}" for net in _NETS for end in ("", "_ratio")),
    _one_turnover,
    tolerated=0.05,
)
_RATE = Identity(
    "turnover / float_value is near turnover_rate",
    ("turnover", "float_value", "turnover_rate"),
    lambda f: (
        (f["turnover"] <= f["float_value"] * f["turnover_rate"] * _TURNOVER + 1)
        & (f["turnover"] * _TURNOVER + 1 >= f["float_value"] * f["turnover_rate"])
    ),
    tolerated=0.05,
)
_FLOAT = Identity(
    "float_value <= market_value",
    ("float_value", "market_value"),
    lambda f: f["float_value"] <= f["market_value"] * 1.001,
    tolerated=0.2,  # around a change of shares an upstream updates one before the other
)
_TIMES = Identity(
    "first_time <= last_time",
    ("first_time", "last_time"),
    lambda f: f["first_time"].astype(str) <= f["last_time"].astype(str),
)
_UNBROKEN = Identity(
    "a board that never broke was sealed once",
    ("first_time", "last_time", "breaks"),
    lambda f: (f["breaks"] > 0) | (f["first_time"].astype(str) == f["last_time"].astype(str)),
    tolerated=0.05,
)
_AT_LIMIT = Identity(
    "ret is at the limit of the stock's board",
    ("code", "ret"),
    lambda f: (f["ret"] - _limit(f["code"])).abs() <= 0.012,
    tolerated=0.1,  # delisting periods, prices of a few cents
)
_BELOW = Identity(
    "close <= limit_price",
    ("close", "limit_price"),
    lambda f: f["close"] <= f["limit_price"] + _CENT,
)
_FALLEN = Identity(
    "ret is down at the limit of the stock's board",
    ("code", "ret"),
    lambda f: (f["ret"] + _limit(f["code"])).abs() <= 0.012,
    tolerated=0.1,
)
_SEALED = Identity(
    "sealing_value <= float_value",
    ("sealing_value", "float_value"),
    lambda f: f["sealing_value"] <= f["float_value"],
)
_LISTED = Identity(
    "listed_turnover = buy + sell",
    ("listed_turnover", "buy", "sell"),
    lambda f: _close(f["listed_turnover"], f["buy"] + f["sell"], 1e-6, 10.0),
)
_AVERAGE = Identity(
    "turnover / volume is a price of a share",
    ("turnover", "volume"),
    lambda f: (f["volume"] <= 0) | (f["turnover"] / f["volume"]).between(*_AVERAGE_PRICE),
)
_TRADED = Identity(
    "turnover / volume lies between low and high",
    ("turnover", "volume", "low", "high"),
    lambda f: (
        (f["volume"] <= 0)
        | (f["turnover"] / f["volume"]).between(f["low"] * 0.99 - _CENT, f["high"] * 1.01 + _CENT)
    ),
    tolerated=0.02,
)
_MATCHED = Identity(
    "turnover / volume is near price",
    ("turnover", "volume", "price"),
    lambda f: (f["volume"] <= 0) | _close(f["turnover"] / f["volume"], f["price"], 0.03),
)
_POOL = (_RATE, _FLOAT)
_SEALING = (_TIMES, _UNBROKEN, _SEALED)

IDENTITIES: Mapping[str, tuple[Identity, ...]] = {
    "limit_up_pool": (*_POOL, *_SEALING, _AT_LIMIT),
    "limit_up_previous": (*_POOL, _BELOW),
    "strong_pool": (*_POOL, _BELOW),
    "broken_pool": (*_POOL, _BELOW),
    "limit_down_pool": (*_POOL, _FALLEN, _SEALED),
    "board_flow": (_NET,),
    "board_main_flow": (_MAIN, _ONE_TURNOVER),
    "board_quotes": (_SPAN, _CHANGE, _PREVIOUS),
    "stocks": (_SPAN, _CHANGE, _PREVIOUS, _FLOAT, _TRADED),
    "opening_quotes": (_CHANGE, _PREVIOUS, _FLOAT),
    "board_quotes_history": (_SPAN, _CHANGE, _CHAIN, _AVERAGE),
    "board_main_flow_history": (_MAIN, _ONE_TURNOVER),
    "lhb_stocks": (_BOUGHT, _LISTED),
    "lhb_institutions": (_BOUGHT,),
    "lhb_seats": (_BOUGHT,),
    "auction": (_MATCHED,),
    "ths.limit_up_pool": (_TIMES, _SEALED, _AT_LIMIT),  # it rounds, and counts breaks its own way
}
"""Table, or source where it differs from others of its table -> what its columns obey."""


def identities(source: str, table: str) -> tuple[Identity, ...]:
    """What the columns of a source obey."""
    return IDENTITIES.get(source, IDENTITIES.get(table, ()))

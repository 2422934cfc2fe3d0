"""What each stock did at its price limits, from daily bars: sealed, touched, broken, streaks.

**Which prices.** The rule needs the prices that were traded. `classify` takes them with the
exchange's previous close. Front-adjusted (qfq) history is rescaled at every ex-date: a price is
the traded one times a factor of at most 1, and the previous close is the row before, since the
adjustment has put it on today's footing. Two cases then:

* After a stock's last ex-date the factor is 1, so all five prices of a row lie on whole ticks:
  they ARE the traded prices, and the exact rule applies. (By chance five prices with three
  decimals do so once in 100,000 rows.)
* Elsewhere the tick is at most 0.01, and the limit, once rounded, lies within half a tick of
  previous close x (1 + limit). A price counts as at the limit within half a tick below and, since
  on an ex-date the exchange rounds the reference price too, one tick above; and a close counts
  only if it is also the day's high (for limit-downs the low). A close one tick short of the limit
  can pass if it is the day's high: measured below.

Measured on 674,000 real stock-days of 2025: see tests/data_profile/test_limit_events.py.
"""

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_profile.price_limits import (
    BOARDS,
    STATUSES,
    PriceLimitError,
    board_of,
    limit_ticks,
    limits_of,
)
from data_profile.sessions import next_session

if TYPE_CHECKING:
    import pandas as pd

PRICES = ("open", "high", "low", "close")
_STORED = 0.15  # ticks: what three decimals and float32 leave of an adjusted price
_HALF, _ABOVE = 0.5, 1.15  # ticks below and above the unrounded limit, adjusted prices only


@dataclass(frozen=True)
class _Bars:
    """Rows that were traded, by stock and session; prices in ticks, float64 (N,)."""

    first: np.ndarray  # bool: a stock's first row
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    previous: np.ndarray  # NaN where unknown


def classify(bars: "pd.DataFrame", *, adjusted: bool = False) -> "pd.DataFrame":
    """Judge every stock-day at its limits.

    Parameters
    ----------
    bars
        One row a stock and session, in any order. Columns: `code` (six digits, text), `date`,
        `open`, `high`, `low`, `close` (yuan), and

        - `previous_close`: the exchange's, yuan; needed unless `adjusted`. From AkShare's bars it
          is close less 涨跌额, in its spot table 昨收.
        - `volume` (optional): rows with 0 or none are suspensions, see below.
        - `status` (optional): of `price_limits.STATUSES`, by session; normal where absent.
        - `listed_on`, `delisting_on` (optional): dates, missing where unknown or never.
    adjusted
        Whether the prices are front-adjusted; see the head of this module.

    Returns
    -------
    DataFrame
        With the index of `bars`:

        - `limit_up`, `limit_down`: closed at the limit. `touched_limit_up`, `touched_limit_down`:
          traded there. `broken`: touched the upper limit and closed below it.
        - `one_word`: open = high = low = close = upper limit.
        - `streak`: consecutive limit-ups up to this one, over the stock's own trading sessions: a
          suspension does not break it, nor does a session that the bars lack. It cannot count
          what lies before the first row.
        - `up_price`, `down_price`: yuan, NaN where there is no limit; unrounded where adjusted
          prices are off the ticks.
        - `ret`: close / previous close - 1, NaN where the previous close is unknown.
        - `judged`: False where nothing can be said: suspended, no previous close, or `beyond`.
        - `beyond`: the bar lies outside its limits, so a special session (a resumption after
          years, a relisting), or a wrong price. Nothing else is claimed of it.

    Raises
    ------
    PriceLimitError
        A column is missing, a (code, date) stands twice, a code is no A share, a status is
        unknown, a day lies before its board, or traded prices are not whole ticks.
    """
    import pandas as pd

    _check_columns(bars, adjusted)
    codes, names = pd.factorize(bars["code"].astype(str))
    day = pd.to_datetime(bars["date"]).to_numpy().astype("datetime64[D]")
    order = np.lexsort((day, codes))
    code, sorted_day = codes[order], day[order]
    twice = (code[1:] == code[:-1]) & (sorted_day[1:] == sorted_day[:-1])
    if twice.any():
        at = int(np.argmax(twice))
        raise PriceLimitError(f"{names[code[at]]} has two bars on {sorted_day[at]}; give one")
    order = order[_traded(bars)[order]]
    table = _table(bars, order, codes[order], adjusted)
    board = np.array([BOARDS.index(board_of(name)) for name in names], dtype=np.int8)[codes[order]]
    up, down = limits_of(
        board,
        day[order],
        _statuses(bars)[order],
        _dates(bars, "listed_on")[order],
        _dates(bars, "delisting_on")[order],
    )
    judged = _judge(table, up, down, board == BOARDS.index("bse"), adjusted)
    return _spread(judged, order, bars.index)


def pools_by_session(
    bars: "pd.DataFrame", events: "pd.DataFrame"
) -> "dict[datetime.date, dict[str, pd.DataFrame]]":
    """The pools of every session, as `aggregate.sector_day` takes them, out of history.

    Parameters
    ----------
    bars
        As given to `classify`; `name` and `turnover` are passed on where they exist.
    events
        What `classify` made of them.

    Returns
    -------
    dict
        Session -> tables limit_up_pool, limit_up_previous, broken_pool, limit_down_pool and
        stocks. Stocks with status "st" are marked `st`; without the column `status` nothing is
        said of them. No session without any previous close, such as the first of adjusted bars;
        and no limit_up_previous where the session before is not in the bars.
    """
    import pandas as pd

    bars, events = bars.reset_index(drop=True), events.reset_index(drop=True)
    rows = bars[[c for c in ("code", "name", "turnover") if c in bars]].join(events)
    rows.insert(0, "session", pd.to_datetime(bars["date"]))
    if "status" in bars:
        rows["st"] = bars["status"] == "st"
    rows = rows[rows["ret"].notna()]
    there = [c for c in ("code", "ret", "turnover") if c in rows]
    at_limit = rows[rows["limit_up"] | rows["broken"] | rows["limit_down"]]
    pools = dict(iter(at_limit.groupby("session")))
    tables: dict[datetime.date, dict[str, pd.DataFrame]] = {}
    before: datetime.date | None = None
    for stamp, stocks in rows[["session", *there]].groupby("session"):
        session = pd.Timestamp(str(stamp)).date()
        pool = pools.get(stamp, at_limit[:0])
        made = {
            "stocks": stocks[there],
            "limit_up_pool": pool[pool["limit_up"]],
            "broken_pool": pool[pool["broken"]],
            "limit_down_pool": pool[pool["limit_down"]],
        }
        if before is not None and next_session(before) == session:
            today = dict(zip(stocks["code"], stocks["ret"], strict=True))
            pool = tables[before]["limit_up_pool"]
            kept = pool.assign(ret=pool["code"].map(today).astype(np.float64))
            made["limit_up_previous"] = kept.dropna(subset="ret")
        tables[session], before = made, session
    return tables


def _check_columns(bars: "pd.DataFrame", adjusted: bool) -> None:
    needed = ["code", "date", *PRICES] + ([] if adjusted else ["previous_close"])
    if missing := [name for name in needed if name not in bars.columns]:
        hint = (
            "; traded prices need the exchange's previous close (close less the change), and "
            "front-adjusted ones adjusted=True"
            if missing == ["previous_close"]
            else ""
        )
        raise PriceLimitError(f"the bars lack {', '.join(missing)}{hint}")


def _traded(bars: "pd.DataFrame") -> np.ndarray:
    there = bars[list(PRICES)].notna().all(axis=1).to_numpy()
    return there & (bars["volume"] > 0).to_numpy() if "volume" in bars else there


def _statuses(bars: "pd.DataFrame") -> np.ndarray:
    import pandas as pd

    if "status" not in bars:
        return np.full(len(bars), STATUSES.index("normal"))
    found = pd.Index(STATUSES).get_indexer(pd.Index(bars["status"].astype(str)))
    if (found < 0).any():
        wrong = bars["status"].iloc[int(np.argmax(found < 0))]
        raise PriceLimitError(f"status {wrong!r} is none of {', '.join(STATUSES)}")
    return found


def _dates(bars: "pd.DataFrame", name: str) -> np.ndarray:
    import pandas as pd

    if name not in bars:
        return np.full(len(bars), np.datetime64("NaT"), dtype="datetime64[D]")
    return pd.to_datetime(bars[name]).to_numpy().astype("datetime64[D]")


def _table(bars: "pd.DataFrame", order: np.ndarray, code: np.ndarray, adjusted: bool) -> _Bars:
    """The traded rows in order, in ticks; the previous close is the row before if adjusted."""
    ticks = {name: bars[name].to_numpy(np.float64)[order] * 100 for name in PRICES}
    first = np.ones(len(order), dtype=bool)
    first[1:] = code[1:] != code[:-1]
    if adjusted:
        previous = np.full(len(order), np.nan)
        previous[1:] = np.where(first[1:], np.nan, ticks["close"][:-1])
    else:
        previous = bars["previous_close"].to_numpy(np.float64)[order] * 100
        for name, column in {**ticks, "previous_close": previous}.items():
            _refuse_untraded(bars.iloc[order], name, column)
    return _Bars(first=first, previous=previous, **ticks)


def _refuse_untraded(bars: "pd.DataFrame", name: str, ticks: np.ndarray) -> None:
    wrong = ~np.isnan(ticks) & (~_whole(ticks) | (ticks < _HALF))
    if wrong.any():
        row = bars.iloc[int(np.argmax(wrong))]
        raise PriceLimitError(
            f"{row['code']} on {row['date']}: {name} {row[name]:.6g} is no positive number of "
            "ticks of 0.01, so it was not traded; for front-adjusted prices say adjusted=True"
        )


def _whole(ticks: np.ndarray) -> np.ndarray:
    """Whether a price lies on the ticks, as exactly as float32 could have stored it."""
    return np.abs(ticks - np.rint(ticks)) <= 1e-3 + 1.3e-7 * np.abs(ticks)


def _judge(
    bars: _Bars, up: np.ndarray, down: np.ndarray, inward: np.ndarray, adjusted: bool
) -> dict[str, np.ndarray]:
    known = bars.previous > 0
    previous = np.where(known, bars.previous, 1.0)
    upper, lower = (
        side.astype(np.float64)
        for side in limit_ticks(np.rint(previous).astype(np.int64), up, down, inward)
    )
    below = above = np.zeros(len(previous))
    if adjusted:
        exact = _whole(previous)
        for column in (bars.open, bars.high, bars.low, bars.close):
            exact &= _whole(column)
        upper = np.where(exact, upper, previous * (100 + up) / 100)
        lower = np.where(exact, lower, previous * (100 - down) / 100)
        below = np.where(exact, 0.0, _HALF + _STORED)
        above = np.where(exact, 0.0, _ABOVE)
    small = 1e-3 + 1.3e-7 * bars.high  # of float32, or nothing
    has_up, has_down = known & (up >= 0), known & (down >= 0)
    beyond = has_up & (bars.high > upper + above + small)
    beyond |= has_down & (bars.low < lower - above - small)
    has_up, has_down = has_up & ~beyond, has_down & ~beyond

    touched_up = has_up & (bars.high >= upper - below - small)
    touched_down = has_down & (bars.low <= lower + below + small)
    # The same number was stored for close and high if they were the same price.
    limit_up = touched_up & (bars.close >= bars.high - small)
    limit_down = touched_down & (bars.close <= bars.low + small)
    return {
        "limit_up": limit_up,
        "limit_down": limit_down,
        "touched_limit_up": touched_up,
        "touched_limit_down": touched_down,
        "broken": touched_up & ~limit_up,
        "one_word": limit_up & (bars.high - bars.low <= small) & (bars.high - bars.open <= small),
        "streak": streaks(limit_up, bars.first),
        "up_price": np.where(known & (up >= 0), upper, np.nan) / 100,
        "down_price": np.where(known & (down >= 0), lower, np.nan) / 100,
        "ret": np.where(known, bars.close / previous - 1, np.nan),
        "judged": known & ~beyond,
        "beyond": beyond,
    }


def streaks(limit_up: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Length of the run of limit-ups that ends at each row, 0 where the row is none.

    Parameters
    ----------
    limit_up, first
        bool (N,), rows by stock and session: closed at the upper limit; is a stock's first row.

    Examples
    --------
    >>> streaks(np.array([1, 1, 0, 1], bool), np.array([1, 0, 0, 0], bool)).tolist()
    [1, 2, 0, 1]
    """
    position = np.arange(len(limit_up))
    before = np.where(limit_up, np.where(first, position - 1, -1), position)
    start = np.maximum.accumulate(before) if len(before) else before
    return np.where(limit_up, position - start, 0).astype(np.int16)


def _spread(judged: dict[str, np.ndarray], order: np.ndarray, index: "pd.Index") -> "pd.DataFrame":
    """Back to the rows as they were given; what was not traded is not judged."""
    import pandas as pd

    columns = {}
    for name, values in judged.items():
        empty = np.nan if values.dtype == np.float64 else 0
        columns[name] = np.full(len(index), empty, dtype=values.dtype)
        columns[name][order] = values
    return pd.DataFrame(columns, index=index)

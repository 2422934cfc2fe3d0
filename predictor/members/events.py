"""The stocks of the sectors and what happened to them at their price limits, session by session."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from data_profile.limit_events import classify
from data_profile.panel import Panel
from data_profile.price_limits import BOARDS, PriceLimitError, board_of, is_share, status_of
from data_profile.raw import Raw
from data_profile.schedule import SHANGHAI
from data_profile.stocks import StockStore
from predictor.errors import PredictorError

FLAGS = ("limit_up", "limit_down", "touched_limit_up", "broken", "one_word")
NUMBERS = ("streak", "ret", "open", "high", "close", "volume")
NIGHT = "23:59"


@dataclass(frozen=True, eq=False)
class Day:
    """The M stocks that were at, touched or left a limit on one session.

    Parameters
    ----------
    stock
        int64 (M,): their places in `Stocks.codes`, increasing.
    values
        float32 (M, 11): `FLAGS` as 0 or 1, then `NUMBERS`. Prices in yuan, adjusted or not: only
        their ratios within a row mean anything. NaN where unknown.
    """

    stock: np.ndarray
    values: np.ndarray

    def column(self, name: str) -> np.ndarray:
        """One column, float32 (M,)."""
        return self.values[:, (*FLAGS, *NUMBERS).index(name)]


@dataclass(frozen=True, eq=False)
class Stocks:
    """N stocks, each of one sector, on the T sessions of a panel.

    Parameters
    ----------
    codes
        Six digits, in order.
    sector
        int64 (N,): the column of the panel that the stock belongs to. Membership is that of the
        day the map was made, applied backwards.
    board
        int64 (N,): place in `price_limits.BOARDS`.
    listed_on
        datetime64[D] (N,).
    days
        One a session; None where nobody knew the session's events.
    """

    codes: tuple[str, ...]
    sector: np.ndarray
    board: np.ndarray
    listed_on: np.ndarray
    days: tuple[Day | None, ...]


def read(store: Path, panel: Panel, cutoff: str) -> Stocks | None:
    """The stocks of a panel's sectors, each session as known at the cut-off.

    A file's events count as known at the close of their session. A session that was collected is
    judged by the quotes that were observed by the cut-off; where none were, by those of that
    night, as the panel is.

    Parameters
    ----------
    store
        `Home.store`.
    panel
        Its sessions and sectors.
    cutoff
        "HH:MM", Asia/Shanghai.

    Returns
    -------
    Stocks
        None where the store has no map of stocks, no events, or no stock of these sectors.

    Raises
    ------
    data_profile.errors.StoreError
        The stock store, or a table of the raw zone, is damaged.
    PredictorError
        Collected quotes contradict each other.
    """
    stocks = StockStore(store / "stocks")
    if not (stocks.has("map") and stocks.has("limit_events")):
        return None
    column = {sector: k for k, sector in enumerate(panel.instruments)}
    known = stocks.map()
    known = known[known["sector_id"].isin(column) & known["code"].map(is_share)]
    known = known.sort_values("code", ignore_index=True)
    if not len(known):
        return None
    codes = tuple(known["code"])
    return Stocks(
        codes=codes,
        sector=known["sector_id"].map(column).to_numpy(np.int64),
        board=np.array([BOARDS.index(board_of(code)) for code in codes], dtype=np.int64),
        listed_on=known["list_date"].to_numpy().astype("datetime64[D]"),
        days=_days(store, stocks.limit_events(), dict(zip(codes, known["name"], strict=True)),
                   panel.sessions, cutoff),
    )  # fmt: skip


def _days(
    store: Path, events: pd.DataFrame, names: dict[str, str], sessions: np.ndarray, cutoff: str
) -> tuple[Day | None, ...]:
    """The events of each session: of the file, after its last session of what was collected."""
    filed = events[events["observed_at"].isna() & (events["session"] <= sessions[-1])]
    last = filed["session"].max() if len(filed) else pd.Timestamp.min
    later = [day for day in sessions.tolist() if pd.Timestamp(day) > last]
    collected = _judged(Raw(store / "raw"), later, names, cutoff)
    rows = pd.concat([part for part in (filed, collected) if len(part)] or [filed])
    stock = pd.Index(list(names)).get_indexer(rows["code"])
    day = rows["session"].to_numpy().astype("datetime64[D]")
    values = rows.reindex(columns=[*FLAGS, *NUMBERS]).to_numpy(np.float32, na_value=np.nan)
    order = np.lexsort((stock, day))
    order = order[stock[order] >= 0]
    stock, day, values = stock[order].astype(np.int64), day[order], values[order]
    first = np.searchsorted(day, sessions, side="left")
    after = np.searchsorted(day, sessions, side="right")
    return tuple(
        Day(stock[a:b], values[a:b]) if b > a else None for a, b in zip(first, after, strict=True)
    )


def _judged(
    raw: Raw, days: Sequence[datetime.date], names: dict[str, str], cutoff: str
) -> pd.DataFrame:
    """What the collected quotes of some sessions say, in the columns of a file's events.

    A streak is left out: a day's quotes do not tell of the day before.
    """
    columns = ["session", "code", *FLAGS, *NUMBERS]
    found = []
    for day in days:
        quotes = day_quotes(raw, day, cutoff)
        if quotes is None:
            quotes = day_quotes(raw, day, NIGHT)
        if quotes is None:
            continue
        quotes = quotes[quotes["code"].isin(names)].reset_index(drop=True)
        judged = judge(quotes, names, day)
        rows = quotes[["code", "open", "high", "close", "volume"]]
        rows = rows.join(judged[[*FLAGS, "ret", "status"]]).assign(session=pd.Timestamp(day))
        at_limit = rows[["limit_up", "limit_down", "touched_limit_up"]].any(axis=1)
        found.append(rows[at_limit & (rows["status"] == "normal")].reindex(columns=columns))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=columns)


def judge(quotes: pd.DataFrame, names: dict[str, str], day: datetime.date) -> pd.DataFrame:
    """What quotes of one session say of each stock at its limits, with the quotes' index.

    Parameters
    ----------
    quotes
        A row a stock: code, open, high, low, close, previous_close, volume; `name`, by which
        special treatment is known, where they have it.
    names
        Code -> name of the map, where the quotes have none.
    day
        The session.

    Returns
    -------
    DataFrame
        As `data_profile.limit_events.classify`, and `status`.

    Raises
    ------
    PredictorError
        The quotes contradict each other.
    """
    told = quotes["name"] if "name" in quotes else quotes["code"].map(names)
    dated = quotes.assign(date=pd.Timestamp(day), status=told.fillna("").map(status_of))
    try:
        return classify(dated).assign(status=dated["status"])
    except PriceLimitError as error:
        raise PredictorError(f"the stock quotes of {day} cannot be judged: {error}") from error


def day_quotes(raw: Raw, day: datetime.date, cutoff: str) -> pd.DataFrame | None:
    """Every stock's quote as observed by the cut-off of its day; None if there is none."""
    hour, minute = map(int, cutoff.split(":"))
    until = datetime.datetime.combine(day, datetime.time(hour, minute), SHANGHAI)
    good = [
        entry
        for entry in raw.observations(session=day, as_of=until)
        if entry.source.split(".")[1] == "stocks" and not entry.quarantined
    ]
    return raw.get(good[-1].id).frame if good else None

"""The stocks of the sectors on their last sessions, as known after one of them.

From the stock store (`data_profile.stocks`) where it reaches the session; else from the tables of
the day in the raw zone: who belongs to a board (its last copy until then), every stock's quote, and
the pool of limit-ups.
"""

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_profile.day import resolver
from data_profile.day_tables import DayTables
from data_profile.home import Home
from data_profile.limit_events import classify
from data_profile.members import Members
from data_profile.panel import Panel
from data_profile.price_limits import (
    PriceLimitError,
    Status,
    board_of,
    is_share,
    limit_of,
    status_of,
)
from data_profile.raw import Raw
from data_profile.sectors import Sectors
from data_profile.sessions import sessions
from data_profile.stocks import StockStore
from predictor.explain import Language
from predictor.members.events import day_quotes

if TYPE_CHECKING:
    import pandas as pd

SESSIONS = 21  # a mean of 20 sessions of volume, and the change of the first of them
_CALENDAR_DAYS = datetime.timedelta(days=50)
_STORE_WORDS: Mapping[Language, str] = {
    "en": "stocks of the stock store; membership and names are those of the day its map was made, "
    "applied backwards",
    "zh": "个股来自个股库；板块成分与名称为映射表制作之日的口径，向前套用",
}


@dataclass(frozen=True, eq=False)
class Constituents:
    """N stocks on T sessions, the last of which is the one asked for.

    Parameters
    ----------
    codes, names
        Six digits, and latest names, in column order.
    sectors
        Sector id -> codes of its members.
    change
        float64 (T, N): close over the exchange's previous close, less 1; NaN not traded.
    volume
        float64 (T, N): shares, in one unit for each stock; NaN not traded.
    sealed
        bool (T, N): closed at the upper limit.
    limit
        float64 (N,): the daily limit, ratio.
    plain
        bool (N,): carries no ST or delisting mark.
    words
        Language -> where this is from, and what that means.
    """

    codes: tuple[str, ...]
    names: tuple[str, ...]
    sectors: Mapping[str, tuple[str, ...]]
    change: np.ndarray
    volume: np.ndarray
    sealed: np.ndarray
    limit: np.ndarray
    plain: np.ndarray
    words: Mapping[Language, str]


@dataclass(frozen=True)
class Absent:
    """There are no stocks to speak of, and why, in each language."""

    words: Mapping[Language, str]


def constituents(
    home: Home, sectors: Collection[str], as_of: datetime.date, cutoff: str
) -> Constituents | Absent:
    """The stocks of some sectors as known after a session.

    Parameters
    ----------
    home
        Its stock store and raw zone are read.
    sectors
        Ids of those whose members are wanted.
    as_of
        The session.
    cutoff
        "HH:MM", Asia/Shanghai: of collected tables, what had been observed by then that day.

    Raises
    ------
    data_profile.errors.StoreError
        What is there is damaged.
    """
    store = StockStore(home.store / "stocks")
    held = store.panel() if store.has("bars") and store.has("map") else None
    if held is not None and np.datetime64(as_of) in held.sessions:
        return _from_store(store, held, sectors, as_of)
    return _from_tables(home, sectors, as_of, cutoff)


def _from_store(
    store: StockStore, panel: Panel, sectors: Collection[str], as_of: datetime.date
) -> Constituents | Absent:
    """From the stock store, whose prices are adjusted and whose membership is of one day."""
    recent = panel.between(end=as_of)
    recent = recent.between(start=recent.sessions[-SESSIONS - 1 :][0])  # one to change from
    stocks = store.map()
    stocks = stocks[stocks["sector_id"].isin(sectors)]
    links = stocks[["code"]].assign(sector=stocks["sector_id"])
    bars = recent.select(("open", "high", "low", "close", "volume")).to_frame()
    names = dict(zip(stocks["code"], stocks["name"], strict=True))
    rows = bars[bars["instrument"].isin(names)].rename(columns={"instrument": "code"})
    since = dict(zip(stocks["code"], stocks["list_date"], strict=True))
    rows = rows.assign(name=rows["code"].map(names), listed_on=rows["code"].map(since))
    rows = rows.dropna(subset="close")
    return _dense(rows, links, as_of, _STORE_WORDS, adjusted=True)


def _from_tables(
    home: Home, sectors: Collection[str], as_of: datetime.date, cutoff: str
) -> Constituents | Absent:
    """From what was collected day by day."""
    import pandas as pd

    raw = Raw(home.store / "raw")
    days = sessions(as_of - _CALENDAR_DAYS, as_of)[-SESSIONS:]
    quotes = {day: found for day in days if (found := day_quotes(raw, day, cutoff)) is not None}
    if as_of not in quotes:
        return Absent(
            {
                "en": f"no quotes of single stocks of {as_of} in the store: no candidates",
                "zh": f"库中没有 {as_of} 的个股行情，不列候选个股",
            }
        )
    known = Members(raw).of(as_of)
    resolve = resolver(Sectors(home.store / "sectors"), [], as_of)
    links = DayTables.of({}, known.table, resolve).links
    links = links[links["sector"].isin(sectors)]
    try:
        rows = pd.concat([frame.assign(date=pd.Timestamp(day)) for day, frame in quotes.items()])
        return _dense(rows, links, as_of, _words(known.oldest), adjusted=False)
    except PriceLimitError as error:
        return Absent(
            {
                "en": f"the stock quotes up to {as_of} cannot be judged, no candidates: {error}",
                "zh": f"截至 {as_of} 的个股行情无法判定涨停，不列候选个股：{error}",
            }
        )


def _dense(
    rows: "pd.DataFrame",
    links: "pd.DataFrame",
    as_of: datetime.date,
    words: Mapping[Language, str],
    *,
    adjusted: bool,
) -> Constituents | Absent:
    """The members' bars (code, name, date, prices, volume), judged at their limits, as arrays."""
    import pandas as pd

    rows = rows[rows["code"].isin(set(links["code"])) & rows["code"].map(is_share).astype(bool)]
    if not (rows["date"] == pd.Timestamp(as_of)).any():
        return Absent(
            {
                "en": f"no members of the chosen sectors are known that traded on {as_of}: "
                "no candidates",
                "zh": f"未知所选板块在 {as_of} 有交易的成分股，不列候选个股",
            }
        )
    rows = rows.assign(status=rows["name"].fillna("").map(status_of)).reset_index(drop=True)
    judged = classify(rows, adjusted=adjusted)[["limit_up", "ret"]]
    rows = rows.drop(columns="ret", errors="ignore").join(judged)
    days = sorted(rows["date"].unique())[-SESSIONS:]
    last = rows[rows["date"] == days[-1]].set_index("code")
    codes = sorted(last.index)

    def field(name: str) -> np.ndarray:
        table = rows.pivot(index="date", columns="code", values=name)
        return table.reindex(index=days, columns=codes).to_numpy(np.float64, na_value=np.nan)

    volume = field("volume")
    traded = volume > 0
    status = last["status"].reindex(codes)
    return Constituents(
        codes=tuple(codes),
        names=tuple(str(name) for name in last["name"].reindex(codes)),
        sectors={
            str(sector): tuple(sorted(found["code"])) for sector, found in links.groupby("sector")
        },
        change=np.where(traded, field("ret"), np.nan),
        volume=np.where(traded, volume, np.nan),
        sealed=field("limit_up") == 1,
        limit=np.array([_limit(code, as_of, status[code]) for code in codes]),
        plain=(status == "normal").to_numpy(),
        words=words,
    )


def _words(members_of: datetime.date | None) -> Mapping[Language, str]:
    since = members_of or "-"
    return {
        "en": f"stocks of the tables of the day; the oldest list of members in use is of {since}",
        "zh": f"个股来自当日采集的表；所用成分名单最早的一份为 {since}",
    }


def _limit(code: str, day: datetime.date, status: Status) -> float:
    """The daily limit as a ratio; none on a stock's first sessions, which only the store knows."""
    return (limit_of(board_of(code), day, status).up or 100) / 100

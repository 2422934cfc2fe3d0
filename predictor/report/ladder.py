"""The ladder of limit-ups (连板梯队): who stands at which height, and who climbed.

Stock by stock where the day's tables are at hand; else as far as the sectors' own counts reach, and
what they cannot tell is named.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.raw import Raw
from data_profile.stocks import StockStore

_POOL, _PREVIOUS = "akshare.limit_up_pool", "akshare.limit_up_previous"


@dataclass(frozen=True)
class Sealed:
    """A stock that closed at its upper limit.

    Parameters
    ----------
    code, name, sector
        As the table writes them; untrusted text.
    height
        Consecutive limit-ups, this one included.
    first_time
        When it was first sealed, "HH:MM"; None where the table does not say.
    sealing_value
        Yuan of orders waiting at the limit; None where the table does not say.
    """

    code: str
    name: str
    sector: str
    height: int
    first_time: str | None = None
    sealing_value: float | None = None


@dataclass(frozen=True)
class Rung:
    """One height of the ladder.

    Parameters
    ----------
    height
        In boards.
    stocks
        Standing there, those sealed first first.
    before
        How many stood one below it the session before (1: not asked); None where unknown.
    climbed
        How many of those stand here now.
    fell
        Names of the others.
    """

    height: int
    stocks: tuple[Sealed, ...]
    before: int | None
    climbed: int | None
    fell: tuple[str, ...] = ()

    @property
    def rate(self) -> float | None:
        """晋级率: climbed / before; None where unknown or nobody stood below."""
        return self.climbed / self.before if self.before and self.climbed is not None else None


@dataclass(frozen=True)
class Sector:
    """A sector's own counts, where single stocks are not known."""

    name: str
    limit_ups: int
    multi_boards: int | None
    highest: int | None
    one_word: int | None


@dataclass(frozen=True)
class Previous:
    """How the limit-ups of the session before did.

    Parameters
    ----------
    count
        How many there were with a return.
    mean_return
        Their mean return that day (昨日涨停溢价).
    risen, at_limit
        Shares that rose, and that are limit-ups again (None where unknown).
    """

    count: int
    mean_return: float
    risen: float
    at_limit: float | None


@dataclass(frozen=True)
class Ladder:
    """The ladder of a session.

    Parameters
    ----------
    rungs
        The highest first; empty where single stocks are not known.
    sectors
        By height and number, where single stocks are not known.
    previous
        None where unknown.
    source
        The table it was read from; None: the sectors' fields.
    missing
        What could not be told, as keys of the report's words.
    """

    rungs: tuple[Rung, ...]
    sectors: tuple[Sector, ...]
    previous: Previous | None
    source: str | None
    missing: tuple[str, ...]


def ladder(home: Home, panel: Panel, names: Mapping[str, str]) -> Ladder:
    """The ladder of a panel's last session.

    Parameters
    ----------
    home
        Its stock store is read, else its tables of the day, where there are any.
    panel
        As known that session.
    names
        Sector id -> display name.

    Raises
    ------
    data_profile.errors.StoreError
        A table of stocks is there, and damaged.
    """
    days: list[datetime.date] = panel.sessions[-2:].tolist()
    day, before = days[-1], days[0] if len(days) > 1 else None
    found = sealed_stocks(home, day)
    earlier = sealed_stocks(home, before) if before else None
    pool = found.stocks if found else None
    stood = earlier.stocks if earlier else None
    followed = _followed(home, day, stood)
    missing = []
    if found is None:
        missing.append("ladder.no_stocks")
    elif stood is None:
        missing.append("ladder.no_rates")
    if followed is None:
        missing.append("ladder.no_previous")
    return Ladder(
        rungs=() if pool is None else _rungs(pool, stood),
        sectors=_sectors(panel, names) if pool is None else (),
        previous=None if followed is None else _previous(followed, pool),
        source=None if found is None else found.source,
        missing=tuple(missing),
    )


@dataclass(frozen=True)
class Found:
    """The stocks that closed at their upper limit, and the table that says so."""

    stocks: tuple[Sealed, ...]
    source: str


def sealed_stocks(home: Home, day: datetime.date) -> Found | None:
    """Every stock sealed on a session: from the stock store, else from the day's pool.

    None where neither has that session.
    """
    store = StockStore(home.stocks)
    if store.has("limit_events"):
        events = store.limit_events()
        today = events[events["session"] == pd.Timestamp(day)]
        if len(today):
            sector = _sector_of(store)
            rows = today[today["limit_up"] == 1].to_dict("records")
            return Found(
                tuple(_sealed(row | {"industry": sector.get(row["code"])}) for row in rows),
                "limit_events",
            )
    table = _table(Raw(home.store / "raw"), _POOL, day)
    if table is None:
        return None
    return Found(tuple(_sealed(row) for row in table.to_dict("records")), "limit_up_pool")


def _sector_of(store: StockStore) -> Mapping[str, str]:
    if not store.has("map"):
        return {}
    stocks = store.map().dropna(subset="sector")
    return dict(zip(stocks["code"], stocks["sector"], strict=True))


def _followed(
    home: Home, day: datetime.date, stood: tuple[Sealed, ...] | None
) -> pd.DataFrame | None:
    """Columns code and ret: what the limit-ups of the session before did; None where unknown."""
    store = StockStore(home.stocks)
    if stood and store.has("bars"):
        bars = store.panel()
        row = np.flatnonzero(bars.sessions == np.datetime64(day))
        if len(row) and row[0] > 0:
            close = bars.values["close"][row[0] - 1 : row[0] + 1].astype(np.float64)
            change = dict(zip(bars.instruments, close[1] / close[0] - 1, strict=True))
            codes = [one.code for one in stood]
            return pd.DataFrame({"code": codes, "ret": [change.get(c, np.nan) for c in codes]})
    return _table(Raw(home.store / "raw"), _PREVIOUS, day)


def _table(raw: Raw, source: str, day: datetime.date) -> pd.DataFrame | None:
    """The newest good table of a session, None where there is none."""
    entries = [one for one in raw.observations(session=day, source=source) if not one.quarantined]
    return raw.get(entries[-1].id).frame if entries else None


def _rungs(pool: Sequence[Sealed], earlier: Sequence[Sealed] | None) -> tuple[Rung, ...]:
    standing: dict[int, list[Sealed]] = {}
    for stock in pool:
        standing.setdefault(stock.height, []).append(stock)
    stood: dict[int, dict[str, str]] = {}
    for stock in earlier or ():
        stood.setdefault(stock.height, {})[stock.code] = stock.name
    top = max([*standing, *(height + 1 for height in stood)], default=0)
    rungs = []
    for height in range(top, 0, -1):
        here = standing.get(height, [])
        below = stood.get(height - 1, {}) if height > 1 and earlier is not None else None
        climbed = {stock.code for stock in here} & set(below or ())
        if here or below:
            rungs.append(
                Rung(
                    height,
                    tuple(sorted(here, key=lambda s: (s.first_time or "~", s.code))),
                    None if below is None else len(below),
                    None if below is None else len(climbed),
                    tuple(name for code, name in (below or {}).items() if code not in climbed),
                )
            )
    return tuple(rungs)


def _sealed(row: Mapping[Any, Any]) -> Sealed:
    value, first = row.get("sealing_value"), row.get("first_time")
    return Sealed(
        code=str(row["code"]),
        name=str(row.get("name", row["code"])),
        sector=str(row["industry"]) if isinstance(row.get("industry"), str) else "",
        height=int(row["streak"]),
        first_time=str(first)[:5] if isinstance(first, str | datetime.time) else None,
        sealing_value=float(value) if isinstance(value, int | float) and value == value else None,
    )


def _previous(followed: pd.DataFrame, pool: Sequence[Sealed] | None) -> Previous | None:
    known = followed.dropna(subset=["ret"]) if "ret" in followed else followed.iloc[:0]
    if not len(known):
        return None
    again = None
    if pool is not None:
        again = float(known["code"].isin([one.code for one in pool]).mean())
    return Previous(len(known), float(known["ret"].mean()), float((known["ret"] > 0).mean()), again)


def _sectors(panel: Panel, names: Mapping[str, str]) -> tuple[Sector, ...]:
    """Sectors with a limit-up, the highest streak first."""

    def last(field: str) -> np.ndarray:
        if field not in panel.values:
            return np.full(len(panel.instruments), np.nan)
        return panel.values[field][-1]

    fields = ("limit_up_count", "limit_up_multi_board", "max_streak", "one_word_count")
    rows = []
    for id, *values in zip(panel.instruments, *map(last, fields), strict=True):
        count, multi, highest, one_word = (int(v) if np.isfinite(v) else None for v in values)
        if count:
            rows.append(Sector(names.get(id, id), count, multi, highest, one_word))
    rows.sort(key=lambda one: (-(one.highest or 0), -(one.multi_boards or 0), -one.limit_ups))
    return tuple(rows)

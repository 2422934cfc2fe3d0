"""Days out of history: boards' past, pools and lists of past sessions, and stock prices."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from data_profile import day, sessions
from data_profile.day import (
    OF_STOCKS,
    WORDS,
    chosen_of,
    names_of,
    own_closes,
    resolver,
    sum_up,
    tables_of,
    take_stocks,
)
from data_profile.errors import SourceError
from data_profile.home import Home
from data_profile.levels import Chain
from data_profile.limit_events import classify, pools_by_session
from data_profile.members import Members
from data_profile.news import Scoring, Sentiment
from data_profile.raw import Raw
from data_profile.sectors import Sectors
from data_profile.sources.base import Observation
from data_profile.stocks import StockStore
from data_profile.store import Store

SOURCE = "backfill"
_HISTORY = {"board_quotes_history": "board_quotes", "board_main_flow_history": "board_main_flow"}
_BARS = ("code", "date", "open", "high", "low", "close")
Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Bars:
    """Daily prices of stocks.

    Parameters
    ----------
    frame
        As `limit_events.classify` takes them.
    adjusted
        Whether prices are front-adjusted: then some limit-ups cannot be told for certain.
    """

    frame: pd.DataFrame
    adjusted: bool

    @classmethod
    def read(cls, path: Path) -> "Bars":
        """Prices from a Parquet file; front-adjusted unless it has a column `previous_close`.

        Raises
        ------
        SourceError
            It cannot be read, or lacks a column.
        """
        try:
            frame = pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise SourceError(f"{path} cannot be read as Parquet: {error}") from error
        if missing := [name for name in _BARS if name not in frame.columns]:
            raise SourceError(
                f"{path} lacks {', '.join(missing)}; it has {', '.join(map(str, frame))}"
            )
        return cls(frame, "previous_close" not in frame)

    def tables(self) -> dict[datetime.date, Tables]:
        """The pools of every session but the first."""
        return pools_by_session(self.frame, classify(self.frame, adjusted=self.adjusted))


def build(
    home: Home,
    answers: Sequence[str],
    order: Sequence[str],
    bars: Bars | None,
    since: datetime.date,
    observed_at: datetime.datetime,
    scoring: Scoring = Sentiment,
) -> int:
    """Build every session that anything is known of, and put all of them into the store at once.

    Parameters
    ----------
    home
        Raw zone, sectors and store stand below it.
    answers
        Ids in the raw zone of what a backfill was told.
    order
        Names of sources in the order of preference.
    bars
        Stock prices; pools that upstreams do not have are computed from them.
    since
        First session to build.
    observed_at
        Now; timezone-aware.
    scoring
        Who scores headlines.

    Returns
    -------
    int
        How many sessions were built.

    Raises
    ------
    SectorError, AggregateError, PriceLimitError, StoreError
        The store is as it was.
    """
    raw = Raw(home.store / "raw")
    boards = _boards(raw, answers)
    dated = {answer.partition("/")[0] for answer in answers if not _is_history(answer)}
    computed = bars.tables() if bars else {}
    told = {*map(datetime.date.fromisoformat, dated), *boards, *computed}
    days = sorted(one for one in told if one >= since and sessions.is_session(one))
    sectors = Sectors(home.store / "sectors")
    stocks = take_stocks(home, _of_stocks(raw, days, order), observed_at)
    sentiment = scoring(home.cache)
    made = list(_days(raw, days, boards, computed, sectors, order, stocks, sentiment))
    if made:
        made = _continued(home, raw, made, sectors, order)
        names: dict[str, str] = {}
        for rows, _ in made:
            names |= names_of(sectors, rows)
        Store(home.store).extend(made, observed_at=observed_at, names=names, source=SOURCE)
        _rebuild(home, raw, order, since=made[0][1], scoring=scoring)
    return len(made)


def _rebuild(
    home: Home, raw: Raw, order: Sequence[str], since: datetime.date, scoring: Scoring
) -> None:
    """Build the collected days after `since` again: their levels continue what is now before."""
    for held in Store(home.store).days():
        if held.state != "imported" and held.session > since:
            entries = raw.observations(session=held.session)
            there = {entry.source for entry in entries if not entry.quarantined}
            day.build(
                home,
                held.session,
                [s for s in order if s in there or s.partition(".")[2] in held.missing],
                scoring=scoring,
            )


def _continued(
    home: Home,
    raw: Raw,
    made: Sequence[tuple[pd.DataFrame, datetime.date]],
    sectors: Sectors,
    order: Sequence[str],
) -> list[tuple[pd.DataFrame, datetime.date]]:
    """The days with levels that continue what the store holds before the first of them."""
    store = Store(home.store)
    panel = store.panel() if store.exists() else None
    chain = Chain.before(made[0][1], panel, own_closes(raw, sectors, order))
    return [(chain.extend(rows, session), session) for rows, session in made]


def _is_history(answer: str) -> bool:
    return "_history." in answer


def _boards(raw: Raw, answers: Sequence[str]) -> dict[datetime.date, Tables]:
    """Session -> tables of boards, out of one history a board."""
    parts: dict[str, list[pd.DataFrame]] = {}
    for answer in filter(_is_history, answers):
        told = raw.get(answer)
        parts.setdefault(_HISTORY[told.table], []).append(told.frame.rename(columns=WORDS))
    found: dict[datetime.date, Tables] = {}
    for table, frames in parts.items():
        rows = pd.concat(frames, ignore_index=True)
        for session, of_day in rows.groupby(pd.to_datetime(rows["date"]).dt.date):
            kept = of_day.drop(columns="date").reset_index(drop=True)
            found.setdefault(session, {})[table] = kept
    return found


def _of_stocks(
    raw: Raw, days: Sequence[datetime.date], order: Sequence[str]
) -> dict[datetime.date, list[Observation]]:
    """Session -> its tables of single stocks."""
    return {
        session: [raw.get(entry.id) for part, entry in chosen.items() if part in OF_STOCKS]
        for session in days
        if (chosen := chosen_of(order, raw.observations(session=session)))
    }


def _days(
    raw: Raw,
    days: Sequence[datetime.date],
    boards: Mapping[datetime.date, Tables],
    computed: Mapping[datetime.date, Tables],
    sectors: Sectors,
    order: Sequence[str],
    stocks: StockStore,
    sentiment: Sentiment,
) -> Iterator[tuple[pd.DataFrame, datetime.date]]:
    """The rows of each session; what an upstream told goes before what was computed."""
    members = Members(raw)
    for session in days:
        entries = chosen_of(order, raw.observations(session=session)).values()
        told = [raw.get(entry.id) for entry in entries]
        tables = {
            **computed.get(session, {}),
            **boards.get(session, {}),
            **tables_of(told, sentiment, session, stocks),
        }
        if tables:
            known = members.of(session, backwards=True).table
            resolve = resolver(sectors, tables.values(), session)
            rows, _ = sum_up(session, tables, known, resolve)
            if len(rows):
                yield rows, session

"""The sector-day of one session, built from what the raw zone holds of it.

Every table is taken from its latest good observation; where two upstreams give the same table, from
the one that stands first in the list of sources. Building twice from the same observations gives
the same day.
"""

import datetime
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

from data_profile import aggregate, money
from data_profile.day_tables import NEEDED, Resolve, unplaced
from data_profile.home import Home
from data_profile.levels import Chain, RawCloses
from data_profile.list_fields import by_stock
from data_profile.members import Members
from data_profile.news import Scoring, Sentiment
from data_profile.raw import Entry, Raw
from data_profile.sector_names import SectorError, clean
from data_profile.sectors import Sectors
from data_profile.sources.base import Observation
from data_profile.stock_bars import of_snapshot
from data_profile.stocks import StockStore
from data_profile.store import Store

_LISTS = ("board_flow", "board_main_flow", "board_quotes")
"""Tables that name every board of a kind, every session."""
OF_STOCKS = {  # table of a source -> table of the stock store, and the columns it takes
    "lhb_stocks": (
        "list_rows",
        ("code", "name", "reason", "close", "ret", "turnover", "turnover_rate", "float_value",
         "net_buy"),
    ),
    "lhb_seats": ("seat_rows", ("code", "reason", "side", "rank", "seat", "buy", "sell")),
}  # fmt: skip
WORDS = {"change": "ret", "previous_streak": "streak"}  # sources' word -> the sums' word


@dataclass(frozen=True)
class Built:
    """A day as it entered the store.

    Parameters
    ----------
    session
        Date in Asia/Shanghai.
    observed_at
        When the last of its tables was fetched: from then on the day was known so.
    state
        complete: every expected table is in it; partial: some are not.
    missing
        Names of the expected tables that are not in it.
    sectors
        How many rows.
    members_of
        The session of the oldest copy of a board's members; None: there are none, and stocks
        reach sectors only by the industry that a pool names.
    doubtful
        Boards without a sector: they wait on the review list, or two claim the same one.
    """

    session: datetime.date
    observed_at: datetime.datetime
    state: Literal["complete", "partial"]
    missing: tuple[str, ...]
    sectors: int
    members_of: datetime.date | None
    doubtful: tuple[str, ...]

    def note(self) -> str:
        """One line for a person."""
        parts = [f"{self.sectors} sectors"]
        if self.missing:
            parts.append(f"without {', '.join(self.missing)}")
        if self.members_of is None:
            parts.append("members unknown")
        if self.doubtful:
            parts.append(f"{len(self.doubtful)} boards in doubt: tide data sectors review")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self) | {
            "session": self.session.isoformat(),
            "observed_at": self.observed_at.isoformat(),
            "members_of": self.members_of and self.members_of.isoformat(),
        }


def build(
    home: Home,
    session: datetime.date,
    expected: Sequence[str],
    *,
    scoring: Scoring = Sentiment,
) -> Built | None:
    """Build the day of a session and put it into the store.

    Parameters
    ----------
    home
        Raw zone, sectors and store stand below it.
    session
        Date in Asia/Shanghai.
    expected
        Names of the sources that should be in by now, in the order of preference.
    scoring
        Who scores headlines; the method is kept beside the day (`news_method`).

    Returns
    -------
    Built
        None where no table of the session is good, or no sector is known that they could speak
        of: the store is left as it was.

    Raises
    ------
    SectorError, AggregateError, StoreError
        The day cannot be built; the store is as it was.
    """
    raw = Raw(home.store / "raw")
    chosen = chosen_of(expected, raw.observations(session=session))
    if not chosen:
        return None
    observations = [raw.get(entry.id) for entry in chosen.values()]
    members = Members(raw).of(session)
    sectors = Sectors(home.store / "sectors")
    observed_at = max(entry.observed_at for entry in chosen.values())
    stocks = take_stocks(home, {session: observations}, observed_at)
    rows, doubtful = sum_up(
        session,
        tables_of(observations, scoring(home.cache), session, stocks),
        members.table,
        resolver(
            sectors,
            [told.frame for told in observations],
            session,
            [_before(raw, told) for told in observations],
        ),
    )
    if rows.empty:
        return None
    store = Store(home.store)
    panel = store.panel() if store.exists() else None
    chain = Chain.before(session, panel, own_closes(raw, sectors, expected))
    rows = chain.extend(rows, session)
    missing = tuple(part for part in dict.fromkeys(map(_part, expected)) if part not in chosen)
    state: Literal["complete", "partial"] = "partial" if missing else "complete"
    store.append(
        rows,
        session=session,
        observed_at=observed_at,
        state=state,
        missing=missing,
        names=names_of(sectors, rows),
    )
    return Built(session, observed_at, state, missing, len(rows), members.oldest, doubtful)


def own_closes(raw: Raw, sectors: Sectors, expected: Sequence[str]) -> RawCloses:
    """What the boards' quotes of a session in the raw zone say, by sector."""

    def closes(session: datetime.date) -> dict[str, float]:
        chosen = chosen_of(expected, raw.observations(session=session))
        told = [
            raw.get(entry.id).frame
            for part, entry in chosen.items()
            if part.split(".")[0] == "board_quotes"
        ]
        resolve = resolver(sectors, told, session)
        return {
            sector: float(close)
            for frame in told
            for board, kind, close in zip(
                frame["board"], frame["kind"], frame["close"], strict=True
            )
            if (sector := resolve(str(board), str(kind))) is not None
        }

    return closes


def chosen_of(expected: Sequence[str], entries: Iterable[Entry]) -> dict[str, Entry]:
    """What each source is a source of -> the latest good observation of the first that has it."""
    good = [entry for entry in entries if not entry.quarantined]
    latest = {entry.source: entry for entry in sorted(good, key=lambda e: e.observed_at)}
    chosen: dict[str, Entry] = {}
    for source in expected:
        if source in latest:
            chosen.setdefault(_part(source), latest[source])
    return chosen


def _part(source: str) -> str:
    """What a source is a source of: "board_flow.industry" of "akshare.board_flow.industry"."""
    return source.partition(".")[2]


def take_stocks(
    home: Home,
    days: Mapping[datetime.date, Sequence[Observation]],
    observed_at: datetime.datetime,
) -> StockStore:
    """Put the tables of single stocks among what was told of sessions into the stock store."""
    stocks = StockStore(home.stocks)
    tables = {session: of_day for session, told in days.items() if (of_day := _stocks_of(told))}
    if tables:
        stocks.take_sessions(tables, observed_at=observed_at)
    return stocks


def _stocks_of(observations: Iterable[Observation]) -> dict[str, pd.DataFrame]:
    """The list, its seats and the bars of a day, as the stock store takes them."""
    found = {}
    for told in observations:
        if told.table == "stocks":
            if (bars := of_snapshot(told.frame)) is not None and len(bars):
                found["bars"] = bars
        elif told.table in OF_STOCKS and len(told.frame):
            name, columns = OF_STOCKS[told.table]
            found[name] = told.frame[[column for column in columns if column in told.frame]]
    return found


def _listed(stocks: StockStore, session: datetime.date) -> pd.DataFrame | None:
    """What each stock of a session's list adds to its sectors; None where nothing is listed."""
    rows = by_stock(stocks, since=session)
    rows = rows[rows["session"] == pd.Timestamp(session)].drop(columns="session")
    # Without any seats there is nothing to say of who bought.
    unknown = [name for name in money.COLUMNS if rows[name].isna().all()]
    return rows.drop(columns=unknown) if len(rows) else None


def tables_of(
    observations: Iterable[Observation],
    sentiment: Sentiment,
    session: datetime.date,
    stocks: StockStore,
) -> dict[str, pd.DataFrame]:
    """The tables that the sums are made of, by name, in the words of `aggregate`.

    The dragon-tiger list comes from the stock store, which has just taken it in and knows what its
    seats did before; but only if it is among the observations, for a day built as of 15:35 does
    not know its evening.
    """
    parts: dict[str, list[pd.DataFrame]] = {}
    lists = None
    for told in observations:
        if told.table == "lhb_stocks":
            lists = _listed(stocks, session) if len(told.frame) else told.frame
        elif told.table in NEEDED:
            parts.setdefault(told.table, []).append(told.frame.rename(columns=WORDS))
    tables = {name: _joined(frames) for name, frames in parts.items()}
    if lists is not None:
        tables["lhb_stocks"] = lists
    if "news" in tables:
        scored = sentiment.day(tables["news"], session)
        tables["news"] = scored.table.dropna(axis=1, how="all").assign(method=scored.method)
    return tables


def sum_up(
    session: datetime.date,
    tables: Mapping[str, pd.DataFrame],
    members: pd.DataFrame,
    resolve: Resolve,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """One row a sector, and the boards that are in none of them."""
    rows = aggregate.sector_day(session, tables, members, resolve)
    if "news" in tables and len(tables["news"]):
        rows = rows.assign(news_method=tables["news"]["method"].iloc[0])
    left_out = unplaced(tables, members, resolve)
    return rows, (*left_out.boards, *left_out.contested)


def names_of(sectors: Sectors, rows: pd.DataFrame) -> dict[str, str]:
    """Id -> name of the sectors in rows."""
    known = sectors.sectors()
    return {name: known[name].name for name in rows["instrument"]}


def resolver(
    sectors: Sectors,
    lists: Iterable[pd.DataFrame],
    session: datetime.date,
    earlier: Iterable[pd.DataFrame | None] = (),
) -> Resolve:
    """Take in the boards of each list, then say which sector a board of the day is.

    `earlier` has the same lists of a session before, where there are such: a board that appears
    when another is gone from its list is asked about as a rename.
    """
    known: dict[tuple[str, str], str | None] = {}
    for frame, old in itertools.zip_longest(lists, earlier):
        if {"board", "kind"} <= set(frame):
            for kind, rows in frame.dropna(subset="board").groupby("kind"):
                names = [name for name in rows["board"].unique() if _is_name(name)]
                before = [] if old is None else old.loc[old["kind"] == kind, "board"]
                gone = [name for name in before if _is_name(name)]
                matches = sectors.enter(names, str(kind), session, before=gone)
                known |= {(name, str(kind)): match.sector_id for name, match in matches.items()}

    def resolve(name: str, kind: str) -> str | None:
        if (name, kind) not in known:
            known[name, kind] = (
                sectors.resolve(name, kind, session).sector_id if _is_name(name) else None
            )
        return known[name, kind]

    return resolve


def _before(raw: Raw, told: Observation) -> pd.DataFrame | None:
    """The last good table of the same source before its session; None for one that is no list."""
    if told.table not in _LISTS:
        return None
    entries = [
        entry
        for entry in raw.observations(source=told.source)
        if entry.session < told.session and not entry.quarantined
    ]
    if not entries:
        return None
    return raw.get(max(entries, key=lambda entry: (entry.session, entry.observed_at)).id).frame


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(filled, ignore_index=True)


def _is_name(name: object) -> bool:
    try:
        clean(name)  # type: ignore[arg-type]  # it says so if it is no text
    except SectorError:
        return False
    return True

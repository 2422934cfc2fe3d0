"""The sector-day of one session, built from what the raw zone holds of it.

Every table is taken from its latest good observation; where two upstreams give the same table, the
one that stands first in the list of sources. Members are those of the session, or the last that
were seen before it, never later ones. Building twice from the same observations gives the same day.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

from data_profile import aggregate
from data_profile.day_tables import NEEDED, Resolve, unplaced
from data_profile.home import Home
from data_profile.raw import Entry, Raw
from data_profile.sector_names import SectorError, clean
from data_profile.sectors import Sectors
from data_profile.sources.base import Observation
from data_profile.store import Store

MEMBERS = "board_members"
MEMBERS_KEEP = datetime.timedelta(days=45)  # each board's turn comes every two weeks


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
        The session whose members were used, the oldest if they are of several; None: there are
        none, and stocks reach sectors only by the industry that a pool names.
    doubtful
        Boards that wait on the review list, or that no sector was found for.
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
        elif self.members_of != self.session:
            parts.append(f"members of {self.members_of}")
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


def build(home: Home, session: datetime.date, expected: Sequence[str]) -> Built | None:
    """Build the day of a session and put it into the store.

    Parameters
    ----------
    home
        Raw zone, sectors and store stand below it.
    session
        Date in Asia/Shanghai.
    expected
        Names of the sources that should be in by now, in the order of preference.

    Returns
    -------
    Built
        None where no table of the session is good: the store is left as it was.

    Raises
    ------
    SectorError, AggregateError, StoreError
        The day cannot be built; the store is as it was.
    """
    raw = Raw(home.store / "raw")
    latest = _latest(raw.observations(session=session))
    chosen = _chosen(expected, latest)
    if not chosen:
        return None
    observations = [raw.get(entry.id) for entry in chosen.values()]
    tables = {name: _joined(group) for name, group in _by_table(observations).items()}
    members, members_of = _members(raw, session)
    missing = [part for part in dict.fromkeys(map(_part, expected)) if part not in chosen]
    resolve = _resolver(Sectors(home.store / "sectors"), observations, session)
    known = {name: table for name, table in tables.items() if name in NEEDED}
    rows = aggregate.sector_day(session, known, members, resolve)
    left_out = unplaced(known, members, resolve)
    state: Literal["complete", "partial"] = "partial" if missing else "complete"
    observed_at = max(entry.observed_at for entry in chosen.values())
    Store(home.store).append(
        rows, session=session, observed_at=observed_at, state=state, missing=tuple(missing)
    )
    doubtful = (*left_out.boards, *left_out.contested)
    return Built(session, observed_at, state, tuple(missing), len(rows), members_of, doubtful)


def _part(source: str) -> str:
    """What a source is a source of: "board_flow.industry" of "akshare.board_flow.industry"."""
    return source.partition(".")[2]


def _latest(entries: Iterable[Entry]) -> dict[str, Entry]:
    """The latest good observation of each source."""
    good = [entry for entry in entries if not entry.quarantined]
    ordered = sorted(good, key=lambda entry: (entry.session, entry.observed_at))
    return {entry.source: entry for entry in ordered}


def _chosen(expected: Sequence[str], latest: Mapping[str, Entry]) -> dict[str, Entry]:
    """Part -> observation of the first source in `expected` that has it."""
    chosen: dict[str, Entry] = {}
    for source in expected:
        if source in latest:
            chosen.setdefault(_part(source), latest[source])
    return chosen


def _by_table(observations: Iterable[Observation]) -> dict[str, list[pd.DataFrame]]:
    tables: dict[str, list[pd.DataFrame]] = {}
    for told in observations:
        tables.setdefault(told.table, []).append(told.frame)
    return tables


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(filled, ignore_index=True)


def _members(raw: Raw, session: datetime.date) -> tuple[pd.DataFrame, datetime.date | None]:
    """Members of each board as they were seen last by the end of a session; the oldest such day.

    One observation may hold a part of the boards: they are asked for in turn.
    """
    first = session - MEMBERS_KEEP
    entries = [
        entry
        for entry in raw.observations()
        if entry.source.split(".")[1] == MEMBERS
        and not entry.quarantined
        and first <= entry.session <= session
    ]
    seen: set[tuple[str, str]] = set()
    frames, oldest = [pd.DataFrame({"board": [], "code": [], "kind": []}, dtype=object)], None
    for entry in sorted(entries, key=lambda e: (e.session, e.observed_at), reverse=True):
        table = raw.get(entry.id).frame[["board", "code", "kind"]]
        pairs = pd.Series(zip(table["board"], table["kind"], strict=True), index=table.index)
        new = ~pairs.isin(seen)
        if new.any():
            frames.append(table[new])
            oldest = entry.session
        seen |= set(pairs)
    return _joined(frames), oldest


def _resolver(
    sectors: Sectors, observations: Iterable[Observation], session: datetime.date
) -> Resolve:
    """Take in the boards of each list, then say which sector a board of the day is."""
    known: dict[tuple[str, str], str | None] = {}
    for told in observations:
        if {"board", "kind"} <= set(told.frame):
            for kind, rows in told.frame.groupby("kind"):
                names = [name for name in rows["board"].unique() if _is_name(name)]
                matches = sectors.enter(names, str(kind), session)
                known |= {(name, str(kind)): match.sector_id for name, match in matches.items()}

    def resolve(name: str, kind: str) -> str | None:
        if (name, kind) not in known:
            found = sectors.resolve(name, kind, session) if _is_name(name) else None
            known[name, kind] = found and found.sector_id
        return known[name, kind]

    return resolve


def _is_name(name: object) -> bool:
    try:
        clean(name)  # type: ignore[arg-type]  # it says so if it is no text
    except SectorError:
        return False
    return True

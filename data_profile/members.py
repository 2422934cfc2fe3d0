"""Who belonged to which board when, put together from the copies in the raw zone.

Upstreams only tell who belongs to a board now, and one request a board: so each session asks for a
part of the boards, and a board's members of a session are those of its last copy before the end of
it. Never a later one: a company that joined because it rose did not belong when it began to.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from data_profile.raw import Entry, Raw

TABLE = "board_members"
KEEP = datetime.timedelta(days=45)  # each board's turn comes within two weeks
_COLUMNS = ["board", "code", "kind"]


@dataclass(frozen=True)
class Known:
    """The members of a session.

    Parameters
    ----------
    table
        Columns board, code, kind.
    oldest
        The session of the oldest copy in it; None where there is none.
    later
        Whether copies of later sessions stand in for boards that had none by then.
    """

    table: pd.DataFrame
    oldest: datetime.date | None
    later: bool = False


class Members:
    """All copies of members in a raw zone; each is read once.

    Parameters
    ----------
    raw
        The raw zone, as it is now.
    """

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self._entries = tuple(
            entry
            for entry in raw.observations()
            if entry.source.split(".")[1] == TABLE and not entry.quarantined
        )
        self._tables: dict[str, pd.DataFrame] = {}

    def of(self, session: datetime.date, *, backwards: bool = False) -> Known:
        """The members of each board as they were known at the end of a session.

        Parameters
        ----------
        session
            Date in Asia/Shanghai.
        backwards
            For history only: where a board has no copy by then, take its first one after. That is
            survivorship, and whoever shows such a session must say so.
        """
        order = sorted(self._entries, key=lambda entry: (entry.session, entry.observed_at))
        before = [e for e in order if session - KEEP <= e.session <= session]
        after = [e for e in order if e.session > session] if backwards else []
        frames, oldest, later = self._first([*reversed(before), *after], session)
        if not frames:
            return Known(pd.DataFrame({name: [] for name in _COLUMNS}, dtype=object), None)
        return Known(pd.concat(frames, ignore_index=True), oldest, later)

    def _first(
        self, entries: Sequence[Entry], session: datetime.date
    ) -> tuple[list[pd.DataFrame], datetime.date | None, bool]:
        """Each board's rows in the first copy that has it."""
        seen: set[tuple[str, str]] = set()
        frames: list[pd.DataFrame] = []
        used: list[datetime.date] = []
        for entry in entries:
            table = self._table(entry)
            pairs = pd.Series(zip(table["board"], table["kind"], strict=True), index=table.index)
            if (new := ~pairs.isin(seen)).any():
                frames.append(table[new])
                used.append(entry.session)
                seen |= set(pairs)
        return frames, min(used, default=None), any(day > session for day in used)

    def _table(self, entry: Entry) -> pd.DataFrame:
        if entry.id not in self._tables:
            self._tables[entry.id] = self._raw.get(entry.id).frame[_COLUMNS]
        return self._tables[entry.id]

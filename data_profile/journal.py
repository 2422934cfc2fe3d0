"""What the collector did: one row a step of a session, and one a source in it.

SQLite in WAL, one transaction a fact, so that a collector killed at any line leaves a journal that
says how far it came. A step that began and never ended was interrupted; the next run goes on.
"""

import contextlib
import datetime
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from data_profile.errors import DataError

StepState = Literal["running", "complete", "partial", "missed", "failed"]
Outcome = Literal["good", "quarantined", "failed", "gone"]

_STEPS = """
CREATE TABLE IF NOT EXISTS steps (
    session TEXT NOT NULL, step TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('running', 'complete', 'partial', 'missed', 'failed')),
    runs INTEGER NOT NULL, began_at TEXT NOT NULL, ended_at TEXT, note TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (session, step)
) STRICT;
"""
_SCHEMA = f"""{_STEPS}
CREATE TABLE IF NOT EXISTS fetches (
    id INTEGER PRIMARY KEY, session TEXT NOT NULL, step TEXT NOT NULL, source TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('good', 'quarantined', 'failed', 'gone')),
    reason TEXT NOT NULL, at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS fetches_of_step ON fetches (session, step, source, id);
"""


class JournalError(DataError):
    """The journal cannot be read or written."""


@dataclass(frozen=True)
class Fetch:
    """What became of one source in one step, the latest time it was tried.

    Parameters
    ----------
    source
        Its name, such as "akshare.limit_up_pool".
    outcome
        good: in the raw zone; quarantined: refused by the quality checks; failed: not fetched;
        gone: its upstream only tells what is now, and now is a later session.
    reason
        Why it is not good; empty where it is.
    at
        When, timezone-aware.
    """

    source: str
    outcome: Outcome
    reason: str
    at: datetime.datetime


@dataclass(frozen=True)
class StepRecord:
    """One step of one session.

    Parameters
    ----------
    session, step
        Which.
    state
        running: began and has not ended (or was killed); complete; partial: sources are missing;
        missed: it did not run while it could; failed: it ran and came to nothing.
    runs
        How many times it began.
    began_at, ended_at
        Of the latest run, timezone-aware; `ended_at` None while it runs.
    note
        What a person should know.
    fetches
        Every source of the step that was tried.
    """

    session: datetime.date
    step: str
    state: StepState
    runs: int
    began_at: datetime.datetime
    ended_at: datetime.datetime | None
    note: str
    fetches: tuple[Fetch, ...] = ()

    @property
    def missing(self) -> tuple[Fetch, ...]:
        """The sources that are not good."""
        return tuple(fetch for fetch in self.fetches if fetch.outcome != "good")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; dates and instants in ISO 8601."""
        return asdict(self) | {
            "session": self.session.isoformat(),
            "began_at": self.began_at.isoformat(),
            "ended_at": self.ended_at and self.ended_at.isoformat(),
            "fetches": [asdict(fetch) | {"at": fetch.at.isoformat()} for fetch in self.fetches],
        }


class Journal:
    """The journal in one SQLite file; a context manager.

    Parameters
    ----------
    path
        `Home.journal`; made if missing.

    Raises
    ------
    JournalError
        It cannot be opened; every method raises it where the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._wrapped():
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(_SCHEMA)
            self._upgrade()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def begin(self, session: datetime.date, step: str, at: datetime.datetime) -> None:
        """A step begins, or goes on after an interruption."""
        self._write(
            "INSERT INTO steps (session, step, state, runs, began_at)"
            " VALUES (?, ?, 'running', 1, ?)"
            " ON CONFLICT (session, step) DO UPDATE SET state = 'running', runs = runs + 1,"
            " began_at = excluded.began_at, ended_at = NULL, note = ''",
            (session.isoformat(), step, at.isoformat()),
        )

    def fetched(self, session: datetime.date, step: str, fetch: Fetch) -> None:
        """What became of one source."""
        self._write(
            "INSERT INTO fetches (session, step, source, outcome, reason, at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                session.isoformat(),
                step,
                fetch.source,
                fetch.outcome,
                fetch.reason,
                fetch.at.isoformat(),
            ),
        )

    def end(
        self,
        session: datetime.date,
        step: str,
        state: StepState,
        at: datetime.datetime,
        note: str = "",
    ) -> None:
        """A step has ended."""
        self._write(
            "UPDATE steps SET state = ?, ended_at = ?, note = ? WHERE session = ? AND step = ?",
            (state, at.isoformat(), note, session.isoformat(), step),
        )

    def miss(self, session: datetime.date, step: str, at: datetime.datetime, note: str) -> None:
        """A step did not run while it could; nothing where it has a record already."""
        self._write(
            "INSERT OR IGNORE INTO steps (session, step, state, runs, began_at, ended_at, note)"
            " VALUES (?, ?, 'missed', 0, ?, ?, ?)",
            (session.isoformat(), step, at.isoformat(), at.isoformat(), note),
        )

    def record(self, session: datetime.date, step: str) -> StepRecord | None:
        """One step of one session, or None if it never began."""
        found = self.records(first=session, last=session)
        return next((row for row in found if row.step == step), None)

    def records(
        self, first: datetime.date | None = None, last: datetime.date | None = None
    ) -> list[StepRecord]:
        """The steps of the sessions from `first` to `last`, in the order in which they began."""
        span = ((first or datetime.date.min).isoformat(), (last or datetime.date.max).isoformat())
        with self._wrapped():
            steps = self._connection.execute(
                "SELECT session, step, state, runs, began_at, ended_at, note FROM steps"
                " WHERE session BETWEEN ? AND ? ORDER BY session, began_at, rowid",
                span,
            ).fetchall()
            fetches = self._connection.execute(
                "SELECT session, step, source, outcome, reason, at FROM fetches"
                " WHERE session BETWEEN ? AND ? ORDER BY id",
                span,
            ).fetchall()
        latest: dict[tuple[str, str], dict[str, Fetch]] = {}
        for session, step, source, outcome, reason, at in fetches:
            latest.setdefault((session, step), {})[source] = Fetch(
                source, outcome, reason, datetime.datetime.fromisoformat(at)
            )
        return [
            StepRecord(
                datetime.date.fromisoformat(session),
                step,
                state,
                runs,
                datetime.datetime.fromisoformat(began),
                datetime.datetime.fromisoformat(ended) if ended else None,
                note,
                tuple(latest.get((session, step), {}).values()),
            )
            for session, step, state, runs, began, ended, note in steps
        ]

    def began_at(self) -> datetime.datetime | None:
        """When the first step that is recorded began for the first time, at the latest."""
        with self._wrapped():
            times = [row[0] for row in self._connection.execute("SELECT began_at FROM steps")]
        return min(map(datetime.datetime.fromisoformat, times), default=None)

    def first_session(self) -> datetime.date | None:
        """The first session of which anything is recorded."""
        with self._wrapped():
            (first,) = self._connection.execute("SELECT min(session) FROM steps").fetchone()
        return first and datetime.date.fromisoformat(first)

    def _upgrade(self) -> None:
        """A journal from before steps could fail gets the table as it is now."""
        (made,) = self._connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'steps'"
        ).fetchone()
        if "'failed'" not in made:
            self._connection.executescript(
                f"BEGIN IMMEDIATE; ALTER TABLE steps RENAME TO earlier; {_STEPS}"
                "INSERT INTO steps SELECT * FROM earlier; DROP TABLE earlier; COMMIT;"
            )

    def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        with self._wrapped():
            self._connection.execute(statement, values)

    @contextlib.contextmanager
    def _wrapped(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise JournalError(
                f"{self._path} cannot be used: {error}; nothing in it is needed to collect, "
                "so it may be moved away"
            ) from error

"""The log's file: append-only by triggers, chained by hash."""

import contextlib
import datetime
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from data_profile.schedule import SHANGHAI
from predictor.forecast_log.records import (
    CONFIRM,
    OPEN,
    PREDICT,
    ForecastLogError,
    Record,
    digest,
    entry,
    is_live,
    record,
)

START = "0" * 64  # what the first record follows
_TRIGGERS = {
    "forecasts_no_update": "BEFORE UPDATE ON forecasts BEGIN"
    " SELECT RAISE(ABORT, 'a forecast is never changed'); END",
    "forecasts_no_delete": "BEFORE DELETE ON forecasts BEGIN"
    " SELECT RAISE(ABORT, 'a forecast is never removed'); END",
    # REPLACE removes rows without a delete trigger; so a row may only follow the last one.
    "forecasts_in_order": "BEFORE INSERT ON forecasts WHEN NEW.previous IS NOT"
    f" coalesce((SELECT hash FROM forecasts ORDER BY id DESC LIMIT 1), '{START}')"
    " OR EXISTS (SELECT 1 FROM forecasts WHERE id >= NEW.id OR (step = NEW.step AND"
    " as_of = NEW.as_of AND model = NEW.model AND snapshot_id = NEW.snapshot_id))"
    " BEGIN SELECT RAISE(ABORT, 'a forecast only ever follows the last one'); END",
}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS forecasts (
    id INTEGER PRIMARY KEY, made_at TEXT NOT NULL, step TEXT NOT NULL, as_of TEXT NOT NULL,
    for_session TEXT NOT NULL, live INTEGER NOT NULL CHECK (live IN (0, 1)), model TEXT NOT NULL,
    pool_version INTEGER NOT NULL, snapshot_id TEXT NOT NULL, document TEXT NOT NULL,
    previous TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
    UNIQUE (step, as_of, model, snapshot_id)
) STRICT;
CREATE INDEX IF NOT EXISTS forecasts_for ON forecasts (for_session, id);
"""


class ForecastLog:
    """The log in one SQLite file; a context manager.

    Parameters
    ----------
    path
        `Home.forecasts`; made if missing.

    Raises
    ------
    ForecastLogError
        It cannot be opened; every method raises it where the file cannot be read or written.

    Examples
    --------
    >>> import tempfile
    >>> from data_profile.schedule import SHANGHAI
    >>> document = {"as_of": "2026-11-19", "for_session": "2026-11-20", "model": "m",
    ...             "pool_version": 0, "snapshot_id": "s", "scores": []}
    >>> evening = datetime.datetime(2026, 11, 19, 15, 46, tzinfo=SHANGHAI)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with ForecastLog(Path(folder) / "forecasts.db") as log:
    ...         first = log.append(document, made_at=evening, step="predict")
    ...         again = log.append(document, made_at=evening, step="predict")
    ...         first, again, log.records()[0].live
    (1, 1, True)
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._wrapped():
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            with self._transaction():
                for statement in (*_SCHEMA.split(";\n"), *_trigger_statements()):
                    self._connection.execute(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def append(
        self, document: Mapping[str, Any], *, made_at: datetime.datetime, step: str = PREDICT
    ) -> int:
        """Enter a forecast, unless the same step, model, as-of and data is there already.

        Parameters
        ----------
        document
            `Forecast.to_dict()`; plain JSON.
        made_at
            Now, timezone-aware.
        step
            "predict" or "confirm".

        Returns
        -------
        int
            Its id, or that of the record which says the same.

        Raises
        ------
        ForecastLogError
            The document lacks a part or is no JSON, or `made_at` has no zone.
        """
        columns = entry(document, made_at, step)
        key = (step, columns["as_of"], columns["model"], columns["snapshot_id"])
        with self._wrapped(), self._transaction():
            known = self._connection.execute(
                "SELECT id FROM forecasts"
                " WHERE step = ? AND as_of = ? AND model = ? AND snapshot_id = ?",
                key,
            ).fetchone()
            if known:
                return int(known[0])
            last = self._connection.execute(
                "SELECT id, hash FROM forecasts ORDER BY id DESC LIMIT 1"
            ).fetchone() or (0, START)
            row = {"id": last[0] + 1, **columns, "previous": last[1]}
            row["hash"] = digest(row)
            names = ", ".join(row)
            places = ", ".join(f":{name}" for name in row)
            self._connection.execute(f"INSERT INTO forecasts ({names}) VALUES ({places})", row)
            return int(row["id"])

    def records(
        self, first: datetime.date | None = None, last: datetime.date | None = None
    ) -> list[Record]:
        """The forecasts about the sessions from `first` to `last`, in the order they were made."""
        span = ((first or datetime.date.min).isoformat(), (last or datetime.date.max).isoformat())
        return [
            record(row) for row in self._rows("WHERE for_session BETWEEN ? AND ? ORDER BY id", span)
        ]

    def record(self, record_id: int) -> Record:
        """One record.

        Raises
        ------
        ForecastLogError
            There is none of that id.
        """
        found = self._rows("WHERE id = ?", (record_id,))
        if not found:
            raise ForecastLogError(f"{self._path} has no forecast {record_id}")
        return record(found[0])

    def chosen(self, for_session: datetime.date) -> Record | None:
        """The forecast of a session that counts, else the last made too late; None without any."""
        found = [made for made in self.records(for_session, for_session) if made.step == PREDICT]
        return next((made for made in found if made.live), found[-1] if found else None)

    def counted(self) -> list[Record]:
        """The records that count: of each session the first live forecast, in order of session.

        The first, because whoever may choose among several has seen more than the one who counts
        on it.
        """
        first: dict[datetime.date, Record] = {}
        for made in self.records():
            if made.live and made.step == PREDICT:
                first.setdefault(made.for_session, made)
        return [first[session] for session in sorted(first)]

    def confirmed(self) -> dict[datetime.date, Record]:
        """Session -> the first that its opening auction made of the forecast that counts.

        Only what was logged before trading began, and gives every sector new numbers.
        """
        evenings = {made.for_session: made.as_of for made in self.counted()}
        first: dict[datetime.date, Record] = {}
        for made in self.records():
            if (
                made.step == CONFIRM
                and evenings.get(made.for_session) == made.as_of
                and made.made_at < datetime.datetime.combine(made.for_session, OPEN, SHANGHAI)
                and made.document.get("confirmation", {}).get("scores")
            ):
                first.setdefault(made.for_session, made)
        return first

    def verify(self) -> None:
        """Prove that the log is what was written: triggers, order, hashes, and what `live` says.

        Raises
        ------
        ForecastLogError
            Names the first record that is not what was written.
        """
        self._verify_triggers()
        previous, expected = START, 1
        for row in self._rows("ORDER BY id"):
            if row["id"] != expected or row["previous"] != previous:
                raise ForecastLogError(f"{self._path}: forecast {expected} is missing")
            if row["hash"] != digest(row):
                raise ForecastLogError(f"{self._path}: forecast {row['id']} was changed")
            told = record(row)
            if told.live != is_live(told.as_of, told.for_session, told.made_at):
                raise ForecastLogError(
                    f"{self._path}: forecast {told.id} says live={told.live}, its times do not"
                )
            previous, expected = row["hash"], expected + 1

    def _verify_triggers(self) -> None:
        with self._wrapped():
            found = {
                name: statement
                for name, statement in self._connection.execute(
                    "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
                )
            }
        wanted = {name: f"CREATE TRIGGER {name} {body}" for name, body in _TRIGGERS.items()}
        if found != wanted:
            raise ForecastLogError(f"{self._path}: the triggers that guard the log were changed")

    def _rows(self, where: str, values: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        with self._wrapped():
            cursor = self._connection.execute(f"SELECT * FROM forecasts {where}", values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextlib.contextmanager
    def _wrapped(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ForecastLogError(f"{self._path} cannot be used: {error}") from error


def _trigger_statements() -> list[str]:
    return [f"CREATE TRIGGER IF NOT EXISTS {name} {body}" for name, body in _TRIGGERS.items()]

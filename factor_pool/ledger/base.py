"""The database file below a ledger: opening, transactions, reading."""

import contextlib
import datetime as dt
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from factor_pool.errors import LedgerError
from factor_pool.ledger.schema import APPLICATION_ID, SCHEMA, UPGRADES, VERSION

_BUSY_SECONDS = 30.0


class Database:
    """The SQLite file of a ledger.

    Parameters
    ----------
    path, readonly
        See `Ledger`.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.path = Path(path)
        if readonly and not self.path.exists():
            raise LedgerError(f"no ledger at {self.path}: nothing has been mined there yet")
        uri = f"{self.path.absolute().as_uri()}?mode={'ro' if readonly else 'rwc'}"
        try:
            self._db = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._prepare(readonly)
        except sqlite3.Error as error:
            raise LedgerError(f"cannot open the ledger {self.path}: {error}") from error

    def _prepare(self, readonly: bool) -> None:
        self._db.execute("PRAGMA foreign_keys=ON")
        identity = self._db.execute("PRAGMA application_id").fetchone()[0]
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and identity != APPLICATION_ID:
            raise LedgerError(f"{self.path} is a database of something else, not a ledger")
        if version > VERSION:
            raise LedgerError(
                f"{self.path} has format {version}, this program knows up to {VERSION}: "
                "update the program"
            )
        if readonly:
            if 0 < version < VERSION:
                raise LedgerError(
                    f"{self.path} has the older format {version}: any command that writes to it, "
                    "such as tide mine, brings it up to date"
                )
            return
        self._db.execute("PRAGMA journal_mode=WAL")
        if version < VERSION:
            with self._write(durable=True):
                # Another process may have been first while this one waited for the lock.
                version = self._db.execute("PRAGMA user_version").fetchone()[0]
                for statement in _statements(version):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id={APPLICATION_ID}")
                self._db.execute(f"PRAGMA user_version={VERSION}")

    def close(self) -> None:
        """Close the file; the instance is of no use afterwards."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _write(self, *, durable: bool) -> Iterator[None]:
        """One transaction: all of the block or nothing.

        With `durable=False` a power cut (not a kill) may undo it together with everything after
        the last durable one; only what can be worked out again is written so.
        """
        try:
            self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise LedgerError(f"cannot write to the ledger {self.path}: {error}") from error
        try:
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise LedgerError(f"the ledger {self.path} refused an entry: {error}") from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise LedgerError(f"cannot read the ledger {self.path}: {error}") from error


def _statements(version: int) -> list[str]:
    """What leads from a format to the present one; 0 is an empty file."""
    if version == 0:
        return list(SCHEMA)
    return [one for step in range(version, VERSION) for one in UPGRADES[step]]


def matching(**equal: object) -> tuple[str, tuple[object, ...]]:
    """A WHERE clause of the arguments that are not None; names come from code, never from data."""
    given = {name: value for name, value in equal.items() if value is not None}
    return "WHERE " + " AND ".join(["1", *(f"{n}=?" for n in given)]), tuple(given.values())


_FIGURES = json.JSONEncoder(allow_nan=False, sort_keys=True)


def dump(figures: Mapping[str, Any]) -> str:
    """Figures as JSON; a number that is not finite is refused."""
    try:
        return _FIGURES.encode(figures)
    except (TypeError, ValueError) as error:
        raise LedgerError(f"figures must be finite numbers, text or null: {error}") from error


def now() -> str:
    """The present instant, UTC, as text."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")


def instant(text: str) -> dt.datetime:
    """The instant of such a text."""
    return dt.datetime.fromisoformat(text)

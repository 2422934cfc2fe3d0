"""What a backfill has still to ask for: a queue in SQLite that survives kill -9."""

import contextlib
import datetime
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from data_profile.errors import DataError

State = Literal["waiting", "done", "empty", "failed"]
TRIES = 3  # of one question, before it is given up

_SCHEMA = """
CREATE TABLE IF NOT EXISTS backlog (
    number INTEGER PRIMARY KEY, source TEXT NOT NULL, session TEXT NOT NULL,
    board TEXT NOT NULL, kind TEXT NOT NULL, code TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'done', 'empty', 'failed')),
    tries INTEGER NOT NULL DEFAULT 0, answer TEXT NOT NULL DEFAULT '',
    UNIQUE (source, session, kind, code)
) STRICT
"""


class BacklogError(DataError):
    """The queue of a backfill cannot be read or written."""


@dataclass(frozen=True)
class Question:
    """One request of a backfill.

    Parameters
    ----------
    source
        Name of a source of `SOURCES`, or of a history of `akshare_history`.
    session
        The session asked for; of a history, the last.
    board, kind, code
        Of a history: which board. Empty otherwise.
    """

    source: str
    session: datetime.date
    board: str = ""
    kind: str = ""
    code: str = ""

    @property
    def name(self) -> str:
        """What it is told by, distinct in one backlog."""
        return f"{self.source} {self.code or self.session}"


@dataclass(frozen=True)
class Standing:
    """How many questions are in which state, and why some have no answer."""

    waiting: int
    done: int
    empty: int
    failed: int
    reasons: tuple[str, ...]


class Backlog:
    """The queue in one SQLite file; a context manager.

    Parameters
    ----------
    path
        `Home.journal`: it stands beside the collector's own records.

    Raises
    ------
    BacklogError
        The file cannot be used; every method raises it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._wrapped():
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add(self, questions: Iterable[Question]) -> None:
        """Put questions at the end; those that stand there already stay as they are."""
        rows = [(q.source, q.session.isoformat(), q.board, q.kind, q.code) for q in questions]
        with self._wrapped(), self._connection:
            self._connection.execute("BEGIN")
            self._connection.executemany(
                "INSERT OR IGNORE INTO backlog (source, session, board, kind, code)"
                " VALUES (?, ?, ?, ?, ?)",
                rows,
            )
            self._connection.execute("COMMIT")

    def empty(self) -> bool:
        """Whether there is no backfill under way."""
        with self._wrapped():
            return self._connection.execute("SELECT 1 FROM backlog LIMIT 1").fetchone() is None

    def waiting(self) -> list[Question]:
        """What is still to be asked, in order; what failed before comes last."""
        return self._questions("state = 'waiting' ORDER BY tries, number")

    def done(self) -> list[tuple[Question, str]]:
        """What was answered, with the id of the answer in the raw zone."""
        with self._wrapped():
            answers = self._connection.execute(
                "SELECT answer FROM backlog WHERE state = 'done' ORDER BY number"
            ).fetchall()
        questions = self._questions("state = 'done' ORDER BY number")
        return [(one, answer) for one, (answer,) in zip(questions, answers, strict=True)]

    def answered(self, question: Question, state: State, answer: str) -> None:
        """What became of a question: the answer's id, or why there is none."""
        self._set(question, "state = ?, answer = ?", (state, answer))

    def failed(self, question: Question, reason: str) -> None:
        """No answer this time; after TRIES times it is given up."""
        self._set(
            question,
            "tries = tries + 1, answer = ?, "
            f"state = CASE WHEN tries + 1 >= {TRIES} THEN 'failed' ELSE state END",
            (reason,),
        )

    def standing(self) -> Standing:
        """How far it came."""
        with self._wrapped():
            counts = dict(
                self._connection.execute("SELECT state, count(*) FROM backlog GROUP BY state")
            )
            reasons = self._connection.execute(
                "SELECT source || ': ' || answer, count(*) AS n FROM backlog"
                " WHERE state IN ('failed', 'empty') OR (state = 'waiting' AND answer <> '')"
                " GROUP BY source, answer ORDER BY n DESC, source LIMIT 5"
            ).fetchall()
        return Standing(
            waiting=counts.get("waiting", 0),
            done=counts.get("done", 0),
            empty=counts.get("empty", 0),
            failed=counts.get("failed", 0),
            reasons=tuple(f"{count} times {reason}" for reason, count in reasons),
        )

    def clear(self) -> None:
        """Forget it all; the next backfill begins anew."""
        with self._wrapped():
            self._connection.execute("DELETE FROM backlog")

    def _questions(self, where: str) -> list[Question]:
        with self._wrapped():
            rows = self._connection.execute(
                f"SELECT source, session, board, kind, code FROM backlog WHERE {where}"
            ).fetchall()
        return [
            Question(source, datetime.date.fromisoformat(session), board, kind, code)
            for source, session, board, kind, code in rows
        ]

    def _set(self, question: Question, change: str, values: tuple[str, ...]) -> None:
        with self._wrapped():
            self._connection.execute(
                f"UPDATE backlog SET {change}"
                " WHERE source = ? AND session = ? AND kind = ? AND code = ?",
                (*values, question.source, question.session.isoformat(),
                 question.kind, question.code),
            )  # fmt: skip

    @contextlib.contextmanager
    def _wrapped(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise BacklogError(f"{self._path} cannot be used: {error}") from error

"""The ledger: every attempt ever made, every test, every accepted factor, in one SQLite file.

An attempt is written before it is judged, so that a crash can hide none; the statistics count
attempts, not survivors. The ledger is also the truth of the pool: what MLflow shows is made from
it (`unpublished`, `published`), never the other way round.

One process writes, any number read. Transactions survive a kill at any line (WAL); those that
record attempts, tests and acceptances also survive a power cut (synchronous=FULL).
"""

import contextlib
import datetime as dt
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from factor_pool.errors import LedgerError
from factor_pool.ledger_schema import APPLICATION_ID, SCHEMA, VERSION
from factor_pool.records import (
    FINAL_STAGES,
    IN_USE,
    STATUSES,
    Attempt,
    Member,
    Opening,
    Proposal,
    Test,
)

_BUSY_SECONDS = 30.0


class Ledger:
    """The SQLite file at `path`, created on first use.

    Use as a context manager, or call `close`. An instance belongs to the thread that made it.

    Parameters
    ----------
    path
        The database file; its folder must exist.
    readonly
        Open for reading only, beside a writer if need be; the file must exist.

    Raises
    ------
    LedgerError
        The file is no ledger, was written by a newer version, or cannot be opened.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> ledger = Ledger(pathlib.Path(tempfile.mkdtemp()) / "ledger.db")
    >>> idea = Proposal("Mean($close, 5)", "Mean($close, 5)", "evolve", "trend")
    >>> [attempt] = ledger.record("s1", 0, [idea], snapshot="abc", label="limit_up_count", seed=1)
    >>> attempt.stage, ledger.count()
    ('proposed', 1)
    >>> ledger.close()
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
            return
        self._db.execute("PRAGMA journal_mode=WAL")
        if version == 0:
            with self._write(durable=True):
                # Another process may have been first while this one waited for the lock.
                if self._db.execute("PRAGMA user_version").fetchone()[0] == 0:
                    for statement in SCHEMA:
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA application_id={APPLICATION_ID}")
                    self._db.execute(f"PRAGMA user_version={VERSION}")

    def close(self) -> None:
        """Close the file; the instance is of no use afterwards."""
        self._db.close()

    def __enter__(self) -> "Ledger":
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

    # ---------------------------------------------------------------- attempts

    def record(
        self,
        session: str,
        iteration: int,
        proposals: Sequence[Proposal],
        *,
        snapshot: str,
        label: str,
        seed: int,
    ) -> list[Attempt]:
        """Write a batch of proposals, before anything is known of them, in one transaction.

        Invalid ones and canonical duplicates get their final stage at once. Recording the same
        batch again (after a crash) changes nothing and returns the rows as they stand.

        Parameters
        ----------
        session, iteration
            Where they were proposed.
        proposals
            In order; the order decides who is the duplicate of whom, and who is judged first.
        snapshot, label, seed
            See `Attempt`.

        Raises
        ------
        LedgerError
            This session and iteration hold other proposals already.
        """
        with self._write(durable=True):
            known = self._select("WHERE session=? AND iteration=?", (session, iteration))
            if known:
                if [a.text for a in known] != [p.text for p in proposals]:
                    raise LedgerError(
                        f"session {session}, iteration {iteration} already holds other proposals: "
                        "a resumed run must propose the same again"
                    )
                return known
            for position, proposal in enumerate(proposals):
                self._insert(session, iteration, position, proposal, snapshot, label, seed)
            return self._select("WHERE session=? AND iteration=?", (session, iteration))

    def _insert(
        self,
        session: str,
        iteration: int,
        position: int,
        proposal: Proposal,
        snapshot: str,
        label: str,
        seed: int,
    ) -> None:
        stage, gate, reason, first = "proposed", None, None, None
        if proposal.canonical is None:
            stage, gate = "invalid", "validity"
            reason = proposal.error or "The text is no valid expression."
        else:
            first = self.find(proposal.canonical, snapshot, label)
            if first is not None:
                stage, gate = "duplicate", "duplicate"
                outcome = first.reason or f"it is {first.stage}"
                reason = f"The same factor was attempted before (number {first.id}): {outcome}"
        now = _now()
        self._db.execute(
            "INSERT INTO attempts(session, iteration, position, proposer, hypothesis, idea, text,"
            " canonical, snapshot, label, seed, recorded_at, judged_at, stage, gate, reason,"
            " duplicate_of) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                session, iteration, position, proposal.proposer, proposal.hypothesis,
                proposal.idea, proposal.text, proposal.canonical, snapshot, label, seed, now,
                None if stage == "proposed" else now, stage, gate, reason, first and first.id,
            ),
        )  # fmt: skip

    def scored(self, results: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Write the search figures of attempts, all in one transaction.

        Figures of a batch are worked out against the pool as it was before the batch; writing
        them together keeps that true when a run is resumed.

        Raises
        ------
        LedgerError
            An unknown attempt, or one whose stage is final.
        """
        with self._write(durable=False):
            for attempt_id, figures in results:
                self._move(attempt_id, "scored", figures=figures)

    def judged(
        self,
        attempt_id: int,
        stage: str,
        *,
        figures: Mapping[str, Any] | None = None,
        gate: str | None = None,
        reason: str | None = None,
        test: Test | None = None,
    ) -> None:
        """Write that an attempt ended without acceptance: "invalid", "failed" or "rejected".

        Judging again with the same outcome changes nothing.

        Parameters
        ----------
        attempt_id, stage, gate, reason
            See `Attempt`.
        figures
            Replace those written before; None keeps them.
        test
            The confirm test, where one was made.

        Raises
        ------
        LedgerError
            An unknown attempt, a stage that is not one of the three, an attempt that ended
            otherwise, or a test out of order.
        """
        if stage not in ("invalid", "failed", "rejected"):
            raise LedgerError(f"an attempt ends as invalid, failed or rejected, not {stage!r}")
        with self._write(durable=test is not None):
            if self._ended(attempt_id, stage):
                return
            if test is not None:
                self._insert_test(test)
            self._move(attempt_id, stage, figures=figures, gate=gate, reason=reason)

    def accept(
        self,
        attempt_id: int,
        test: Test,
        *,
        sign: int,
        figures: Mapping[str, Any] | None = None,
    ) -> Member:
        """Enter an attempt into the pool, with its confirm test, in one transaction.

        Accepting again returns the member that exists.

        Raises
        ------
        LedgerError
            An unknown attempt, one that ended otherwise, a factor that is in the pool already,
            or a test out of order.
        """
        if sign not in (-1, 1):
            raise LedgerError(f"sign must be +1 or -1, got {sign}")
        with self._write(durable=True):
            if not self._ended(attempt_id, "accepted"):
                self._insert_test(test)
                self._move(attempt_id, "accepted", figures=figures)
                self._insert_member(attempt_id, test.p_value, sign)
            return self._members("WHERE m.attempt_id=?", (attempt_id,))[0]

    def _ended(self, attempt_id: int, stage: str) -> bool:
        """True if the attempt already has this final stage; raises if it has another."""
        current = self.attempt(attempt_id).stage
        if current in FINAL_STAGES and current != stage:
            raise LedgerError(f"attempt {attempt_id} is {current} and cannot become {stage}")
        return current == stage

    def _move(
        self,
        attempt_id: int,
        stage: str,
        *,
        figures: Mapping[str, Any] | None = None,
        gate: str | None = None,
        reason: str | None = None,
    ) -> None:
        changed = self._db.execute(
            "UPDATE attempts SET stage=?, figures=coalesce(?, figures), gate=?, reason=?,"
            " judged_at=? WHERE id=? AND stage IN ('proposed', 'scored')",
            (
                stage,
                None if figures is None else _dump(figures),
                gate,
                reason,
                None if stage == "scored" else _now(),
                attempt_id,
            ),
        ).rowcount
        if changed != 1:
            raise LedgerError(f"attempt {attempt_id} is unknown or ended: it cannot become {stage}")

    def _insert_test(self, test: Test) -> None:
        last = self._db.execute("SELECT coalesce(max(position), 0) FROM tests").fetchone()[0]
        if test.position != last + 1:
            raise LedgerError(
                f"confirm test {test.position} follows test {last}: another process mines with "
                "this ledger; stop one of them"
            )
        self._db.execute(
            "INSERT INTO tests(position, attempt_id, rule, p_value, level, discovery, figures,"
            " tested_at) VALUES(?,?,?,?,?,?,?,?)",
            (
                test.position, test.attempt_id, test.rule, test.p_value, test.level,
                int(test.discovery), _dump(test.figures), _now(),
            ),
        )  # fmt: skip

    def _insert_member(self, attempt_id: int, p_value: float, sign: int) -> None:
        number = self._db.execute("SELECT count(*) FROM members").fetchone()[0] + 1
        now = _now()
        self._db.execute(
            "INSERT INTO members(id, number, attempt_id, canonical, label, sign, status,"
            " accepted_at, p_value)"
            " SELECT ?, ?, id, canonical, label, ?, 'active', ?, ? FROM attempts WHERE id=?",
            (f"F{number:04d}", number, sign, now, p_value, attempt_id),
        )
        self._db.execute(
            "INSERT INTO member_events(member_id, at, status, reason) VALUES(?,?,'active',?)",
            (f"F{number:04d}", now, "accepted"),
        )

    def attempt(self, attempt_id: int) -> Attempt:
        """One attempt by id.

        Raises
        ------
        LedgerError
            There is none.
        """
        rows = self._select("WHERE id=?", (attempt_id,))
        if not rows:
            raise LedgerError(f"the ledger holds no attempt {attempt_id}")
        return rows[0]

    def find(self, canonical: str, snapshot: str, label: str) -> Attempt | None:
        """The first attempt at this factor on this data and label, or None."""
        rows = self._select(
            "WHERE canonical=? AND snapshot=? AND label=? AND stage != 'duplicate'",
            (canonical, snapshot, label),
        )
        return rows[0] if rows else None

    def attempts(
        self,
        *,
        session: str | None = None,
        snapshot: str | None = None,
        label: str | None = None,
        stage: str | None = None,
        gate: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> list[Attempt]:
        """Attempts in order of id, those that match every given argument.

        Parameters
        ----------
        session, snapshot, label, stage, gate
            Equal to these.
        after
            Only ids above this one: lets a loop read just what is new.
        limit
            At most so many.
        """
        where, values = _where(
            session=session, snapshot=snapshot, label=label, stage=stage, gate=gate
        )
        return self._select(
            f"{where} AND id > ? ORDER BY id LIMIT ?",
            (*values, after, -1 if limit is None else limit),
        )

    def pending(self, session: str, limit: int | None = None) -> list[Attempt]:
        """Attempts of a session that have not ended, in order: what a resumed run must finish."""
        return self._select(
            "WHERE session=? AND stage IN ('proposed', 'scored') ORDER BY id LIMIT ?",
            (session, -1 if limit is None else limit),
        )

    def count(
        self,
        *,
        session: str | None = None,
        snapshot: str | None = None,
        label: str | None = None,
        stage: str | None = None,
    ) -> int:
        """How many attempts match every given argument."""
        where, values = _where(session=session, snapshot=snapshot, label=label, stage=stage)
        return int(self._rows(f"SELECT count(*) FROM attempts {where}", values)[0][0])

    def funnel(self, *, session: str | None = None) -> dict[str, int]:
        """Gate name -> attempts that ended there, most first; of one session or of all."""
        where, values = _where(session=session)
        rows = self._rows(
            f"SELECT gate, count(*) AS n FROM attempts {where} AND gate IS NOT NULL"
            " GROUP BY gate ORDER BY n DESC, gate",
            values,
        )
        return {row["gate"]: row["n"] for row in rows}

    def sessions(self) -> list[str]:
        """Every session that has attempts, in order of its first."""
        return [
            row["session"]
            for row in self._rows("SELECT session FROM attempts GROUP BY session ORDER BY min(id)")
        ]

    def _select(self, tail: str, values: Sequence[object]) -> list[Attempt]:
        if "ORDER BY" not in tail:
            tail += " ORDER BY id"
        return [_attempt(row) for row in self._rows(f"SELECT * FROM attempts {tail}", values)]

    # ---------------------------------------------------------------- tests and windows

    def tests(self) -> list[Test]:
        """Every confirm test, in order: replaying them restores the false-discovery rule."""
        return [
            Test(
                row["position"],
                row["attempt_id"],
                row["rule"],
                row["p_value"],
                row["level"],
                bool(row["discovery"]),
                json.loads(row["figures"]),
            )
            for row in self._rows("SELECT * FROM tests ORDER BY position")
        ]

    def opened(self, window: str, who: str, why: str, *, content_hash: str = "") -> Opening:
        """Write down that a window which proposers never see is about to be read.

        Parameters
        ----------
        window
            "confirm" or "sealed".
        who, why
            In words.
        content_hash
            Snapshot id of the data about to be read.
        """
        if window not in ("confirm", "sealed"):
            raise LedgerError(f"only confirm and sealed are opened, not {window!r}")
        with self._write(durable=True):
            self._db.execute(
                "INSERT INTO openings(at, window, who, why, pool_version, content_hash)"
                " VALUES(?,?,?,?,?,?)",
                (_now(), window, who, why, self.pool_version(), content_hash),
            )
            return self.openings()[-1]

    def openings(self, window: str | None = None) -> list[Opening]:
        """Every opening, in order; of one window or of all."""
        where, values = _where(window=window)
        return [
            Opening(
                _instant(row["at"]),
                row["window"],
                row["who"],
                row["why"],
                row["pool_version"],
                row["content_hash"],
            )
            for row in self._rows(f"SELECT * FROM openings {where} ORDER BY id", values)
        ]

    # ---------------------------------------------------------------- pool

    def members(self, status: str | None = "in use") -> list[Member]:
        """Pool members in order of acceptance.

        Parameters
        ----------
        status
            One of `STATUSES`; "in use" for those that are active or on watch; None for all.
        """
        wanted = {None: STATUSES, "in use": IN_USE}.get(status, (status,))
        marks = ", ".join("?" * len(wanted))
        return self._members(f"WHERE m.status IN ({marks})", wanted)

    def member_of(self, canonical: str, label: str) -> Member | None:
        """The member with this expression and label, of any status; None if there is none."""
        rows = self._members("WHERE m.canonical=? AND m.label=?", (canonical, label))
        return rows[0] if rows else None

    def member(self, member_id: str) -> Member:
        """One member by id.

        Raises
        ------
        LedgerError
            There is none.
        """
        rows = self._members("WHERE m.id=?", (member_id,))
        if not rows:
            raise LedgerError(f"the pool holds no factor {member_id!r}; see `tide pool list`")
        return rows[0]

    def unpublished(self) -> list[Member]:
        """Members of any status that MLflow does not show yet, in order of acceptance."""
        return self._members("WHERE m.mlflow_run_id IS NULL", ())

    def published(self, member_id: str, mlflow_run_id: str) -> None:
        """Write that a member is shown in MLflow as this run.

        Raises
        ------
        LedgerError
            No such member, or it is shown as another run.
        """
        with self._write(durable=True):
            known = self.member(member_id).mlflow_run_id
            if known not in (None, mlflow_run_id):
                raise LedgerError(f"{member_id} is published as run {known}, not {mlflow_run_id}")
            self._db.execute(
                "UPDATE members SET mlflow_run_id=? WHERE id=?", (mlflow_run_id, member_id)
            )

    def set_status(self, member_id: str, status: str, reason: str) -> Member:
        """Change a member's status; the history keeps every change and its reason.

        Raises
        ------
        LedgerError
            No such member or status.
        """
        if status not in STATUSES:
            raise LedgerError(f"a factor is {', '.join(STATUSES)}, not {status!r}")
        with self._write(durable=True):
            if self.member(member_id).status != status:
                self._db.execute("UPDATE members SET status=? WHERE id=?", (status, member_id))
                self._db.execute(
                    "INSERT INTO member_events(member_id, at, status, reason) VALUES(?,?,?,?)",
                    (member_id, _now(), status, reason),
                )
            return self.member(member_id)

    def history(self, member_id: str) -> list[tuple[dt.datetime, str, str]]:
        """(instant, status, reason) of every change of a member, in order."""
        rows = self._rows("SELECT * FROM member_events WHERE member_id=? ORDER BY id", (member_id,))
        return [(_instant(row["at"]), row["status"], row["reason"]) for row in rows]

    def pool_version(self) -> int:
        """Number of changes of the pool so far: acceptances and changes of status."""
        return int(self._rows("SELECT count(*) FROM member_events")[0][0])

    def _members(self, where: str, values: Sequence[object]) -> list[Member]:
        rows = self._rows(
            "SELECT m.*, a.figures, a.hypothesis, a.proposer, a.snapshot, a.session"
            f" FROM members m JOIN attempts a ON a.id = m.attempt_id {where} ORDER BY m.number",
            values,
        )
        return [
            Member(
                id=row["id"],
                attempt_id=row["attempt_id"],
                expression=row["canonical"],
                sign=row["sign"],
                status=row["status"],
                accepted_at=_instant(row["accepted_at"]),
                p_value=row["p_value"],
                figures=json.loads(row["figures"]),
                hypothesis=row["hypothesis"],
                proposer=row["proposer"],
                snapshot=row["snapshot"],
                label=row["label"],
                session=row["session"],
                mlflow_run_id=row["mlflow_run_id"],
            )
            for row in rows
        ]

    # ---------------------------------------------------------------- small state

    def set_state(self, session: str, key: str, value: object) -> None:
        """Keep a small JSON value for a session; a later one replaces it."""
        with self._write(durable=True):
            self._db.execute(
                "INSERT INTO state(session, key, value) VALUES(?,?,?)"
                " ON CONFLICT(session, key) DO UPDATE SET value=excluded.value",
                (session, key, json.dumps(value, ensure_ascii=False)),
            )

    def state(self, session: str, key: str, default: Any = None) -> Any:
        """The value kept for a session, or `default`."""
        rows = self._rows("SELECT value FROM state WHERE session=? AND key=?", (session, key))
        return json.loads(rows[0]["value"]) if rows else default


def _where(**equal: object) -> tuple[str, tuple[object, ...]]:
    """A WHERE clause of the arguments that are not None; names come from code, never from data."""
    given = {name: value for name, value in equal.items() if value is not None}
    return "WHERE " + " AND ".join(["1", *(f"{n}=?" for n in given)]), tuple(given.values())


def _attempt(row: sqlite3.Row) -> Attempt:
    values = dict(row)
    values["figures"] = json.loads(values["figures"])
    values["recorded_at"] = _instant(values["recorded_at"])
    values["judged_at"] = values["judged_at"] and _instant(values["judged_at"])
    return Attempt(**values)


def _dump(figures: Mapping[str, Any]) -> str:
    try:
        return json.dumps(figures, allow_nan=False, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise LedgerError(f"figures must be finite numbers, text or null: {error}") from error


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")


def _instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)

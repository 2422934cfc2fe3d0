"""The ledger: every attempt ever made, every test, every accepted factor, in one SQLite file.

An attempt is written before it is judged, so that a crash can hide none; the statistics count
attempts, not survivors. The ledger is also the truth of the pool: what MLflow shows is made from
it (`unpublished`, `published`), never the other way round.

One process writes, any number read. Transactions survive a kill at any line (WAL); those that
record attempts, tests and acceptances also survive a power cut (synchronous=FULL).
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from factor_pool.errors import LedgerError
from factor_pool.ledger.attempts import Attempts
from factor_pool.ledger.borders import BorderLog
from factor_pool.ledger.confirmations import Tests
from factor_pool.ledger.openings import Openings
from factor_pool.records import FINAL_STAGES, Judgement, Member, Test

__all__ = ["Ledger"]

_HOME = "home"  # no session has this name


class Ledger(Attempts, Tests, Openings, BorderLog):
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
    >>> from factor_pool.records import Proposal
    >>> ledger = Ledger(pathlib.Path(tempfile.mkdtemp()) / "ledger.db")
    >>> idea = Proposal("Mean($close, 5)", "Mean($close, 5)", "evolve", "trend")
    >>> [attempt] = ledger.record("s1", 0, [idea], snapshot="abc", label="limit_up_count", seed=1)
    >>> attempt.stage, ledger.count()
    ('proposed', 1)
    >>> ledger.close()
    """

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
        judgement = Judgement(attempt_id, stage, gate, reason, figures)
        with self._write(durable=test is not None):
            self._end(judgement, test)

    def judge(self, judgements: Iterable[Judgement]) -> None:
        """Write how attempts ended, none of them with a test, all in one transaction.

        Raises
        ------
        LedgerError
            As `judged`; then none of them is written.
        """
        with self._write(durable=False):
            for judgement in judgements:
                self._end(judgement)

    def _end(self, judgement: Judgement, test: Test | None = None) -> None:
        one = judgement
        if one.stage not in ("invalid", "failed", "rejected"):
            raise LedgerError(f"an attempt ends as invalid, failed or rejected, not {one.stage!r}")
        if test is None:
            # Only where nothing could be written is it asked how the attempt had ended.
            if not self._moved(one):
                self._ended(one.attempt_id, one.stage)
        elif not self._ended(one.attempt_id, one.stage):
            self._insert_test(test)
            self._move(one)

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
                self._move(Judgement(attempt_id, "accepted", figures=figures))
                self._insert_member(attempt_id, test.p_value, sign)
            return self._members("WHERE m.attempt_id=?", (attempt_id,))[0]

    def _ended(self, attempt_id: int, stage: str) -> bool:
        """True if the attempt already has this final stage; raises if it has another."""
        current = self._stage(attempt_id)
        if current in FINAL_STAGES and current != stage:
            raise LedgerError(f"attempt {attempt_id} is {current} and cannot become {stage}")
        return current == stage

    def home_id(self) -> str:
        """Name of this ledger's home, for servers that several share; drawn once, then kept."""
        found = self.state(_HOME, _HOME)
        if found is None:
            found = secrets.token_hex(4)
            self.set_state(_HOME, _HOME, found)
        return str(found)

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

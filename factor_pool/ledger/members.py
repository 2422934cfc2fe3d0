"""Members of the pool, their status and its history."""

import datetime as dt
import json
from collections.abc import Sequence

from factor_pool.errors import LedgerError
from factor_pool.ledger.base import Database, instant, now
from factor_pool.records import IN_USE, STATUSES, Member


class Members(Database):
    """The accepted factors."""

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
        # Asked of every attempt, and hardly ever yes: the index alone answers the rest.
        known = self._rows(
            "SELECT id FROM members WHERE canonical=? AND label=?", (canonical, label)
        )
        return self.member(known[0]["id"]) if known else None

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
                    (member_id, now(), status, reason),
                )
            return self.member(member_id)

    def history(self, member_id: str) -> list[tuple[dt.datetime, str, str]]:
        """(instant, status, reason) of every change of a member, in order."""
        rows = self._rows("SELECT * FROM member_events WHERE member_id=? ORDER BY id", (member_id,))
        return [(instant(row["at"]), row["status"], row["reason"]) for row in rows]

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
                accepted_at=instant(row["accepted_at"]),
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

    def _insert_member(self, attempt_id: int, p_value: float, sign: int) -> None:
        number = self._db.execute("SELECT count(*) FROM members").fetchone()[0] + 1
        at = now()
        self._db.execute(
            "INSERT INTO members(id, number, attempt_id, canonical, label, sign, status,"
            " accepted_at, p_value)"
            " SELECT ?, ?, id, canonical, label, ?, 'active', ?, ? FROM attempts WHERE id=?",
            (f"F{number:04d}", number, sign, at, p_value, attempt_id),
        )
        self._db.execute(
            "INSERT INTO member_events(member_id, at, status, reason) VALUES(?,?,'active',?)",
            (f"F{number:04d}", at, "accepted"),
        )

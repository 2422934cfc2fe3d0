"""Attempts: written before they are judged, counted for ever."""

import dataclasses
import functools
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from factor_pool.errors import LedgerError
from factor_pool.ledger.base import Database, dump, instant, matching, now
from factor_pool.records import Attempt, Judgement, Proposal

_NAMES = [field.name for field in dataclasses.fields(Attempt)]
_COLUMNS = ", ".join(_NAMES)
_NO_LIMIT = 2**63 - 1


class Attempts(Database):
    """What was proposed, how far it got, and why it ended."""

    def record(
        self,
        session: str,
        iteration: int,
        proposals: Sequence[Proposal],
        *,
        snapshot: str,
        label: str,
        seed: int,
        borders: int = 1,
        prompts: str = "",
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
        snapshot, label, seed, borders, prompts
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
            canonical = [p.canonical for p in proposals if p.canonical is not None]
            earlier = self._first(canonical, snapshot, label, borders)
            for position, proposal in enumerate(proposals):
                first = earlier.get(proposal.canonical or "")
                number = self._insert(
                    session, iteration, position, proposal, snapshot, label, seed, borders,
                    prompts, first,
                )  # fmt: skip
                if first is None and proposal.canonical is not None:
                    earlier[proposal.canonical] = (number, "it is proposed")
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
        borders: int,
        prompts: str,
        first: tuple[int, str] | None,
    ) -> int:
        """Write one proposal, `first` being the number and the outcome of the same one before."""
        stage, gate, reason = "proposed", None, None
        if proposal.canonical is None:
            stage, gate = "invalid", "validity"
            reason = proposal.error or "The text is no valid expression."
        elif first is not None:
            stage, gate = "duplicate", "duplicate"
            reason = f"The same factor was attempted before (number {first[0]}): {first[1]}"
        at = now()
        written = self._db.execute(
            "INSERT INTO attempts(session, iteration, position, proposer, hypothesis, idea, text,"
            " canonical, snapshot, label, seed, recorded_at, judged_at, stage, gate, reason,"
            " duplicate_of, borders, prompts)"
            " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                session, iteration, position, proposal.proposer, proposal.hypothesis,
                proposal.idea, proposal.text, proposal.canonical, snapshot, label, seed, at,
                None if stage == "proposed" else at, stage, gate, reason, first and first[0],
                borders, prompts,
            ),
        )  # fmt: skip
        return int(written.lastrowid or 0)

    def _first(
        self, canonical: Sequence[str], snapshot: str, label: str, borders: int
    ) -> dict[str, tuple[int, str]]:
        """Number and outcome of the first attempt at each factor that was attempted."""
        if not canonical:
            return {}
        marks = ", ".join("?" * len(canonical))
        rows = self._rows(
            "SELECT canonical, id, coalesce(nullif(reason, ''), 'it is ' || stage) AS outcome"
            f" FROM attempts INDEXED BY one_attempt WHERE canonical IN ({marks}) AND snapshot=?"
            " AND label=? AND borders=? AND stage != 'duplicate'",
            (*canonical, snapshot, label, borders),
        )
        return {row["canonical"]: (row["id"], row["outcome"]) for row in rows}

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
                self._move(Judgement(attempt_id, "scored", figures=figures))

    def _move(self, to: Judgement) -> None:
        if not self._moved(to):
            raise LedgerError(
                f"attempt {to.attempt_id} is unknown or ended: it cannot become {to.stage}"
            )

    def _moved(self, to: Judgement) -> bool:
        """Whether an attempt that has not ended was written to stand so."""
        changed = self._db.execute(
            "UPDATE attempts SET stage=?, figures=coalesce(?, figures), gate=?, reason=?,"
            " judged_at=? WHERE id=? AND stage IN ('proposed', 'scored')",
            (
                to.stage,
                None if to.figures is None else dump(to.figures),
                to.gate,
                to.reason,
                None if to.stage == "scored" else now(),
                to.attempt_id,
            ),
        ).rowcount
        return changed == 1

    def attempt(self, attempt_id: int) -> Attempt:
        """One attempt by id.

        Raises
        ------
        LedgerError
            There is none.
        """
        self._stage(attempt_id)
        return self._select("WHERE id=?", (attempt_id,))[0]

    def _stage(self, attempt_id: int) -> str:
        rows = self._rows("SELECT stage FROM attempts WHERE id=?", (attempt_id,))
        if not rows:
            raise LedgerError(f"the ledger holds no attempt {attempt_id}")
        return str(rows[0]["stage"])

    def attempts(
        self,
        *,
        session: str | None = None,
        snapshot: str | None = None,
        label: str | None = None,
        borders: int | None = None,
        iteration: int | None = None,
        stage: str | None = None,
        gate: str | None = None,
        after: int = 0,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[Attempt]:
        """Attempts in order of id, those that match every given argument.

        Parameters
        ----------
        session, snapshot, label, borders, iteration, stage, gate
            Equal to these.
        after
            Only ids above this one: lets a loop read just what is new.
        before
            Only ids below this one.
        limit
            At most so many.
        """
        where, values = matching(
            session=session,
            snapshot=snapshot,
            label=label,
            borders=borders,
            iteration=iteration,
            stage=stage,
            gate=gate,
        )
        return self._select(
            f"{where} AND id > ? AND id < ? ORDER BY id LIMIT ?",
            (*values, after, before or _NO_LIMIT, _NO_LIMIT if limit is None else limit),
        )

    def pending(self, session: str) -> list[Attempt]:
        """Attempts of a session that have not ended, in order: what a resumed run must finish."""
        return self._select("WHERE session=? AND stage IN ('proposed', 'scored')", (session,))

    def pending_ids(self, session: str, limit: int) -> list[int]:
        """Ids of the first of `pending`."""
        rows = self._rows(
            "SELECT id FROM attempts WHERE session=? AND stage IN ('proposed', 'scored')"
            " ORDER BY id LIMIT ?",
            (session, limit),
        )
        return [row["id"] for row in rows]

    def count(
        self,
        *,
        session: str | None = None,
        snapshot: str | None = None,
        label: str | None = None,
        stage: str | None = None,
    ) -> int:
        """How many attempts match every given argument."""
        where, values = matching(session=session, snapshot=snapshot, label=label, stage=stage)
        return int(self._rows(f"SELECT count(*) FROM attempts {where}", values)[0][0])

    def funnel(self, *, session: str | None = None) -> dict[str, int]:
        """Gate name -> attempts that ended there, most first; of one session or of all."""
        where, values = matching(session=session)
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
        rows = self._rows(f"SELECT {_COLUMNS} FROM attempts {tail}", values)
        return [_attempt(row) for row in rows]


@functools.lru_cache(maxsize=256)
def _figures(text: str) -> Mapping[str, Any]:
    """Figures of an attempt, which is read again soon: by who decides, then by who remembers."""
    found: Mapping[str, Any] = json.loads(text)
    return found


_READ = (
    (_NAMES.index("figures"), _figures),
    (_NAMES.index("recorded_at"), instant),
    (_NAMES.index("judged_at"), instant),
)


def _attempt(row: sqlite3.Row) -> Attempt:
    values = list(row)
    for place, read in _READ:
        if values[place] is not None:
            values[place] = read(values[place])
    return Attempt(*values)

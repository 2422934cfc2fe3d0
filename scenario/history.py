"""What an iteration may know of earlier attempts, read from the ledger once and kept up to date."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from factor_pool.evaluation.yardstick import pool_fingerprint
from factor_pool.ledger import Ledger
from factor_pool.records import FINAL_STAGES, Attempt
from scenario.proposers.memory import Memory

_REACH = 50_000
"""How many attempts back cases of other data are looked for."""
_PAGE = 1_000
"""Attempts in memory at a time: a night may have made a million."""


class History:
    """The attempts on one snapshot and label, as of the start of an iteration.

    Of the iteration before it, which is being measured then, it knows what is tried. A resumed
    iteration sees exactly what it saw before it was cut short: nothing that came of the iteration
    before, nothing that it recorded itself, and nothing recorded after that. The elites' fitness
    beside a changed pool is kept in the ledger with the attempt after which it was measured, and
    is taken in at the same place.

    Parameters
    ----------
    ledger
        Where attempts are read from; each row once.
    snapshot, label, borders
        Which attempts.
    universe
        "sector" or "stock".
    session, iteration
        The session that goes on, and its first iteration that is not finished.
    """

    def __init__(
        self,
        ledger: Ledger,
        snapshot: str,
        label: str,
        borders: int = 1,
        universe: str = "sector",
        *,
        session: str,
        iteration: int = 0,
    ) -> None:
        self._ledger = ledger
        self._snapshot, self._label, self._borders = snapshot, label, borders
        self._place = f"elites {snapshot} {label} {borders}"
        self._last = 0
        self._before = math.inf
        self._scored_beside: list[str] = []
        self._scored_at: int | None = None
        self._fingerprint = pool_fingerprint(())
        self._mixed = False  # whether an attempt was measured beside another pool since then
        self._rescored: dict[str, Any] = ledger.state(self._place, "rescored") or {}
        self.memory = Memory(universe)
        """Of the attempts so far; what earlier data taught of writing is in it from the start."""
        self._written = {
            number: ledger.attempts(session=session, iteration=number)
            for number in range(iteration - 1, iteration + 2)
        }
        self._learn()

    def _learn(self) -> None:
        """Take in solved and failed cases of attempts on other data, the latest ones.

        Only those before the first attempt on this data: they are the same whenever a session
        is resumed.
        """
        first = self._ledger.attempts(
            snapshot=self._snapshot, label=self._label, borders=self._borders, limit=1
        )
        last = first[0].id - 1 if first else self._ledger.count()
        for stage in ("invalid", "accepted"):
            for attempt in self._ledger.attempts(stage=stage, after=max(0, last - _REACH)):
                if attempt.id <= last and (stage == "invalid" or attempt.label == self._label):
                    self.memory.learn(attempt)

    def written(self, iteration: int, attempts: Sequence[Attempt]) -> None:
        """Remember what an iteration of the session wrote to the ledger."""
        self._written[iteration] = list(attempts)

    def recorded(self, iteration: int) -> Sequence[Attempt]:
        """What an iteration wrote before it was cut short; empty in an undisturbed run."""
        return self._written.get(iteration, ())

    def advance(self, iteration: int) -> None:
        """Read on, up to the start of the iteration before this one, and take what that tries."""
        self._written = {
            number: batch for number, batch in self._written.items() if number >= iteration - 1
        }
        ahead = [attempt.id for batch in self._written.values() for attempt in batch]
        self._before = min(ahead, default=math.inf)
        for attempt in self._fresh():
            self._take_rescored()
            self._last = attempt.id
            # One that an abandoned session never judged says nothing but that it was tried.
            if attempt.stage in FINAL_STAGES:
                self.memory.add(attempt)
                beside = attempt.figures.get("pool_fingerprint")
                self._mixed |= beside is not None and beside != self._fingerprint
            else:
                self.memory.mark(attempt)
        self._take_rescored()
        for attempt in self._written.get(iteration - 1, ()):
            self.memory.expect(attempt)

    def _fresh(self) -> Iterator[Attempt]:
        """Attempts after the last one that was taken in, up to the first that is not to be."""
        last, full = self._last, True
        while full:
            page = self._ledger.attempts(
                snapshot=self._snapshot,
                label=self._label,
                borders=self._borders,
                after=last,
                before=None if self._before == math.inf else int(self._before),
                limit=_PAGE,
            )
            yield from page
            full = len(page) == _PAGE
            last = page[-1].id if page else last

    def stale(self) -> bool:
        """Whether an elite's fitness may have been measured beside another pool than this one."""
        return bool(self.memory.archive.cells) and (
            self._mixed or self.pool() != self._scored_beside
        )

    def rescore(self, added: Mapping[str, float]) -> None:
        """Keep what elites add to the present pool; see `Archive.rescore`."""
        self._rescored[str(self._last)] = {"pool": self.pool(), "added": dict(added)}
        self._ledger.set_state(self._place, "rescored", self._rescored)
        self._take_rescored()

    def pool(self) -> list[str]:
        """Canonical texts of the active members whose attempts are old enough to be taken in."""
        return [m.expression for m in self._ledger.members() if m.attempt_id < self._before]

    def _take_rescored(self) -> None:
        """Take in what was measured after the last attempt that was read."""
        entry = self._rescored.get(str(self._last))
        if entry is not None and self._scored_at != self._last:
            self.memory.archive.rescore(entry["added"])
            self._scored_beside, self._scored_at = entry["pool"], self._last
            self._fingerprint, self._mixed = pool_fingerprint(entry["pool"]), False

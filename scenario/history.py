"""What an iteration may know of earlier attempts, read from the ledger once and kept up to date."""

from collections.abc import Iterator, Mapping
from typing import Any

from factor_pool.ledger import Ledger
from factor_pool.records import FINAL_STAGES, Attempt
from scenario.proposers.memory import Memory

_REACH = 50_000
"""How many attempts back cases of other data are looked for."""
_PAGE = 1_000
"""Attempts in memory at a time: a night may have made a million."""


class History:
    """The attempts on one snapshot and label, as of the start of an iteration.

    A resumed iteration sees exactly what it saw before it was cut short: nothing that it recorded
    itself, and nothing recorded after that. The elites' fitness beside a changed pool is kept in
    the ledger with the attempt after which it was measured, and is taken in at the same place.

    Parameters
    ----------
    ledger
        Where attempts are read from; each row once.
    snapshot, label, borders
        Which attempts.
    universe
        "sector" or "stock".
    """

    def __init__(
        self,
        ledger: Ledger,
        snapshot: str,
        label: str,
        borders: int = 1,
        universe: str = "sector",
    ) -> None:
        self._ledger = ledger
        self._snapshot, self._label, self._borders = snapshot, label, borders
        self._place = f"elites {snapshot} {label} {borders}"
        self._last = 0
        self._scored_beside: list[str] = []
        self._rescored: dict[str, Any] = ledger.state(self._place, "rescored") or {}
        self.memory = Memory(universe)
        """Of the attempts so far; what earlier data taught of writing is in it from the start."""
        self.recorded: list[Attempt] = []
        """What the current iteration recorded before it was cut short; empty in an undisturbed
        run."""

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

    def advance(self, session: str, iteration: int) -> None:
        """Read on, up to the start of an iteration."""
        here = (session, iteration)
        self.recorded = []
        fresh = self._fresh()
        for attempt in fresh:
            if (attempt.session, attempt.iteration) == here:
                own = [one for one in fresh if (one.session, one.iteration) == here]
                self.recorded = [attempt, *own]
                break
            self._take_rescored()
            self._last = attempt.id
            # One that an abandoned session never judged says nothing but that it was tried.
            if attempt.stage in FINAL_STAGES:
                self.memory.add(attempt)
            elif attempt.canonical is not None:
                self.memory.mark(attempt.canonical)
        self._take_rescored()

    def _fresh(self) -> Iterator[Attempt]:
        """Attempts after the last one that was taken in."""
        last, full = self._last, True
        while full:
            page = self._ledger.attempts(
                snapshot=self._snapshot,
                label=self._label,
                borders=self._borders,
                after=last,
                limit=_PAGE,
            )
            yield from page
            full = len(page) == _PAGE
            last = page[-1].id if page else last

    def stale(self) -> bool:
        """Whether the elites' fitness was measured beside another pool than the present one."""
        return bool(self.memory.archive.cells) and self.pool() != self._scored_beside

    def rescore(self, added: Mapping[str, float]) -> None:
        """Keep what elites add to the present pool; see `Archive.rescore`."""
        self._rescored[str(self._last)] = {"pool": self.pool(), "added": dict(added)}
        self._ledger.set_state(self._place, "rescored", self._rescored)
        self._take_rescored()

    def pool(self) -> list[str]:
        """Canonical texts of the active members that were accepted before this iteration."""
        return [m.expression for m in self._ledger.members() if m.attempt_id <= self._last]

    def _take_rescored(self) -> None:
        """Take in what was measured after the last attempt that was read."""
        entry = self._rescored.get(str(self._last))
        if entry is not None and entry["pool"] != self._scored_beside:
            self.memory.archive.rescore(entry["added"])
            self._scored_beside = entry["pool"]

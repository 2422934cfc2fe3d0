"""What a proposer may know of earlier attempts, read from the ledger once and kept up to date."""

import itertools
import sys
from dataclasses import replace
from typing import Any

from factor_pool.ledger import Ledger
from factor_pool.records import FINAL_STAGES, Attempt

_REPEATED = ("session", "proposer", "hypothesis", "idea", "label", "stage")


class History:
    """The attempts on one snapshot and label, as of the start of an iteration.

    A resumed iteration sees exactly what it saw before it was cut short: nothing that it recorded
    itself, and nothing recorded after that.

    Parameters
    ----------
    ledger
        Where attempts are read from; each row once.
    snapshot, label, borders
        Which attempts.
    """

    def __init__(self, ledger: Ledger, snapshot: str, label: str, borders: int = 1) -> None:
        self._ledger = ledger
        self._snapshot, self._label, self._borders = snapshot, label, borders
        self._last = 0
        self._canonical: set[str] = set()
        self.attempts: list[Attempt] = []
        """Judged attempts, oldest first, with those figures that are single numbers."""
        self.recorded: list[Attempt] = []
        """What the current iteration recorded before it was cut short; empty in an undisturbed
        run."""

    def advance(self, session: str, iteration: int) -> None:
        """Read on, up to the start of an iteration."""
        fresh = self._ledger.attempts(
            snapshot=self._snapshot, label=self._label, borders=self._borders, after=self._last
        )
        here = (session, iteration)
        before = list(itertools.takewhile(lambda a: (a.session, a.iteration) != here, fresh))
        self.recorded = [a for a in fresh[len(before) :] if (a.session, a.iteration) == here]
        for attempt in before:
            self._last = attempt.id
            if attempt.canonical is not None:
                self._canonical.add(attempt.canonical)
            # One that an abandoned session never judged says nothing.
            if attempt.stage in FINAL_STAGES:
                self.attempts.append(_slim(attempt))

    def tried(self, canonical: str) -> bool:
        """Whether an attempt before this iteration has this canonical text."""
        return canonical in self._canonical

    def pool(self) -> list[str]:
        """Canonical texts of the active members that were accepted before this iteration."""
        return [m.expression for m in self._ledger.members() if m.attempt_id <= self._last]


def _slim(attempt: Attempt) -> Attempt:
    """The same attempt in a fraction of the memory: a night has a hundred thousand.

    Without the snapshot's id: it is made of the whole store, the sealed window included.
    """
    texts: dict[str, Any] = {name: sys.intern(getattr(attempt, name)) for name in _REPEATED}
    figures = {
        sys.intern(name): value
        for name, value in attempt.figures.items()
        if isinstance(value, int | float)
    }
    return replace(attempt, figures=figures, snapshot="", **texts)

"""What a proposer may know of earlier attempts, read from the ledger once and kept up to date."""

from factor_pool.ledger import FINAL_STAGES, Attempt, Ledger


class History:
    """The attempts on one snapshot and label, as of the start of an iteration.

    A resumed iteration sees exactly what it saw before it was cut short: nothing that it recorded
    itself, and nothing recorded after that.

    Parameters
    ----------
    ledger
        Where attempts are read from; each row once.
    snapshot, label
        Which attempts.
    """

    def __init__(self, ledger: Ledger, snapshot: str, label: str) -> None:
        self._ledger = ledger
        self._snapshot, self._label = snapshot, label
        self._last = 0
        self._canonical: set[str] = set()
        self.attempts: list[Attempt] = []
        """Judged attempts, oldest first."""
        self.recorded: list[Attempt] = []
        """What the current iteration recorded before it was cut short; empty in an undisturbed
        run."""

    def advance(self, session: str, iteration: int) -> None:
        """Read on, up to the start of an iteration."""
        self.recorded = []
        fresh = self._ledger.attempts(snapshot=self._snapshot, label=self._label, after=self._last)
        for attempt in fresh:
            if self.recorded or (attempt.session, attempt.iteration) == (session, iteration):
                if (attempt.session, attempt.iteration) == (session, iteration):
                    self.recorded.append(attempt)
                continue
            self._last = attempt.id
            # One that an abandoned session never judged says nothing.
            if attempt.stage in FINAL_STAGES:
                self.attempts.append(attempt)
            if attempt.canonical is not None:
                self._canonical.add(attempt.canonical)

    def tried(self, canonical: str) -> bool:
        """Whether an attempt before this iteration has this canonical text."""
        return canonical in self._canonical

    def pool(self) -> list[str]:
        """Canonical texts of the active members that were accepted before this iteration."""
        return [m.expression for m in self._ledger.members() if m.attempt_id <= self._last]

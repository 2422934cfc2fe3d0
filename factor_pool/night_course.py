"""A night's funnel over time, as MLflow metrics with steps: a point every so many attempts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from factor_pool.ledger import Ledger
from factor_pool.records import FINAL_STAGES, Attempt

STRIDE = 250
"""Attempts between two points: 100,000 attempts make 400 points, not 100,000."""
_PAGE = 1_000


@dataclass(frozen=True)
class Reading:
    """The value of a metric when a night had so many attempts.

    Parameters
    ----------
    name
        Of the metric.
    value
        A count, or a rank IC.
    step
        Attempts so far.
    milliseconds
        Since 1970, when the last of them was judged.
    """

    name: str
    value: float
    step: int
    milliseconds: int


@dataclass
class Course:
    """Counts of a session's attempts so far; kept in the ledger between two calls of `advance`.

    Parameters
    ----------
    last
        Id of the last attempt that is counted.
    attempts, evaluated, tested, accepted
        Numbers: proposed; with search figures; that reached the confirm window; accepted.
    ended_at
        Name of a gate -> attempts that ended there.
    best
        Largest rank IC beyond baseline and pool in the search window, in size.
    """

    last: int = 0
    attempts: int = 0
    evaluated: int = 0
    tested: int = 0
    accepted: int = 0
    ended_at: dict[str, int] = field(default_factory=dict)
    best: float = 0.0

    @classmethod
    def restore(cls, kept: Mapping[str, Any] | None) -> "Course":
        """From what `keep` gave; from the start without it."""
        return cls(**kept) if kept else cls()

    def keep(self) -> dict[str, Any]:
        """A small JSON value."""
        return asdict(self)

    def advance(self, ledger: Ledger, session: str) -> list[Reading]:
        """Count what is new and judged, and read every metric at each `STRIDE` and at the end."""
        readings: list[Reading] = []
        moment = None
        while page := ledger.attempts(session=session, after=self.last, limit=_PAGE):
            for attempt in page:
                if attempt.stage not in FINAL_STAGES or attempt.judged_at is None:
                    page = []
                    break
                self._add(attempt)
                moment = int(attempt.judged_at.timestamp() * 1000)
                if self.attempts % STRIDE == 0:
                    readings += self._read(moment)
            if not page:
                break
        if moment is not None and self.attempts % STRIDE:
            readings += self._read(moment)
        return readings

    def _add(self, attempt: Attempt) -> None:
        self.last = attempt.id
        self.attempts += 1
        self.evaluated += bool(attempt.figures)
        self.tested += attempt.stage == "accepted" or attempt.gate == "confirm"
        self.accepted += attempt.stage == "accepted"
        if attempt.gate is not None:
            self.ended_at[attempt.gate] = self.ended_at.get(attempt.gate, 0) + 1
        added = attempt.figures.get("added_rank_ic")
        if added is not None and attempt.gate != "coverage":
            self.best = max(self.best, abs(added))

    def _read(self, milliseconds: int) -> list[Reading]:
        values: dict[str, float] = {
            "attempts": self.attempts,
            "evaluated": self.evaluated,
            "tested": self.tested,
            "accepted": self.accepted,
            "search/best_added_rank_ic": self.best,
        }
        values |= {f"ended_at/{gate}": count for gate, count in self.ended_at.items()}
        return [
            Reading(name, float(value), self.attempts, milliseconds)
            for name, value in values.items()
        ]

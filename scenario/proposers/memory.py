"""What proposers may know of all earlier attempts, in a space that does not grow with the night."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenario.proposers.archive import Archive
from scenario.proposers.stock_themes import BY_UNIVERSE

if TYPE_CHECKING:
    from factor_pool.records import Attempt

_IDEAS, _STRONGEST, _LESSONS, _SOLVED = 200, 8, 8, 8
_DIMENSIONS = ("rank_ic", "marginal_rank_ic", "added_rank_ic", "added_t_hac", "coverage")
_FIELD = re.compile(r"\$(\w+)")


@dataclass(frozen=True)
class Known:
    """An idea that was tried, and what came of it."""

    hypothesis: str
    proposer: str
    tried: int = 0
    accepted: int = 0


@dataclass(frozen=True)
class Strong:
    """One of the attempts with the largest added rank IC: its facts of the search window."""

    text: str
    strength: float
    figures: str
    outcome: str


class Memory:
    """A digest of attempts, taken in one after the other in the order of the ledger.

    What it says depends on the attempts alone, so that a resumed night knows what it knew.

    Parameters
    ----------
    universe
        "sector" or "stock", whose themes are the families of its archive.
    """

    def __init__(self, universe: str = "sector") -> None:
        self.archive = Archive(BY_UNIVERSE[universe])
        self.gates: Counter[str] = Counter()
        """How many attempts ended at each gate."""
        self.fields: Counter[str] = Counter()
        """How many attempts read each field."""
        self._tried: set[int] = set()
        self._ideas: dict[str, Known] = {}
        self._strongest: list[Strong] = []
        self._lessons: dict[str, str] = {}
        self._solved: dict[str, str] = {}

    def learn(self, attempt: "Attempt") -> None:
        """Take in how a text was written, well or badly, and nothing else of the attempt.

        This is what attempts on other data still teach.
        """
        if attempt.stage == "invalid" and attempt.reason is not None:
            _latest(self._lessons, attempt.reason, attempt.text, _LESSONS)
        if attempt.stage == "accepted" and attempt.hypothesis:
            _latest(self._solved, attempt.hypothesis, str(attempt.canonical), _SOLVED)

    def add(self, attempt: "Attempt") -> None:
        """Take in a judged attempt."""
        self.learn(attempt)
        self._count(attempt)
        self.mark(attempt)
        if attempt.canonical is not None:
            self.fields.update(set(_FIELD.findall(attempt.canonical)))
            if attempt.gate != "coverage":  # what has no values breeds what has none
                self.archive.add(attempt.canonical, attempt.figures)
            self._compare(attempt)

    def mark(self, attempt: "Attempt") -> None:
        """Take in nothing but that a text was tried, of an attempt that is not judged."""
        if attempt.canonical is not None:
            self._tried.add(_digest(attempt.canonical))

    def expect(self, attempt: "Attempt") -> None:
        """Take in what is being tried, before anything came of it."""
        self.mark(attempt)
        idea = attempt.hypothesis
        self._ideas.setdefault(idea, Known(idea, attempt.proposer))

    def tried(self, canonical: str) -> bool:
        """Whether an attempt had this canonical text."""
        return _digest(canonical) in self._tried

    def ideas(self) -> Iterator[Known]:
        """Ideas, the latest first."""
        return reversed(self._ideas.values())

    @property
    def strongest(self) -> list[Strong]:
        """The attempts with the largest added rank IC in size, largest first."""
        return self._strongest

    def lessons(self) -> list[tuple[str, str]]:
        """(text, what was wrong) of the latest invalid texts, one for each kind of mistake."""
        return [(text, message) for message, text in reversed(self._lessons.items())]

    def solved(self) -> list[tuple[str, str]]:
        """(idea, expression) of the latest ideas that brought a factor into the pool."""
        return list(reversed(self._solved.items()))

    def _count(self, attempt: "Attempt") -> None:
        if attempt.gate is not None:
            self.gates[attempt.gate] += 1
        old = self._ideas.get(attempt.hypothesis, Known(attempt.hypothesis, attempt.proposer))
        accepted = old.accepted + (attempt.stage == "accepted")
        known = Known(old.hypothesis, attempt.proposer, old.tried + 1, accepted)
        _latest(self._ideas, attempt.hypothesis, known, _IDEAS)

    def _compare(self, attempt: "Attempt") -> None:
        added = attempt.figures.get("added_rank_ic")
        if added is None:
            return
        weakest = self._strongest[-1].strength if len(self._strongest) == _STRONGEST else 0.0
        if abs(added) <= weakest:
            return
        facts = ((name, attempt.figures.get(name)) for name in _DIMENSIONS)
        figures = ", ".join(f"{name} {value:+.3f}" for name, value in facts if value is not None)
        outcome = "accepted" if attempt.stage == "accepted" else f"ended at {attempt.gate}"
        strong = Strong(str(attempt.canonical), abs(added), figures, outcome)
        self._strongest = sorted(
            [*self._strongest, strong], key=lambda one: one.strength, reverse=True
        )[:_STRONGEST]


def _digest(text: str) -> int:
    """64 bits of a hash: a hundred thousand texts in a few MB."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def _latest(kept: dict[str, Any], key: str, value: Any, limit: int) -> None:
    """Put an entry last, and forget the first beyond the limit."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > limit:
        del kept[next(iter(kept))]

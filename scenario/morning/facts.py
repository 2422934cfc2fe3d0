"""What the morning report says, as figures: read from the ledger in one pass, however long."""

import heapq
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from factor_pool.error_budget import ErrorBudget, error_budget
from factor_pool.gates import Settings
from factor_pool.ledger import Ledger
from factor_pool.records import Attempt, Member, Test
from scenario.morning.near import LAST_GATES, Near, near_miss
from scenario.session import Record

_PAGE = 2_000
_POINTS = 120
_NEAR_EACH = 3
_UNMEASURED = frozenset({"validity", "duplicate", "evaluation", "coverage"})


@dataclass
class Group:
    """What was tried of one proposer, or of one idea.

    Parameters
    ----------
    name
        Name of the proposer, or the idea in words: untrusted.
    proposer
        Who had the idea first.
    attempts, invalid, repeated, measured, tested, accepted
        Numbers of texts: proposed; no valid expression; attempted before; with search figures;
        that reached the confirm window; that entered the pool.
    best
        Largest rank IC beyond baseline and pool in the search window, in size; None if none was
        measured well enough.
    """

    name: str
    proposer: str
    attempts: int = 0
    invalid: int = 0
    repeated: int = 0
    measured: int = 0
    tested: int = 0
    accepted: int = 0
    best: float | None = None

    def add(self, attempt: Attempt, tested: bool) -> None:
        """Count one attempt."""
        self.attempts += 1
        self.invalid += attempt.stage == "invalid"
        self.repeated += attempt.stage == "duplicate"
        self.measured += bool(attempt.figures)
        self.tested += tested
        self.accepted += attempt.stage == "accepted"
        self.best = _larger(self.best, added(attempt))


@dataclass(frozen=True)
class Found:
    """An accepted factor, and the test that it passed."""

    member: Member
    test: Test


@dataclass(frozen=True)
class Point:
    """Where the night stood after some attempts."""

    attempts: int
    accepted: int
    tested: int
    best: float | None


@dataclass(frozen=True)
class Skill:
    """The pool's combined skill after a member was accepted.

    Parameters
    ----------
    member
        Id of the member; "" for the pool before the night.
    attempts
        Of the night, up to this member.
    search, error
        Root of the sum of squares of what each member added in the search window to baseline and
        earlier members; half of its 95% interval, None where it cannot be known.
    confirm
        The same in the confirm window; None where an old member has no figure there.
    """

    member: str
    attempts: int
    search: float
    error: float | None
    confirm: float | None


@dataclass(frozen=True)
class Spend:
    """What the language model was paid in a session."""

    usd: float = 0.0
    tokens: int = 0
    replies: int = 0


@dataclass(frozen=True)
class Facts:
    """Everything that the morning report says.

    Parameters
    ----------
    session, record
        Its id, and what the ledger keeps of it.
    end, trouble
        Why it stopped, and the last error that a proposer or a service gave; "" for none.
    total
        Of all attempts.
    funnel
        Name of a gate -> attempts that ended there.
    proposers, ideas
        Groups of the attempts: those that got furthest first.
    found
        What entered the pool, in order.
    near
        What nearly did: the last gates first.
    course
        The night in at most `_POINTS` points.
    growth
        The pool's skill, from before the night on.
    spend
        On the language model.
    before, after
        The error budget.
    """

    session: str
    record: Record
    end: str
    trouble: str
    total: Group
    funnel: Mapping[str, int]
    proposers: Sequence[Group]
    ideas: Sequence[Group]
    found: Sequence[Found]
    near: Sequence[Near]
    course: Sequence[Point]
    growth: Sequence[Skill]
    spend: Spend
    before: ErrorBudget
    after: ErrorBudget


@dataclass
class _Count:
    """Takes in a night's attempts one by one."""

    settings: Settings
    tests: Mapping[int, Test]
    confirm_sessions: int
    total: Group = field(default_factory=lambda: Group("", ""))
    funnel: Counter[str] = field(default_factory=Counter)
    proposers: dict[str, Group] = field(default_factory=dict)
    ideas: dict[str, Group] = field(default_factory=dict)
    course: list[Point] = field(default_factory=list)
    order: dict[int, int] = field(default_factory=dict)
    tested: set[int] = field(default_factory=set)
    near: dict[str, list[tuple[float, int, Near]]] = field(default_factory=dict)
    stride: int = 1

    def add(self, attempt: Attempt) -> None:
        test = self.tests.get(attempt.id)
        if test is not None:
            self.tested.add(attempt.id)
        idea = attempt.hypothesis
        groups = (
            self.total,
            self.proposers.setdefault(attempt.proposer, Group(attempt.proposer, attempt.proposer)),
            self.ideas.setdefault(idea, Group(idea, attempt.proposer)),
        )
        for group in groups:
            group.add(attempt, test is not None)
        if attempt.gate is not None:
            self.funnel[attempt.gate] += 1
        if attempt.stage == "accepted":
            self.order[attempt.id] = self.total.attempts
        miss = near_miss(attempt, test, self.settings, self.confirm_sessions)
        if miss is not None:
            best = self.near.setdefault(miss.gate, [])
            heapq.heappush(best, (miss.closeness, -attempt.id, miss))
            if len(best) > _NEAR_EACH:
                heapq.heappop(best)
        self._mark()

    def _mark(self) -> None:
        """Keep a point now and then, half as often each time there are too many."""
        if self.total.attempts % self.stride:
            return
        self.course.append(self.point())
        if len(self.course) > _POINTS:
            self.stride *= 2
            self.course = [one for one in self.course if one.attempts % self.stride == 0]

    def nearest(self, gate: str) -> list[Near]:
        """The closest misses at a gate, closest first."""
        return [miss for _, _, miss in sorted(self.near.get(gate, []), reverse=True)]

    def point(self) -> Point:
        total = self.total
        return Point(total.attempts, total.accepted, total.tested, total.best)


def gather(
    ledger: Ledger,
    session: str,
    record: Record,
    *,
    end: str,
    trouble: str,
    spend: Spend,
    settings: Settings,
    confirm_sessions: int,
) -> Facts:
    """Read a session's facts from the ledger.

    Parameters
    ----------
    ledger
        With the session's attempts.
    session, record
        Its id and record.
    end, trouble, spend
        See `Facts`.
    settings
        Thresholds of the gates.
    confirm_sessions
        Length of the confirm window.
    """
    tests = ledger.tests()
    count = _Count(settings, {test.attempt_id: test for test in tests}, confirm_sessions)
    for attempt in _attempts(ledger, session):
        count.add(attempt)
    if not count.course or count.course[-1].attempts != count.total.attempts:
        count.course.append(count.point())
    members = [one for one in ledger.members(status=None) if one.label == record.label]
    first = next((one.position for one in tests if one.attempt_id in count.tested), len(tests) + 1)
    return Facts(
        session=session,
        record=record,
        end=end,
        trouble=trouble,
        total=count.total,
        funnel=dict(count.funnel.most_common()),
        proposers=_furthest(count.proposers),
        ideas=_furthest(count.ideas),
        found=[
            Found(one, count.tests[one.attempt_id]) for one in members if one.session == session
        ],
        near=[miss for gate in LAST_GATES for miss in count.nearest(gate)],
        course=count.course,
        growth=_growth(members, count),
        spend=spend,
        before=error_budget(tests[: first - 1], settings),
        after=error_budget(tests, settings),
    )


def added(attempt: Attempt) -> float | None:
    """Size of what an attempt adds to baseline and pool in search, None where it says nothing."""
    value = attempt.figures.get("added_rank_ic")
    if value is None or attempt.gate in _UNMEASURED:
        return None
    return abs(float(value))


def _attempts(ledger: Ledger, session: str) -> Iterator[Attempt]:
    """A session's attempts, a page in memory at a time."""
    after = 0
    while page := ledger.attempts(session=session, after=after, limit=_PAGE):
        yield from page
        after = page[-1].id


def _larger(best: float | None, value: float | None) -> float | None:
    if value is None or (best is not None and best >= value):
        return best
    return value


def _furthest(groups: Mapping[str, Group]) -> list[Group]:
    """Those that brought most first; in order of appearance where they are equal."""
    return sorted(groups.values(), key=lambda one: (-one.accepted, -one.tested, -(one.best or 0.0)))


def _growth(members: Sequence[Member], count: _Count) -> list[Skill]:
    """The pool's skill before the night, and after each of the night's members."""
    search = noise = confirm = 0.0
    known = True
    points: list[Skill] = []
    for member in (one for one in members if one.status != "retired"):
        own = member.attempt_id in count.order
        if own and not points:
            points.append(_skill("", 0, search, noise, confirm if known else None))
        ic, t = member.figures.get("added_rank_ic") or 0.0, member.figures.get("added_t_hac")
        search += ic**2
        noise += ic**2 * (ic / t) ** 2 if t else math.nan
        seen = count.tests[member.attempt_id].figures.get("added_rank_ic")
        known = known and seen is not None
        confirm += max(0.0, member.sign * (seen or 0.0)) ** 2
        if own:
            attempts = count.order[member.attempt_id]
            points.append(_skill(member.id, attempts, search, noise, confirm if known else None))
    return points or [_skill("", 0, search, noise, confirm if known else None)]


def _skill(member: str, attempts: int, search: float, noise: float, confirm: float | None) -> Skill:
    """Of sums of squares; the interval by the delta method, members taken as independent."""
    root = math.sqrt(search)
    error = 1.96 * math.sqrt(noise) / root if root and math.isfinite(noise) else None
    return Skill(member, attempts, root, error, None if confirm is None else math.sqrt(confirm))

"""Which names are one seat: by rules, by likeness, and where that is not sure, by a person.

    stocks/seats/
      decisions.jsonl    one decision of a person a line, oldest first
      lock               held while one is added

Names with the same parts are one seat (`seat_names.parse`). Beyond that a name that leaves out the
district or the city is taken for the only fuller one of its broker, and two names of almost the
same letters are one, unless a letter that tells branches apart differs (东 / 西, 第一 / 第二). What
is less alike waits on the review list, and counts as two seats until a person has decided.
"""

import contextlib
import datetime
import hashlib
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pydantic
from rapidfuzz import fuzz

from data_profile.files import exclusive, write_atomic
from data_profile.seat_names import Branch, SeatError, parse

AUTOMATIC = 90.0
"""From this likeness of the places on, 0..100, two names of a broker are one seat."""
DOUBTFUL = 80.0
"""From this likeness of the streets on, or where one street holds the other, a person is asked."""
_TELLING = frozenset("东南西北中上下前后新老内外左右大小第一二三四五六七八九十0123456789")
_PLACED = ("branch", "company")


class Verdict(pydantic.BaseModel):
    """One line of `decisions.jsonl`: whether two spellings are one seat."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    at: pydantic.AwareDatetime
    one: str
    other: str
    same: bool
    reason: str = ""


@dataclass(frozen=True)
class Doubt:
    """Two spellings that may be one seat.

    Parameters
    ----------
    id
        What `decide` takes: six hex digits, the same whatever else is on the list.
    one, other
        The spellings (`Branch.key`).
    score
        Likeness, 0..100.
    """

    id: str
    one: str
    other: str
    score: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Cluster:
    """A seat and the names it goes by.

    Parameters
    ----------
    seat
        The fullest spelling of its name: its id.
    kind
        As `Branch.kind`.
    names
        As printed, sorted.
    """

    seat: str
    kind: str
    names: tuple[str, ...]


class Seats:
    """The seats' names below one folder.

    Parameters
    ----------
    folder
        Holds the decisions; need not exist.

    Examples
    --------
    >>> import tempfile
    >>> names = ["中信证券股份有限公司上海分公司", "中信证券上海分公司", "中信上海分公司"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     set(Seats(Path(folder)).unify(names).values())
    {'中信证券上海分公司'}
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def unify(self, names: Iterable[str]) -> dict[str, str]:
        """Printed name -> the seat's id.

        Raises
        ------
        SeatError
            A name is none, or the decisions cannot be read.
        """
        branches = {name: parse(name) for name in sorted(set(names))}
        seat = self._joined({branch.key: branch for branch in branches.values()})
        return {name: seat[branch.key] for name, branch in branches.items()}

    def clusters(self, names: Iterable[str]) -> list[Cluster]:
        """The seats behind names, by id.

        Raises
        ------
        SeatError
            As `unify`.
        """
        found: dict[str, list[str]] = defaultdict(list)
        for name, seat in self.unify(names).items():
            found[seat].append(name)
        return [
            Cluster(seat, parse(found[seat][0]).kind, tuple(sorted(found[seat])))
            for seat in sorted(found)
        ]

    def review(self, names: Iterable[str]) -> list[Doubt]:
        """The pairs that wait for a person, the most alike first.

        Raises
        ------
        SeatError
            As `unify`.
        """
        branches = {branch.key: branch for branch in map(parse, sorted(set(names)))}
        seat, decided = self._joined(branches), self._decided()
        asked: dict[frozenset[str], Doubt] = {}
        for one, other in _neighbours(branches.values()):
            score = _doubtful(one, other)
            pair = frozenset((seat[one.key], seat[other.key]))
            spelled = frozenset((one.key, other.key))
            if score is None or len(pair) == 1 or spelled in decided or pair in decided:
                continue
            made = _doubt(*sorted((seat[one.key], seat[other.key])), score=score)
            if pair not in asked or asked[pair].score < score:
                asked[pair] = made
        return sorted(asked.values(), key=lambda doubt: (-doubt.score, doubt.one, doubt.other))

    def decide(self, doubt: Doubt, *, same: bool, reason: str = "") -> None:
        """Write down what a person says of a pair; the latest word holds.

        Raises
        ------
        SeatError
            Another process is deciding, or the disk refuses.
        """
        verdict = Verdict(
            at=datetime.datetime.now(datetime.UTC), one=doubt.one, other=doubt.other, same=same,
            reason=reason,
        )  # fmt: skip
        with self._turn():
            lines = [one.model_dump_json() + "\n" for one in (*self._verdicts(), verdict)]
            write_atomic(self._path, "".join(lines))

    @property
    def _path(self) -> Path:
        return self.folder / "decisions.jsonl"

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(exclusive(self.folder / "lock"))
            except BlockingIOError as error:
                raise SeatError(f"another process decides in {self.folder}; try again") from error
            except OSError as error:
                raise SeatError(f"{self.folder} cannot be written: {error}") from error
            yield

    def _verdicts(self) -> tuple[Verdict, ...]:
        try:
            lines = self._path.read_text("utf-8").splitlines()
            return tuple(Verdict.model_validate_json(line) for line in lines)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError) as error:  # pydantic's errors are ValueErrors
            raise SeatError(f"{self._path} cannot be read: {error}") from error

    def _decided(self) -> dict[frozenset[str], bool]:
        return {frozenset((v.one, v.other)): v.same for v in self._verdicts()}

    def _joined(self, branches: Mapping[str, Branch]) -> dict[str, str]:
        """Spelling -> the fullest spelling of its seat."""
        decided = self._decided()
        group = {key: key for key in branches}

        def root(key: str) -> str:
            while group[key] != key:
                key = group[key]
            return key

        pairs = [(a.key, b.key) for a, b in _same(branches.values())
                 if decided.get(frozenset((a.key, b.key)), True)]  # fmt: skip
        pairs += [
            (v.one, v.other)
            for v in self._verdicts()
            if decided[frozenset((v.one, v.other))] and {v.one, v.other} <= set(branches)
        ]
        for one, other in pairs:
            a, b = root(one), root(other)
            keep = max(a, b, key=lambda key: (len(key), key))
            group[a] = group[b] = keep
        return {key: root(key) for key in branches}


def _same(branches: Iterable[Branch]) -> Iterator[tuple[Branch, Branch]]:
    """Pairs that are one seat without asking."""
    fuller: dict[Branch, list[Branch]] = defaultdict(list)
    for one, other in _neighbours(branches):
        if one.street == other.street and _compatible(one, other):
            short, full = sorted((one, other), key=lambda b: len(b.key))
            fuller[short].append(full)
        elif _likeness(one, other) >= AUTOMATIC and not _tells(_place(one), _place(other)):
            yield one, other
    for short, candidates in fuller.items():
        if len(candidates) == 1:  # with two districts to choose from neither is sure
            yield short, candidates[0]


def _neighbours(branches: Iterable[Branch]) -> Iterator[tuple[Branch, Branch]]:
    """Pairs of different branches of one broker and kind whose cities do not differ."""
    groups: dict[tuple[str, str], list[Branch]] = defaultdict(list)
    for branch in sorted(branches, key=lambda b: b.key):
        if branch.kind in _PLACED:
            groups[branch.broker, branch.kind].append(branch)
    for group in groups.values():
        for one, other in itertools.combinations(group, 2):
            if _either(one.city, other.city):
                yield one, other


def _compatible(one: Branch, other: Branch) -> bool:
    """Whether neither says another city or district than the other, and a street is named."""
    return (
        bool(one.street) and _either(one.city, other.city) and _either(one.district, other.district)
    )


def _either(one: str, other: str) -> bool:
    return one == other or not one or not other


def _place(branch: Branch) -> str:
    return branch.district + branch.street


def _likeness(one: Branch, other: Branch) -> float:
    return fuzz.ratio(_place(one), _place(other))


def _tells(one: str, other: str) -> bool:
    """Whether a letter that one has more often than the other tells branches apart."""
    a, b = Counter(one), Counter(other)
    return bool(((a - b) + (b - a)).keys() & _TELLING)


def _doubtful(one: Branch, other: Branch) -> float | None:
    """How alike two names are that a person should look at; None where there is no doubt."""
    if not _either(one.district, other.district) or _tells(_place(one), _place(other)):
        return None
    short, long = sorted((one.street, other.street), key=len)
    holds = len(short) >= 3 and short in long
    score = fuzz.ratio(one.street, other.street)
    if not holds and (score < DOUBTFUL or min(len(short), len(long)) < 3):
        return None
    return round(max(score, DOUBTFUL) if holds else score, 1)


def _doubt(one: str, other: str, *, score: float) -> Doubt:
    digest = hashlib.sha256(f"{one}\n{other}".encode()).hexdigest()
    return Doubt(digest[:6], one, other, score)


def find(doubts: Sequence[Doubt], id: str) -> Doubt:
    """The pair of an id.

    Raises
    ------
    SeatError
        No pair on the list has it.
    """
    for doubt in doubts:
        if doubt.id == id:
            return doubt
    raise SeatError(f"no pair {id!r} waits for a decision; tide data seats review shows them")

"""The decisions about sectors: a log that only grows, and what it adds up to.

    sectors/
      log.jsonl    one decision a line, oldest first
      lock         held while a decision is added

The log is the only truth. It is written whole beside itself and renamed, so that a process that
dies leaves it as it was, and read again whenever the file is another one.
"""

import contextlib
import datetime
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pydantic

from data_profile.files import exclusive, write_atomic
from data_profile.identifiers import is_instrument
from data_profile.sector_names import SectorError, strict

Action = Literal["new", "alias", "rename", "doubt", "merge", "code"]
Candidate = tuple[str, float]

_OWN = re.compile(r"BK\d{4,}")
_PATIENCE = 30.0  # seconds that a decision waits for another process's
_PAUSE = 0.01


class Decision(pydantic.BaseModel):
    """One line of the log.

    Parameters
    ----------
    at
        When it was taken, timezone-aware.
    session
        First session it holds for, a date in Asia/Shanghai.
    action
        "new" gives a name a sector of its own, "alias" another name of a sector, "rename" the
        name that is shown from now on, "doubt" asks a person, "merge" ends a sector in another,
        "code" notes the id that an imported file gave a sector.
    kind, name
        The board; for "merge" and "code" the name shown.
    sector
        Whom it is about; "" for "doubt".
    other
        "new": the sector it was split from; "merge": the sector that goes on; "code": the id in
        the file.
    by
        Who decided: "program" by a rule, or "user".
    reason
        Why, for people.
    score
        Likeness of a fuzzy match, 0..100.
    candidates
        "doubt": sectors it may be, with their likeness, best first.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    at: pydantic.AwareDatetime
    session: datetime.date
    action: Action
    kind: str
    name: str
    sector: str = ""
    other: str = ""
    by: Literal["program", "user"] = "program"
    reason: str = ""
    score: float | None = None
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class Sector:
    """A sector, as far as the log tells.

    Parameters
    ----------
    id
        `BK0001`..., or the id that an imported file gave it first; for ever.
    kind
        "industry" or "concept".
    name
        The name that is shown.
    since
        Session with which it entered.
    names
        Every name it was ever found by, in order.
    codes
        Ids that imported files gave it.
    parent
        The sector it was split from, or None.
    merged
        The sector it ended in and the first session of that, or None.
    """

    id: str
    kind: str
    name: str
    since: datetime.date
    names: tuple[str, ...]
    codes: tuple[str, ...] = ()
    parent: str | None = None
    merged: tuple[str, datetime.date] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        into, since = self.merged or (None, None)
        document = asdict(self) | {"since": self.since.isoformat()}
        del document["merged"]
        return document | {
            "merged_into": into,
            "merged_since": since.isoformat() if since else None,
        }


def is_own(sector: str) -> bool:
    """Whether an id is one of those that we number."""
    return _OWN.fullmatch(sector.upper()) is not None


class Binding(NamedTuple):
    """From which session on a name stands for which sector, and who said so."""

    since: datetime.date
    sector: str
    by: str


@dataclass
class State:
    """What a log adds up to.

    Parameters
    ----------
    sectors
        Id -> sector, in the order of the ids.
    bindings
        (kind, key of the name) -> what it stands for, in the order of decision.
    doubts
        (kind, key of the name) -> number of the open question.
    """

    sectors: dict[str, Sector] = field(default_factory=dict)
    bindings: dict[tuple[str, str], list[Binding]] = field(default_factory=dict)
    doubts: dict[tuple[str, str], int] = field(default_factory=dict)

    def next_id(self, promised: int = 0) -> str:
        """The id after those given and promised; sectors never go, so none comes twice."""
        return f"BK{sum(map(is_own, self.sectors)) + promised + 1:04d}"

    def free(self, code: str) -> bool:
        """Whether an imported file's id may be the id of a new sector."""
        taken = {sector.lower() for sector in self.sectors}
        return is_instrument(code) and not is_own(code) and code.lower() not in taken

    def find(self, kind: str, name: str, session: datetime.date) -> str | None:
        """The sector a name stands for in a session; None where it stands for none.

        A name is first met on some day, but it meant the same on the days before that are
        collected later: there the first binding holds.
        """
        bound = self.binding(kind, name, session)
        return None if bound is None else self.follow(bound.sector, session)

    def binding(self, kind: str, name: str, session: datetime.date) -> Binding | None:
        """What `find` goes by, before any merger."""
        bound = self.bindings.get((kind, strict(name)))
        if not bound:
            return None
        day = max(session, min(one.since for one in bound))
        latest = max(one.since for one in bound if one.since <= day)
        return [one for one in bound if one.since == latest][-1]

    def follow(self, sector: str, session: datetime.date) -> str:
        """The sector itself, or the one it has ended in by that session."""
        while (merged := self.sectors[sector].merged) is not None and merged[1] <= session:
            sector = merged[0]
        return sector

    def add(self, number: int, decision: Decision) -> None:
        """Take in the decision of line `number`.

        Raises
        ------
        SectorError
            It contradicts those before.
        """
        key = (decision.kind, strict(decision.name))
        match decision.action:
            case "doubt":
                self.doubts[key] = number
            case "new":
                if decision.sector != self.next_id() and not self.free(decision.sector):
                    raise SectorError(f"{decision.sector} is not the next id {self.next_id()}")
                parent = self.known(decision.other).id if decision.other else None
                self.sectors[decision.sector] = Sector(
                    decision.sector, decision.kind, decision.name, decision.session,
                    (decision.name,), parent=parent,
                )  # fmt: skip
                self._bind(key, decision)
            case "alias" | "rename":
                sector = self.known(decision.sector)
                names = tuple(dict.fromkeys((*sector.names, decision.name)))
                shown = decision.name if decision.action == "rename" else sector.name
                self.sectors[sector.id] = replace(sector, names=names, name=shown)
                self._bind(key, decision)
            case "merge":
                sector = self.known(decision.sector)
                if sector.merged is not None:
                    raise SectorError(f"{sector.id} has ended in {sector.merged[0]} already")
                if self.follow(self.known(decision.other).id, datetime.date.max) == sector.id:
                    raise SectorError(f"{sector.id} would end in itself")
                merged = (decision.other, decision.session)
                self.sectors[sector.id] = replace(sector, merged=merged)
            case "code":
                sector = self.known(decision.sector)
                codes = tuple(dict.fromkeys((*sector.codes, decision.other)))
                self.sectors[sector.id] = replace(sector, codes=codes)

    def known(self, sector: str) -> Sector:
        """The sector of an id.

        Raises
        ------
        SectorError
            There is none.
        """
        if sector not in self.sectors:
            raise SectorError(f"there is no sector {sector!r}; `tide data sectors list` shows all")
        return self.sectors[sector]

    def _bind(self, key: tuple[str, str], decision: Decision) -> None:
        made = Binding(decision.session, decision.sector, decision.by)
        self.bindings.setdefault(key, []).append(made)
        self.doubts.pop(key, None)


class Log:
    """The log below one folder.

    Parameters
    ----------
    folder
        Need not exist; the first decision makes it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(folder)
        self._path = self._folder / "log.jsonl"
        self._seen: tuple[int, int, int] | None = None
        self._decisions: tuple[Decision, ...] = ()
        self._state = State()

    def read(self) -> tuple[State, tuple[Decision, ...]]:
        """What the log adds up to, and its lines; not to be changed by the caller.

        Raises
        ------
        SectorError
            The log cannot be read, or a line of it is none of ours.
        """
        try:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if seen != self._seen:
                self._decisions, self._state = _load(self._path)
                self._seen = seen
        except FileNotFoundError:
            self._seen, self._decisions, self._state = None, (), State()
        except (OSError, UnicodeDecodeError) as error:
            raise SectorError(f"{self._path} cannot be read: {error}") from error
        return self._state, self._decisions

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Keep other processes from adding decisions while the block runs.

        Raises
        ------
        SectorError
            Another process decides for longer than half a minute, or the folder refuses.
        """
        give_up = time.monotonic() + _PATIENCE
        with contextlib.ExitStack() as stack:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                while True:
                    try:
                        stack.enter_context(exclusive(self._folder / "lock"))
                        break
                    except BlockingIOError as error:
                        if time.monotonic() > give_up:
                            raise SectorError(
                                f"another process holds {self._folder / 'lock'}; "
                                "wait until it has ended"
                            ) from error
                        time.sleep(_PAUSE)
            except OSError as error:
                raise SectorError(f"{self._folder} cannot be written: {error}") from error
            yield

    def extend(self, decisions: Sequence[Decision]) -> None:
        """Add decisions, all or none; only within `turn`.

        Raises
        ------
        SectorError
            One contradicts those before, or the disk refuses; the log is as it was.
        """
        if not decisions:
            return
        _, before = self.read()
        after = (*before, *decisions)
        add_up(after)
        lines = [one.model_dump_json(exclude_defaults=True) + "\n" for one in after]
        try:
            for left in self._folder.glob(f".{self._path.name}.*"):  # by a process that was killed
                left.unlink()
            write_atomic(self._path, "".join(lines))
        except OSError as error:
            raise SectorError(f"{self._path} cannot be written: {error}") from error


def add_up(decisions: Sequence[Decision]) -> State:
    """The state after decisions.

    Raises
    ------
    SectorError
        One contradicts those before; the message has its line.
    """
    state = State()
    for number, decision in enumerate(decisions, 1):
        try:
            state.add(number, decision)
        except SectorError as error:
            raise SectorError(f"decision {number} about sectors: {error}") from error
    return state


def _load(path: Path) -> tuple[tuple[Decision, ...], State]:
    decisions = []
    lines = path.read_text("utf-8").removesuffix("\n").split("\n")
    for number, line in enumerate(lines, 1):
        try:
            decisions.append(Decision.model_validate_json(line))
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise SectorError(
                f"{path}, line {number}: {first['msg']}; restore the file from a copy"
            ) from error
    return tuple(decisions), add_up(decisions)

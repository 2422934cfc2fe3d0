"""The master mapping: which sector a board's name stands for, for ever.

A board is known by its name and its kind (industry or concept), never by a source's code: sources
change those. Its sector gets an id of our own, `BK0001` on, with the first session on which the
name is seen, or keeps the id of the imported file that brought it; ids are never changed or used
again. Names that are the same but for spelling are
taken for each other; a name that is only like another waits on a review list, and its board stays
out of the data until a person has decided.
"""

import datetime
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from data_profile.identifiers import is_instrument
from data_profile.sector_log import Action, Decision, Log, Sector, State, is_own
from data_profile.sector_match import How, Matching
from data_profile.sector_names import KINDS, LONGEST, SectorError, clean, strict

Verdict = Literal["accept", "rename", "new", "split"]
_ACTION: Mapping[How, Action] = {
    "alias": "alias",
    "fuzzy": "alias",
    "new": "new",
    "review": "doubt",
}


@dataclass(frozen=True)
class Match:
    """What a name was taken for.

    Parameters
    ----------
    sector_id
        The sector; None for a name on the review list, and for one that has no sector yet.
    how
        "exact" the name is known; "alias" by the table of synonyms, or but for a suffix or level;
        "fuzzy" by likeness; "new" there was none; "review" a person must say.
    score
        Likeness 0..100 with the best candidate; 100 for "exact" and "alias".
    """

    sector_id: str | None
    how: How
    score: float


@dataclass(frozen=True)
class Review:
    """A name that waits for a person.

    Parameters
    ----------
    number
        What `decide` takes; it stays the same while others are decided.
    name, kind
        The board.
    session
        First session on which it was seen.
    candidates
        (id, name, likeness 0..100) of the sectors it may be, best first.
    """

    number: int
    name: str
    kind: str
    session: datetime.date
    candidates: tuple[tuple[str, str, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        candidates = [dict(zip(("id", "name", "score"), c, strict=True)) for c in self.candidates]
        return asdict(self) | {"session": self.session.isoformat(), "candidates": candidates}


class Sectors:
    """The mapping below one folder (`home.store / "sectors"`).

    Parameters
    ----------
    folder
        Need not exist; the first name makes it.

    Examples
    --------
    >>> import tempfile
    >>> day = datetime.date(2025, 12, 31)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sectors = Sectors(Path(folder))
    ...     entered = sectors.enter(["锂电池", "半导体"], "concept", day)
    ...     sectors.resolve("锂电池 概念", "concept", day)
    Match(sector_id='BK0002', how='alias', score=100.0)
    """

    def __init__(self, folder: Path) -> None:
        self._log = Log(folder)

    # What is known.

    def sectors(self) -> Mapping[str, Sector]:
        """Every sector by its id.

        Raises
        ------
        SectorError
            The log of decisions is damaged.
        """
        return dict(self._log.read()[0].sectors)

    def history(self, sector_id: str | None = None) -> tuple[Decision, ...]:
        """Every decision, or those about one sector, oldest first."""
        decisions = self._log.read()[1]
        if sector_id is None:
            return decisions
        return tuple(one for one in decisions if sector_id in (one.sector, one.other))

    def resolve(self, name: str, kind: str, session: datetime.date) -> Match:
        """What a single name stands for in a session; nothing is written.

        The same answer as `enter` gives, but for what it learns from the rest of the list.

        Raises
        ------
        SectorError
            The name or the kind is none, or the log is damaged.
        """
        found = Matching(self._log.read()[0], _kind(kind), session).of([name])[strict(name)]
        return Match(found.sector, found.how, found.score)

    def review(self) -> list[Review]:
        """The names that wait for a person, oldest first."""
        state, decisions = self._log.read()
        return [_review(state, decisions, number) for number in sorted(state.doubts.values())]

    # What a day brings.

    def enter(
        self,
        names: Iterable[str],
        kind: str,
        session: datetime.date,
        *,
        before: Collection[str] = (),
    ) -> dict[str, Match]:
        """Take in the boards of ONE list of ONE source: all of a kind that it has that session.

        A list names a board once, so two of its names are never one sector, however alike. New
        names get sectors, other spellings are noted, doubtful names go to the review list; a list
        that was entered before changes nothing.

        Parameters
        ----------
        names, kind, session
            The list.
        before
            The names of the same list on the session before, where there is one. Then a name that
            appears when another is gone is asked about as a possible rename, however unlike.

        Returns
        -------
        dict
            Name as given -> match.

        Raises
        ------
        SectorError
            A name or the kind is none (nothing of the list is entered), or the log is damaged.
        """
        given = {name: clean(name) for name in names}
        shown = {strict(name): name for name in given.values()}
        with self._log.turn():
            state, _ = self._log.read()
            matching = Matching(state, _kind(kind), session, before=before)
            made, answers = _answers(matching, shown)
            self._log.extend(made)
        return {name: answers[strict(text)] for name, text in given.items()}

    def allocate(
        self, name: str, kind: str, session: datetime.date, *, parent: str = "", reason: str = ""
    ) -> str:
        """The id of exactly this name; a new sector if the name is not known.

        Parameters
        ----------
        name, kind, session
            The board, and the session with which it enters.
        parent
            The sector it was split from; its history stays with the parent.
        reason
            Why, for people.

        Raises
        ------
        SectorError
            The name or the parent is none, or the log is damaged.
        """
        shown = clean(name)
        with self._log.turn():
            state, _ = self._log.read()
            known = state.find(_kind(kind), shown, session)
            if known is not None:
                return known
            made = _decision(
                "new", kind, shown, session, sector=state.next_id(), other=parent, reason=reason
            )
            self._log.extend([made])
        return made.sector

    def adopt(
        self, names: Mapping[str, str], session: datetime.date, *, kind: str = "industry"
    ) -> dict[str, str]:
        """Give every id of an imported panel its sector, so that collected days continue it.

        The NAME decides: the board 半导体 that is collected tomorrow continues the imported
        sector of that name, and so does a second file that has another id for it. A sector that
        is new keeps the file's id, unless that is taken. Likeness decides nothing here, since
        an import must not wait for a person: a name that is not known gets a sector of its own,
        and two ids never share one. Importing the same file again gives the same ids.

        Parameters
        ----------
        names
            Id in the file -> display name; where that is no name the id stands for it.
        session
            First session of the file.
        kind
            Of the panel's sectors.

        Returns
        -------
        dict
            Id in the file -> sector id.

        Raises
        ------
        SectorError
            An id or the kind is none, or the log is damaged.
        """
        for code in names:
            if not is_instrument(code):
                raise SectorError(f"{code!r} is no id of a sector")
        named = {code: _shown(names[code], code) for code in sorted(names)}
        shown = {strict(name): name for name in named.values()}
        adopted: dict[str, str] = {}
        with self._log.turn():
            state, _ = self._log.read()
            own = {strict(named[code]): code for code in reversed(named) if state.free(code)}
            made, answers = _answers(Matching(state, _kind(kind), session, ask=False), shown, own)
            for code, name in named.items():
                sector = answers[strict(name)].sector_id
                if sector is None or sector in adopted.values():  # the name is not its alone
                    name = clean(f"{name[: LONGEST - len(code) - 1]} {code}")
                    sector = state.find(kind, name, session)
                if sector is None:
                    free = state.free(code) and code not in own.values()
                    sector = code if free else _next(state, made)
                    made.append(_decision("new", kind, name, session, sector=sector))
                adopted[code] = sector
                if sector not in state.sectors or code not in state.sectors[sector].codes:
                    made.append(_decision("code", kind, name, session, sector=sector, other=code))
            self._log.extend(made)
        return adopted

    # What a person decides.

    def decide(
        self, number: int, verdict: Verdict, candidate: str | None = None, *, reason: str = ""
    ) -> str:
        """Answer a question of the review list.

        Parameters
        ----------
        number
            Of the question.
        verdict
            "accept": the name is another name of the candidate. "rename": it is the candidate's
            name from now on. "new": it is a board of its own. "split": the same, split from the
            candidate.
        candidate
            A sector's id; None for the best of the question's candidates.
        reason
            Why, for people.

        Returns
        -------
        str
            The sector that the name stands for now.

        Raises
        ------
        SectorError
            There is no such open question or candidate.
        """
        with self._log.turn():
            state, decisions = self._log.read()
            if number not in state.doubts.values():
                raise SectorError(
                    f"no open question has the number {number}; `tide data sectors review` "
                    "shows those that have one"
                )
            doubt = decisions[number - 1]
            other = candidate or doubt.candidates[0][0]
            if state.known(other).kind != doubt.kind:
                raise SectorError(f"{other} is no {doubt.kind} sector, but {doubt.name!r} is one")
            own = verdict in ("new", "split")
            made = _decision(
                "new" if own else "rename" if verdict == "rename" else "alias",
                doubt.kind, doubt.name, doubt.session, by="user", reason=reason,
                sector=state.next_id() if own else other,
                other=other if verdict == "split" else "",
            )  # fmt: skip
            self._log.extend([made])
        return made.sector

    def rename(
        self, sector_id: str, name: str, session: datetime.date, *, reason: str = ""
    ) -> None:
        """Show another name from now on; the id and the old names stay.

        Raises
        ------
        SectorError
            There is no such sector, the name is none, or it stands for another sector.
        """
        shown = clean(name)
        with self._log.turn():
            state, _ = self._log.read()
            sector = state.known(sector_id)
            owner = state.find(sector.kind, shown, session)
            if owner not in (None, sector_id):
                raise SectorError(f"{shown!r} is the name of {owner}; merge the two instead")
            self._log.extend([
                _decision("rename", sector.kind, shown, session,
                          sector=sector_id, by="user", reason=reason)
            ])  # fmt: skip

    def merge(self, sector_id: str, into: str, session: datetime.date, *, reason: str = "") -> None:
        """End a sector in another: from `session` on its names stand for that one.

        Raises
        ------
        SectorError
            There is no such sector, they are of different kinds, or it has ended already.
        """
        with self._log.turn():
            state, _ = self._log.read()
            sector, other = state.known(sector_id), state.known(into)
            if sector.kind != other.kind:
                raise SectorError(f"{sector_id} is {sector.kind}, {into} is {other.kind}")
            self._log.extend([
                _decision("merge", sector.kind, sector.name, session,
                          sector=sector_id, other=into, by="user", reason=reason)
            ])  # fmt: skip

    def separate(self, name: str, kind: str, *, reason: str = "") -> str:
        """Give a name that was taken for another sector's a sector of its own after all.

        It holds from the session on from which the name was mistaken.

        Returns
        -------
        str
            The new id.

        Raises
        ------
        SectorError
            The name is not known, or is the first name of its sector.
        """
        shown = clean(name)
        with self._log.turn():
            state, _ = self._log.read()
            bound = state.binding(_kind(kind), shown, datetime.date.max)
            if bound is None:
                raise SectorError(f"no {kind} sector is known by the name {shown!r}")
            if strict(state.sectors[bound.sector].names[0]) == strict(shown):
                raise SectorError(f"{shown!r} is a sector of its own already: {bound.sector}")
            made = _decision(
                "new", kind, shown, bound.since, sector=state.next_id(), by="user", reason=reason
            )
            self._log.extend([made])
        return made.sector


def _shown(name: str, code: str) -> str:
    """The name, or the id where the name is none."""
    try:
        return clean(name)
    except SectorError:
        return clean(code)


def _kind(kind: str) -> str:
    if kind not in KINDS:
        raise SectorError(f"{kind!r} is no kind of board; it is {' or '.join(KINDS)}")
    return kind


def _decision(
    action: Action, kind: str, name: str, session: datetime.date, **facts: Any
) -> Decision:
    now = datetime.datetime.now(datetime.UTC)
    return Decision(at=now, session=session, action=action, kind=kind, name=name, **facts)


def _answers(
    matching: Matching, names: Mapping[str, str], ids: Mapping[str, str] | None = None
) -> tuple[list[Decision], dict[str, Match]]:
    """What to write for a list, and what each of its keys stands for once it is written.

    `names`: key -> name as it is shown; `ids`: key -> id, should its sector be new.
    """
    made: list[Decision] = []
    answers = {}
    for key, found in matching.of(names.values()).items():
        sector = found.sector
        if not found.known:
            action = _ACTION[found.how]
            if action == "new":
                sector = (ids or {}).get(key) or _next(matching.state, made)
            facts: dict[str, Any] = {"reason": found.reason, "candidates": found.candidates}
            if found.how == "fuzzy":
                facts["score"] = found.score
            made.append(
                _decision(
                    action,
                    matching.kind,
                    names[key],
                    matching.session,
                    sector=sector or "",
                    **facts,
                )
            )
        answers[key] = Match(sector, found.how, found.score)
    return made, answers


def _next(state: State, made: Sequence[Decision]) -> str:
    """The id after those that are about to be given."""
    return state.next_id(sum(one.action == "new" and is_own(one.sector) for one in made))


def _review(state: State, decisions: Sequence[Decision], number: int) -> Review:
    doubt = decisions[number - 1]
    candidates = tuple((s, state.sectors[s].name, score) for s, score in doubt.candidates)
    return Review(number, doubt.name, doubt.kind, doubt.session, candidates)

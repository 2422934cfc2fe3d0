"""What the names of one list stand for: the surest first, and no sector twice.

A source lists a board once. Hence a sector that one name of a list has taken is no candidate for
the others, which is what keeps `大盘价值` from `小盘价值` however alike they look.
"""

import datetime
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from data_profile.sector_log import Candidate, State
from data_profile.sector_names import (
    AUTOMATIC,
    DOUBTFUL,
    clean,
    likeness,
    loose,
    strict,
    synonyms,
)

How = Literal["exact", "alias", "fuzzy", "new", "review"]
_CANDIDATES = 3


@dataclass(frozen=True)
class Found:
    """What a name is taken for.

    Parameters
    ----------
    sector
        Its id; None for "new" and "review".
    how
        As in `sectors.Match`.
    score
        Likeness 0..100 with the best candidate.
    reason
        The rule, for the log.
    candidates
        For "review": the sectors it may be, best first.
    known
        The log says so already.
    """

    sector: str | None
    how: How
    score: float
    reason: str = ""
    candidates: tuple[Candidate, ...] = ()
    known: bool = False


@dataclass
class Matching:
    """One list of names against the sectors there are.

    Parameters
    ----------
    state
        What the log adds up to.
    kind, session
        Of the list.
    ask
        False: nothing is taken by likeness or left to a person.
    before
        Names of the same list the session before. Where one of them is gone, a name that
        appears may be its new one, however unlike.
    """

    state: State
    kind: str
    session: datetime.date
    ask: bool = True
    before: Collection[str] = ()
    _found: dict[str, Found] = field(default_factory=dict)
    _claimed: set[str] = field(default_factory=set)

    def of(self, names: Iterable[str]) -> dict[str, Found]:
        """Key of each name -> what it stands for; the order of the names does not matter.

        Raises
        ------
        SectorError
            One of them is no name.
        """
        shown = {strict(text): text for text in sorted(map(clean, names), reverse=True)}
        keys = sorted(shown)
        self._take_known(keys)
        if len(self._found) == len(keys):
            return self._found
        open_ = self._open_sectors()
        table = synonyms(self.kind)

        def in_table(name: str) -> object:
            return table.get(strict(name))

        self._take_same(keys, open_, in_table, "the table of synonyms")
        self._take_same(keys, open_, loose, "the same but for a suffix or level")
        self._take_alike({key: shown[key] for key in keys if key not in self._found}, open_)
        return {key: self._found[key] for key in keys}

    def _take(self, key: str, found: Found) -> None:
        self._found[key] = found
        if found.sector is not None:
            self._claimed.add(found.sector)

    def _take_known(self, keys: list[str]) -> None:
        """Names that the log knows, those that a sector began with first."""
        later = []
        for key in keys:
            if (self.kind, key) in self.state.doubts:
                if self.ask:
                    self._found[key] = Found(None, "review", 0.0, known=True)
                continue
            bound = self.state.binding(self.kind, key, self.session)
            if bound is None:
                continue
            sector = self.state.follow(bound.sector, self.session)
            if strict(self.state.sectors[sector].names[0]) == key:
                self._take(key, Found(sector, "exact", 100.0, known=True))
            else:
                later.append((key, sector, bound.by == "user" or sector != bound.sector))
        for key, sector, decided in later:
            if sector in self._claimed and not decided and self.ask:
                reason = "stands in one list with another name of the sector it was taken for"
                self._take(key, Found(None, "review", 100.0, reason, ((sector, 100.0),)))
            else:
                self._take(key, Found(sector, "exact", 100.0, known=True))

    def _open_sectors(self) -> dict[str, list[str]]:
        """Sectors of the kind that no name has taken yet, with the names that stand for them."""
        return {
            sector.id: names
            for sector in self.state.sectors.values()
            if sector.kind == self.kind
            and sector.id not in self._claimed
            and (names := [n for n in sector.names if self._stands_for(n, sector.id)])
        }

    def _stands_for(self, name: str, sector: str) -> bool:
        return self.state.find(self.kind, name, self.session) == sector

    def _take_same(
        self,
        keys: list[str],
        open_: dict[str, list[str]],
        same: Callable[[str], object],
        reason: str,
    ) -> None:
        owners: dict[object, set[str]] = {}
        for sector, names in open_.items():
            for name in names:
                owners.setdefault(same(name), set()).add(sector)
        for key in keys:
            mark = same(key)
            if key in self._found or mark is None:
                continue
            free = owners.get(mark, set()) - self._claimed
            # Without a level the second is meant: Ⅲ is part of it, and mostly all of it.
            second = {s for s in free if key + "ii" in map(strict, open_[s])}
            for only in (free, second):
                if len(only) == 1:
                    self._take(key, Found(only.pop(), "alias", 100.0, reason))
                    break

    def _take_alike(self, rest: dict[str, str], open_: dict[str, list[str]]) -> None:
        pairs = sorted(
            (-score, sector, key)
            for key, name in rest.items()
            for sector, names in open_.items()
            if sector not in self._claimed
            and (score := max(likeness(name, other) for other in names)) > 0
        )
        if self.ask:
            for score, sector, key in pairs:
                if -score < AUTOMATIC:
                    break
                rivals = [p for p in pairs if p[0] <= score and (p[1] == sector or p[2] == key)]
                if len(rivals) == 1:  # the best of both, without an equal
                    reason = f"likeness {-score:.0f} with {self.state.sectors[sector].name}"
                    self._take(key, Found(sector, "fuzzy", -score, reason))
        gone = {self.state.find(self.kind, name, self.session) for name in self.before}
        for key in rest:
            if key in self._found:
                continue
            near = [(s, -score) for score, s, k in pairs if k == key and s not in self._claimed]
            best = near[0][1] if near else 0.0
            asked = [(s, round(score, 1)) for s, score in near if score >= DOUBTFUL]
            went = (set(open_) & gone) - self._claimed - {s for s, _ in asked}
            asked += sorted((s, round(dict(near).get(s, 0.0), 1)) for s in went)
            if self.ask and asked:
                reason = "came when another board went" if went else "only like others"
                self._found[key] = Found(None, "review", best, reason, tuple(asked[:_CANDIDATES]))
            else:
                self._found[key] = Found(None, "new", best)

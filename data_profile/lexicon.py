"""A score for a Chinese headline from a word list: transparent, free, and the same everywhere.

Every word of good or bad news counts with its weight, more or less where a word of degree stands
by it, the other way round where it is denied or undone; the sum s becomes s / sqrt(s^2 + 4), as
VADER does it (Hutto and Gilbert 2014, there with 15).
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import yaml

LEXICON = Path(__file__).with_name("news_lexicon.yaml")

_CLAUSE = re.compile(r"[\s,，。;；:：!！?？、|/…—()（）【】\[\]《》“”\"'‘’]+")
_NEAR = 4  # letters between a word and what bears on it
_DENIED, _UNDONE, _STRONGER, _WEAKER = -0.7, -0.8, 1.5, 0.6
_SOFT = 4.0


@dataclass(frozen=True)
class _Word:
    """A word of the table where it stands in a clause."""

    start: int
    end: int
    role: str  # judgement | direction | burden | turn | negation | strong | weak | apart
    weight: float


@dataclass(frozen=True)
class Lexicon:
    """A word list.

    Parameters
    ----------
    version
        Of the file.
    words
        Word -> its roles with their weights. `减少` is a direction and a turn.

    Examples
    --------
    >>> lexicon = Lexicon.load()
    >>> lexicon.score("光伏龙头业绩大幅预增") > 0 > lexicon.score("某公司被立案调查")
    True
    >>> lexicon.score("某公司召开股东大会")
    0.0
    """

    version: int
    words: dict[str, dict[str, float]]

    @classmethod
    @cache
    def load(cls) -> "Lexicon":
        """The packaged list."""
        table = yaml.safe_load(LEXICON.read_text("utf-8"))
        words: dict[str, dict[str, float]] = {}
        for sign, judged in ((1.0, table["good"]), (-1.0, table["bad"])):
            for weight, group in judged.items():
                for word in group:
                    words.setdefault(word, {})["judgement"] = sign * weight
        for role, weight, key in (
            ("direction", 1.0, "up"),
            ("direction", -1.0, "down"),
            ("burden", 0.0, "burdens"),
            ("turn", 0.0, "turns"),
            ("negation", 0.0, "negations"),
            ("strong", 0.0, "strong"),
            ("weak", 0.0, "weak"),
            ("apart", 0.0, "apart"),
        ):
            for word in table[key]:
                words.setdefault(word, {})[role] = weight
        return cls(int(table["version"]), words)

    @property
    def method(self) -> str:
        """How the score is called where it is shown."""
        return f"lexicon-{self.version}"

    def __call__(self, headlines: Sequence[str]) -> list[float]:
        """Score several headlines; see `score`."""
        return [self.score(headline) for headline in headlines]

    def score(self, headline: str) -> float:
        """From -1, bad for shareholders, to 1; 0 where no word of the list stands in it."""
        folded = unicodedata.normalize("NFKC", headline)
        total = sum(self._clause(clause) for clause in _CLAUSE.split(folded) if clause)
        return total / math.sqrt(total * total + _SOFT)

    def _clause(self, clause: str) -> float:
        found = list(self._words(clause))
        turns = {id(word): self._undone(word, found) for word in found if word.role == "turn"}
        undone = [target for target in turns.values() if target is not None]
        return sum(
            self._weight(word, found, undone)
            for word in found
            if word.role in ("judgement", "direction")
            and not any(  # a turn that found its word is no judgement beside it
                other.role == "turn" and other.start == word.start and turns[id(other)] is not None
                for other in found
            )
        )

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.words))

    def _words(self, clause: str) -> list[_Word]:
        """The words of a clause from left to right, the longest first at each place."""
        found: list[_Word] = []
        at = 0
        while at < len(clause):
            for length in range(min(self._longest, len(clause) - at), 0, -1):
                roles = self.words.get(clause[at : at + length])
                if roles is not None:
                    found += [_Word(at, at + length, *item) for item in roles.items()]
                    at += length
                    break
            else:
                at += 1
        return found

    def _undone(self, turn: _Word, found: Sequence[_Word]) -> _Word | None:
        """The judgement that a turn bears on: the nearest one, before it or after."""
        near = [
            (_gap(turn, word), word.start, word)
            for word in found
            if word.role == "judgement" and word.start != turn.start and _gap(turn, word) <= _NEAR
        ]
        return min(near, key=lambda item: item[:2])[2] if near else None

    def _weight(self, word: _Word, found: Sequence[_Word], undone: Sequence[_Word]) -> float:
        weight = word.weight
        for other in found:
            before = 0 <= word.start - other.end <= _NEAR
            after = 0 <= other.start - word.end <= 1
            if other.role == "strong" and (before or after):
                weight *= _STRONGER
            elif other.role == "weak" and (before or after):
                weight *= _WEAKER
            elif other.role == "negation" and before:
                weight *= _DENIED
            elif other.role == "burden" and word.role == "direction" and before:
                weight = -weight
        return weight * (_UNDONE if word in undone else 1.0)


def _gap(one: _Word, other: _Word) -> int:
    return max(one.start - other.end, other.start - one.end)

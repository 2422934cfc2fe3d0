"""Names of boards: how they are cleaned, when two are the same, and how alike two others are.

Sources write the name of one board in several ways (`锂电池`, `锂电池概念`, `锂电池 概念`), and
other boards differ by one letter (`大盘价值`, `小盘价值`). So equality comes in steps: the same
letters, a table of synonyms, the same letters but for a suffix or a level; past that only a
likeness, which `sector_match.py` weighs. `docs/data.md` states how the thresholds were chosen.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml
from rapidfuzz import fuzz

from data_profile.errors import DataError

SYNONYMS = Path(__file__).with_name("sector_synonyms.yaml")
KINDS = ("industry", "concept")

AUTOMATIC = 90.0
"""From this likeness on, 0..100, a name is taken for another spelling without asking."""
DOUBTFUL = 60.0
"""From this likeness on a person is asked; below it the board is a new one."""

LONGEST = 40  # letters; the longest real name has 12
_SUFFIX = re.compile(r"(概念股|概念|板块|行业)$")
_LEVEL = re.compile(r"(?<=[^a-z0-9])i{2,3}$")  # Ⅱ and Ⅲ after NFKC and lower case
_GLOSS = re.compile(r"\(([^()]+)\)")
_EXACT_PARTS = re.compile(r"[a-z0-9]+|[一二三四五六七八九十]+")
# One of these more or less makes another board: 金属材料 / 非金属材料, 大盘价值 / 小盘价值.
_TELLING = frozenset(
    "非不无未反半全准超纯单双大中小微高低新旧上下东西南北前后内外增减盈亏多空男女他央沪深"
)


class SectorError(DataError):
    """A board's name, a sector's id or a decision about them cannot be taken."""


def clean(name: str) -> str:
    r"""The name as it is shown: printable, single spaces.

    Raises
    ------
    SectorError
        No text, nothing in it that could tell one board from another, or far too long.

    Examples
    --------
    >>> clean(" 锂电池\u200b　概念 ")
    '锂电池 概念'
    """
    if not isinstance(name, str):
        raise SectorError(f"{name!r} is no board's name: it must be text")
    if len(name) > 10 * LONGEST:
        raise SectorError(f"a board's name of {len(name)} characters ({name[:20]!r}...) is none")
    kept = "".join(c for c in name if c.isprintable() or c.isspace())
    shown = " ".join(kept.split())
    if len(shown) > LONGEST or not strict(shown):
        raise SectorError(
            f"{name[:60]!r} is no board's name: 1 to {LONGEST} characters, a letter or digit "
            "among them"
        )
    return shown


def strict(name: str) -> str:
    """The letters and digits of a name, width and case folded: the key a name is found by."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def loose(name: str) -> str:
    """`strict` without 概念 / 板块 / 行业 at the end and without the level Ⅱ or Ⅲ.

    Examples
    --------
    >>> loose("游戏Ⅱ"), loose("ＣＲＯ概念"), loose("概念")
    ('游戏', 'cro', '概念')
    """
    key = strict(name)
    for ending in (_LEVEL, _SUFFIX):
        key = ending.sub("", key) or key
    return key


def likeness(one: str, other: str) -> float:
    """How alike two names are, 0..100, by letters that must be put in or taken out.

    At or above `AUTOMATIC` only if nothing that tells boards apart differs: Latin letters, digits
    and numerals (`5G` / `6G`, `第三代` / `第四代`), and words such as 非, 大, 小. A gloss in
    brackets may stand for the name (`共封装光学(CPO)` / `CPO概念`), which is never certain.
    """
    a, b = loose(one), loose(other)
    parts_a, parts_b = _EXACT_PARTS.findall(a), _EXACT_PARTS.findall(b)
    best = fuzz.ratio(a, b)
    telling = (set(a) ^ set(b)) & _TELLING
    if telling or parts_a != parts_b:
        best = min(best, AUTOMATIC - 1)
    if parts_a and parts_b and not set(parts_a) & set(parts_b):
        best = 0.0
    glossed = max((fuzz.ratio(x, y) for x in _readings(one) for y in _readings(other)), default=0.0)
    return max(best, min(glossed, AUTOMATIC - 1) if "(" in _flat(one) + _flat(other) else 0.0)


def _flat(name: str) -> str:
    return unicodedata.normalize("NFKC", name)


def _readings(name: str) -> Iterator[str]:
    """What stands outside the brackets, and in each of them."""
    flat = _flat(name)
    for reading in (_GLOSS.sub("", flat), *_GLOSS.findall(flat)):
        if key := loose(reading):
            yield key


@cache
def synonyms(kind: str) -> dict[str, int]:
    """Key of each name in the packaged table -> number of its group; names of a group are one.

    Raises
    ------
    SectorError
        The table names a board twice.
    """
    table = yaml.safe_load(SYNONYMS.read_text("utf-8"))[kind]
    found: dict[str, int] = {}
    for group, names in enumerate(table):
        for name in names:
            if found.setdefault(strict(name), group) != group:
                raise SectorError(f"{SYNONYMS.name}: {kind} {name} stands in two groups")
    return found

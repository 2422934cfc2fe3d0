"""Every number in a sentence, however it is written; or that one cannot be read.

Read are: digits of any script, with separators, decimals, sign and percent; Chinese numerals,
financial ones and 百分之 too; English number words and ordinals; the units 百, 千, 万, 亿,
thousand, million, billion, trillion. Whatever else speaks of a number (fractions, ratios, circled
and Roman numerals, 半, 翻倍, "half", "double", digits glued to letters) is not guessed at:
`Unreadable`.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

PHRASES = (
    "一字板", "一字", "至少一家", "至少一只", "进一步", "另一方面", "一方面", "一些", "一定",
    "一般", "一旦", "一致", "一样", "一起", "一直", "唯一", "统一", "单一", "之一", "同一",
    "下一交易日", "上一交易日", "下一日", "十分",
    "one-word", "at least one", "one of the", "no one", "one another",
)  # fmt: skip
"""Words that hold a numeral and state no number; they are passed over."""
_UNITS: dict[str, Decimal] = {
    "万亿": Decimal(10**12), "亿": Decimal(10**8), "万": Decimal(10**4), "千": Decimal(1000),
    "百": Decimal(100), "trillion": Decimal(10**12), "billion": Decimal(10**9),
    "bn": Decimal(10**9), "million": Decimal(10**6), "m": Decimal(10**6), "thousand": Decimal(1000),
}  # fmt: skip
_DIGITS = dict(zip("零一二三四五六七八九", range(10), strict=True)) | {"〇": 0, "两": 2, "兩": 2}
_DIGITS |= dict(zip("壹贰叁肆伍陆柒捌玖", range(1, 10), strict=True))
_TENS = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}
_MYRIADS = {"亿": 10**8, "億": 10**8, "万": 10**4, "萬": 10**4}  # the larger first
_CHINESE = "".join((*_DIGITS, *_TENS, *_MYRIADS))
_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen"""
_TEN_FOLD = "twenty thirty forty fifty sixty seventy eighty ninety"
_RANKS = "first second third fourth fifth sixth seventh eighth ninth tenth"
_ORDINALS = {word: k for k, word in enumerate(re.split(r"\s", _RANKS), start=1)}
_WORDS = {word: k for k, word in enumerate(re.split(r"\s", _SMALL))} | {
    word: 10 * k for k, word in enumerate(re.split(r"\s", _TEN_FOLD), start=2)
}
_VAGUE = re.compile(
    r"半|翻番|翻倍|倍增|分之|俩|仨|双倍|"
    r"\b(half|halves|halved|doubl\w*|tripl\w*|quadrupl\w*|twice|thrice|dozens?|scores?|hundreds?|"
    r"thousands|millions|billions|trillions|thirds|quarters?|fourths|fifths|tenths|tenfold|\w+fold)\b"
)
_NUMBER = re.compile(
    r"(?P<sign>(?<![\w.)])[+-])?(?P<digits>\d{1,3}(?:,\d{3})+|\d+)(?P<decimals>\.\d+)?"
    r"(?:\s*(?P<unit>万亿|亿|万|千|百|(?:trillion|billion|bn|million|m|thousand)\b))?"
    r"(?:\s*(?P<percent>%|percent\b|个百分点|percentage points?\b))?"
)
_HUNDREDTHS = re.compile(rf"百分之\s*(?P<minus>负)?(?P<number>[{_CHINESE}点]+|\d+(?:\.\d+)?)")
_SPELT = re.compile(rf"[{_CHINESE}]+(?:点[{_CHINESE}]+)?(?P<tenths>成)?")
_ENGLISH = re.compile(rf"\b(?:{'|'.join([*_WORDS, *_ORDINALS])})\b")
_BEFORE = re.compile(r"[a-z_.\\]$")
_AFTER = re.compile(rf"[a-z_\\]|\.\d|\s*[:/^~*⁄∕÷×]\s*[\d{_CHINESE}]")


class Unreadable(ValueError):
    """A sentence speaks of a number in a way that is not read."""


@dataclass(frozen=True)
class Numeral:
    """A number as it is written.

    Parameters
    ----------
    value
        Without unit and percent sign; negative where it is written so.
    decimals
        How many stand after the point.
    digits
        How many significant ones are written.
    unit
        What it is to be multiplied with: 1, 10,000...
    percent
        Whether it is a percentage.
    signed
        Whether it has a plus or a minus.
    """

    value: Decimal
    decimals: int = 0
    digits: int = 1
    unit: Decimal = Decimal(1)
    percent: bool = False
    signed: bool = False


def plain(text: str) -> str:
    """Text in one spelling: no invisible characters, every decimal digit as 0-9, NFKC.

    Raises
    ------
    Unreadable
        It holds circled, Roman, superscript or fraction numerals.
    """
    made = []
    for character in text:
        kind = unicodedata.category(character)
        if kind == "Cf":
            continue
        if kind == "No" or (kind == "Nl" and character != "〇"):
            raise Unreadable(character)
        made.append(str(unicodedata.digit(character)) if kind == "Nd" else character)
    return unicodedata.normalize("NFKC", "".join(made)).replace("−", "-").replace("﹣", "-")


def numerals(text: str) -> list[Numeral]:
    """Every number of a text that `plain` made and names and dates were taken out of.

    Raises
    ------
    Unreadable
        One cannot be read for certain.

    Examples
    --------
    >>> [str(one.value) for one in numerals("涨停 57 家，净流出 397.3亿，封板率 73%，连涨三日")]
    ['57', '397.3', '73', '3']
    """
    found: list[Numeral] = []
    rest = _take(_HUNDREDTHS, _of_hundredths, text.lower(), found)
    if _VAGUE.search(rest):
        raise Unreadable(text)
    for phrase in PHRASES:
        rest = rest.replace(phrase, " ")
    rest = _take(_NUMBER, _of_digits, rest, found)
    rest = _take(_SPELT, _of_characters, rest, found)
    found += _english(rest)
    if "%" in rest or any(unicodedata.numeric(c, None) is not None for c in rest):
        raise Unreadable(text)
    return found


def _take(
    pattern: re.Pattern[str],
    read: Callable[[re.Match[str]], Numeral],
    text: str,
    found: list[Numeral],
) -> str:
    """Read every match into `found`; what is left of the text."""

    def take(match: re.Match[str]) -> str:
        found.append(read(match))
        return " "

    return pattern.sub(take, text)


def _of_hundredths(match: re.Match[str]) -> Numeral:
    number = match["number"]
    value = Decimal(number) if number[0].isdigit() else _spelt(number)
    signed = match["minus"] is not None
    return _numeral(-value if signed else value, percent=True, signed=signed)


def _of_digits(match: re.Match[str]) -> Numeral:
    _check_neighbours(match)
    value = Decimal(match["digits"].replace(",", "") + (match["decimals"] or ""))
    return _numeral(
        -value if match["sign"] == "-" else value,
        unit=_UNITS.get(match["unit"] or "", Decimal(1)),
        percent=match["percent"] is not None,
        signed=match["sign"] is not None,
    )


def _of_characters(match: re.Match[str]) -> Numeral:
    value = _spelt(match[0].removesuffix("成"))
    return _numeral(10 * value, percent=True) if match["tenths"] else _numeral(value)


def _numeral(
    value: Decimal, *, unit: Decimal = Decimal(1), percent: bool = False, signed: bool = False
) -> Numeral:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)  # neither NaN nor infinite
    written = str(abs(value)).replace(".", "").lstrip("0")
    return Numeral(value, max(0, -exponent), max(len(written), 1), unit, percent, signed)


def _check_neighbours(match: re.Match[str]) -> None:
    """A number that is part of something else (a code, a ratio, a power) is not read."""
    text = match.string
    if _BEFORE.search(text[: match.start()]) or _AFTER.match(text[match.end() :]):
        raise Unreadable(match[0])


def _spelt(word: str) -> Decimal:
    """A Chinese numeral: 三十五, 二〇二五, 三点五, 一亿二千万."""
    whole, point, fraction = word.partition("点")
    if not whole or (point and not fraction):
        raise Unreadable(word)
    value = Decimal(_whole(whole))
    if not point:
        return value
    if any(c not in _DIGITS for c in fraction):
        raise Unreadable(word)
    return value + Decimal("0." + "".join(str(_DIGITS[c]) for c in fraction))


def _whole(word: str) -> int:
    if len(word) > 1 and all(c in _DIGITS for c in word):
        return int("".join(str(_DIGITS[c]) for c in word))
    for mark, size in _MYRIADS.items():
        head, found, tail = word.partition(mark)
        if found and (not head or mark in tail):
            raise Unreadable(word)
        if found:
            return _whole(head) * size + (_whole(tail) if tail else 0)
    total, digit, least = 0, None, 10_000
    for character in word:
        if character in _DIGITS:
            if digit:
                raise Unreadable(word)
            digit = _DIGITS[character]
            continue
        size = _TENS[character]
        if size >= least:
            raise Unreadable(word)
        total, digit, least = total + (1 if digit is None else digit) * size, None, size
    return total + (digit or 0)


def _english(text: str) -> list[Numeral]:
    """Number words; two in a row make no number that is guessed at, but twenty-one is read."""
    found: list[Numeral] = []
    end, before = -1, 0
    for match in _ENGLISH.finditer(text):
        word = match[0]
        value = _WORDS.get(word) or _ORDINALS.get(word, 0)
        close = end >= 0 and re.fullmatch(r"[\s-]+", text[end : match.start()])
        if close and before >= 20 and before % 10 == 0 and 0 < value < 10 and word in _WORDS:
            found[-1] = _numeral(Decimal(before + value))
            before = 0
        elif close:
            raise Unreadable(text)
        else:
            found.append(_numeral(Decimal(value)))
            before = value
        end = match.end()
    if found and re.search(r"\b(hundred|thousand|million|billion|trillion|percent)\b", text):
        raise Unreadable(text)
    return found

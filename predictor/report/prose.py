"""A paragraph that a language model wrote, of which only what the tables say is kept.

A sentence stays if every number in it stands in the tables, as the page rounds it:

* with as many decimals as the page shows, or more; a share as a percentage or as a ratio;
* an amount of money in any unit, with three significant digits or more;
* a sign that is written must be the value's; without one, the size alone counts;
* a date must be one the page is about;
* a sentence that names sectors may use the numbers of those sectors and of the market, any other
  the market's only.

A sentence with a number that cannot be read for certain goes too (`numerals`). What is kept is
text: the page escapes it.
"""

import datetime
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from factor_pool.report.pages import visible
from predictor.errors import PredictorError
from predictor.report.numerals import Numeral, Unreadable, numerals, plain

LONGEST = 1500
_ENDS = re.compile(r"(?<=[。！？!?；;\n])|(?<=\.)(?=\s|$)")
_DATES = (
    re.compile(r"(?<!\d)(?P<year>\d{4})([-/])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?:(?P<year>\d{4})年)?(?P<month>\d{1,2})月(?P<day>\d{1,2})日"),
)


class WriterUnavailable(PredictorError):
    """Who writes does not answer: the page goes without, and says why."""


@dataclass(frozen=True)
class Writer:
    """Who writes.

    Parameters
    ----------
    model
        Its name, shown beside what it wrote.
    ask
        (what to be, what to write of) -> a paragraph. Raises `WriterUnavailable`.
    """

    model: str
    ask: Callable[[str, str], str]


@dataclass(frozen=True)
class Amount:
    """A number of the tables.

    Parameters
    ----------
    value
        As it is; a share as a ratio.
    digits
        Decimals that the page shows; of a share, those of the percentage.
    share
        May be written as a percentage.
    money
        May be written in any unit.
    """

    value: float
    digits: int = 0
    share: bool = False
    money: bool = False


@dataclass(frozen=True)
class Tables:
    """What may be said.

    Parameters
    ----------
    market
        Numbers of the market, the record and the phase, by what they are.
    sectors
        Sector name -> its numbers, by what they are.
    names
        Of stocks, factors and models: they may hold digits.
    dates
        What the page is about.
    """

    market: Mapping[str, Amount]
    sectors: Mapping[str, Mapping[str, Amount]]
    names: Collection[str]
    dates: Collection[datetime.date]


@dataclass(frozen=True)
class Checked:
    """What is left of a paragraph, and the sentences that were struck."""

    kept: tuple[str, ...]
    struck: tuple[str, ...]


def check(paragraph: str, tables: Tables) -> Checked:
    """Keep the sentences whose every number stands in the tables.

    Parameters
    ----------
    paragraph
        Anything; of more than `LONGEST` characters the rest is struck unread.
    tables
        What may be said.
    """
    kept: list[str] = []
    struck: list[str] = []
    read = 0
    for part in _ENDS.split(paragraph):
        read += len(part)
        if sentence := visible(part).strip():
            (kept if read <= LONGEST and _holds(sentence, tables) else struck).append(sentence)
    return Checked(tuple(kept), tuple(struck))


def _holds(sentence: str, tables: Tables) -> bool:
    try:
        text = plain(sentence)
        amounts = list(tables.market.values())
        for name in sorted((*tables.sectors, *tables.names), key=len, reverse=True):
            spelt = plain(name)
            if spelt and spelt in text:
                text = text.replace(spelt, " ")
                amounts += tables.sectors.get(name, {}).values()
        return all(
            any(_same(one, amount) for amount in amounts)
            for one in numerals(_without_dates(text, tables.dates))
        )
    except Unreadable:
        return False


def _without_dates(text: str, dates: Collection[datetime.date]) -> str:
    """Blank out the dates that the page is about; another one stays, and its numbers with it."""

    def known(match: re.Match[str]) -> str:
        year, month, day = match["year"], int(match["month"]), int(match["day"])
        for one in dates:
            if (one.month, one.day) == (month, day) and year in (None, str(one.year)):
                return " "
        return match[0]

    for shape in _DATES:
        text = shape.sub(known, text)
    return text


def _same(written: Numeral, amount: Amount) -> bool:
    value = Decimal(repr(amount.value))
    if written.percent:
        if not amount.share:
            return False
        value, digits = 100 * value, amount.digits
    else:
        digits = amount.digits + (2 if amount.share else 0)
    if written.unit != 1:
        if not amount.money:
            return False
        value /= written.unit
    if amount.money:
        if written.digits < 3 and value != written.value:
            return False
    elif written.decimals < digits and written.value != abs(value):
        return False
    if not written.signed:
        value = abs(value)
    step = Decimal(1).scaleb(-written.decimals)
    return value.quantize(step, ROUND_HALF_UP) == written.value


def paragraph(writer: Writer, tables: Tables, language: str) -> Checked:
    """Have a paragraph written about the tables, and keep what they say.

    Parameters
    ----------
    writer
        Who writes.
    tables
        All that it is told.
    language
        To write in.

    Raises
    ------
    WriterUnavailable
        It does not answer.
    """
    import prompts

    facts = {
        "market": {key: _told(amount) for key, amount in tables.market.items()},
        "sectors": [
            {
                "name": json.dumps(name, ensure_ascii=False),
                "told": ", ".join(f"{key} {_told(amount)}" for key, amount in numbers.items()),
            }
            for name, numbers in tables.sectors.items()
        ],
    }
    system = prompts.load("paragraph_system").render(
        language={"en": "English", "zh": "Simplified Chinese"}[language]
    )
    return check(writer.ask(system, prompts.load("paragraph").render(**facts)), tables)


def _told(amount: Amount) -> str:
    """As it may be written."""
    if amount.share:
        return f"{100 * amount.value:.{amount.digits}f}%"
    return f"{amount.value:.{amount.digits}f}"

"""Names of seats: which broker's branch one names, however it is written.

A seat of the dragon-tiger list is a branch of a broker. Its name has a legal form (股份有限公司),
a place (province, city, district, street, number) and a suffix (证券营业部, 分公司), and each is
written in full, in part or not at all, by source and by year. `parse` takes a name apart; two names
are one seat when their parts are the same (`Branch.key`), or the same but for a district or a city
that one of them leaves out (`seats.py`). A branch (营业部) is never its region's company (分公司).
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import yaml

from data_profile.errors import DataError

BROKERS = Path(__file__).with_name("seat_brokers.yaml")
PLACES = Path(__file__).with_name("seat_places.yaml")

Kind = Literal["institution", "northbound", "summary", "branch", "company", "head", "desk"]
_SPECIAL: Mapping[str, tuple[Kind, str]] = {
    "机构专用": ("institution", "机构专用"),
    "沪股通专用": ("northbound", "沪股通专用"),
    "沪股通": ("northbound", "沪股通专用"),
    "深股通专用": ("northbound", "深股通专用"),
    "深股通": ("northbound", "深股通专用"),
    "机构": ("summary", "机构"),
    "中小投资者": ("summary", "中小投资者"),
    "其他自然人": ("summary", "其他自然人"),
    "自然人": ("summary", "自然人"),
}
_LEGAL = re.compile(r"股份有限公司|有限责任公司|有限公司|股份公司")
_GLOSS = re.compile(r"\((?:对外营业部|非营业场所|筹)\)$")
_HEAD = re.compile(r"^(?:公司)?(?:总部|本部|总公司)?$")
_SUFFIXES: Sequence[tuple[re.Pattern[str], Kind]] = (
    (re.compile(r"(?:证券)?分公司$"), "company"),
    (re.compile(r"(?:证券)?营业(?:部|所)?$"), "branch"),
    (re.compile(r"(?:证券)?业务部$"), "branch"),
    (re.compile(r"分支(?:机构)?$"), "company"),
)
_STREET = re.compile(r"[路街道巷弄里桥园城镇场厦号段湾站]$")
_CITY_WORD = re.compile(r"市(?![心府民场口])")
_DISTRICT = re.compile(r"^(?!开发|工业|园)(.{1,4}?(?:新区|区|县))(?=.)")
_SHOWN: Mapping[str, str] = {
    "company": "分公司",
    "branch": "证券营业部",
    "head": "总部",
    "desk": "",
}


class SeatError(DataError):
    """A seat's name or a decision about it cannot be taken."""


@dataclass(frozen=True)
class Branch:
    """What a seat's name says.

    Parameters
    ----------
    kind
        "institution" (机构专用), "northbound" (Stock Connect), "summary" (an exchange's sum by
        class of investor, no seat), "branch" (营业部), "company" (分公司), "head" (总部), "desk"
        (another department, or something unnamed).
    broker
        Today's name, without its legal form; of an institution and the like the whole name.
    city, district, street
        Of the branch; "" where the name leaves them out. A province stands as the city of a
        branch company of that province.
    """

    kind: Kind
    broker: str
    city: str = ""
    district: str = ""
    street: str = ""

    @property
    def key(self) -> str:
        """The name in one spelling: broker, place, 证券营业部 or 分公司."""
        return f"{self.broker}{self.city}{self.district}{self.street}{_SHOWN.get(self.kind, '')}"


def parse(name: str) -> Branch:
    """Take a seat's name apart.

    Raises
    ------
    SeatError
        Nothing in it could tell one seat from another.

    Examples
    --------
    >>> parse("中信证券股份有限公司上海分公司") == parse("中信上海分公司")
    True
    >>> parse("国泰君安证券股份有限公司上海江苏路证券营业部").key
    '国泰海通证券上海江苏路证券营业部'
    """
    text = clean(name)
    if text in _SPECIAL:
        kind, shown = _SPECIAL[text]
        return Branch(kind, shown)
    broker, rest = _broker(text)
    rest = _GLOSS.sub("", rest)
    if _HEAD.match(rest):
        return Branch("head", broker)
    for suffix, kind in _SUFFIXES:
        if suffix.search(rest):
            return Branch(kind, broker, *_place(suffix.sub("", rest), broker))
    kind = "branch" if _STREET.search(rest) else "desk"
    return Branch(kind, broker, *_place(rest, broker))


def clean(name: str) -> str:
    """The letters of a name: width folded, without spaces and control characters.

    Raises
    ------
    SeatError
        There is none, or it is far too long.
    """
    if not isinstance(name, str) or len(name) > 200:
        raise SeatError(f"{str(name)[:40]!r} is no seat's name: it must be text of up to 200")
    text = "".join(c for c in unicodedata.normalize("NFKC", name) if c.isalnum() or c in "()-")
    if not any(c.isalnum() for c in text):
        raise SeatError(f"{name[:40]!r} is no seat's name: a letter or digit must be in it")
    return text


def _broker(text: str) -> tuple[str, str]:
    """Today's name of the broker, and what stands after its name and legal form."""
    legal = _LEGAL.search(text)
    if legal:
        return _today(text[: legal.start()]), text[legal.end() :]
    names = _brokers()
    for length in range(min(len(text), 12), 1, -1):
        if text[:length] in names:
            return names[text[:length]], text[length:]
    found = re.match(r"(.{2,8}?)证券", text)
    if found:
        return _today(found[0]), text[found.end() :]
    return text, ""


def _today(name: str) -> str:
    return _brokers().get(name, name)


@cache
def _brokers() -> Mapping[str, str]:
    """Every name of the table, short ones included -> today's name.

    Raises
    ------
    SeatError
        A name stands for two brokers.
    """
    found: dict[str, str] = {}
    provinces, cities = _gazetteer()
    for today, others in yaml.safe_load(BROKERS.read_text("utf-8")).items():
        for name in (today, *others):
            for form in dict.fromkeys((name, name.removesuffix("证券"))):
                if form in provinces or form in cities:
                    continue
                if found.setdefault(form, today) != today:
                    raise SeatError(f"{BROKERS.name}: {form} stands for two brokers")
    return found


def _place(text: str, broker: str) -> tuple[str, str, str]:
    """City, district and street."""
    provinces, cities = _gazetteer()
    for own in (broker, broker.removesuffix("证券"), broker.removesuffix("国际证券")):
        if len(text) > len(own) + 1 and own not in cities and own not in provinces:
            text = _LEGAL.sub("", text.removeprefix(own), count=1)
    text = text.removesuffix("证券")
    province = next((p for p in provinces if text.startswith(p)), "")
    if province:
        rest = re.sub(r"^(省|市|(壮族|回族|维吾尔)?自治区)", "", text.removeprefix(province))
        city = next((c for c in cities if rest.startswith(c) and cities[c] == province), "")
        if not rest or not city:
            keeps = rest.startswith(("市", "省"))
            return province, *_district(rest if not keeps else rest[1:])
        text = rest
    city = next((c for c in cities if text.startswith(c)), "")
    if city:
        rest = text.removeprefix(city)
        within = next((c for c in cities if rest.startswith(c) and len(rest) > len(c) + 1), "")
        rest = _CITY_WORD.sub("", rest, count=1) if rest.startswith("市") else rest
        if within and rest.removeprefix(within).startswith("市"):  # 成都崇州市…
            rest = within + _CITY_WORD.sub("", rest.removeprefix(within), count=1)
        return city, *_district(rest)
    return "", *_district(text)


def _district(text: str) -> tuple[str, str]:
    found = _DISTRICT.match(text)
    return (found[1], text[found.end() :]) if found else ("", text)


@cache
def _gazetteer() -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Provinces, and cities with their province; longer names first."""
    table = yaml.safe_load(PLACES.read_text("utf-8"))
    cities = {city: province for province, all_ in table.items() for city in all_}
    longest = sorted(cities, key=lambda city: (-len(city), city))
    return tuple(sorted(table, key=len, reverse=True)), {city: cities[city] for city in longest}

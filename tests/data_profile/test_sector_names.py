"""Names: folding, likeness, and the thresholds on the real names of two vendors."""

import itertools
import random
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_profile.sector_names import (
    AUTOMATIC,
    DOUBTFUL,
    KINDS,
    SectorError,
    clean,
    likeness,
    loose,
    strict,
    synonyms,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("锂电池", "锂电池概念"),
        ("锂 电 池", "锂电池"),
        ("ＭＬＣＣ", "mlcc概念"),
        ("柔性屏（折叠屏）", "柔性屏(折叠屏)"),
        ("历史新高 ", "历史新高"),
        ("钢铁行业", "钢铁"),
        ("华为海思概念股", "华为海思"),
        ("游戏Ⅱ", "游戏"),
        ("证券Ⅲ", "证券"),
        ("TOPCon电池", "TOPCON电池"),
        ("电池\u200b", "电池"),
    ],
)
def test_spellings_of_one_name(one: str, other: str) -> None:
    assert loose(one) == loose(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5G", "6G"),
        ("大盘价值", "小盘价值"),
        ("第三代半导体", "第四代半导体"),
        ("2026中报预增", "2026中报预减"),
        ("运动服装", "非运动服装"),
        ("上证50_", "上证180_"),
        ("АI手机", "AI手机"),  # the first letter is Cyrillic
        ("金属新材料制造加工", "非金属新材料制造加工"),
        ("新型工业材料综合利用2", "新型工业材料综合利用3"),
    ],
)
def test_other_boards_are_never_taken_without_asking(one: str, other: str) -> None:
    assert loose(one) != loose(other)
    assert likeness(one, other) < AUTOMATIC


@pytest.mark.parametrize("name", ["", " \t", "\x00\x07", "___", "概" * 41, "长" * 10_000, None, 7])
def test_what_is_no_name_is_refused(name: object) -> None:
    with pytest.raises(SectorError):
        clean(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\x1b[31mb", "CON", "x'; DROP TABLE--"])
def test_a_hostile_name_is_only_a_name(name: str) -> None:
    assert clean(name).isprintable()


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_a_name_or_refused(one: str, other: str) -> None:
    try:
        shown = clean(one), clean(other)
    except SectorError:
        return
    assert [clean(name) for name in shown] == list(shown)
    assert [strict(name) for name in shown] == [strict(one), strict(other)]
    assert 0 <= likeness(*shown) <= 100
    assert likeness(*shown) == pytest.approx(likeness(*reversed(shown)))
    assert likeness(shown[0], shown[0]) == 100


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_holds_no_name_twice(kind: str) -> None:
    assert len(set(synonyms(kind).values())) > 20


LISTS = {
    "em_industry": ("stock_board_industry_name_em", "板块名称"),
    "em_concept": ("stock_board_concept_name_em", "板块名称"),
    "ths_industry": ("stock_fund_flow_industry", "行业"),
    "ths_concept": ("stock_fund_flow_concept", "行业"),
}


@pytest.fixture(scope="module")
def lists(real_data: Path) -> dict[str, list[str]]:
    """The boards of one day, by vendor and kind."""
    day = real_data / "raw_akshare" / "20260811"
    return {
        name: list(pd.read_csv(day / f"{file}.csv", encoding="utf-8-sig")[column])
        for name, (file, column) in LISTS.items()
    }


@pytest.mark.real_data
def test_no_two_boards_of_one_list_pass_for_one(lists: dict[str, list[str]]) -> None:
    """The figures of docs/data.md: 328,171 pairs of boards that are certainly different."""
    pairs = [
        pair
        for names in lists.values()
        for pair in itertools.combinations(names, 2)
        if loose(pair[0]) != loose(pair[1])
    ]
    assert len(pairs) > 300_000
    sample = random.Random(1).sample(pairs, 60_000)
    assert max(likeness(one, other) for one, other in sample) < AUTOMATIC


@pytest.mark.real_data
def test_most_synonyms_would_at_least_be_asked_about(lists: dict[str, list[str]]) -> None:
    """Had the packaged table not known them: how much of it would likeness have found?"""
    ours, theirs = lists["em_concept"], lists["ths_concept"]
    table = synonyms("concept")
    groups = {table[strict(name)]: name for name in ours if strict(name) in table}
    true = [
        (name, groups[group]) for name in theirs if (group := table.get(strict(name))) in groups
    ]
    scores = [likeness(*pair) for pair in true]
    assert len(true) >= 35
    assert sum(score >= DOUBTFUL for score in scores) / len(true) > 0.75


@pytest.mark.real_data
def test_perturbed_names_come_home(lists: dict[str, list[str]]) -> None:
    """One letter too many in a long name, or the wrong brackets and width."""
    chance = random.Random(2)
    names = [name for name in lists["ths_concept"] if len(loose(name)) >= 5 and name.isalpha()]
    found = 0
    for name in chance.sample(names, 40):
        at = chance.randrange(1, len(name))
        other = name[:at] + chance.choice("的之类型性化") + name[at:]
        found += likeness(name, other) >= AUTOMATIC - 2
    assert found >= 30

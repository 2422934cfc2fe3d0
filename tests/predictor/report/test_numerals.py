"""Numbers are read in whatever way they are written, or said to be unreadable."""

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictor.report.numerals import PHRASES, Unreadable, numerals, plain


def values(text: str) -> list[Decimal]:
    return [one.value * one.unit for one in numerals(plain(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("涨停 57 家", ["57"]),
        ("涨停５７家", ["57"]),
        ("涨停٥٧家", ["57"]),
        ("涨停5\u200b7家", ["57"]),
        ("五十七家", ["57"]),
        ("伍拾柒家", ["57"]),
        ("二〇二五年", ["2025"]),
        ("两家、十家、十二家、一百零三家", ["2", "10", "12", "103"]),
        ("一亿二千万", ["120000000"]),
        ("净流出 397.3亿", ["39730000000.0"]),
        ("三点五", ["3.5"]),
        ("2,468 up", ["2468"]),
        ("twenty-one boards, seven sessions", ["21", "7"]),
        ("rank: 3.", ["3"]),
        ("the tenth", ["10"]),
        ("3-5 家", ["3", "5"]),
        ("跌 -3.4 点", ["-3.4"]),
        ("2,060.3bn", ["2060300000000.0"]),
        ("没有数字", []),
        ("今日一字板居多，至少一家", []),
    ],
)
def test_every_way_to_write_a_number(text: str, expected: list[str]) -> None:
    assert values(text) == [Decimal(one) for one in expected]


@pytest.mark.parametrize("text", ["73%", "百分之七十三", "73 percent", "73个百分点"])
def test_percentages(text: str) -> None:
    (one,) = numerals(plain(text))
    assert one.percent
    assert one.value == 73


def test_tenths_are_percentages() -> None:
    (one,) = numerals(plain("近八成封板"))
    assert one.percent
    assert one.value == 80


@pytest.mark.parametrize(
    "text",
    [
        "①", "⅓", "Ⅳ", "3²", "1/3", "三分之一", "one third", "two thirds", "half of it", "半数",
        "翻倍", "doubled", "twice", "threefold", "2:1", "2 : 1", "10^5", "1e5", "1O0", "v2",
        "1.2.3", "万一", "二十三十", "廿三", "two hundred", "seven eight", "a dozen", "五分之三",
        "七十三%",
    ],
)  # fmt: skip
def test_what_is_not_certain_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        numerals(plain(text))


@given(st.integers(0, 10**12), st.integers(0, 3))
def test_digits_come_back(number: int, decimals: int) -> None:
    value = Decimal(number).scaleb(-decimals)
    assert values(f"共 {value:,f} 家") == [value]


@given(st.integers(1, 99_999_999))
def test_chinese_numerals_come_back(number: int) -> None:
    assert values(spelt(number)) == [number]


@given(st.text(), st.sampled_from(PHRASES))
def test_nothing_else_ever_escapes(text: str, phrase: str) -> None:
    for given_text in (text, text + phrase, f"3{text}%"):
        try:
            found = numerals(plain(given_text))
        except Unreadable:
            continue
        assert all(one.decimals >= 0 and one.digits >= 1 for one in found)


@given(st.text(st.characters(categories=["Nd", "Nl", "No"]), min_size=1))
def test_no_digit_of_any_script_is_overlooked(text: str) -> None:
    with contextlib.suppress(Unreadable):
        assert numerals(plain(f"共{text}家"))


def spelt(number: int) -> str:
    """A Chinese numeral below 100 million."""
    high, low = divmod(number, 10_000)
    if high:
        gap = "零" if 0 < low < 1000 else ""
        return spelt(high) + "万" + (gap + spelt(low) if low else "")
    text, skipped = "", False
    for size, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, size)
        if digit:
            text += ("零" if skipped and text else "") + "零一二三四五六七八九"[digit] + unit
            skipped = False
        else:
            skipped = True
    return text

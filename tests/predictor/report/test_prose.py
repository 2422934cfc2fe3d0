"""Of what a language model writes, only what the tables say is kept."""

import datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from predictor.report.formats import money, number, percent
from predictor.report.numerals import Unreadable, numerals, plain
from predictor.report.prose import LONGEST, Amount, Tables, Writer, check, paragraph

TABLES = Tables(
    market={
        "limit_ups": Amount(57.0),
        "sealing_rate": Amount(0.730769, share=True),
        "net_inflow": Amount(-39_730_000_000.0, money=True),
        "heat": Amount(0.6123, 2),
    },
    sectors={
        "国防军工": {
            "expected": Amount(3.246, 1),
            "p": Amount(0.8412, share=True),
            "ratio": Amount(0.0231, 1, share=True),
        },
        "5G 概念": {"expected": Amount(9.0, 1)},
    },
    names=("F0005", "军工ETF 512660"),
    dates=(datetime.date(2025, 12, 31), datetime.date(2026, 1, 5)),
)


@pytest.mark.parametrize(
    "sentence",
    [
        "涨停 57 家。",
        "涨停五十七家，封板率 73%。",
        "封板率百分之七十三。",
        "封板率 73.1%，即 0.7308。",
        "主力净流出 397.3亿。",
        "主力净流入 −397.3 亿。",
        "Net outflow of 39.7bn, 39.73 billion to be exact.",
        "热度 0.61。",
        "国防军工预期 3.2 家，至少一家的概率 84%。",
        "国防军工净流入占 +2.3%，全市场涨停 57 家。",
        "5G 概念预期 9.0 家。",
        "因子 F0005 起了作用，军工ETF 512660 可见。",
        "2025-12-31 收盘后，2026年1月5日与12月31日。",
        "没有数字的话，一字板居多。",
    ],
)
def test_what_the_tables_say_is_kept(sentence: str) -> None:
    assert check(sentence, TABLES).struck == ()


@pytest.mark.parametrize(
    "sentence",
    [
        "涨停 58 家。",
        "涨停 570 家。",
        "涨停五十八家。",
        "封板率 74%。",
        "封板率七成。",
        "封板率 73。",
        "主力净流入 +397.3亿。",
        "主力净流出 400亿。",
        "主力净流出 397.3万。",
        "热度 0.6。",
        "热度 0.62。",
        "预期 3.2 家。",
        "5G 概念预期 3.2 家。",
        "国防军工净流出 −2.3%。",
        "国防军工净流入占 2%。",
        "国防军工预期 3 家。",
        "因子 F0006 起了作用。",
        "2025-12-30 收盘后。",
        "净流入 12.31亿。",
        "12.31 家。",
        "明日涨停必然翻倍。",
        "三分之一封板。",
        "涨停 57.0001 家。",
        "涨停 5\u200b8 家。",
        "<b>58</b>",
    ],
)
def test_what_they_do_not_say_is_struck(sentence: str) -> None:
    assert check(sentence, TABLES).kept == ()


def test_one_bad_sentence_does_not_take_the_others_with_it() -> None:
    found = check(
        "涨停 57 家。明日将有 99 家！封板率 73%；Heat is 0.61. It was 0.99 before.", TABLES
    )
    assert found.kept == ("涨停 57 家。", "封板率 73%；", "Heat is 0.61.")
    assert found.struck == ("明日将有 99 家！", "It was 0.99 before.")


def test_what_steers_the_eye_is_taken_out() -> None:
    (kept,) = check("涨停 \u202e57\u202c 家。", TABLES).kept
    assert kept == "涨停 57 家。"


def test_a_flood_is_cut() -> None:
    found = check("涨停 57 家。" * LONGEST, TABLES)
    assert sum(map(len, found.kept)) <= LONGEST


@given(st.integers(0, 10**6))
def test_a_number_is_kept_exactly_if_it_is_the_tables(value: int) -> None:
    kept = check(f"涨停 {value} 家。", TABLES).kept
    assert bool(kept) == (value == 57)


@given(
    st.floats(-1e13, 1e13, allow_nan=False).filter(lambda x: abs(x) >= 1e10),
    st.floats(-1, 1, allow_nan=False),
    st.integers(-5000, 5000),
)
def test_every_number_as_the_page_writes_it_is_kept(flow: float, share: float, count: int) -> None:
    tables = Tables(
        {
            "a": Amount(flow, money=True),
            "b": Amount(share, 1, share=True),
            "c": Amount(float(count)),
        },
        {}, (), (),
    )  # fmt: skip
    for text in (
        money(flow, "zh", signed=True), money(flow, "en"), percent(share, 1, signed=True),
        number(count), number(count, 2),
    ):  # fmt: skip
        assert check(f"数值为 {text}，", tables).struck == (), text


@given(st.text(max_size=300))
def test_nothing_unread_is_ever_kept(text: str) -> None:
    """Whatever stands in a paragraph: each number of each kept sentence is one of the tables."""
    empty = Tables({"limit_ups": Amount(57.0)}, {}, (), ())
    found = check(text, empty)
    for sentence in found.kept:
        try:
            assert all(one.value == 57 for one in numerals(plain(sentence)))
        except Unreadable:
            pytest.fail(sentence)


@given(st.text(max_size=80), st.integers(0, 10**6), st.text(max_size=80))
def test_a_false_number_is_struck_wherever_it_stands(before: str, value: int, after: str) -> None:
    assume(value not in (57, 397))
    sentence = f"{before} {value} {after}"
    tables = Tables({"limit_ups": Amount(57.0)}, {}, (), ())
    for kept in check(sentence, tables).kept:
        assert str(value) not in "".join(kept.split()) or "57" in kept


def test_the_writer_is_told_the_tables_and_checked() -> None:
    asked = []

    def ask(system: str, question: str) -> str:
        asked.append((system, question))
        return "涨停 57 家。<script>alert(57)</script>明日 100 家。"

    found = paragraph(Writer("a-model", ask), TABLES, "zh")
    assert "Simplified Chinese" in asked[0][0]
    for fact in ("limit_ups: 57", "sealing_rate: 73%", "heat: 0.61", '"国防军工"', "ratio 2.3%"):
        assert fact in asked[0][1], fact
    assert found.struck == ("<script>alert(57)</script>明日 100 家。",)

"""Sentiment of a day: which headlines count, how often, and what is kept."""

import datetime
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_profile.news import (
    BATCH,
    LONGEST,
    NewsError,
    ScorerUnavailable,
    Sentiment,
    by_sector,
    clean,
    key,
)

CHINA = ZoneInfo("Asia/Shanghai")
MONDAY = datetime.date(2025, 12, 29)


def at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=CHINA)


def news(*rows: tuple[str, object, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["headline", "time", "code"])


@pytest.fixture
def lexicon(tmp_path: Path) -> Sentiment:
    return Sentiment(tmp_path)


def test_the_span_of_a_session(lexicon: Sentiment) -> None:
    """From Friday's cut-off to Monday's: the weekend counts for Monday, the evening for Tuesday."""
    table = news(
        ("周五盘中", at("2025-12-26 15:34:59"), "000001"),
        ("周五收盘", at("2025-12-26 15:35:00"), "000001"),
        ("周日政策", at("2025-12-28 20:00:00"), "000001"),
        ("周一盘中", at("2025-12-29 15:34:59"), "000001"),
        ("周一收盘", at("2025-12-29 15:35:00"), "000001"),
        ("没有时间", pd.NaT, "000001"),
    )
    scored = lexicon.day(table, MONDAY)
    assert list(scored.table["headline"]) == ["周五收盘", "周日政策", "周一盘中"]
    assert scored.left_out == {"early": 1, "late": 1, "untimed": 1}
    assert scored.method == "lexicon-1"


def test_zones_are_respected(lexicon: Sentiment) -> None:
    late = at("2025-12-29 15:36").astimezone(datetime.UTC)
    early = at("2025-12-29 15:34").astimezone(datetime.UTC)
    assert list(
        lexicon.day(news(("a", late, "1"), ("b", early, "1")), MONDAY).table["headline"]
    ) == ["b"]
    with pytest.raises(NewsError, match="has no zone"):
        lexicon.day(news(("a", datetime.datetime(2025, 12, 29, 9), "1")), MONDAY)


def test_what_is_published_later_changes_nothing(lexicon: Sentiment) -> None:
    """The poison test: the score of a session does not know what came after its cut-off."""
    morning = [(f"公司中标第{n}单", at("2025-12-29 09:00"), "000001") for n in range(5)]
    poison = [("公司被立案调查", at("2025-12-29 15:35"), "000001")] * 3
    clean_, poisoned = (lexicon.day(news(*rows), MONDAY) for rows in (morning, morning + poison))
    pd.testing.assert_frame_equal(clean_.table, poisoned.table)


def test_repeated_headlines_count_once(lexicon: Sentiment) -> None:
    table = news(
        ("公司中标，大单！", at("2025-12-29 10:00"), "000001"),
        ("【公司中标 大单】", at("2025-12-29 09:00"), "000001"),
        ("公司中标大单", at("2025-12-29 11:00"), "000002"),
        ("增长1.5%", at("2025-12-29 11:00"), "000002"),
        ("增长15%", at("2025-12-29 11:00"), "000002"),
    )
    scored = lexicon.day(table, MONDAY)
    assert scored.left_out == {"repeated": 1}
    assert len(scored.table) == 4
    assert scored.table["time"].iloc[0] == at("2025-12-29 09:00")
    placed = scored.table.assign(sector="BK0001")
    assert by_sector(placed).loc["BK0001", "news_count"] == 3


def test_no_news_is_missing_and_not_zero(lexicon: Sentiment) -> None:
    scored = lexicon.day(news(("公司召开股东大会", at("2025-12-29 10:00"), "000001")), MONDAY)
    found = by_sector(scored.table.assign(sector="BK0001")).reindex(["BK0001", "BK0002"])
    assert found.loc["BK0001", "news_sentiment"] == 0.0
    assert pd.isna(found.loc["BK0002", "news_sentiment"])
    nothing = lexicon.day(news(), MONDAY)
    assert nothing.table.empty
    assert by_sector(nothing.table.assign(sector="")).empty


def test_what_cannot_be_used_is_named(lexicon: Sentiment) -> None:
    with pytest.raises(NewsError, match="no trading day"):
        lexicon.day(news(), datetime.date(2025, 12, 28))
    with pytest.raises(NewsError, match="cutoff"):
        lexicon.day(news(), MONDAY, "noon")
    with pytest.raises(NewsError, match="code or board"):
        lexicon.day(news().drop(columns="code"), MONDAY)
    scored = lexicon.day(
        news(("", at("2025-12-29 10:00"), "1"), ("！！", at("2025-12-29 10:00"), "1")), MONDAY
    )
    assert scored.left_out == {"empty": 2}


@given(st.one_of(st.text(max_size=3_000), st.none(), st.floats(), st.binary()))
def test_any_headline_becomes_one_short_line(text: object) -> None:
    line = clean(text)
    assert len(line) <= LONGEST
    assert line.isprintable()
    assert clean(line) == line
    assert len(key(line)) == 64


class Model:
    """A scorer that answers what it is told to, and remembers what it was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[list[str]] = []

    def __call__(self, headlines: Sequence[str]) -> Sequence[float]:
        self.asked.append(list(headlines))
        answer = self.answers.pop(0) if self.answers else [0.5] * len(headlines)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[return-value]


def test_a_model_is_asked_once_for_a_headline(tmp_path: Path) -> None:
    model = Model()
    headlines = [f"第{n}条" for n in range(BATCH + 5)]
    first = Sentiment(tmp_path, model, "m-1").scores(headlines)
    assert first == ([0.5] * len(headlines), "m-1", "")
    assert [len(batch) for batch in model.asked] == [BATCH, 5]
    assert Sentiment(tmp_path, model, "m-1").scores(["新的", *headlines])[0] == [0.5] * 26
    assert model.asked[2:] == [["新的"]]
    Sentiment(tmp_path, model, "m-2").scores(headlines[:1])
    assert len(model.asked) == 4


@pytest.mark.parametrize(
    "answer",
    [
        [0.1],
        [0.1, 0.2, 0.3],
        [0.1, 1.01],
        [0.1, float("nan")],
        [0.1, float("inf")],
        [0.1, True],
        [0.1, "0.2"],
        [0.1, None],
        ScorerUnavailable("the budget is spent"),
    ],
)
def test_a_model_that_answers_anything_else_is_not_believed(tmp_path: Path, answer: object) -> None:
    model = Model(answer)
    scores, method, note = Sentiment(tmp_path, model, "m-1").scores(["公司中标大单", "公司被罚款"])
    assert method == "lexicon-1"
    assert scores[0] > 0 > scores[1]
    assert note
    assert Sentiment(tmp_path, model, "m-1").scores(["公司被罚款"]) == ([0.5], "m-1", "")


def test_what_was_said_before_a_failure_is_kept(tmp_path: Path) -> None:
    model = Model([0.25] * BATCH, ScorerUnavailable("no answer"))
    headlines = [f"第{n}条" for n in range(BATCH + 1)]
    assert Sentiment(tmp_path, model, "m-1").scores(headlines)[1] == "lexicon-1"
    scores, method, _ = Sentiment(tmp_path, model, "m-1").scores(headlines)
    assert method == "m-1"
    assert scores == [0.25] * BATCH + [0.5]


def test_a_damaged_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / "news.db").write_bytes(b"no database" * 100)
    with pytest.raises(NewsError, match="delete it"):
        Sentiment(tmp_path, Model(), "m-1").scores(["a1"])


def test_the_cache_holds_no_headline(tmp_path: Path) -> None:
    Sentiment(tmp_path, Model(), "m-1").scores(["公司中标大单"])
    with sqlite3.connect(tmp_path / "news.db") as kept:
        assert kept.execute("SELECT headline, score FROM scores").fetchall() == [
            (key("公司中标大单"), 0.5)
        ]

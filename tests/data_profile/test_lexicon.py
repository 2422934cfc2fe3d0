"""The word list: negation, degree, turns; and how often it is right."""

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from data_profile.lexicon import Lexicon

SIGN = {"good": 1, "bad": -1, "neutral": 0}
LEXICON = Lexicon.load()


def verdict(headline: str) -> int:
    score = LEXICON.score(headline)
    return (score > 0.1) - (score < -0.1)


@pytest.mark.parametrize(
    ("headline", "sign"),
    [
        ("公司中标大单", 1),
        ("公司被立案调查", -1),
        ("公司未被立案调查", 1),
        ("公司没有减持计划", 1),
        ("业绩不及预期", -1),
        ("亏损收窄", 1),
        ("减少亏损", 1),
        ("终止重组", -1),
        ("解除质押", 1),
        ("不良率上升", -1),
        ("成本下降", 1),
        ("利空出尽", 1),
        ("不锈钢行业年会召开", 0),
        ("无人机展会开幕", 0),
        ("", 0),
    ],
)
def test_what_words_make_of_each_other(headline: str, sign: int) -> None:
    assert verdict(headline) == sign


def test_degree() -> None:
    weak, plain, strong = (LEXICON.score(f"业绩{d}增长") for d in ("小幅", "", "大幅"))
    assert 0 < weak < plain < strong


def test_clauses_do_not_deny_each_other() -> None:
    assert LEXICON.score("公司否认，业绩预增") > 0.5
    assert LEXICON.score("公司否认业绩预增") < 0


@given(st.text(max_size=300))
def test_any_text_has_a_score(text: str) -> None:
    score = LEXICON.score(text)
    assert math.isfinite(score)
    assert -1 < score < 1


def labelled() -> dict:
    return yaml.safe_load(Path(__file__).with_name("headlines.yaml").read_text("utf-8"))


def test_accuracy_on_labelled_headlines() -> None:
    """The figures of docs/data.md: 136 of 150, where the commonest label is right on 55."""
    groups = {label: labelled()[label] for label in SIGN}
    right = sum(verdict(one) == SIGN[label] for label, group in groups.items() for one in group)
    assert sum(map(len, groups.values())) == 150
    assert max(map(len, groups.values())) == 55
    assert right == 136


def test_accuracy_on_hard_headlines() -> None:
    """The figure of docs/data.md: what a list of words cannot know."""
    groups = labelled()["hard"]
    right = sum(verdict(one) == SIGN[label] for label, group in groups.items() for one in group)
    assert sum(map(len, groups.values())) == 30
    assert right == 6

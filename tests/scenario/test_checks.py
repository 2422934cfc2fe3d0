"""What is worth evaluating."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario.checks import DEEPEST, LONGEST_LOOKBACK, MOST_NODES, check, plain

UNITS = {"close": "points", "turnover": "yuan", "limit_up_count": "count"}


WIDE = " + ".join(f"Mean($close, {n})" for n in range(2, 7))


def never(text: str) -> bool:
    return False


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Mean($close,5)", "Mean($close, 5)"),
        (" Corr( $close ,\n $turnover, 10 ) ", "Corr($close, $turnover, 10)"),
        ("Delay($close, 1)", "Ref($close, 1)"),
    ],
)
def test_good_texts_pass(text: str, canonical: str) -> None:
    verdict = check(text, UNITS, never)
    assert (verdict.outcome, verdict.canonical, verdict.message) == ("passed", canonical, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$close + $turnover", "yuan"),
        ("Mean($no_such, 5)", "no_such"),
        ("Ref($close, -1)", "future"),
        ("Mean($close, 300)", "250"),
        ("exec('1')", ""),
        ("", ""),
        ("$" * 1_001, "longer than"),
        ("Abs(" * DEEPEST + "$close" + " + 1)" * DEEPEST, f"at most {DEEPEST}"),
        (f"({WIDE}) * ({WIDE})", f"at most {MOST_NODES}"),
        ("Mean(Mean($close, 200), 200)", f"at most {LONGEST_LOOKBACK}"),
    ],
)
def test_bad_texts_do_not_and_are_told_why(text: str, said: str) -> None:
    verdict = check(text, UNITS, never)
    assert (verdict.outcome, verdict.canonical) == ("invalid", None)
    assert said in verdict.message
    assert verdict.message


def test_what_was_tried_is_known_by_its_canonical_text() -> None:
    verdict = check("Mean($close,5)", UNITS, {"Mean($close, 5)"}.__contains__)
    assert (verdict.outcome, verdict.canonical) == ("known", "Mean($close, 5)")


@given(st.text(st.characters(codec=None), max_size=200))
def test_nothing_escapes(text: str) -> None:
    verdict = check(text, UNITS, never)
    verdict.text.encode("utf-8")
    assert "\n" not in verdict.text
    assert "\x00" not in verdict.text
    assert (verdict.canonical is None) == (verdict.outcome == "invalid")


@given(st.text(st.characters(codec=None)))
def test_plain_is_idempotent(text: str) -> None:
    assert plain(plain(text)) == plain(text)

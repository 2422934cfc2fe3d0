"""Thresholds and their names."""

import dataclasses

import pytest

from predictor.dragon_tiger.rules import EXITS, EXITS_IN_WORDS, Rules, RulesError, configured


def test_defaults_are_the_documents():
    rules = Rules()
    assert (rules.top, rules.min_net_buy, rules.min_institutional) == (0.10, 0.0, 0.5)
    assert (rules.min_turnover_change, rules.keep, rules.min_sentiment) == (1.0, 0.30, -0.5)
    assert (rules.hold_min, rules.hold_max, rules.max_weight) == (1, 5, 0.05)
    assert (rules.min_holdings, rules.stop, rules.max_drawdown) == (5, 0.05, 0.10)


def test_every_threshold_can_be_set_from_text():
    default = Rules()
    for field in dataclasses.fields(Rules):
        value = getattr(default, field.name)
        assert configured(Rules(), [f"{field.name}={value}"]) == default
    changed = configured(default, ["stop=0.08", "hold_max=3", "unlisted=sell"])
    assert (changed.stop, changed.hold_max, changed.unlisted) == (0.08, 3, "sell")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stopp=0.1", "sets nothing"),
        ("stop", "sets nothing"),
        ("stop=much", "must be a float"),
        ("stop=nan", "in (0, 1]"),
        ("hold_min=0", "T+1"),
        ("hold_max=0", "T+1"),
        ("keep=0.05", "would sell what it buys"),
        ("max_weight=1.5", "in (0, 1]"),
        ("cash=-1", "positive"),
        ("unlisted=perhaps", "keep, sell"),
        ("min_holdings=0", "at least 1"),
    ],
)
def test_what_cannot_be_set_is_named(text: str, told: str):
    with pytest.raises(RulesError, match=told.replace("(", r"\(").replace("+", r"\+")):
        configured(Rules(), [text])


def test_every_exit_has_words():
    assert tuple(EXITS_IN_WORDS) == EXITS

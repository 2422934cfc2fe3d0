"""Every word said to a language model."""

import jinja2
import pytest

import prompts

FACTS: dict[str, dict[str, object]] = {
    "scenario": {"profile": "THE PROFILE", "universe": "stock"},
    "system": {
        "universe": "sector",
        "profile": "THE PROFILE",
        "units": {"close": "points"},
        "operators": [{"signature": "Mean(x, N)", "meaning": "mean of N sessions"}],
        "longest_window": 250,
        "deepest": 8,
        "most_nodes": 24,
    },
    "hypothesis": {
        "pool": ["Mean($close, 5)"],
        "ideas": [{"hypothesis": "flow leads", "proposer": "llm", "outcome": "0 of 3 accepted"}],
        "strongest": [{"text": "$close", "figures": "rank_ic +0.1", "outcome": "accepted"}],
        "failures": [{"reason": "strength", "count": 7}],
        "unused": ["net_inflow"],
        "empty": ["flow, changing daily, unlike persistence and size"],
    },
    "expressions": {
        "hypothesis": "flow leads",
        "reason": "money knows",
        "size": 5,
        "banned": ["Mean($close, 5)"],
        "solved": [{"idea": "boards relay", "text": "Mean($max_streak, 5)"}],
        "lessons": [{"text": "$a", "message": "no such field"}],
        "failures": [{"text": "$b", "message": "no such field"}],
    },
    "variation": {
        "parents": [{"text": "Std($close, 5)", "fitness": "3.2"}],
        "pool": ["Mean($close, 5)"],
    },
    "repair": {"trouble": "no JSON", "shape": "{}"},
    "paragraph_system": {"language": "English"},
    "paragraph": {
        "market": {"limit_ups": "57"},
        "sectors": [{"name": '"国防军工"', "told": "rank 1, p_wave 15%"}],
    },
    "news_system": {},
    "news": {"headlines": ['"公司中标大单"']},
}


def test_every_template_is_tested() -> None:
    assert set(prompts.names()) == set(FACTS)


@pytest.mark.parametrize("name", sorted(FACTS))
def test_renders_every_fact(name: str) -> None:
    text = prompts.load(name).render(**FACTS[name])
    assert "{{" not in text
    assert "{%" not in text
    for value in FACTS[name].values():
        for one in value if isinstance(value, list | dict) else [value]:
            for word in one.values() if isinstance(one, dict) else [one]:
                assert str(word) in text


@pytest.mark.parametrize("name", sorted(FACTS))
def test_a_missing_fact_is_an_error_and_no_blank(name: str) -> None:
    for fact in FACTS[name]:
        with pytest.raises(jinja2.UndefinedError):
            prompts.load(name).render(**{k: v for k, v in FACTS[name].items() if k != fact})


def test_facts_are_never_templates() -> None:
    text = prompts.load("repair").render(trouble="{{ 7 * 7 }}", shape="{% raise %}")
    assert "{{ 7 * 7 }}" in text
    assert "49" not in text


def test_versions_are_recorded_in_one_line() -> None:
    assert "system-2" in prompts.version().split()


def test_nothing_of_confirm_or_sealed_can_be_named() -> None:
    for name in prompts.names():
        words = prompts.load(name).text.lower()
        assert "confirm" not in words
        assert "sealed window" not in words
        assert "p_value" not in words

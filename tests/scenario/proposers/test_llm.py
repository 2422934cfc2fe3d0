"""What the language model is told, and what is taken from it."""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from factor_pool.records import Attempt
from scenario.proposers.base import Context, Idea
from scenario.proposers.memory import Memory
from tests.scenario.chat_server import ChatServer, Said, json_said


def attempt(number: int, text: str, stage: str = "rejected", **changes: Any) -> Attempt:
    values: dict[str, Any] = {
        "id": number, "session": "s", "iteration": number, "position": 0, "proposer": "evolve",
        "hypothesis": f"idea {number}", "idea": "why", "text": text, "canonical": text,
        "snapshot": "d", "label": "limit_up_count", "seed": 1,
        "recorded_at": dt.datetime.now(dt.UTC), "judged_at": dt.datetime.now(dt.UTC),
        "stage": stage, "figures": {"added_rank_ic": number / 1000, "coverage": 0.9},
        "gate": None if stage == "accepted" else "strength", "reason": "weak",
    }  # fmt: skip
    return Attempt(**(values | changes))


def context(**changes: Any) -> Context:
    values: dict[str, Any] = {
        "iteration": 3, "seed": 1, "size": 5,
        "units": {"close": "points", "net_inflow": "yuan"},
        "pool": [], "profile": "THE PROFILE",
    }  # fmt: skip
    values |= {"memory": memory(changes.pop("attempts", []))}
    return Context(**(values | changes))


def memory(attempts: Iterable[Any]) -> Memory:
    remembered = Memory()
    for one in attempts:
        remembered.add(one)
    return remembered


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A language model behind a server whose answer can be set, and the server."""
    from scenario.account import Account
    from scenario.backend import Backend, Model
    from scenario.proposers.llm import LanguageModel

    replies: list[Said] = []
    with ChatServer(lambda request: replies[-1]) as server:
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-1234567")
        backend = Backend(Model("openai/fake"), Account(tmp_path / "replies"))
        yield LanguageModel(backend, "session"), server, replies


def test_the_language_and_the_data_are_explained(asked: Any) -> None:
    model, server, replies = asked
    replies.append(json_said(hypothesis="Flow leads limit-ups.", reason="Money moves first."))
    assert model.idea(context()) == Idea("llm", "Flow leads limit-ups.", "Money moves first.")
    (said,) = server.prompts()
    for words in ("THE PROFILE", "$net_inflow [yuan]", "Mean(x, N)", "CSRank(x)", "at most 24"):
        assert words in said.replace("At most 8 levels deep and 24 nodes", "at most 24")


def test_of_stocks_it_is_told_what_they_are_traded_at(asked: Any) -> None:
    model, server, replies = asked
    replies.append(json_said(hypothesis="Institutions go on.", reason="Orders take days."))
    model.idea(context(universe="stock", units={"lhb_net_buy": "yuan"}, memory=Memory("stock")))
    (said,) = server.prompts()
    assert "from the next open to the open after it" in said
    assert "every column a stock;" in said
    assert "institutions, changing daily" in said
    assert "sectors" not in said


def test_history_is_told_by_search_facts_alone(asked: Any) -> None:
    model, server, replies = asked
    replies.append(json_said(hypothesis="Flow leads limit-ups.", reason="Money moves first."))
    attempts = [attempt(number, f"Mean($close, {number})") for number in range(2, 40)]
    attempts += [
        attempt(50, "Std($close, 5)", "accepted"),
        attempt(
            51, "$bad", "invalid", canonical=None, figures={}, gate="validity", reason="no $bad"
        ),
    ]
    model.idea(context(attempts=attempts, pool=["Std($close, 5)"]))
    (said,) = server.prompts()
    assert "Std($close, 5): added_rank_ic +0.050, coverage +0.900; accepted" in said
    assert "Mean($close, 39): added_rank_ic +0.039" in said
    assert "Mean($close, 3):" not in said  # the strongest only
    assert "strength: 38 times" in said
    assert "idea 50 (evolve: 1 of 1 accepted)" in said
    assert "net_inflow, close" in said  # rarest first


def test_mistakes_and_overused_parts_are_told(asked: Any) -> None:
    model, server, replies = asked
    replies.append(json_said(expressions=[{"expression": "$close", "reason": "r"}]))
    invalid = attempt(1, "$bad", "invalid", canonical=None, gate="validity", reason="no $bad")
    pool = [f"Mean($close, 5) / Ref($close, {n})" for n in range(1, 5)]
    idea = Idea("llm", "Flow leads limit-ups.", "Money moves first.")
    model.expressions(idea, context(attempts=[invalid], pool=pool), [("$worse", "no $worse")])
    (said,) = server.prompts()
    assert "$bad: no $bad" in said
    assert "$worse: no $worse" in said
    banned = said.split("do not build on them")[1].split("#")[0]
    assert "- Mean($close, 5)\n" in banned
    assert "Ref($close, 1)" not in banned


def test_at_most_the_wanted_number_is_taken_cleaned(asked: Any) -> None:
    model, _, replies = asked
    texts = ["Mean($close,\n5)", "$close sk-canary-1234567", "\ud800", *["$close"] * 5]
    replies.append(json_said(expressions=[{"expression": text} for text in texts]))
    idea = Idea("llm", "Flow leads limit-ups.", "Money moves first.")
    taken = model.expressions(idea, context(), [])
    assert taken == ["Mean($close, 5)", "$close [redacted]", "?", "$close", "$close"]


def test_the_same_question_in_another_iteration_is_asked_anew(asked: Any) -> None:
    model, server, replies = asked
    replies.append(json_said(hypothesis="Flow leads limit-ups.", reason="Money moves first."))
    model.idea(context())
    model.idea(context())
    assert len(server.requests) == 1
    model.idea(context(iteration=4))
    assert len(server.requests) == 2

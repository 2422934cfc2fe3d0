"""A paragraph asked of a language model, against a real server."""

from pathlib import Path

import pytest

from scenario.account import Account, Budget
from scenario.backend import Backend, Model
from scenario.errors import BackendError, BudgetExceeded, ScenarioError
from scenario.paragraph_writer import ParagraphWriter, from_environment
from tests.scenario.chat_server import ChatServer, Said, json_said


def writer(folder: Path, usd: float | None = None) -> ParagraphWriter:
    model = Model("openai/fake-chat", price_input=10.0, price_output=20.0)
    return ParagraphWriter(Backend(model, Account(folder / "replies", Budget(usd))))


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.setattr("scenario.backend.FIRST_WAIT", 0.01)


def test_the_paragraph_comes_back_and_is_asked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer([json_said(paragraph="涨停 57 家。")]) as server:
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        ask = writer(tmp_path)
        assert ask.model == "openai/fake-chat"
        assert ask("be brief", "limit_ups: 57") == "涨停 57 家。"
        assert writer(tmp_path)("be brief", "limit_ups: 57") == "涨停 57 家。"
        assert len(server.requests) == 1


@pytest.mark.parametrize("reply", ['{"paragraph": 7}', '{"text": "x"}', "Gladly!", '{"paragraph"'])
def test_what_is_no_answer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: str
) -> None:
    with ChatServer([Said(reply)]) as server:
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        with pytest.raises(ScenarioError):
            writer(tmp_path)("be brief", "limit_ups: 57")


def test_the_budget_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer([json_said(paragraph="x")]) as server:
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        with pytest.raises(BudgetExceeded):
            writer(tmp_path, usd=0.0)("be brief", "limit_ups: 57")
        assert not server.requests


def test_without_a_model_it_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CHAT_MODEL", raising=False)
    with pytest.raises(BackendError, match="CHAT_MODEL"):
        from_environment(tmp_path)

"""The language model's backend, against a real server."""

import email.utils
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from scenario.account import Account, Budget
from scenario.backend import Backend, Model, embed, parse
from scenario.errors import BackendError, BudgetExceeded, ProposalError
from tests.scenario.chat_server import ChatServer, Said, json_said

KEY = "sk-canary-5f8e21c0aa7"


class Answer(BaseModel):
    idea: str


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ChatServer]]:
    servers: list[ChatServer] = []

    def start(*script: Said) -> ChatServer:
        server = ChatServer(list(script)).__enter__()
        servers.append(server)
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setattr("scenario.backend.FIRST_WAIT", 0.01)
        return server

    yield start
    for server in servers:
        server.__exit__(None, None, None)


def backend(folder: Path, **changes: Any) -> Backend:
    budget = {name: changes.pop(name) for name in ("usd", "tokens") if name in changes}
    model = Model("openai/fake-chat", price_input=10.0, price_output=20.0, **changes)
    return Backend(model, Account(folder, Budget(**budget)))


def ask(to: Backend, question: str = "What next?", occasion: str = "1") -> Answer:
    return to.ask("Be brief.", question, Answer, occasion)


def test_a_good_reply(serve: Callable[..., ChatServer], tmp_path: Path) -> None:
    server = serve(json_said(idea="flow leads"))
    asked = backend(tmp_path)
    assert ask(asked).idea == "flow leads"
    assert asked.account is not None
    assert asked.account.tokens == 150
    assert asked.account.usd == pytest.approx((100 * 10 + 50 * 20) / 1e6)
    assert server.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize(
    "text",
    [
        '```json\n{"idea": "a"}\n```',
        '```\n{"idea": "a"}\n```',
        'Here is my idea: {"idea": "a"} I hope it helps.',
        '<think>{"idea": "no"} hm</think>{"idea": "a"}',
        'First {not json}, then {"idea": "a"}',
        '{"other": 1}\n{"idea": "a"}',
        '好的，想法如下：\n{"idea": "a"}',
    ],
)
def test_replies_are_parsed_whatever_stands_around(text: str) -> None:
    assert parse(text, Answer).idea == "a"


@pytest.mark.parametrize(
    "text",
    ["", "no", "{", '{"idea": 3}', "[1, 2]", "{" * 90_000, '{"a":' * 20_000, "x" * 10_000_000],
)
def test_replies_that_hold_no_answer(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text, Answer)


def test_a_bad_reply_is_repaired(serve: Callable[..., ChatServer], tmp_path: Path) -> None:
    server = serve(Said("I think..."), json_said(wrong=1), json_said(idea="b"))
    assert ask(backend(tmp_path)).idea == "b"
    assert len(server.requests) == 3
    assert "Field required" in server.requests[2]["messages"][-1]["content"]


def test_repairs_end(serve: Callable[..., ChatServer], tmp_path: Path) -> None:
    server = serve(Said("never"))
    with pytest.raises(ProposalError, match="no JSON object"):
        ask(backend(tmp_path))
    assert len(server.requests) == 3


def test_trouble_that_passes(serve: Callable[..., ChatServer], tmp_path: Path) -> None:
    server = serve(
        Said("overloaded", status=500),
        Said(reset=True),
        Said("busy", status=503),
        Said(raw=b"<html>bad gateway</html>", status=502),
        json_said(idea="c"),
    )
    assert ask(backend(tmp_path)).idea == "c"
    assert len(server.requests) == 5


def test_a_timeout_passes(serve: Callable[..., ChatServer], tmp_path: Path) -> None:
    serve(Said("late", seconds=2.0), json_said(idea="d"))
    assert ask(backend(tmp_path, timeout=0.3)).idea == "d"


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_honoured(
    serve: Callable[..., ChatServer], tmp_path: Path, as_date: bool
) -> None:
    asked = email.utils.formatdate(time.time() + 2, usegmt=True) if as_date else "1"
    serve(Said("slow down", status=429, headers={"Retry-After": asked}), json_said(idea="e"))
    started = time.monotonic()
    assert ask(backend(tmp_path)).idea == "e"
    assert time.monotonic() - started >= 0.9


def test_trouble_that_stays_skips_the_iteration(
    serve: Callable[..., ChatServer], tmp_path: Path
) -> None:
    server = serve(Said("down", status=503))
    with pytest.raises(ProposalError, match="6 tries"):
        ask(backend(tmp_path))
    assert len(server.requests) == 6


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_ends_at_once(
    serve: Callable[..., ChatServer], tmp_path: Path, status: int
) -> None:
    server = serve(Said(f"Incorrect key provided: {KEY}", status=status))
    with pytest.raises(BackendError, match="refused") as caught:
        ask(backend(tmp_path))
    assert len(server.requests) == 1
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_spent_quota_ends_at_once(serve: Callable[..., ChatServer], tmp_path: Path) -> None:
    server = serve(Said("insufficient_quota: see your plan", status=429))
    with pytest.raises(BackendError):
        ask(backend(tmp_path))
    assert len(server.requests) == 1


def test_the_budget_is_passed_by_one_call_at_most(
    serve: Callable[..., ChatServer], tmp_path: Path
) -> None:
    server = serve(json_said(idea="f"))
    asked = backend(tmp_path, usd=0.005)  # 0.002 a call
    for number in range(3):
        ask(asked, occasion=str(number))
    with pytest.raises(BudgetExceeded, match=r"0\.005"):
        ask(asked, occasion="3")
    assert len(server.requests) == 3
    with pytest.raises(BudgetExceeded):  # the spend outlives the process
        ask(backend(tmp_path, usd=0.005), occasion="4")


def test_tokens_are_a_budget_too(serve: Callable[..., ChatServer], tmp_path: Path) -> None:
    serve(json_said(idea="g"))
    asked = backend(tmp_path, tokens=100)
    ask(asked)
    with pytest.raises(BudgetExceeded, match="TIDE_TOKEN_BUDGET"):
        ask(asked, occasion="2")


def test_a_provider_that_counts_nothing_is_not_free(
    serve: Callable[..., ChatServer], tmp_path: Path
) -> None:
    serve(Said('{"idea": "h"}', usage=None))
    asked = backend(tmp_path)
    ask(asked)
    assert asked.account is not None
    assert asked.account.usd > 0


def test_the_same_occasion_is_paid_once(serve: Callable[..., ChatServer], tmp_path: Path) -> None:
    server = serve(json_said(idea="first"), json_said(idea="second"))
    assert ask(backend(tmp_path)).idea == "first"
    assert ask(backend(tmp_path)).idea == "first"
    assert ask(backend(tmp_path), occasion="2").idea == "second"
    assert ask(backend(tmp_path, temperature=0.9)).idea == "second"
    assert len(server.requests) == 3


def test_no_file_holds_the_key(serve: Callable[..., ChatServer], tmp_path: Path) -> None:
    serve(json_said(idea=f"your key is {KEY}"))
    ask(backend(tmp_path))
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes()


def test_rdagent_finds_the_backend_and_embeds_without_an_endpoint() -> None:
    from rdagent.oai.llm_utils import APIBackend, calculate_embedding_distance_between_str_list

    assert isinstance(APIBackend(), Backend)
    likeness = calculate_embedding_distance_between_str_list(
        ["money flows in quietly"], ["money flows in silently", "broken boards"]
    )[0]
    assert likeness[0] > likeness[1]


def test_embeddings_are_the_same_everywhere() -> None:
    vector = embed("资金潜伏 accumulates")
    assert sum(value * value for value in vector) == pytest.approx(1.0)
    assert vector == embed("资金潜伏 accumulates")


def test_chatting_without_a_model_says_what_to_set() -> None:
    with pytest.raises(BackendError, match="CHAT_MODEL"):
        ask(Backend())


def test_the_model_comes_from_the_environment() -> None:
    assert Model.from_environment({}) is None
    model = Model.from_environment({"CHAT_MODEL": "openai/x", "CHAT_TEMPERATURE": "0.1"})
    assert model == Model("openai/x", temperature=0.1)
    with pytest.raises(BackendError, match="CHAT_MAX_TOKENS"):
        Model.from_environment({"CHAT_MODEL": "openai/x", "CHAT_MAX_TOKENS": "many"})
    assert Budget.from_environment(environment={"TIDE_TOKEN_BUDGET": "1000"}).tokens == 1000
    with pytest.raises(BackendError, match="TIDE_TOKEN_BUDGET"):
        Budget.from_environment(environment={"TIDE_TOKEN_BUDGET": "some"})


def test_prices() -> None:
    given, made, known = Model("openai/gpt-4o-mini").prices()
    assert known
    assert 0 < given < made
    assert Model("openai/never-heard-of").prices()[2] is False
    assert Model("x", price_input=0.0, price_output=0.0).prices() == (0.0, 0.0, True)


def test_nothing_was_written_here() -> None:
    assert not {"log", "git_ignore_folder", "prompt_cache.db", "selector.log"} & set(
        os.listdir(Path.cwd())
    )


def test_replies_are_kept_as_json(serve: Callable[..., ChatServer], tmp_path: Path) -> None:
    serve(json_said(idea="k"))
    ask(backend(tmp_path))
    (kept,) = tmp_path.glob("*.json")
    assert json.loads(kept.read_text("utf-8"))["spent"]["input_tokens"] == 100

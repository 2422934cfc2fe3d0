"""Nights with a language model: a real server on this machine that says good and bad things."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_profile.home import Home
from factor_pool.ledger import Ledger
from scenario.errors import BackendError
from scenario.loop import MineOptions, mine
from tests.scenario.chat_server import ChatServer, Said
from tests.scenario.fake_model import GOOD, KEY, Author, idea, written
from tests.scenario.nights import Here, Silent, home_with, ledger_of

HOSTILE = [
    "__import__('os').system('touch /tmp/owned')",
    "Ref($close, -1)",
    "$close + $turnover",
    "Mean($no_such_field, 5)",
    "${jndi:ldap://127.0.0.1/a}",
    "{{ 7 * 7 }}",
    "\ud800 $close",
    "Mean(" * 400 + "$close" + ", 5)" * 400,
    "'; DROP TABLE attempts; --",
    "../../etc/passwd",
    "",
]


def llm(**changes: Any) -> MineOptions:
    return MineOptions(**{"proposer": "llm", "loops": 2, "seed": 1} | changes)


def session_of(home: Home) -> str:
    """Id of the home's one session."""
    (folder,) = home.sessions.iterdir()
    return folder.name


def rows(home: Home) -> list[Any]:
    with Ledger(home.ledger, readonly=True) as ledger:
        return ledger.attempts()


def test_a_good_night(home: Home, here: object, serve: Callable[..., ChatServer]) -> None:
    server = serve(Author())
    display = Silent()
    summary = mine(home, llm(), display)
    assert summary.evaluated == 4
    assert [a.text for a in rows(home)] == GOOD[:4]
    assert {a.proposer for a in rows(home)} <= {"llm", "llm-mutation", "llm-crossover"}
    first = "Idea number 1: what was left over is wanted again."
    assert rows(home)[0].hypothesis == first
    assert len(server.requests) == 4
    assert summary.cost_usd == pytest.approx(4 * 0.002)
    assert display.shown[-1].spend_usd == pytest.approx(4 * 0.002)
    # What is tried is told before anything came of it.
    (told,) = [line for line in server.prompts()[2].splitlines() if first in line]
    assert told.endswith(": under way)")


def test_hostile_expressions_are_refused_and_replaced(
    home: Home, here: object, serve: Callable[..., ChatServer]
) -> None:
    server = serve(Author(HOSTILE[:5] + GOOD, a_time=5))
    summary = mine(home, llm(loops=1), Silent())
    assert summary.evaluated == 5
    assert summary.rejected["validity"] == 5
    assert "may not be used" in server.prompts()[2] or "no_such_field" in server.prompts()[2]
    assert not Path("/tmp/owned").exists()


def test_nothing_but_hostile_text(
    home: Home, here: object, serve: Callable[..., ChatServer]
) -> None:
    serve(Author(HOSTILE, a_time=4))
    summary = mine(home, llm(loops=1), Silent())
    assert summary.evaluated <= 1  # "$close", when the list is used up
    assert summary.rejected["validity"] >= 9


@pytest.mark.parametrize(
    "bad",
    [
        [Said("I would rather talk about the weather.")],
        [Said("```json\n{broken\n```")],
        [Said("")],
        [Said("x" * 10_000_000)],
        [Said(json.dumps({"hypothesis": 3, "reason": None}))],
        [Said("overloaded", status=503)],
        [Said(reset=True)],
    ],
    ids=["prose", "malformed", "empty", "10MB", "wrong types", "503", "reset"],
)
def test_a_model_that_is_of_no_use_costs_iterations_not_the_night(
    home: Home, here: object, serve: Callable[..., ChatServer], bad: list[Said]
) -> None:
    serve(bad)
    summary = mine(home, llm(loops=2), Silent())
    assert (summary.end, summary.evaluated) == ("target", 0)


def test_a_model_that_stays_of_no_use_ends_the_night(
    home: Home, here: object, serve: Callable[..., ChatServer]
) -> None:
    serve([Said("no")])
    display = Silent()
    summary = mine(home, llm(loops=None), display)
    assert summary.end == "exhausted"
    assert "no usable reply" in display.lines[-2]


def test_passing_trouble_is_not_noticed(
    home: Home, here: object, serve: Callable[..., ChatServer]
) -> None:
    serve(
        [
            Said("slow down", status=429, headers={"Retry-After": "0"}),
            Said("oops", status=500),
            idea(),
            Said("Sure!\n```json\n" + written(*GOOD[:2]).text + "\n```"),
        ]
    )
    assert mine(home, llm(loops=1), Silent()).evaluated == 2


def test_a_refusal_ends_the_night_and_it_goes_on_later(
    home: Home, here: object, serve: Callable[..., ChatServer]
) -> None:
    server = serve([Said(f"bad key {KEY}", status=401)])
    with pytest.raises(BackendError, match="refused") as caught:
        mine(home, llm(), Silent())
    assert KEY not in str(caught.value)
    assert len(server.requests) == 1
    serve(Author())
    display = Silent()
    assert mine(home, llm(), display).evaluated == 4
    assert "going on" in display.lines[0]


def test_the_budget_ends_a_night_of_the_model(
    home: Home, here: object, serve: Callable[..., ChatServer]
) -> None:
    server = serve(Author())
    display = Silent()
    summary = mine(home, llm(loops=None, budget_usd=0.005), display)  # 0.002 a reply
    assert summary.end == "budget"
    assert summary.cost_usd == pytest.approx(0.006)
    assert len(server.requests) == 3
    assert "--budget-usd" in display.lines[-2]
    assert display.lines[-1].startswith("report: ")


def test_the_built_in_search_goes_on_when_the_budget_is_spent(
    home: Home, here: object, serve: Callable[..., ChatServer]
) -> None:
    server = serve(Author())
    options = MineOptions(proposer="auto", loops=6, seed=1, budget_usd=0.001)
    summary = mine(home, options, Silent())
    assert summary.end == "target"
    assert len(server.requests) <= 1
    assert {a.proposer for a in rows(home)} == {"evolve"}


def test_both_propose_by_default(
    home: Home, here: object, serve: Callable[..., ChatServer]
) -> None:
    serve(Author())
    display = Silent()
    mine(home, MineOptions(loops=30, seed=1), display)
    assert {a.proposer for a in rows(home)} == {"evolve", "llm", "llm-mutation", "llm-crossover"}
    assert any("built-in search and openai/fake-chat" in line for line in display.lines)


def test_a_night_that_is_cut_short_pays_no_reply_twice(
    store: Path,
    tmp_path: Path,
    here: object,
    serve: Callable[..., ChatServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Killed(BaseException):
        pass

    serve(Author())
    undisturbed = home_with(store, tmp_path / "undisturbed")
    mine(undisturbed, llm(loops=3), Silent())
    server = serve(Author())
    home = home_with(store, tmp_path / "home")
    measure = "scenario.laboratory.Laboratory.measure"
    for _ in range(2):

        def die(*args: object) -> None:
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(measure, die)
            with pytest.raises(Killed):
                mine(home, llm(loops=3), Silent())
    mine(home, llm(loops=3), Silent())
    assert len(server.requests) == 6
    assert ledger_of(home) == ledger_of(undisturbed)


def test_no_file_holds_the_key(
    home: Home, serve: Callable[..., ChatServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the real MLflow, whose database is one of the files."""
    monkeypatch.setattr("scenario.loop.choose", lambda *args: Here())
    serve(Author([f"$close / {KEY}", *GOOD], a_time=9))
    display = Silent()
    mine(home, llm(loops=2), display)
    checked = [path for path in home.root.rglob("*") if path.is_file()]
    names = {path.name for path in checked}
    reports = {f"{session_of(home)}.html", f"{session_of(home)}.md"}
    assert {"rdagent.log", "mlflow.db", "ledger.db"} | reports <= names
    assert sum(path.name in reports for path in checked) == 4  # in reports/, and MLflow's copies
    for path in checked:
        assert KEY.encode() not in path.read_bytes(), path
    assert KEY not in "\n".join(display.lines)

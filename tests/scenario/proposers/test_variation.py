"""The language model varies what the archive holds, and joins what lies far apart."""

from pathlib import Path
from typing import Any

import pytest

from scenario.proposers.archive import family_of
from scenario.proposers.llm import LanguageModel
from scenario.proposers.variation import Crossover, Mutation
from tests.scenario.chat_server import ChatServer, json_said
from tests.scenario.proposers.test_llm import attempt, context

ELITES = {
    "Mean($net_inflow, 5)": 9.0,
    "$close / Ref($close, 20)": 7.0,
    "$close / Ref($close, 3)": 6.0,
    "$limit_up_count": -3.0,
}


def attempts() -> list[Any]:
    return [
        attempt(number, text, figures={"added_t_hac": t, "rank_autocorrelation": 0.5})
        for number, (text, t) in enumerate(ELITES.items(), start=1)
    ]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    said = json_said(hypothesis="Flow leads limit-ups.", reason="Money moves first.")
    with ChatServer([said]) as server:
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-1234567")
        yield server


def ask(role: type[LanguageModel], tmp_path: Path, **changes: Any) -> str:
    """The proposer whose name an idea carries."""
    from scenario.account import Account
    from scenario.backend import Backend, Model

    backend = Backend(Model("openai/fake"), Account(tmp_path / "replies"))
    return role(backend, "session").idea(context(**changes)).proposer


def shown(prompt: str) -> list[str]:
    return [text for text in ELITES if f"- {text} (fitness" in prompt]


def test_mutation_shows_one_elite(server: Any, tmp_path: Path) -> None:
    assert ask(Mutation, tmp_path, attempts=attempts()) == "llm-mutation"
    (said,) = server.prompts()
    assert len(shown(said)) == 1
    assert "better" in said


def test_crossover_shows_two_of_different_families(server: Any, tmp_path: Path) -> None:
    for iteration in range(12):
        changes = {"attempts": attempts(), "iteration": iteration}
        assert ask(Crossover, tmp_path / str(iteration), **changes) == "llm-crossover"
    for said in server.prompts():
        first, second = shown(said)
        assert family_of(first) != family_of(second)


def test_the_draw_depends_on_seed_and_iteration_only(server: Any, tmp_path: Path) -> None:
    for run in range(2):
        for iteration in range(6):
            place = tmp_path / f"{run}-{iteration}"
            ask(Mutation, place, attempts=attempts(), iteration=iteration)
    said = [shown(prompt) for prompt in server.prompts()]
    assert said[:6] == said[6:]
    assert len({texts[0] for texts in said}) > 1


@pytest.mark.parametrize("role", [Mutation, Crossover])
def test_without_elites_a_new_idea_is_asked_for(
    server: Any, tmp_path: Path, role: type[LanguageModel]
) -> None:
    ask(role, tmp_path)
    (said,) = server.prompts()
    assert "Name ONE economic idea to be tested next" in said

"""CoSTEER's rounds: what is fed back, what is kept, what is counted."""

from collections.abc import Sequence

import pytest

from data_profile.home import Home
from factor_pool.ledger import Ledger
from factor_pool.records import Attempt
from scenario.errors import ProposalError
from scenario.loop import MineOptions, mine
from scenario.proposers.base import Context, Idea, Proposer
from tests.scenario.nights import Silent


class Scripted(Proposer):
    """Gives the next list of texts each time it is asked."""

    name = "evolve"
    batch = 4

    def __init__(self, *rounds: list[str] | Exception) -> None:
        self.rounds = list(rounds)
        self.told: list[list[tuple[str, str]]] = []

    def idea(self, context: Context) -> Idea:
        return Idea(self.name, "An idea\nin two lines.", "A reason.")

    def expressions(
        self, idea: Idea, context: Context, failures: Sequence[tuple[str, str]]
    ) -> list[str]:
        self.told.append(list(failures))
        texts = self.rounds.pop(0) if self.rounds else []
        if isinstance(texts, Exception):
            raise texts
        return texts


def night(
    home: Home, monkeypatch: pytest.MonkeyPatch, *rounds: list[str] | Exception, loops: int = 1
) -> tuple[Scripted, list[Attempt]]:
    proposer = Scripted(*rounds)
    monkeypatch.setattr("scenario.proposers.evolve.Evolve", lambda: proposer)
    mine(home, MineOptions(proposer="evolve", loops=loops), Silent())
    with Ledger(home.ledger, readonly=True) as ledger:
        return proposer, ledger.attempts()


def stages(attempts: list[Attempt]) -> dict[str, str]:
    return {attempt.text: attempt.stage for attempt in attempts}


def test_a_round_without_failures_is_the_last(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposer, attempts = night(home, monkeypatch, ["$close", "$turnover"])
    assert proposer.told == [[]]
    assert [attempt.text for attempt in attempts] == ["$close", "$turnover"]
    assert attempts[0].hypothesis == "An idea in two lines."


def test_what_failed_is_told_and_replaced_and_what_passed_is_kept(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposer, attempts = night(
        home,
        monkeypatch,
        ["$close", "$close + $turnover", "$nothing", "Ref($close, -1)"],
        ["$high", "$low", "Mean($close, 5)", "one more than wanted"],
    )
    first, second = proposer.told
    assert first == []
    assert [text for text, _ in second] == ["$close + $turnover", "$nothing", "Ref($close, -1)"]
    assert "yuan" in second[0][1]
    found = stages(attempts)
    assert "one more than wanted" not in found
    assert [t for t, s in found.items() if s == "invalid"] == [
        "$close + $turnover",
        "$nothing",
        "Ref($close, -1)",
    ]
    assert len(found) == 7


def test_rounds_end_and_what_never_passed_is_counted_all_the_same(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposer, attempts = night(home, monkeypatch, ["$a"], ["$b"], ["$c"], ["$d"])
    assert len(proposer.told) == 3
    assert stages(attempts) == {"$a": "invalid", "$b": "invalid", "$c": "invalid"}


def test_a_known_factor_is_not_tested_twice(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposer, attempts = night(
        home, monkeypatch, ["Mean($close, 5)"], ["Mean($close,5)"], ["$high"], loops=2
    )
    assert proposer.told[2][0][0] == "Mean($close,5)"
    assert stages(attempts)["Mean($close,5)"] == "duplicate"
    (first,) = [a for a in attempts if a.text == "Mean($close, 5)"]
    assert first.stage not in ("invalid", "duplicate")


def test_the_same_factor_twice_in_a_batch(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, attempts = night(home, monkeypatch, ["$high + $low", "$low + $high"])
    assert list(stages(attempts).values()).count("duplicate") == 1


def test_a_proposer_that_gives_up_half_way_loses_nothing(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, attempts = night(home, monkeypatch, ["$close", "$a", "$b"], ProposalError("no more"))
    assert stages(attempts)["$close"] not in ("invalid", "duplicate")


def test_texts_of_several_lines_are_one_expression(
    home: Home, here: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, attempts = night(home, monkeypatch, ["Mean(\n  $close,\u2028 5)", "", "  "])
    assert [attempt.canonical for attempt in attempts] == ["Mean($close, 5)"]

"""What an iteration may know: the same before and after a crash."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from factor_pool.ledger import Ledger
from factor_pool.records import Proposal
from scenario.history import History


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.db") as opened:
        yield opened


def record(ledger: Ledger, session: str, iteration: int, *texts: str, snapshot: str = "d") -> None:
    proposals = [Proposal(text, text, "evolve", "idea") for text in texts]
    attempts = ledger.record(
        session, iteration, proposals, snapshot=snapshot, label="limit_up_count", seed=1
    )
    for attempt in attempts:
        if attempt.stage == "proposed":
            ledger.judged(
                attempt.id,
                "rejected",
                figures={"rank_ic": 0.1, "by_year": {"2024": 0.1}},
                gate="strength",
                reason="weak",
            )


def texts(history: History) -> list[str]:
    return [attempt.text for attempt in history.attempts]


def test_reads_on_from_iteration_to_iteration(ledger: Ledger) -> None:
    history = History(ledger, "d", "limit_up_count")
    history.advance("s", 0)
    assert texts(history) == []
    record(ledger, "s", 0, "$a", "$b")
    history.advance("s", 1)
    record(ledger, "s", 1, "$c")
    history.advance("s", 2)
    assert texts(history) == ["$a", "$b", "$c"]
    assert history.tried("$a")
    assert not history.tried("$d")
    assert history.attempts[0].figures == {"rank_ic": 0.1}


def test_a_resumed_iteration_sees_what_it_saw_before(ledger: Ledger) -> None:
    record(ledger, "s", 0, "$a")
    record(ledger, "s", 1, "$b", "$c")  # cut short after this
    record(ledger, "other", 0, "$d")  # a session in between
    history = History(ledger, "d", "limit_up_count")
    history.advance("s", 1)
    assert texts(history) == ["$a"]
    assert [attempt.text for attempt in history.recorded] == ["$b", "$c"]
    assert not history.tried("$b")
    history.advance("s", 2)
    assert texts(history) == ["$a", "$b", "$c", "$d"]
    assert history.recorded == []


def test_other_data_and_unjudged_attempts_say_nothing(ledger: Ledger) -> None:
    record(ledger, "s", 0, "$a", snapshot="older")
    proposal = [Proposal("$b", "$b", "evolve")]
    ledger.record("lost", 0, proposal, snapshot="d", label="limit_up_count", seed=1)
    history = History(ledger, "d", "limit_up_count")
    history.advance("s", 1)
    assert texts(history) == []
    assert history.tried("$b")  # recorded, so it would be a duplicate

"""What an iteration may know: the same before and after a crash."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from factor_pool.ledger import Ledger
from factor_pool.records import Proposal, Test
from scenario import history as reading
from scenario.history import History


@pytest.fixture(autouse=True, params=[1, 2, 1_000])
def page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many attempts are read at a time."""
    monkeypatch.setattr(reading, "_PAGE", request.param)


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


def tried(history: History, *texts: str) -> list[bool]:
    return [history.memory.tried(text) for text in texts]


def test_reads_on_from_iteration_to_iteration(ledger: Ledger) -> None:
    history = History(ledger, "d", "limit_up_count")
    history.advance("s", 0)
    assert history.memory.gates == {}
    record(ledger, "s", 0, "$a", "$b")
    history.advance("s", 1)
    record(ledger, "s", 1, "$c")
    history.advance("s", 2)
    assert tried(history, "$a", "$b", "$c", "$d") == [True, True, True, False]
    assert history.memory.gates == {"strength": 3}


def test_a_resumed_iteration_sees_what_it_saw_before(ledger: Ledger) -> None:
    record(ledger, "s", 0, "$a")
    record(ledger, "s", 1, "$b", "$c")  # cut short after this
    record(ledger, "other", 0, "$d")  # a session in between
    history = History(ledger, "d", "limit_up_count")
    history.advance("s", 1)
    assert tried(history, "$a", "$b", "$d") == [True, False, False]
    assert [attempt.text for attempt in history.recorded] == ["$b", "$c"]
    history.advance("s", 2)
    assert tried(history, "$a", "$b", "$c", "$d") == [True] * 4
    assert history.recorded == []


def test_other_data_and_unjudged_attempts_say_nothing(ledger: Ledger) -> None:
    record(ledger, "s", 0, "$a", snapshot="older")
    proposal = [Proposal("$b", "$b", "evolve")]
    ledger.record("lost", 0, proposal, snapshot="d", label="limit_up_count", seed=1)
    history = History(ledger, "d", "limit_up_count")
    history.advance("s", 1)
    assert history.memory.gates == {}
    assert tried(history, "$a", "$b") == [False, True]  # $b would be a duplicate


def test_elites_are_scored_again_beside_a_changed_pool(ledger: Ledger) -> None:
    """And a resumed night takes the new fitness in where it was measured."""
    proposals = [Proposal(text, text, "evolve", "idea") for text in ("$close", "$turnover")]
    shared = {"snapshot": "d", "label": "limit_up_count", "seed": 1}
    first, second = ledger.record("s", 0, proposals, **shared)
    slow = {"added_t_hac": 8.0, "rank_autocorrelation": 0.9}
    ledger.scored([(first.id, {"added_t_hac": 9.0}), (second.id, slow)])
    ledger.accept(first.id, Test(1, first.id, "addis", 0.001, 0.01, True), sign=1)
    ledger.judged(second.id, "rejected", gate="strength", reason="weak")
    history = History(ledger, "d", "limit_up_count")
    history.advance("s", 1)
    before = elites(history)
    assert history.stale()
    history.rescore({"$close": 0.5})
    assert not history.stale()
    assert elites(history)["$close"] == pytest.approx(before["$close"] - 8.5)
    # Not measured again: worth nothing.
    assert elites(history)["$turnover"] == pytest.approx(before["$turnover"] - 8.0)
    record(ledger, "s", 1, "$open")
    history.advance("s", 2)
    resumed = History(ledger, "d", "limit_up_count")
    resumed.advance("s", 2)
    assert elites(resumed) == elites(history)
    assert not resumed.stale()


def elites(history: History) -> dict[str, float]:
    return {elite.text: elite.fitness for elite in history.memory.archive.cells.values()}

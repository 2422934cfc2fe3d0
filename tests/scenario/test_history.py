"""What an iteration may know: the same before and after a crash."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from factor_pool.evaluation.yardstick import pool_fingerprint
from factor_pool.ledger import Ledger
from factor_pool.records import Attempt, Proposal, Test
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


def record(
    ledger: Ledger, session: str, iteration: int, *texts: str, snapshot: str = "d"
) -> list[Attempt]:
    """Attempts of an iteration, recorded and then rejected."""
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
    return attempts


def tried(history: History, *texts: str) -> list[bool]:
    return [history.memory.tried(text) for text in texts]


def reading_at(ledger: Ledger, iteration: int) -> History:
    """What session "s" knows when it goes on at an iteration."""
    history = History(ledger, "d", "limit_up_count", session="s", iteration=iteration)
    history.advance(iteration)
    return history


def test_reads_on_from_iteration_to_iteration(ledger: Ledger) -> None:
    history = reading_at(ledger, 0)
    assert history.memory.gates == {}
    history.written(0, record(ledger, "s", 0, "$a", "$b"))
    history.advance(1)  # 0 is being measured: what it tries is known, and no more
    assert tried(history, "$a", "$b", "$c") == [True, True, False]
    assert history.memory.gates == {}
    assert [idea.tried for idea in history.memory.ideas()] == [0]
    history.written(1, record(ledger, "s", 1, "$c"))
    history.advance(2)
    assert tried(history, "$a", "$b", "$c", "$d") == [True, True, True, False]
    assert history.memory.gates == {"strength": 2}
    assert [idea.tried for idea in history.memory.ideas()] == [2]


def test_an_iteration_that_wrote_nothing_holds_nothing_up(ledger: Ledger) -> None:
    history = reading_at(ledger, 0)
    history.written(0, record(ledger, "s", 0, "$a"))
    history.advance(2)  # nothing came of the idea of 1
    assert history.memory.gates == {"strength": 1}


def test_a_resumed_iteration_sees_what_it_saw_before(ledger: Ledger) -> None:
    record(ledger, "s", 0, "$a")
    record(ledger, "s", 1, "$b")
    record(ledger, "s", 2, "$c", "$d")  # cut short while this was measured
    record(ledger, "s", 3, "$e")  # and this was written
    record(ledger, "other", 0, "$f")  # a session in between
    history = reading_at(ledger, 2)
    assert history.memory.gates == {"strength": 1}
    assert tried(history, "$a", "$b", "$c", "$f") == [True, True, False, False]
    assert [attempt.text for attempt in history.recorded(2)] == ["$c", "$d"]
    history.advance(3)
    assert history.memory.gates == {"strength": 2}
    assert tried(history, "$c", "$d", "$e", "$f") == [True, True, False, False]
    assert [attempt.text for attempt in history.recorded(3)] == ["$e"]
    history.advance(4)
    assert tried(history, "$d", "$e", "$f") == [True, True, False]
    assert history.recorded(4) == ()
    history.written(4, record(ledger, "s", 4, "$g"))
    history.advance(5)
    assert tried(history, "$e", "$f", "$g") == [True] * 3


def test_other_data_and_unjudged_attempts_say_nothing(ledger: Ledger) -> None:
    record(ledger, "s", 0, "$a", snapshot="older")
    proposal = [Proposal("$b", "$b", "evolve")]
    ledger.record("lost", 0, proposal, snapshot="d", label="limit_up_count", seed=1)
    history = reading_at(ledger, 2)
    assert history.memory.gates == {}
    assert tried(history, "$a", "$b") == [False, True]  # $b would be a duplicate
    assert list(history.memory.ideas()) == []


def test_elites_are_scored_again_beside_a_changed_pool(ledger: Ledger) -> None:
    """And a resumed night takes the new fitness in where it was measured."""
    proposals = [Proposal(text, text, "evolve", "idea") for text in ("$close", "$turnover")]
    shared = {"snapshot": "d", "label": "limit_up_count", "seed": 1}
    first, second = ledger.record("s", 0, proposals, **shared)
    slow = {"added_t_hac": 8.0, "rank_autocorrelation": 0.9}
    ledger.scored([(first.id, {"added_t_hac": 9.0}), (second.id, slow)])
    ledger.accept(first.id, Test(1, first.id, "addis", 0.001, 0.01, True), sign=1)
    ledger.judged(second.id, "rejected", gate="strength", reason="weak")
    history = reading_at(ledger, 2)
    before = elites(history)
    assert history.stale()
    history.rescore({"$close": 0.5})
    assert not history.stale()
    assert elites(history)["$close"] == pytest.approx(before["$close"] - 8.5)
    # Not measured again: worth nothing.
    assert elites(history)["$turnover"] == pytest.approx(before["$turnover"] - 8.0)
    history.written(2, record(ledger, "s", 2, "$open"))
    history.advance(3)
    resumed = reading_at(ledger, 3)
    assert elites(resumed) == elites(history)
    assert not resumed.stale()


def test_what_was_measured_beside_the_pool_before_is_scored_again(ledger: Ledger) -> None:
    """A batch under way when a factor is accepted knows nothing of that factor."""
    shared = {"snapshot": "d", "label": "limit_up_count", "seed": 1}
    (first,) = ledger.record("s", 0, [Proposal("$close", "$close", "evolve")], **shared)
    ledger.scored([(first.id, {"added_t_hac": 9.0, "pool_fingerprint": pool_fingerprint(())})])
    ledger.accept(first.id, Test(1, first.id, "addis", 0.001, 0.01, True), sign=1)
    (second,) = ledger.record("s", 1, [Proposal("$open", "$open", "evolve")], **shared)
    history = reading_at(ledger, 2)
    history.rescore({"$close": 0.5})
    late = {"added_t_hac": 8.0, "pool_fingerprint": pool_fingerprint(())}
    ledger.judged(second.id, "rejected", figures=late, gate="strength", reason="weak")
    history.advance(3)
    assert history.pool() == ["$close"]
    assert history.stale()
    history.rescore({"$close": 0.5, "$open": 0.1})
    assert not history.stale()
    assert elites(reading_at(ledger, 3)) == elites(history)


def elites(history: History) -> dict[str, float]:
    return {elite.text: elite.fitness for elite in history.memory.archive.cells.values()}

"""The funnel over time: few points, the same however often it is cut short."""

from pathlib import Path

import pytest

from factor_pool.ledger import Ledger
from factor_pool.night_course import STRIDE, Course, Reading
from factor_pool.records import Proposal


def record(ledger: Ledger, iteration: int, count: int, *, pending: bool = False) -> None:
    texts = [f"$nothing_{iteration}_{n}" for n in range(count)]
    proposals = [Proposal(t, t if pending else None, "evolve", error="no") for t in texts]
    ledger.record("night", iteration, proposals, snapshot="d", label="limit_up_count", seed=1)


def steps(readings: list[Reading]) -> list[int]:
    return [one.step for one in readings if one.name == "attempts"]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.db")


def test_a_point_every_stride_and_one_at_the_end(ledger: Ledger) -> None:
    record(ledger, 0, 3 * STRIDE + 7)
    readings = Course().advance(ledger, "night")
    assert steps(readings) == [STRIDE, 2 * STRIDE, 3 * STRIDE, 3 * STRIDE + 7]
    assert [one.value for one in readings if one.name == "ended_at/validity"] == [
        STRIDE, 2 * STRIDE, 3 * STRIDE, 3 * STRIDE + 7,
    ]  # fmt: skip
    assert [one.milliseconds for one in readings] == sorted(one.milliseconds for one in readings)


def test_it_goes_on_where_it_was(ledger: Ledger) -> None:
    record(ledger, 0, STRIDE // 2)
    course = Course()
    assert steps(course.advance(ledger, "night")) == [STRIDE // 2]
    assert course.advance(ledger, "night") == []
    record(ledger, 1, STRIDE)
    again = Course.restore(course.keep())
    assert steps(again.advance(ledger, "night")) == [STRIDE, STRIDE // 2 + STRIDE]


def test_what_is_not_judged_waits(ledger: Ledger) -> None:
    record(ledger, 0, 4)
    record(ledger, 1, 4, pending=True)
    course = Course()
    assert steps(course.advance(ledger, "night")) == [4]
    for attempt in ledger.pending("night"):
        ledger.judged(attempt.id, "rejected", gate="strength", reason="weak")
    readings = course.advance(ledger, "night")
    assert steps(readings) == [8]
    assert {one.name for one in readings} >= {"ended_at/strength", "search/best_added_rank_ic"}


def test_of_another_session_nothing_is_counted(ledger: Ledger) -> None:
    record(ledger, 0, 4)
    assert Course().advance(ledger, "another") == []

"""What the report counts."""

from pathlib import Path

import pytest

from scenario.morning.facts import Facts, Spend, gather
from tests.scenario.morning.ledgers import CONFIRM, HOSTILE, RECORD, SESSION, SETTINGS, STORY, tell


def facts(path: Path, session: str = SESSION, end: str = "target", trouble: str = "") -> Facts:
    with tell(path) as ledger:
        return gather(
            ledger, session, RECORD, end=end, trouble=trouble, spend=Spend(0.25, 9_000, 12),
            settings=SETTINGS, confirm_sessions=CONFIRM,
        )  # fmt: skip


def test_it_counts_by_gate_by_proposer_and_by_idea(tmp_path: Path) -> None:
    told = facts(tmp_path / "ledger.db")
    assert told.total.attempts == len(STORY) + 2
    assert (told.total.accepted, told.total.tested) == (2, 3)
    assert told.funnel["strength"] == 2
    assert told.funnel["validity"] == told.funnel["duplicate"] == 1
    assert sum(told.funnel.values()) + told.total.accepted == told.total.attempts
    assert [(one.name, one.attempts) for one in told.proposers] == [("evolve", 7), ("llm", 5)]
    assert {one.name: one.invalid for one in told.ideas} == {"money leads": 0, HOSTILE: 1}
    assert told.total.best == 0.05


def test_what_nearly_made_it_says_how_much_was_missing(tmp_path: Path) -> None:
    near = {one.expression: one for one in facts(tmp_path / "ledger.db").near}
    assert next(iter(near.values())).gate == "confirm"
    assert near["Std($close, 5)"].measure == "added_t"
    assert (near["Std($close, 5)"].value, near["Std($close, 5)"].needed) == (3.9, 4.0)
    assert "Std($close, 9)" not in near  # a rank IC of 0.001 is not near
    assert near["Mean($turnover, 5)"].value == pytest.approx(3.6 * (120 / 400) ** 0.5)
    assert near["Mean($turnover, 9)"].value == 0.3
    assert near["Mean($low, 9)"].value == -0.001
    assert {one.gate for one in near.values()} == {
        "confirm", "turnover", "halves", "stability", "power", "strength", "correlation",
    }  # fmt: skip


def test_the_pools_skill_grows_with_each_member(tmp_path: Path) -> None:
    growth = facts(tmp_path / "ledger.db").growth
    assert [one.member for one in growth] == ["", "F0001", "F0002"]
    assert growth[0].search == 0
    assert growth[2].search == pytest.approx((0.05**2 + 0.04**2) ** 0.5)
    assert growth[2].confirm == pytest.approx((2 * 0.03**2) ** 0.5)
    assert growth[1].error == pytest.approx(1.96 * 0.01)
    assert [one.attempts for one in growth] == [0, 1, 10]


def test_the_error_budget_before_and_after(tmp_path: Path) -> None:
    told = facts(tmp_path / "ledger.db")
    assert told.before.left == 1
    assert (told.after.tests, told.after.discoveries) == (3, 2)
    assert told.after.left > 1  # discoveries earn


def test_a_long_night_is_drawn_in_few_points(tmp_path: Path) -> None:
    from factor_pool.ledger import Ledger
    from factor_pool.records import Proposal

    with Ledger(tmp_path / "ledger.db") as ledger:
        texts = [Proposal(f"$nothing_{n}", None, "evolve", error="no") for n in range(5_000)]
        ledger.record("s", 0, texts, snapshot="d", label="limit_up_count", seed=1)
        told = gather(
            ledger, "s", RECORD, end="target", trouble="", spend=Spend(), settings=SETTINGS,
            confirm_sessions=CONFIRM,
        )  # fmt: skip
    assert told.total.attempts == 5_000
    assert 40 < len(told.course) < 130
    assert told.course[-1].attempts == 5_000

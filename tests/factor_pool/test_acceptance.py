"""Gates say why, the error budget is kept, and a restart changes nothing."""

import json
import multiprocessing
import random
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data_profile.profile import Field, Profile
from factor_pool.acceptance import NOT_CONFIRMED, Acceptance, Decision
from factor_pool.errors import EvaluationError, LedgerError
from factor_pool.evaluation.yardstick import pool_fingerprint
from factor_pool.gates import Settings
from factor_pool.ledger import Ledger
from factor_pool.records import Attempt, Proposal, Test
from tests.factor_pool import fake_night
from tests.factor_pool.fake_night import WINDOWS, good_figures, strong


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    with Ledger(tmp_path / "ledger.db") as opened:
        yield opened


class Desk:
    """An acceptance over a ledger whose evaluator is a table of answers."""

    def __init__(
        self,
        ledger: Ledger,
        settings: Settings | None = None,
        fields: Mapping[str, Field] | None = None,
    ) -> None:
        self.ledger = ledger
        self.asked: list[tuple[str, str, tuple[str, ...]]] = []
        self.daily: Any = strong
        self.searched: Any = lambda text, pool: good_figures(pool)
        self.acceptance = Acceptance(
            ledger, WINDOWS, self.confirm, search=self.search, settings=settings, who="test",
            fields=fields,
        )  # fmt: skip

    def confirm(self, text: str, pool: Sequence[str]) -> Sequence[float | None]:
        self.asked.append(("confirm", text, tuple(pool)))
        return self.daily(text)

    def search(self, text: str, pool: Sequence[str]) -> dict[str, Any]:
        self.asked.append(("search", text, tuple(pool)))
        return self.searched(text, pool)

    def attempt(self, text: str, figures: dict[str, Any] | None = None) -> Attempt:
        iteration = len(self.ledger.attempts())
        [attempt] = self.ledger.record(
            "night", iteration, [Proposal(text, text, "evolve", "an idea")],
            snapshot="abc", label="limit_up_count", seed=1,
        )  # fmt: skip
        pool = [m.expression for m in self.ledger.members()]
        self.ledger.scored([(attempt.id, figures or good_figures(pool))])
        return self.ledger.attempt(attempt.id)

    def decide(self, text: str, **figures: Any) -> Decision:
        pool = [m.expression for m in self.ledger.members()]
        return self.acceptance.decide(self.attempt(text, good_figures(pool) | figures))


@pytest.fixture
def desk(ledger: Ledger) -> Desk:
    return Desk(ledger)


def test_a_good_factor_enters_the_pool(desk: Desk) -> None:
    decision = desk.decide("Mean($close, 5)")
    assert decision.accepted
    assert decision.member == desk.ledger.members()[0]
    assert decision.member.p_value < 1e-3
    assert [t.discovery for t in desk.ledger.tests()] == [True]
    assert desk.ledger.tests()[0].figures["added_rank_ic"] > 0
    assert desk.ledger.openings("confirm")[0].who == "test"
    assert desk.ledger.openings("confirm")[0].content_hash == "abc"


@pytest.mark.parametrize(
    ("text", "figures", "gate", "reason"),
    [
        ("$close", {"sessions": 249}, "coverage", "Only 249 search sessions"),
        ("$close", {"coverage": 0.2}, "coverage", "for only 20% of the instruments"),
        (" + ".join(f"$f{k}" for k in range(20)), {}, "complexity", "at most 30 and"),
        (
            "$close",
            {"explained": 0.99, "correlations": {"companies": -0.97, "count": 0.4}},
            "baseline_copy",
            "explains 99% of its ranking: it is mostly companies (rank correlation -0.97)",
        ),
        ("$close", {"added_rank_ic": 0.004}, "strength", "its rank IC is +0.0040"),
        ("$close", {"added_t_hac": -2.0}, "strength", "has a t of -2.0"),
        ("$close", {"added_rank_ic": None}, "strength", "nothing of it could be measured"),
        ("$close", {"added_t_hac": 4.0, "sessions": 1000}, "power", "would show a t of about 1.5"),
        (
            "$close",
            {"same_sign_share": 0.5, "periods": {"2023": 0.1, "2024": -0.1}},
            "stability",
            "in only 50% of 2 periods",
        ),
        ("$close", {"halves": {"a": 0.05, "b": -0.01}}, "halves", "+0.0500 and -0.0100"),
        ("$close", {"halves": {"a": 0.05, "b": None}}, "halves", "+0.0500 and none"),
        ("$close", {"rank_autocorrelation": -0.4}, "turnover", "is -0.40"),
        ("$close", {"rank_autocorrelation": None}, "turnover", "is undefined"),
    ],
)  # fmt: skip
def test_each_gate_says_why(
    desk: Desk, text: str, figures: dict[str, Any], gate: str, reason: str
) -> None:
    decision = desk.decide(text, **figures)
    assert not decision.accepted
    assert decision.gate == gate
    assert reason in decision.reason
    assert desk.ledger.funnel() == {gate: 1}
    assert desk.ledger.attempt(1).reason == decision.reason
    assert not desk.asked  # the confirm window stayed closed
    assert not desk.ledger.openings()


@pytest.mark.parametrize(
    ("text", "gate", "reason"),
    [
        ("$nothing", "validity", "It is no valid expression: "),
        ("$close + $turnover", "validity", "It is no valid expression: "),
        ("Mean($lhb_count, 5)", "availability", "$lhb_count, which is known at 18:10; the forec"),
        ("$segment", "availability", "$segment, which is bookkeeping"),
    ],
)
def test_fields_must_be_known_when_the_forecast_is_made(
    ledger: Ledger, text: str, gate: str, reason: str
) -> None:
    desk = Desk(ledger, fields=Profile.load().fields)
    decision = desk.decide(text)
    assert decision.gate == gate
    assert reason in decision.reason
    assert not desk.asked
    assert desk.decide("Mean($close, 5)").accepted


def test_pool_copies_are_named(desk: Desk) -> None:
    desk.decide("$close")
    near = desk.decide("$open", max_pool_correlation=0.8, closest_member=0)
    assert near.gate == "correlation"
    assert "correlate 0.80 in size with pool factor F0001 ($close)" in near.reason
    copy = desk.decide("0 - $close", max_pool_correlation=1.0, closest_member=0)
    assert "exactly as pool factor F0001, or exactly the other way round" in copy.reason


def test_a_retired_member_does_not_come_back_by_itself(desk: Desk) -> None:
    desk.decide("$close")
    desk.ledger.set_status("F0001", "retired", "worn out")
    [again] = desk.ledger.record(
        "later", 0, [Proposal("$close", "$close", "evolve")],
        snapshot="def", label="limit_up_count", seed=1,
    )  # fmt: skip
    desk.ledger.scored([(again.id, good_figures([]))])
    decision = desk.acceptance.decide(again)
    assert (decision.gate, decision.reason) == (
        "novelty",
        "It is pool factor F0001 itself (retired).",
    )


def test_a_factor_measured_before_the_pool_grew_is_measured_again(desk: Desk) -> None:
    late = desk.attempt("$open")  # measured against an empty pool
    desk.ledger.judged(late.id, "failed")  # makes room for the order of decisions
    desk.decide("$close")
    stale = desk.attempt("$high", good_figures([]))
    desk.searched = lambda text, pool: good_figures(pool) | {
        "max_pool_correlation": 0.9, "closest_member": 0,
    }  # fmt: skip
    decision = desk.acceptance.decide(stale)
    assert desk.asked[-1] == ("search", "$high", ("$close",))
    assert decision.gate == "correlation"
    assert desk.ledger.attempt(stale.id).figures["max_pool_correlation"] == 0.9


def test_confirm_is_one_sided_in_the_direction_of_search(desk: Desk) -> None:
    desk.daily = lambda text: [-x for x in strong(text)]
    assert desk.decide(
        "$close", sign=-1, added_rank_ic=-0.05, halves={"a": -0.1, "b": -0.1}
    ).accepted
    desk.daily = strong
    flipped = desk.decide("$open", sign=-1, added_rank_ic=-0.05, halves={"a": -0.1, "b": -0.1})
    assert flipped.gate == "confirm"
    assert desk.ledger.tests()[-1].p_value > 0.99


def test_what_is_not_confirmed_is_rejected_without_a_number(desk: Desk) -> None:
    desk.daily = lambda text: [0.001, -0.001] * 60
    decision = desk.decide("$close")
    assert decision.gate == "confirm"
    assert not any(character.isdigit() for character in decision.reason)
    assert len(desk.ledger.tests()) == 1


def test_too_short_a_confirm_is_no_test(desk: Desk) -> None:
    desk.daily = lambda text: [None] * 100 + [0.1] * 30
    decision = desk.decide("$close")
    assert (decision.gate, decision.reason) == ("confirm", NOT_CONFIRMED)  # no more is told
    assert not desk.ledger.tests()


def test_what_is_close_to_a_failure_gets_no_test(desk: Desk) -> None:
    """As close as no member of the pool may be to another."""
    limit = desk.acceptance.settings.max_correlation
    desk.daily = lambda text: [0.001, -0.001] * 60
    desk.decide("$close")
    desk.daily = strong
    for text, correlation, tests in (("$open", limit, 1), ("$high", limit - 0.01, 2)):
        desk.searched = lambda text, pool, found=correlation: good_figures(pool) | {
            "max_pool_correlation": found, "closest_member": 0,
        }  # fmt: skip
        decision = desk.decide(text)
        assert len(desk.ledger.tests()) == tests
        if tests == 1:
            assert decision.gate == "kin"
            assert "correlate 0.70 in size with attempt 1" in decision.reason
        else:
            assert decision.accepted


@pytest.mark.parametrize("reopened", [False, True])
def test_the_most_alike_failures_are_asked_first_and_then_the_others(
    ledger: Ledger, reopened: bool
) -> None:
    desk = Desk(ledger, Settings(failures_compared=5, min_same_sign=0.0))
    desk.daily = lambda text: [0.001, -0.001] * 60
    for k in range(6):  # the sixth of the failures is the least alike
        desk.searched = lambda text, pool: good_figures(pool)
        desk.decide(f"$f{k}", correlations={"companies": 0.1 * k})
    if reopened:
        desk = Desk(ledger, desk.acceptance.settings)
    del desk.asked[:]
    desk.daily = strong
    desk.searched = lambda text, pool: (
        good_figures(pool)
        | {
            "max_pool_correlation": 0.95 if "$f4" in pool else 0.2,
            "closest_member": len(pool) - 1,
        }
    )
    decision = desk.decide("$open", correlations={"companies": 0.0})
    assert [pool for _, _, pool in desk.asked] == [("$f0", "$f1", "$f2"), ("$f3", "$f4")]
    assert decision.gate == "kin"
    assert "with attempt 5" in decision.reason
    del desk.asked[:]
    desk.decide("$high", correlations={"companies": 0.45})
    assert [pool for _, _, pool in desk.asked] == [("$f4", "$f5", "$f3")]


def test_a_failing_evaluator_ends_the_attempt_not_the_night(desk: Desk) -> None:
    def broken(text: str) -> list[float]:
        raise EvaluationError("timeout after 60 s")

    desk.daily = broken
    decision = desk.decide("$close")
    assert decision.gate == "evaluation"
    assert desk.ledger.attempt(1).stage == "failed"
    desk.daily = strong
    assert desk.decide("$open").accepted


@pytest.mark.parametrize(
    "figures",
    [
        {},
        {"added_t_hac": "9"},
        {"added_t_hac": True},
        {"coverage": None},
        {"halves": 3},
        {"halves": {"a": "x", "b": 1}},
        {"same_sign_share": float("inf")},
        {"closest_member": 7},
        {"closest_member": 0.5},
    ],
)
def test_figures_of_a_broken_worker_are_refused(desk: Desk, figures: dict[str, Any]) -> None:
    whole = good_figures([]) | figures if figures else {"sessions": 1}
    attempt = desk.attempt("$close")
    decision = desk.acceptance.decide(attempt, whole)
    assert not decision.accepted
    assert decision.gate == "evaluation"


def test_decisions_follow_the_order_of_the_ledger(desk: Desk) -> None:
    first, second = desk.attempt("$close"), desk.attempt("$open")
    with pytest.raises(LedgerError, match=f"attempt {first.id} has not ended and comes before"):
        desk.acceptance.decide(second)
    assert desk.acceptance.decide(first).accepted
    assert desk.acceptance.decide(second).accepted


def test_deciding_again_returns_what_was_decided(desk: Desk) -> None:
    attempt = desk.attempt("$close")
    weak = desk.attempt("$open", good_figures([]) | {"coverage": 0.1})
    decisions = [desk.acceptance.decide(one) for one in (attempt, weak)]
    before = len(desk.asked)
    assert [desk.acceptance.decide(one) for one in (attempt, weak)] == decisions
    assert len(desk.asked) == before
    assert len(desk.ledger.tests()) == 1


def test_every_test_is_read_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """From some thousand tests on, reading and replaying all took longer than a test."""
    read: list[int] = []
    tests = Ledger.tests

    def counted(ledger: Ledger, after: int = 0) -> list[Test]:
        found = tests(ledger, after)
        read.append(len(found))
        return found

    monkeypatch.setattr(Ledger, "tests", counted)
    for text in ("$close", "$open", "$high"):
        desk.acceptance.decide(desk.attempt(text))
        desk.acceptance.budget_left()
    assert sum(read) == len(tests(desk.ledger)) > 0


def test_a_budget_is_spent_when_no_p_value_reaches_its_level(ledger: Ledger) -> None:
    assert not Desk(ledger, Settings()).acceptance.spent()
    poor = Desk(ledger, Settings(fdr=5e-5))
    assert poor.acceptance.budget_left() == 1.0
    assert poor.acceptance.spent()


def test_settings_are_checked() -> None:
    with pytest.raises(EvaluationError, match="rule must be addis or lord"):
        Settings(rule="saffron")
    with pytest.raises(EvaluationError, match=r"fdr must lie in \(0, 1\), got 2"):
        Settings(fdr=2)


def dump(path: Path) -> str:
    """All of a ledger but its instants and the log of openings, as text."""
    with Ledger(path, readonly=True) as ledger:
        attempts = [
            replace(a, recorded_at=None, judged_at=None)  # type: ignore[arg-type]
            for a in ledger.attempts()
        ]
        members = [replace(m, accepted_at=None) for m in ledger.members()]  # type: ignore[arg-type]
        rows = [attempts, ledger.tests(), members, ledger.funnel(), ledger.pool_version()]
    return json.dumps(rows, default=vars, sort_keys=True)


def test_killed_at_any_moment_the_night_ends_the_same(tmp_path: Path) -> None:
    fake_night.run(tmp_path / "calm.db")
    expected = dump(tmp_path / "calm.db")
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.factor_pool.fake_night", "arch.bootstrap"])
    rng = random.Random(2)
    for _ in range(14):
        miner = processes.Process(target=fake_night.run, args=(tmp_path / "wild.db",))
        miner.start()
        miner.join(rng.uniform(0.05, 0.5))
        miner.kill()
        miner.join()
    killed = miner.exitcode == -signal.SIGKILL
    fake_night.run(tmp_path / "wild.db")
    assert killed  # or the whole night was shorter than the kills
    assert dump(tmp_path / "wild.db") == expected
    assert '"stage": "accepted"' in expected
    assert '"gate": "confirm"' in expected
    assert '"gate": "kin"' in expected


def test_fingerprint_is_of_texts_in_order() -> None:
    assert pool_fingerprint(["a", "b"]) != pool_fingerprint(["b", "a"])
    assert 0 <= pool_fingerprint([]) < 2**48


def test_a_batch_is_decided_as_one_by_one(ledger: Ledger) -> None:
    desk = Desk(ledger)
    weak, good, copy = (
        desk.attempt("$open", good_figures([]) | {"added_t_hac": 1.0}),
        desk.attempt("$close"),
        desk.attempt("$high", good_figures([]) | {"coverage": 0.2}),
    )
    batch = [weak, good, copy]
    decisions = desk.acceptance.decide_batch(batch, [one.figures for one in batch])
    assert [one.gate for one in decisions] == ["strength", None, "coverage"]
    assert [ledger.attempt(one.id).stage for one in (weak, good, copy)] == [
        "rejected",
        "accepted",
        "rejected",
    ]
    with pytest.raises(LedgerError, match="has ended"):
        desk.acceptance.decide_batch([good], [good.figures])
    assert len(ledger.tests()) == 1


def test_what_was_measured_is_kept_while_a_test_runs(ledger: Ledger) -> None:
    desk = Desk(ledger)
    texts = ("$open", "$close", "$high")
    batch = ledger.record(
        "night", 0, [Proposal(text, text, "evolve") for text in texts],
        snapshot="abc", label="limit_up_count", seed=1,
    )  # fmt: skip
    figures = [good_figures([]) | {"added_t_hac": t} for t in (1.0, 6.0, 1.0)]
    seen: list[list[str]] = []

    def look(text: str) -> Sequence[float | None]:
        seen.append([one.stage for one in ledger.attempts()])
        return strong(text)

    desk.daily = look
    desk.acceptance.decide_batch(batch, figures)
    assert seen == [["rejected", "scored", "scored"]]
    assert [one.stage for one in ledger.attempts()] == ["rejected", "accepted", "rejected"]
    assert [one.figures["added_t_hac"] for one in ledger.attempts()] == [1.0, 6.0, 1.0]

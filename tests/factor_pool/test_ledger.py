"""The ledger forgets nothing, counts nothing twice, and survives its writer's death."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from factor_pool.errors import LedgerError
from factor_pool.ledger import Ledger
from factor_pool.records import FINAL_STAGES, Attempt, Proposal, Test

DATA = {"snapshot": "abc", "label": "limit_up_count", "seed": 1}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    with Ledger(tmp_path / "ledger.db") as opened:
        yield opened


def idea(text: str, canonical: str | None = "same") -> Proposal:
    return Proposal(text, text if canonical == "same" else canonical, "evolve", "an idea", "why")


def record(ledger: Ledger, iteration: int, *texts: str, **changes: object) -> list[Attempt]:
    return ledger.record("night", iteration, [idea(t) for t in texts], **(DATA | changes))  # type: ignore[arg-type]


def confirmed_by(ledger: Ledger, attempt: Attempt, p: float = 0.001, level: float = 0.01) -> Test:
    return Test(len(ledger.tests()) + 1, attempt.id, "addis", p, level, p <= level, {"n": 9})


def accept(ledger: Ledger, attempt: Attempt, sign: int = 1) -> str:
    ledger.scored([(attempt.id, {"rank_ic": 0.1})])
    return ledger.accept(attempt.id, confirmed_by(ledger, attempt), sign=sign).id


def test_an_attempt_is_there_before_it_is_judged(ledger: Ledger) -> None:
    [attempt] = record(ledger, 0, "$close")
    assert ledger.attempt(attempt.id) == attempt
    assert attempt.stage == "proposed"
    assert attempt.recorded_at.utcoffset() is not None
    assert attempt.judged_at is None
    assert (attempt.hypothesis, attempt.idea, attempt.seed) == ("an idea", "why", 1)


def test_every_stage_from_proposal_to_pool(ledger: Ledger) -> None:
    first, second, third = record(ledger, 0, "$a", "$b", "$c")
    ledger.scored([(first.id, {"rank_ic": 0.1}), (second.id, {"rank_ic": None})])
    assert [a.stage for a in ledger.attempts()] == ["scored", "scored", "proposed"]
    assert [a.id for a in ledger.pending("night")] == [first.id, second.id, third.id]
    ledger.judged(second.id, "rejected", gate="strength", reason="Too weak.")
    ledger.judged(third.id, "failed", gate="evaluation", reason="timeout")
    member = ledger.accept(first.id, confirmed_by(ledger, first), sign=-1)
    assert (member.id, member.expression, member.sign, member.status) == (
        "F0001",
        "$a",
        -1,
        "active",
    )
    assert member.figures == {"rank_ic": 0.1}
    assert ledger.attempt(second.id).reason == "Too weak."
    assert ledger.attempt(second.id).figures == {"rank_ic": None}
    assert ledger.pending("night") == []
    assert ledger.funnel() == {"evaluation": 1, "strength": 1}
    assert ledger.count(stage="accepted") == 1


def test_recording_again_changes_nothing_and_other_proposals_are_refused(ledger: Ledger) -> None:
    first = record(ledger, 3, "$a", "$b")
    assert record(ledger, 3, "$a", "$b") == first
    assert ledger.count() == 2
    with pytest.raises(LedgerError, match="iteration 3 already holds other proposals"):
        record(ledger, 3, "$a", "$c")


def test_a_duplicate_is_answered_by_the_first(ledger: Ledger) -> None:
    [first] = record(ledger, 0, "$a")
    ledger.judged(first.id, "rejected", gate="strength", reason="Too weak.")
    again, new, twice = record(ledger, 1, "$a", "$b", "$b")
    assert (again.stage, again.gate, again.duplicate_of) == ("duplicate", "duplicate", first.id)
    assert "Too weak." in str(again.reason)
    assert (new.stage, twice.stage, twice.duplicate_of) == ("proposed", "duplicate", new.id)
    assert "it is proposed" in str(twice.reason)
    assert ledger.count() == 4


def test_other_data_or_label_is_no_duplicate(ledger: Ledger) -> None:
    record(ledger, 0, "$a")
    assert record(ledger, 1, "$a", snapshot="def")[0].stage == "proposed"
    assert record(ledger, 2, "$a", label="limit_up_surge")[0].stage == "proposed"


def test_an_invalid_text_is_counted_with_its_error(ledger: Ledger) -> None:
    bad = Proposal("Mean(", None, "llm", error="unclosed bracket")
    first, second = ledger.record("night", 0, [bad, bad], **DATA)  # type: ignore[arg-type]
    assert (first.stage, first.gate, first.reason) == ("invalid", "validity", "unclosed bracket")
    assert second.stage == "invalid"


def test_an_end_is_final(ledger: Ledger) -> None:
    first, second = record(ledger, 0, "$a", "$b")
    ledger.judged(first.id, "rejected", gate="g", reason="r")
    ledger.judged(first.id, "rejected", gate="g", reason="r")  # again: nothing happens
    with pytest.raises(LedgerError, match="is rejected and cannot become accepted"):
        ledger.accept(first.id, confirmed_by(ledger, first), sign=1)
    with pytest.raises(LedgerError, match="is unknown or ended"):
        ledger.scored([(first.id, {})])
    with pytest.raises(LedgerError, match="ends as invalid, failed or rejected"):
        ledger.judged(second.id, "accepted")
    with pytest.raises(LedgerError, match="no attempt 99"):
        ledger.judged(99, "rejected")


def test_accepting_again_returns_the_member(ledger: Ledger) -> None:
    [attempt] = record(ledger, 0, "$a")
    test = confirmed_by(ledger, attempt)
    member = ledger.accept(attempt.id, test, sign=1)
    assert ledger.accept(attempt.id, test, sign=1) == member
    assert len(ledger.tests()) == len(ledger.members()) == 1


def test_a_failed_acceptance_leaves_nothing(ledger: Ledger) -> None:
    [first] = record(ledger, 0, "$a")
    accept(ledger, first)
    [again] = record(ledger, 1, "$a", snapshot="def")
    with pytest.raises(LedgerError, match="refused an entry"):  # the factor is in the pool
        ledger.accept(again.id, confirmed_by(ledger, again), sign=1)
    assert ledger.attempt(again.id).stage == "proposed"
    assert len(ledger.tests()) == 1


def test_tests_have_no_gaps_and_two_miners_are_noticed(ledger: Ledger) -> None:
    first, second = record(ledger, 0, "$a", "$b")
    stale = confirmed_by(ledger, second, p=0.5)
    weak = confirmed_by(ledger, first, 0.4)
    ledger.judged(first.id, "rejected", gate="confirm", reason="r", test=weak)
    with pytest.raises(LedgerError, match="another process mines with this ledger"):
        ledger.judged(second.id, "rejected", gate="confirm", reason="r", test=stale)
    ledger.judged(
        second.id, "rejected", gate="confirm", reason="r", test=confirmed_by(ledger, second, 0.5)
    )
    assert [(t.position, t.p_value, t.discovery) for t in ledger.tests()] == [
        (1, 0.4, False),
        (2, 0.5, False),
    ]


def test_a_test_that_contradicts_itself_is_refused(ledger: Ledger) -> None:
    [attempt] = record(ledger, 0, "$a")
    wrong = Test(1, attempt.id, "addis", 0.5, 0.01, True)
    with pytest.raises(LedgerError, match="refused an entry"):
        ledger.accept(attempt.id, wrong, sign=1)


def test_figures_must_be_json(ledger: Ledger) -> None:
    [attempt] = record(ledger, 0, "$a")
    with pytest.raises(LedgerError, match="finite numbers"):
        ledger.scored([(attempt.id, {"rank_ic": float("nan")})])


def test_outbox(ledger: Ledger) -> None:
    first, second = record(ledger, 0, "$a", "$b")
    ids = [accept(ledger, first), accept(ledger, second)]
    assert [m.id for m in ledger.unpublished()] == ids
    ledger.published(ids[0], "run-1")
    ledger.published(ids[0], "run-1")
    assert [m.id for m in ledger.unpublished()] == [ids[1]]
    with pytest.raises(LedgerError, match="published as run run-1, not run-2"):
        ledger.published(ids[0], "run-2")
    with pytest.raises(LedgerError, match="no factor 'F9999'"):
        ledger.published("F9999", "run")


def test_status_changes_are_kept_with_their_reasons(ledger: Ledger) -> None:
    member = accept(ledger, record(ledger, 0, "$a")[0])
    assert ledger.set_status(member, "retired", "worn out").status == "retired"
    ledger.set_status(member, "retired", "again")
    assert [(s, r) for _, s, r in ledger.history(member)] == [
        ("active", "accepted"),
        ("retired", "worn out"),
    ]
    assert ledger.members() == []
    assert [m.id for m in ledger.members(status=None)] == [member]
    assert ledger.member_of("$a", "limit_up_count") == ledger.member(member)
    assert ledger.pool_version() == 2
    with pytest.raises(LedgerError, match="not 'gone'"):
        ledger.set_status(member, "gone", "")


def test_openings_say_who_why_and_of_what(ledger: Ledger) -> None:
    accept(ledger, record(ledger, 0, "$a")[0])
    ledger.opened("confirm", "night", "test of attempt 1", content_hash="abc")
    opening = ledger.opened("sealed", "owner", "the end of the year", content_hash="def")
    assert ledger.openings()[1] == opening == ledger.openings("sealed")[0]
    assert (opening.who, opening.why, opening.pool_version) == ("owner", "the end of the year", 1)
    with pytest.raises(LedgerError, match="not 'search'"):
        ledger.opened("search", "x", "y")


def test_attempts_are_filtered_and_paged(ledger: Ledger) -> None:
    rows = record(ledger, 0, *(f"$f{k}" for k in range(10)))
    ledger.judged(rows[4].id, "rejected", gate="strength", reason="r")
    assert [a.id for a in ledger.attempts(after=rows[6].id)] == [a.id for a in rows[7:]]
    assert [a.id for a in ledger.attempts(limit=3)] == [a.id for a in rows[:3]]
    assert [a.id for a in ledger.attempts(gate="strength")] == [rows[4].id]
    assert ledger.attempts(session="other") == []
    assert ledger.sessions() == ["night"]


def test_small_state(ledger: Ledger) -> None:
    assert ledger.state("night", "arm", default=7) == 7
    ledger.set_state("night", "arm", {"潮": [1, None]})
    ledger.set_state("night", "arm", {"潮": [2, None]})
    assert ledger.state("night", "arm") == {"潮": [2, None]}


def test_hostile_text_is_only_text(ledger: Ledger) -> None:
    text = "'); DROP TABLE attempts; -- \u202e\n%s {} 涨停"
    [attempt] = ledger.record(text, 0, [Proposal(text, text, text, text, text)], **DATA)  # type: ignore[arg-type]
    assert (attempt.text, attempt.canonical, attempt.session) == (text, text, text)
    assert ledger.count(session=text) == 1


def test_a_reader_works_beside_the_writer(tmp_path: Path, ledger: Ledger) -> None:
    record(ledger, 0, "$a")
    with Ledger(tmp_path / "ledger.db", readonly=True) as reader:
        assert reader.count() == 1
        record(ledger, 1, "$b")
        assert reader.count() == 2
        with pytest.raises(LedgerError, match="readonly"):
            record(reader, 2, "$c")


def test_files_that_are_no_ledger_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="nothing has been mined"):
        Ledger(tmp_path / "none.db", readonly=True)
    (tmp_path / "text.db").write_text("not a database, but long enough to be read as one" * 50)
    with pytest.raises(LedgerError, match="cannot open the ledger"):
        Ledger(tmp_path / "text.db")
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE t(x)")
    with pytest.raises(LedgerError, match="database of something else"):
        Ledger(tmp_path / "other.db")


def test_a_ledger_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger.db").close()
    with sqlite3.connect(tmp_path / "ledger.db") as raw:
        raw.execute("PRAGMA user_version=99")
    with pytest.raises(LedgerError, match="format 99, this program knows up to 2"):
        Ledger(tmp_path / "ledger.db")


class LedgerMachine(RuleBasedStateMachine):
    """Any order of calls keeps the ledger's promises."""

    @initialize()
    def start(self) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.db"
        self.ledger = Ledger(self.path)
        self.iteration = 0
        self.recorded = 0

    @rule(names=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4))
    def propose(self, names: list[str]) -> None:
        record(self.ledger, self.iteration, *(f"${n}" for n in names))
        self.iteration += 1
        self.recorded += len(names)

    @rule(data=st.data(), how=st.sampled_from(["score", "reject", "fail", "test", "accept"]))
    def move(self, data: st.DataObject, how: str) -> None:
        pending = self.ledger.pending("night")
        if not pending:
            return
        attempt = data.draw(st.sampled_from(pending))
        if how == "score":
            self.ledger.scored([(attempt.id, {"x": 1})])
        elif how == "accept":
            self.ledger.accept(attempt.id, confirmed_by(self.ledger, attempt), sign=1)
        elif how == "test":
            test = confirmed_by(self.ledger, attempt, p=0.5)
            self.ledger.judged(attempt.id, "rejected", gate="confirm", reason="r", test=test)
        else:
            stage = {"reject": "rejected", "fail": "failed"}[how]
            self.ledger.judged(attempt.id, stage, gate=how, reason="r")

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.ledger = Ledger(self.path)

    @invariant()
    def promises(self) -> None:
        ledger = self.ledger
        attempts, tests, members = ledger.attempts(), ledger.tests(), ledger.members()
        assert len(attempts) == ledger.count() == self.recorded
        held = [a.canonical for a in attempts if a.stage != "duplicate"]
        assert len(held) == len(set(held))
        assert [t.position for t in tests] == list(range(1, len(tests) + 1))
        accepted = [a.id for a in attempts if a.stage == "accepted"]
        assert sorted(m.attempt_id for m in members) == accepted
        assert [m.id for m in members] == [f"F{k + 1:04d}" for k in range(len(members))]
        assert {t.attempt_id for t in tests if t.discovery} == set(accepted)
        assert all((a.judged_at is not None) == (a.stage in FINAL_STAGES) for a in attempts)

    def teardown(self) -> None:
        self.ledger.close()
        self.folder.cleanup()


LedgerMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestLedgerMachine = LedgerMachine.TestCase


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none()
        | st.integers(-(2**53), 2**53)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    )
)
def test_state_returns_what_was_put(tmp_path: Path, value: object) -> None:
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.set_state("s", "k", value)
        assert ledger.state("s", "k") == value


WRITER = """
import sys
from pathlib import Path
from factor_pool.ledger import Ledger
from factor_pool.records import Proposal, Test

ledger = Ledger(Path(sys.argv[1]))
data = dict(snapshot="abc", label="limit_up_count", seed=1)
iteration = 0
while True:
    texts = [f"$f{iteration}_{k}" for k in range(5)]
    batch = ledger.record("night", iteration, [Proposal(t, t, "evolve") for t in texts], **data)
    print("recorded", batch[-1].id, flush=True)
    ledger.scored([(a.id, {"x": 1}) for a in batch if a.stage == "proposed"])
    for a in batch:
        if ledger.attempt(a.id).stage == "accepted" or ledger.attempt(a.id).stage == "rejected":
            continue
        position = len(ledger.tests()) + 1
        if a.position % 2:
            ledger.judged(a.id, "rejected", gate="confirm", reason="r",
                          test=Test(position, a.id, "addis", 0.5, 0.01, False))
        else:
            member = ledger.accept(a.id, Test(position, a.id, "addis", 0.001, 0.01, True), sign=1)
            print("accepted", member.id, flush=True)
    iteration += 1
"""


def test_kill_9_at_random_moments_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    path, rng = tmp_path / "ledger.db", random.Random(1)
    recorded, accepted = 0, set()
    for _ in range(12):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert writer.stdout is not None
        said = [writer.stdout.readline()]  # it is at work
        time.sleep(rng.uniform(0.0, 0.15))
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.readlines()
        writer.wait()
        for line in said:
            if not line.endswith("\n"):
                continue  # cut short by the kill
            kind, _, value = line.strip().partition(" ")
            if kind == "recorded":
                recorded = max(recorded, int(value))
            elif kind == "accepted":
                assert value not in accepted
                accepted.add(value)
        with sqlite3.connect(path) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        with Ledger(path) as ledger:
            assert ledger.count() >= recorded
            members = {m.id for m in ledger.members()}
            assert accepted <= members
            accepted = members  # the last may have been killed before it was announced
            positions = [t.position for t in ledger.tests()]
            assert positions == list(range(1, len(positions) + 1))
    with Ledger(path) as ledger:
        attempts = ledger.attempts()
        assert [a.id for a in attempts] == list(range(1, len(attempts) + 1))
        assert len({a.canonical for a in attempts}) == len(attempts)
        undecided = [a for a in attempts if a.stage not in FINAL_STAGES]
        assert {a.iteration for a in undecided} <= {attempts[-1].iteration}


def test_a_ledger_of_the_first_format_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        record(ledger, 0, "$close")
        ledger.opened("sealed", "ann", "to see")
    with sqlite3.connect(path) as raw:  # what the first format lacked
        raw.execute("DROP INDEX one_attempt")
        raw.execute("DROP TABLE borders")
        for table, column in (
            ("attempts", "borders"), ("attempts", "prompts"),
            ("openings", "first"), ("openings", "last"),
        ):  # fmt: skip
            raw.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        raw.execute(
            "CREATE UNIQUE INDEX one_attempt ON attempts(canonical, snapshot, label)"
            " WHERE canonical IS NOT NULL AND stage != 'duplicate'"
        )
        raw.execute("PRAGMA user_version=1")
    with pytest.raises(LedgerError, match="older format 1"):
        Ledger(path, readonly=True)
    with Ledger(path) as ledger:
        assert [a.borders for a in ledger.attempts()] == [1]
        assert ledger.openings()[0].first is None
        assert record(ledger, 1, "$close")[0].stage == "duplicate"
        assert ledger.borders() == []

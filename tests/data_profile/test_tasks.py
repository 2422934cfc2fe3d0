"""When a task is due, how it is run, and what is written down of it."""

import datetime
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from data_profile.collector import CollectorError, held
from data_profile.home import Home
from data_profile.journal import Fetch, Journal
from data_profile.schedule import SHANGHAI, ScheduleError
from data_profile.service import Runner, run_due
from data_profile.tasks import Task, due_task, note_missed_tasks, run_task
from tests.data_profile import fake_tasks, killed
from tests.data_profile.fake_tasks import FAILING, FIRST, MONTHLY, MORNING, SECOND

THURSDAY, FRIDAY = datetime.date(2026, 11, 19), datetime.date(2026, 11, 20)
MONDAY = datetime.date(2026, 11, 23)
MONTH_END, DECEMBER = datetime.date(2026, 11, 30), datetime.date(2026, 12, 1)
ALL = (MORNING, FIRST, SECOND, MONTHLY)


def at(day: datetime.date, clock: str) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time.fromisoformat(clock), SHANGHAI)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db") as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def ran(
    journal: Journal, day: datetime.date, step: str, when: str, state: str = "complete"
) -> None:
    journal.begin(day, step, at(day, when))
    journal.end(day, step, state, at(day, when))  # type: ignore[arg-type]


def name(
    journal: Journal, day: datetime.date, clock: str, tasks: tuple[Task, ...] = ALL
) -> str | None:
    found = due_task(journal, tasks, at(day, clock))
    return found and f"{found[0]} {found[1].name}"


def test_a_task_is_due_from_when_it_opens_until_it_is_too_late(journal: Journal) -> None:
    only = (FIRST,)
    assert name(journal, FRIDAY, "15:44", only) is None
    assert name(journal, FRIDAY, "15:45", only) == "2026-11-20 first"
    assert name(journal, FRIDAY, "23:59", only) == "2026-11-20 first"
    assert name(journal, MONDAY, "09:14", only) == "2026-11-20 first", "over the weekend"
    assert name(journal, MONDAY, "09:16", only) is None
    assert name(journal, FRIDAY, "14:59", (MORNING,)) == "2026-11-20 morning"
    assert name(journal, FRIDAY, "15:00", (MORNING,)) is None


def test_they_come_in_the_order_of_their_table(journal: Journal) -> None:
    assert name(journal, FRIDAY, "16:00") == "2026-11-20 first"
    ran(journal, FRIDAY, "first", "16:00")
    assert name(journal, FRIDAY, "16:01") == "2026-11-20 second"
    ran(journal, FRIDAY, "second", "16:01")
    assert name(journal, FRIDAY, "16:02") is None


def test_a_failure_is_tried_again_later_and_when_a_step_before_it_has_ended(
    journal: Journal,
) -> None:
    ran(journal, FRIDAY, "first", "15:45", "failed")
    only = (FIRST,)
    assert name(journal, FRIDAY, "15:54", only) is None
    assert name(journal, FRIDAY, "15:55", only) == "2026-11-20 first"
    for when in ("15:55", "16:15", "16:55"):
        ran(journal, FRIDAY, "first", when, "failed")
    assert name(journal, FRIDAY, "23:00", only) is None, "a person has to look"
    ran(journal, FRIDAY, "recollect", "17:00", "partial")
    assert name(journal, FRIDAY, "17:01", only) == "2026-11-20 first", "there may be data now"


def test_what_is_refreshed_is_done_again_though_it_was_complete(journal: Journal) -> None:
    ran(journal, FRIDAY, "first", "15:45")
    ran(journal, FRIDAY, "second", "15:50")
    ran(journal, FRIDAY, "recollect", "16:50")
    ran(journal, FRIDAY, "lists", "18:10")
    assert name(journal, FRIDAY, "18:11", (FIRST,)) is None
    assert name(journal, FRIDAY, "18:11", (FIRST, SECOND)) == "2026-11-20 second"


def test_a_refusal_that_nobody_has_mended_is_not_repeated(journal: Journal) -> None:
    journal.begin(FRIDAY, "first", at(FRIDAY, "15:45"))
    journal.fetched(FRIDAY, "first", Fetch("wecom", "gone", "no such key", at(FRIDAY, "15:45")))
    journal.end(FRIDAY, "first", "failed", at(FRIDAY, "15:45"))
    assert name(journal, FRIDAY, "18:00", (FIRST,)) is None


def test_an_interrupted_task_is_due_at_once(journal: Journal) -> None:
    journal.begin(FRIDAY, "first", at(FRIDAY, "15:45"))
    assert name(journal, FRIDAY, "15:46", (FIRST,)) == "2026-11-20 first"


def test_once_a_month_and_later_where_the_machine_slept(journal: Journal) -> None:
    only = (MONTHLY,)
    assert name(journal, FRIDAY, "19:00", only) == "2026-11-20 monthly", "never done"
    ran(journal, FRIDAY, "monthly", "19:00")
    assert name(journal, MONDAY, "19:00", only) is None
    assert name(journal, MONTH_END, "19:00", only) == "2026-11-30 monthly", "for December"
    assert name(journal, DECEMBER, "19:00", only) == "2026-12-01 monthly", "it slept"
    ran(journal, DECEMBER, "monthly", "19:00", "failed")
    assert name(journal, datetime.date(2026, 12, 2), "19:00", only) == "2026-12-02 monthly"


def test_what_was_missed_is_written_down_once(journal: Journal) -> None:
    said: list[str] = []
    note_missed_tasks(journal, ALL, at(FRIDAY, "18:30"), said.append)
    assert said == [], "before the first run nothing can be missed"
    ran(journal, THURSDAY, "first", "15:46")
    for _ in range(2):
        note_missed_tasks(journal, ALL, at(MONDAY, "10:00"), said.append)
    assert [line.split(";")[0] for line in said] == [
        "2026-11-19 second: missed",
        "2026-11-20 morning: missed",
        "2026-11-20 first: missed",
        "2026-11-20 second: missed",
    ]


def test_a_run_is_a_process_of_its_own_and_leaves_a_record(home: Home) -> None:
    for _ in range(2):
        report = run_task(home, FRIDAY, FIRST, now=fake_tasks.evening)
    assert (report.state, report.note) == ("complete", "well")
    lines = [line.split() for line in (home.root / "done").read_text().splitlines()]
    assert [line[:2] for line in lines] == [["2026-11-20", "18:30"]] * 2
    assert len({line[2] for line in lines}) == 2
    with Journal(home.journal) as journal:
        record = journal.record(FRIDAY, "first")
    assert record is not None
    assert (record.state, record.runs, record.note) == ("complete", 2, "well")


@pytest.mark.parametrize(
    ("work", "minutes", "says"),
    [
        (fake_tasks.badly, 1, "no model"),
        (fake_tasks.faulty, 1, "ended with status 1"),
        (fake_tasks.crashing, 1, "ended with status 7"),
        (fake_tasks.hanging, 0, "no result within 0 minutes"),
    ],
)
def test_whatever_happens_in_it_is_a_failure_with_a_reason(
    home: Home, work: object, minutes: int, says: str
) -> None:
    task = replace(FIRST, work=work, minutes=minutes)  # type: ignore[arg-type]
    report = run_task(home, FRIDAY, task, now=fake_tasks.evening)
    assert report.state == "failed"
    assert says in report.note
    assert report.lines()[0].startswith("2026-11-20 first: failed; ")


def test_too_early_too_late_and_a_closed_day(home: Home) -> None:
    evening = fake_tasks.evening
    with pytest.raises(ScheduleError, match="opens at 15:45"):
        run_task(home, MONDAY, FIRST, now=evening)
    with pytest.raises(ScheduleError, match="possible until 2026-11-20 15:00"):
        run_task(home, FRIDAY, MORNING, now=evening)
    closed = run_task(home, datetime.date(2026, 11, 21), FIRST, now=evening)
    assert (closed.state, "no trading session" in closed.note) == ("closed", True)


def test_it_waits_for_another_step_and_not_for_ever(home: Home) -> None:
    lock = home.root / "collect.lock"
    with (
        held(lock, "collect of a day"),
        pytest.raises(CollectorError, match="collect of a day"),
    ):
        run_task(home, FRIDAY, FIRST, now=fake_tasks.evening, patience=0.3)
    holding = threading.Event()

    def hold() -> None:
        with held(lock, "collect of a day"):
            holding.set()
            time.sleep(0.5)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait()
    assert run_task(home, FRIDAY, FIRST, now=fake_tasks.evening).state == "complete"
    thread.join()


def test_collecting_comes_first_then_task_after_task(home: Home) -> None:
    said: list[str] = []
    tasks = (FIRST, SECOND, FAILING)
    reports = run_due(home, killed.SOURCES, killed.evening, said.append, tasks=tasks)
    assert [report.step for report in reports] == [
        "confirm", "recollect", "lists", "first", "second", "failing",
    ]  # fmt: skip
    assert run_due(home, killed.SOURCES, killed.evening, said.append, tasks=tasks) == []


def test_a_service_runs_them_too(home: Home) -> None:
    said: list[str] = []
    runner = Runner(home, killed.SOURCES, said.append, killed.evening, tasks=(FIRST,))
    end = time.monotonic() + 60
    runner.tick()
    while runner.busy and time.monotonic() < end:
        time.sleep(0.1)
        runner.tick()
    runner.close()
    assert "2026-11-20 first: complete; well" in said


def test_a_second_run_waits_for_the_first_one_s_step(home: Home) -> None:
    said: list[str] = []
    with (
        held(home.root / "collect.lock", "collect of a day"),
        pytest.raises(CollectorError, match="collect of a day"),
    ):
        run_due(home, killed.SOURCES, killed.evening, said.append, patience=0.3)
    holding = threading.Event()

    def hold() -> None:
        with held(home.root / "collect.lock", "collect of a day"):
            holding.set()
            time.sleep(0.5)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait()
    reports = run_due(home, killed.SOURCES, killed.evening, said.append, patience=60)
    assert {report.state for report in reports} == {"complete"}
    thread.join()

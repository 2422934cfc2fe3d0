"""What falls due when: catching up after sleep, waiting between tries, giving up."""

import datetime
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_profile.collector import CollectorError, held
from data_profile.errors import CalendarError, DataError
from data_profile.home import Home
from data_profile.journal import Fetch, Journal
from data_profile.schedule import SHANGHAI
from data_profile.service import Runner, due, note_missed, run_due, serve
from tests.data_profile import killed

THURSDAY, FRIDAY = datetime.date(2026, 11, 19), datetime.date(2026, 11, 20)
MONDAY = datetime.date(2026, 11, 23)


def at(day: datetime.date, clock: str) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time.fromisoformat(clock), SHANGHAI)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db") as opened:
        yield opened


def ran(
    journal: Journal, session: datetime.date, step: str, when: str = "18:11", *failed: str
) -> None:
    moment = at(session, when)
    journal.begin(session, step, moment)
    for source in failed:
        journal.fetched(session, step, Fetch(source, "failed", "reset", moment))
    journal.end(session, step, "partial" if failed else "complete", moment)


def names(journal: Journal, now: datetime.datetime) -> list[str]:
    return [f"{session} {step.name}" for session, step in due(journal, now)]


def test_a_new_home_begins_with_the_current_session(journal: Journal) -> None:
    assert names(journal, at(FRIDAY, "15:40")) == ["2026-11-20 confirm", "2026-11-20 collect"]
    saturday = at(datetime.date(2026, 11, 21), "12:00")
    assert "2026-11-20 recollect" in names(journal, saturday)
    assert "2026-11-20 collect" not in names(journal, saturday)


def test_a_machine_that_slept_through_a_day_and_a_half_catches_up(journal: Journal) -> None:
    ran(journal, THURSDAY, "confirm", "09:27")
    now = at(MONDAY, "10:00")
    assert names(journal, now) == [
        "2026-11-19 recollect",
        "2026-11-19 lists",
        "2026-11-20 confirm",
        "2026-11-20 recollect",
        "2026-11-20 lists",
        "2026-11-23 confirm",
    ]
    said: list[str] = []
    note_missed(journal, now, said.append)
    assert [line.split(":")[0] for line in said] == ["2026-11-19 collect", "2026-11-20 collect"]
    assert "can never be had" in said[0]
    assert names(journal, now)[0] == "2026-11-19 recollect", "what is missed is not due"
    note_missed(journal, now, said.append)
    assert len(said) == 2, "said once"


def test_what_is_complete_is_not_due_and_what_was_interrupted_is(journal: Journal) -> None:
    ran(journal, FRIDAY, "confirm", "09:27")
    ran(journal, FRIDAY, "recollect", "16:46")
    assert names(journal, at(FRIDAY, "18:00")) == []
    journal.begin(FRIDAY, "lists", at(FRIDAY, "18:10"))
    assert names(journal, at(FRIDAY, "18:11")) == ["2026-11-20 lists"]


def test_a_partial_step_is_tried_again_later_and_not_for_ever(journal: Journal) -> None:
    ran(journal, FRIDAY, "confirm", "09:27")
    ran(journal, FRIDAY, "recollect", "16:50", "a.broken")
    assert names(journal, at(FRIDAY, "16:55")) == []
    assert names(journal, at(FRIDAY, "17:00")) == ["2026-11-20 recollect"]
    for clock in ("17:00", "17:20", "18:00"):
        ran(journal, FRIDAY, "recollect", clock, "a.broken")
    ran(journal, FRIDAY, "lists", "18:10")
    assert names(journal, at(FRIDAY, "23:00")) == []


def test_what_can_never_be_had_is_not_tried_again(journal: Journal) -> None:
    ran(journal, FRIDAY, "confirm", "09:27")
    moment = at(FRIDAY, "16:50")
    journal.begin(FRIDAY, "recollect", moment)
    journal.fetched(FRIDAY, "recollect", Fetch("a.flow", "gone", "now is later", moment))
    journal.end(FRIDAY, "recollect", "partial", moment)
    assert names(journal, at(FRIDAY, "18:05")) == []


def test_past_the_calendar_it_refuses_and_says_how_to_extend_it(journal: Journal) -> None:
    with pytest.raises(CalendarError, match="install a newer exchange_calendars"):
        due(journal, at(datetime.date(2027, 1, 5), "15:40"))


def test_a_runner_wants_an_absolute_home() -> None:
    with pytest.raises(DataError, match="absolute"):
        Runner(Home(Path("runs")), {}, print)


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    stop, said = threading.Event(), list[str]()
    arguments = (home, killed.SOURCES, stop, said.append, killed.evening)
    thread = threading.Thread(target=serve, args=arguments)
    thread.start()
    end = time.monotonic() + 60
    while not any("waiting for confirm of 2026-11-23" in line for line in said):
        assert thread.is_alive()
        assert time.monotonic() < end, said
        time.sleep(0.1)
    with pytest.raises(CollectorError, match="tide daily --serve"):
        serve(home, killed.SOURCES, stop, said.append, killed.evening)
    stop.set()
    thread.join()
    with Journal(home.journal) as journal:
        assert {row.step: row.state for row in journal.records()} == {
            "confirm": "complete",
            "recollect": "complete",
            "lists": "complete",
        }
    assert run_due(home, killed.SOURCES, killed.evening, said.append) == []


def test_a_run_that_fails_is_told_and_rests(tmp_path: Path) -> None:
    home, said = Home(tmp_path / "home").create(), list[str]()
    runner = Runner(home, killed.SOURCES, said.append, killed.evening)
    with held(home.root / "collect.lock", "a person at work"):
        runner.tick()
        end = time.monotonic() + 60
        while runner.busy and time.monotonic() < end:
            time.sleep(0.1)
            runner.tick()
    assert "a person at work" in said[0]
    assert "it goes on at 18:40" in said[1]
    runner.tick()
    assert not runner.busy, "it rests"
    runner.close()

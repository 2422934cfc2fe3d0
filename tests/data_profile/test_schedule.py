"""The day's steps: when each opens, which are superseded, what a page without a date shows."""

import datetime

import pytest

from data_profile import schedule
from data_profile.errors import CalendarError
from data_profile.schedule import SHANGHAI, STEPS, ScheduleError

FRIDAY = datetime.date(2026, 11, 20)
MONDAY = datetime.date(2026, 11, 23)


def at(day: datetime.date, clock: str) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time.fromisoformat(clock), SHANGHAI)


@pytest.mark.parametrize(
    ("clock", "open_"),
    [
        ("09:25", []),
        ("09:26", ["confirm"]),
        ("15:34", ["confirm"]),
        ("15:35", ["confirm", "collect"]),
        ("16:45", ["confirm", "recollect"]),
        ("18:10", ["confirm", "recollect", "lists"]),
    ],
)
def test_steps_open_at_their_time_and_the_first_collection_gives_way(
    clock: str, open_: list[str]
) -> None:
    assert [step.name for step in schedule.open_steps(FRIDAY, at(FRIDAY, clock))] == open_


def test_every_time_of_day_is_in_china_wherever_the_machine_stands() -> None:
    utc = at(FRIDAY, "15:35").astimezone(datetime.UTC)
    assert utc.hour == 7
    assert "collect" in [step.name for step in schedule.open_steps(FRIDAY, utc)]


@pytest.mark.parametrize(
    ("now", "session"),
    [
        (at(FRIDAY, "09:14"), datetime.date(2026, 11, 19)),
        (at(FRIDAY, "09:15"), FRIDAY),
        (at(FRIDAY + datetime.timedelta(1), "00:30"), FRIDAY),
        (at(FRIDAY + datetime.timedelta(1), "12:00"), FRIDAY),
        (at(MONDAY, "09:14"), FRIDAY),
        (at(MONDAY, "09:15"), MONDAY),
        (at(datetime.date(2026, 10, 7), "12:00"), datetime.date(2026, 9, 30)),
    ],
)
def test_a_page_without_a_date_shows_the_last_session_that_began(
    now: datetime.datetime, session: datetime.date
) -> None:
    assert schedule.shown_session(now) == session


def test_the_last_day_of_the_calendar_works_and_the_day_after_is_refused() -> None:
    last = datetime.date(2026, 12, 31)
    assert schedule.shown_session(at(last, "18:30")) == last
    with pytest.raises(CalendarError, match="until"):
        schedule.shown_session(at(datetime.date(2027, 1, 4), "15:35"))
    with pytest.raises(CalendarError, match=r"sessions\.yaml"):
        schedule.next_opening(at(last, "18:30"))


def test_next_opening_passes_over_the_weekend() -> None:
    step, session = schedule.next_opening(at(FRIDAY, "18:10"))
    assert (step.name, session) == ("confirm", MONDAY)
    step, session = schedule.next_opening(at(FRIDAY, "15:35"))
    assert (step.name, session) == ("recollect", FRIDAY)


def test_a_closed_day_says_what_comes_next() -> None:
    told = schedule.describe_closed(datetime.date(2026, 11, 21))
    assert "2026-11-21 (Saturday)" in told
    assert "2026-11-23" in told
    assert "ends on 2026-12-31" in schedule.describe_closed(datetime.date(2026, 12, 31))


def test_a_step_that_has_not_opened_is_refused_with_its_time() -> None:
    with pytest.raises(ScheduleError, match="opens at 15:35"):
        schedule.require_open(schedule.step("collect"), FRIDAY, at(FRIDAY, "15:34"))
    with pytest.raises(ScheduleError, match="confirm, collect, recollect, lists"):
        schedule.step("nonsense")


def test_every_known_at_time_has_a_step() -> None:
    assert set().union(*(step.known_at for step in STEPS)) == {"09:26", "15:35", "16:45", "18:10"}

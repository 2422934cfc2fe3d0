"""Sessions of the exchange, and what happens where its calendar ends."""

import datetime
import subprocess
import sys

import numpy as np
import pytest

from data_profile import sessions
from data_profile.errors import CalendarError

D = datetime.date


def test_holidays_and_weekends_are_no_sessions() -> None:
    assert sessions.is_session("2025-09-30")
    assert not sessions.is_session(D(2025, 10, 1))  # National Day
    assert not sessions.is_session("2025-10-11")  # a Saturday that offices work, not the exchange
    assert sessions.next_session("2025-09-30") == D(2025, 10, 9)
    assert sessions.next_session(np.datetime64("2025-12-31")) == D(2026, 1, 5)
    assert sessions.next_session(datetime.datetime(2025, 1, 2, 15, 0)) == D(2025, 1, 3)


def test_both_ends_are_included() -> None:
    days = sessions.sessions("2025-12-29", "2026-01-05")
    assert [str(day) for day in days] == ["2025-12-29", "2025-12-30", "2025-12-31", "2026-01-05"]
    assert len(sessions.sessions("2026-01-01", "2026-12-31")) == 242
    assert sessions.sessions("2025-12-31", "2025-12-29") == ()


@pytest.mark.parametrize("day", ["2027-01-01", "1980-01-01", "2199-06-01"])
def test_past_the_bound_nothing_is_guessed(day: str) -> None:
    for ask in (sessions.is_session, sessions.next_session, lambda d: sessions.sessions(d, d)):
        with pytest.raises(CalendarError, match=r"calendar (ends|begins) on .*sessions\.yaml"):
            ask(day)


def test_the_last_session_has_no_next_one() -> None:
    with pytest.raises(CalendarError, match="ends on"):
        sessions.next_session(sessions.calendar().last)


@pytest.mark.parametrize("day", ["", "soon", "NaT", 20250102, None, 1.5])
def test_what_is_no_date_is_refused(day: object) -> None:
    with pytest.raises(CalendarError, match="no date"):
        sessions.is_session(day)


def override(tmp_path, text: str) -> sessions.Calendar:
    path = tmp_path / "sessions.yaml"
    path.write_text(text, encoding="utf-8")
    days = [D(2026, 12, 30), D(2026, 12, 31)]
    return sessions.override(days, D(2026, 12, 29), D(2026, 12, 31), path)


def test_an_announcement_extends_the_calendar(tmp_path) -> None:
    known = override(
        tmp_path,
        "until: 2027-01-08\nclosed: [2027-01-01]\nopen: [2026-12-29]\n",
    )
    assert [str(day) for day in known.days] == [
        "2026-12-29", "2026-12-30", "2026-12-31",
        "2027-01-04", "2027-01-05", "2027-01-06", "2027-01-07", "2027-01-08",
    ]  # fmt: skip
    assert known.last == D(2027, 1, 8)


def test_an_older_announcement_does_not_shorten_the_calendar(tmp_path) -> None:
    assert override(tmp_path, "until: 2025-01-01\nclosed: []\nopen: []\n").last == D(2026, 12, 31)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("closed: []\nopen: []\n", "exactly the keys"),
        ("- 1\n", "exactly the keys"),
        ("until: soon\nclosed: []\nopen: []\n", "until must be a date"),
        ("until: null\nclosed: [soon]\nopen: []\n", "closed must be a list of dates"),
        ("until: null\nclosed: null\nopen: []\n", "closed must be a list of dates"),
        ("until: null\nclosed: [2026-12-30]\nopen: [2026-12-30]\n", "under both"),
        ("until: null\nclosed: [2027-02-01]\nopen: []\n", "set `until` first"),
        ("until: [\n", "cannot be read"),
    ],
)
def test_a_wrong_override_is_refused(tmp_path, text: str, message: str) -> None:
    with pytest.raises(CalendarError, match=message):
        override(tmp_path, text)


def test_the_shipped_override_is_valid_and_the_calendar_loads_lazily() -> None:
    assert sessions.calendar().last >= D(2026, 12, 31)
    code = "import sys, data_profile.sessions; sys.exit('exchange_calendars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""`tide data collect`, `tide daily`, and what the doctor says of collecting."""

import datetime
from pathlib import Path

import pytest

from console.collecting import standing
from data_profile import schedule
from data_profile.home import Home
from data_profile.journal import Fetch, Journal
from data_profile.schedule import SHANGHAI
from tests.commands import document, tide

FRIDAY = datetime.date(2026, 11, 20)


def at(clock: str, day: datetime.date = FRIDAY) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time.fromisoformat(clock), SHANGHAI)


def test_a_closed_day_is_no_failure(tmp_path: Path) -> None:
    done = tide(tmp_path / "home", "data", "collect", "--date", "2026-11-21", "--json")
    [report] = document(done)  # type: ignore[misc]
    assert report["state"] == "closed"
    assert "2026-11-21 (Saturday) is no trading session" in done.stderr


def test_bad_usage_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    both = tide(home, "daily", "--once", "predict", "--serve", status=2)
    assert "--once STEP or --serve" in both.stderr
    assert "is no date" in tide(home, "data", "collect", "--date", "friday", status=2).stderr
    assert "begins on" in tide(home, "data", "collect", "--date", "1980-01-02", status=2).stderr


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(schedule, "china_now", lambda: at("18:05"))
    return Home(tmp_path).create()


def test_the_doctor_of_a_new_home(home: Home) -> None:
    assert standing(home) == (
        "optional",
        "nothing was collected here yet",
        "tide data collect, or leave tide daily --serve running",
    )


def test_the_doctor_says_what_ran_what_is_missing_and_what_to_do(home: Home) -> None:
    with Journal(home.journal) as journal:
        for step in ("confirm", "recollect"):
            journal.begin(FRIDAY, step, at("16:45"))
            journal.end(FRIDAY, step, "complete", at("16:50"))
        assert standing(home)[0] == "ok"
        fetch = Fetch("akshare.board_flow.industry", "failed", "SourceRefused: 403", at("16:50"))
        journal.begin(FRIDAY, "recollect", at("17:55"))
        journal.fetched(FRIDAY, "recollect", fetch)
        journal.end(FRIDAY, "recollect", "partial", at("17:56"))
        state, detail, remedy = standing(home)
        assert state == "missing"
        assert "akshare.board_flow.industry failed" in detail
        assert remedy == "tide data collect --date 2026-11-20"
        gone = Fetch(fetch.source, "gone", "it tells what is now", at("16:50"))
        journal.fetched(FRIDAY, "recollect", gone)
        assert standing(home)[0] == "optional"
        journal.begin(FRIDAY, "recollect", at("17:57"))
        state, detail, remedy = standing(home)
        assert (state, "interrupted" in detail) == ("missing", True)
        assert "due now: 2026-11-20 recollect" in remedy

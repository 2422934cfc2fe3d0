"""The journal: what a step came to survives, an interrupted step shows as such."""

import datetime
import sqlite3
from pathlib import Path

import pytest

from data_profile.journal import Fetch, Journal, JournalError
from data_profile.schedule import SHANGHAI

DAY = datetime.date(2026, 11, 20)
AT = datetime.datetime(2026, 11, 20, 15, 36, tzinfo=SHANGHAI)
LATER = AT + datetime.timedelta(minutes=10)


def test_a_step_is_remembered_with_the_latest_of_each_source(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        journal.begin(DAY, "collect", AT)
        journal.fetched(DAY, "collect", Fetch("a.one", "good", "", AT))
        journal.fetched(DAY, "collect", Fetch("a.two", "failed", "reset", AT))
        journal.end(DAY, "collect", "partial", AT)
        journal.begin(DAY, "collect", LATER)
        journal.fetched(DAY, "collect", Fetch("a.two", "good", "", LATER))
        journal.end(DAY, "collect", "complete", LATER, "all is in")
    with Journal(tmp_path / "journal.db") as journal:
        record = journal.record(DAY, "collect")
        assert journal.record(DAY, "lists") is None
    assert record is not None
    assert (record.state, record.runs, record.note) == ("complete", 2, "all is in")
    assert record.began_at == LATER
    assert {fetch.source: fetch.outcome for fetch in record.fetches} == {
        "a.one": "good",
        "a.two": "good",
    }
    assert record.missing == ()
    assert record.to_dict()["session"] == "2026-11-20"


def test_an_interrupted_step_has_begun_and_not_ended(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        journal.begin(DAY, "collect", AT)
        record = journal.record(DAY, "collect")
    assert record is not None
    assert (record.state, record.ended_at) == ("running", None)


def test_a_missed_step_never_overwrites_one_that_ran(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db") as journal:
        journal.begin(DAY, "collect", AT)
        journal.end(DAY, "collect", "complete", AT)
        journal.miss(DAY, "collect", LATER, "asleep")
        journal.miss(DAY, "lists", LATER, "asleep")
        assert [row.state for row in journal.records()] == ["complete", "missed"]
        assert journal.first_session() == DAY


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_text("not a database, and long enough to be looked at as one" * 20)
    with pytest.raises(JournalError, match=r"journal\.db"):
        Journal(path)


def test_a_journal_from_before_steps_could_fail_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with Journal(path) as journal:
        journal.begin(DAY, "collect", AT)
        journal.end(DAY, "collect", "complete", AT, "as it was")
    connection = sqlite3.connect(path)
    [(made,)] = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'steps'").fetchall()
    connection.executescript(
        "ALTER TABLE steps RENAME TO new;"
        + made.replace(", 'failed'", "")
        + ";INSERT INTO steps SELECT * FROM new; DROP TABLE new;"
    )
    connection.close()
    for _ in range(2):
        with Journal(path) as journal:
            journal.begin(DAY, "predict", AT)
            journal.end(DAY, "predict", "failed", AT, "no model")
            states = {row.step: (row.state, row.note) for row in journal.records()}
    assert states == {"collect": ("complete", "as it was"), "predict": ("failed", "no model")}

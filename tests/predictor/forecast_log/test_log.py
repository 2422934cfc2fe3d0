"""The log keeps what was said when it was said, whatever is tried."""

import datetime
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_profile.schedule import SHANGHAI
from data_profile.sessions import next_session
from predictor.forecast_log import ForecastLog, ForecastLogError

THURSDAY, FRIDAY = datetime.date(2026, 11, 19), datetime.date(2026, 11, 20)
MONDAY = datetime.date(2026, 11, 23)
REPOSITORY = Path(__file__).resolve().parents[3]


def at(day: datetime.date, clock: str) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time.fromisoformat(clock), SHANGHAI)


def document(as_of: datetime.date = FRIDAY, **changed: Any) -> dict[str, Any]:
    return {
        "as_of": as_of.isoformat(),
        "for_session": next_session(as_of).isoformat(),
        "model": "0123456789abcdef",
        "pool_version": 3,
        "snapshot_id": "data-1",
        "scores": [{"sector_id": "BK0001", "score": 0.5, "p_surge": 0.1}],
        **changed,
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "forecasts.db"


@pytest.mark.parametrize(
    ("made_at", "live"),
    [
        (at(FRIDAY, "15:46"), True),
        (at(MONDAY, "09:14:59"), True),
        (at(MONDAY, "09:15"), False),
        (at(FRIDAY, "14:59"), False),
        (at(datetime.date(2026, 11, 24), "08:00"), False),
        (at(FRIDAY, "15:46").astimezone(datetime.UTC), True),
    ],
)
def test_live_is_after_the_close_and_before_the_next_auction(
    path: Path, made_at: datetime.datetime, live: bool
) -> None:
    with ForecastLog(path) as log:
        log.append(document(), made_at=made_at)
        [record] = log.records()
        assert (record.live, record.made_at) == (live, made_at)
        assert len(log.counted()) == live
        log.verify()


def test_a_forecast_that_leaps_over_a_session_is_not_live(path: Path) -> None:
    with ForecastLog(path) as log:
        log.append(document(THURSDAY, for_session="2026-11-23"), made_at=at(FRIDAY, "16:00"))
        assert not log.records()[0].live


def test_the_same_is_one_record_and_another_model_or_snapshot_is_another(path: Path) -> None:
    with ForecastLog(path) as log:
        first = log.append(document(), made_at=at(FRIDAY, "15:46"))
        assert log.append(document(), made_at=at(FRIDAY, "15:50")) == first
        assert log.append(document(model="new"), made_at=at(FRIDAY, "16:00")) == 2
        assert log.append(document(snapshot_id="data-2"), made_at=at(FRIDAY, "17:00")) == 3
        assert log.append(document(), made_at=at(MONDAY, "09:27"), step="confirm") == 4
        assert [record.id for record in log.counted()] == [first], "the first one counts"
        chosen = log.chosen(MONDAY)
        assert (chosen and chosen.id, log.chosen(FRIDAY)) == (first, None)
        for name in ("late", "later"):
            log.append(document(THURSDAY, model=name), made_at=at(FRIDAY, "10:00"))
        chosen = log.chosen(FRIDAY)
        assert chosen is not None
        assert (chosen.model, chosen.live) == ("later", False), "else the last"
        log.verify()
    with ForecastLog(path) as log:
        assert log.record(1).document == document()
        assert [r.id for r in log.records(first=MONDAY, last=MONDAY)] == [1, 2, 3, 4]
        assert [r.id for r in log.records(last=FRIDAY)] == [5, 6]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"scores": float("nan")}, "no forecast that can be kept"),
        ({"as_of": "yesterday"}, "no forecast that can be kept"),
        ({"as_of": "1980-01-01"}, "calendar begins"),
        ({"notes": {1, 2}}, "no forecast that can be kept"),
    ],
)
def test_what_is_no_forecast_is_refused(path: Path, changed: dict[str, Any], says: str) -> None:
    with ForecastLog(path) as log:
        with pytest.raises(ForecastLogError, match=says):
            log.append({**document(), **changed}, made_at=at(FRIDAY, "16:00"))
        with pytest.raises(ForecastLogError, match="a forecast without for_session, model"):
            log.append({"as_of": "2026-11-20"}, made_at=at(FRIDAY, "16:00"))
        with pytest.raises(ForecastLogError, match="no zone"):
            log.append(document(), made_at=datetime.datetime(2026, 11, 20, 16))
        assert log.records() == []


def three(path: Path) -> sqlite3.Connection:
    with ForecastLog(path) as log:
        for n in range(3):
            log.append(document(snapshot_id=str(n)), made_at=at(FRIDAY, f"16:0{n}"))
    return sqlite3.connect(path, isolation_level=None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE forecasts SET live = 0 WHERE id = 1",
        "DELETE FROM forecasts WHERE id = 3",
        "INSERT OR REPLACE INTO forecasts SELECT * FROM forecasts WHERE id = 2",
        "INSERT INTO forecasts SELECT 0, made_at, step, as_of, for_session, live, model,"
        " pool_version, 'x', document, previous, 'y' FROM forecasts WHERE id = 1",
        "INSERT INTO forecasts SELECT 4, made_at, step, as_of, for_session, live, model,"
        " pool_version, 'x', document, previous, 'y' FROM forecasts WHERE id = 3",
    ],
)
def test_the_file_itself_refuses_changes(path: Path, statement: str) -> None:
    connection = three(path)
    with pytest.raises(sqlite3.IntegrityError, match="a forecast"):
        connection.execute(statement)
    with ForecastLog(path) as log:
        log.verify()
        assert len(log.records()) == 3


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE forecasts SET document = replace(document, '0.5', '0.9') WHERE id = 2", "2 was"),
        ("UPDATE forecasts SET made_at = '2026-11-20T15:40:00+08:00' WHERE id = 3", "3 was"),
        ("UPDATE forecasts SET live = 1 - live WHERE id = 1", "1 was changed"),
        ("DELETE FROM forecasts WHERE id = 1", "1 is missing"),
        ("DELETE FROM forecasts WHERE id = 2", "2 is missing"),
    ],
)
def test_a_change_past_the_triggers_is_found(path: Path, statement: str, says: str) -> None:
    connection = three(path)
    for name in ("forecasts_no_update", "forecasts_no_delete"):
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(statement)
    with ForecastLog(path) as log, pytest.raises(ForecastLogError, match=says):
        log.verify()


def test_a_disarmed_trigger_is_found(path: Path) -> None:
    connection = three(path)
    connection.execute("DROP TRIGGER forecasts_no_update")
    connection.execute(
        "CREATE TRIGGER forecasts_no_update BEFORE UPDATE ON forecasts BEGIN SELECT 1; END"
    )
    with ForecastLog(path) as log, pytest.raises(ForecastLogError, match="triggers"):
        log.verify()


def test_what_is_no_log_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "forecasts.db"
    broken.write_bytes(b"no database" * 1000)
    with pytest.raises(ForecastLogError, match="cannot be used"):
        ForecastLog(broken)


_WRITER = """
import datetime, sys
from pathlib import Path
from predictor.forecast_log import ForecastLog
from tests.predictor.forecast_log.test_log import FRIDAY, at, document

with ForecastLog(Path(sys.argv[1])) as log:
    for n in range(100_000):
        print(log.append(document(snapshot_id=f"{sys.argv[2]}-{n}"), made_at=at(FRIDAY, "16:00")),
              flush=True)
"""


def test_killed_at_any_moment_nothing_told_is_lost(path: Path) -> None:
    told = 0
    for turn in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path), str(turn)],
            stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
        )  # fmt: skip
        assert writer.stdout is not None
        for _ in range(3 + 7 * turn):
            told = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.wait()
        told = max([told, *map(int, rest[:-1])])
        with ForecastLog(path) as log:
            log.verify()
            assert len(log.records()) >= told


_times = st.datetimes(
    datetime.datetime(2026, 11, 18), datetime.datetime(2026, 11, 26), timezones=st.just(SHANGHAI)
)
_days = st.sampled_from([THURSDAY, FRIDAY, MONDAY])
_made = st.tuples(_days, _times, st.sampled_from("ab"), st.sampled_from("xy"))


@settings(max_examples=40)
@given(st.lists(_made, max_size=12))
def test_whatever_is_entered_the_first_live_one_of_a_session_counts(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[Any, ...]]
) -> None:
    first: dict[datetime.date, int] = {}
    known: dict[tuple[Any, ...], int] = {}
    with ForecastLog(tmp_path_factory.mktemp("log") / "forecasts.db") as log:
        for as_of, made_at, model, snapshot in entries:
            made = document(as_of, model=model, snapshot_id=snapshot)
            found = log.append(made, made_at=made_at)
            key = (as_of, model, snapshot)
            assert found == known.setdefault(key, len(known) + 1)
            session = next_session(as_of)
            opened, ended = at(as_of, "15:00"), at(session, "09:15")
            if found == len(log.records()) and log.record(found).made_at == made_at:
                assert log.record(found).live == (opened <= made_at < ended)
            if log.record(found).live:
                first.setdefault(session, found)
        log.verify()
        assert {r.for_session: r.id for r in log.counted()} == first
        assert [json.dumps(r.document, sort_keys=True) for r in log.records()] == [
            json.dumps(document(a, model=m, snapshot_id=s), sort_keys=True) for a, m, s in known
        ]


def test_two_writers_make_one_chain(path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER.replace("100_000", "25"), str(path), str(n)],
            stdout=subprocess.DEVNULL, cwd=REPOSITORY,
        )
        for n in range(2)
    ]  # fmt: skip
    assert [writer.wait() for writer in writers] == [0, 0]
    with ForecastLog(path) as log:
        log.verify()
        assert len(log.records()) == 50

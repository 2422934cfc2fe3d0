"""The status page of a day, and `tide notify`."""

import datetime
import sqlite3
from pathlib import Path

import pytest

from console.day import forecasts, messages, standing
from data_profile import schedule
from data_profile.home import Home
from data_profile.journal import Fetch, Journal
from data_profile.schedule import SHANGHAI, STEPS
from predictor.daily import TASKS
from predictor.forecast_log import ForecastLog
from tests.commands import document, tide
from tests.predictor.forecast_log.test_log import document as forecast
from tests.predictor.notify.servers import WECOM, Hook

FRIDAY, SATURDAY = datetime.date(2026, 11, 20), datetime.date(2026, 11, 21)
EVERY = len(STEPS) + len(TASKS)


def at(clock: str, day: datetime.date = FRIDAY) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time.fromisoformat(clock), SHANGHAI)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def now(monkeypatch: pytest.MonkeyPatch, clock: str, day: datetime.date = FRIDAY) -> None:
    monkeypatch.setattr(schedule, "china_now", lambda: at(clock, day))


def ran(home: Home, step: str, clock: str, state: str = "complete", note: str = "") -> None:
    with Journal(home.journal) as journal:
        journal.begin(FRIDAY, step, at(clock))
        journal.end(FRIDAY, step, state, at(clock), note)  # type: ignore[arg-type]


def state_of(home: Home) -> dict[str, str]:
    return {row["step"]: row["state"] for row in standing(home)[1]}


def test_a_new_home_has_no_day(home: Home) -> None:
    (state, detail, remedy), rows = standing(home)
    assert (state, detail, rows) == ("optional", "no day was run here yet", [])
    assert "tide daily --serve" in remedy


def test_a_day_under_way_shows_what_ran_and_what_comes(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step, clock in (("confirm", "09:26"), ("rerank", "09:28"), ("collect", "15:36")):
        ran(home, step, clock, note=f"{step} went well")
    now(monkeypatch, "15:40")
    (state, detail, remedy), rows = standing(home)
    assert (state, remedy) == ("ok", "")
    assert detail == (
        "2026-11-20, Friday: 3 of 3 steps done; next: predict of 2026-11-20 at 15:45 China time"
    )
    assert [row["step"] for row in rows][:4] == ["confirm", "rerank", "collect", "predict"]
    assert rows[2] == {
        "step": "collect", "opens": "15:35", "began": "11-20 15:36", "ended": "11-20 15:36",
        "note": "collect went well", "state": "complete",
    }  # fmt: skip
    assert [row["state"] for row in rows[3:]] == ["waits"] * (EVERY - 3)
    now(monkeypatch, "15:46")
    assert standing(home)[0][0] == "missing"
    assert state_of(home)["predict"] == "due"
    assert "tide daily" in standing(home)[0][2]


def test_what_failed_is_named_with_what_to_do(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    now(monkeypatch, "16:00")
    ran(home, "confirm", "09:26")
    ran(home, "collect", "15:36", "partial", "6 sectors")
    ran(home, "predict", "15:46", "failed", "no forecast: no model")
    with Journal(home.journal) as journal:
        journal.begin(FRIDAY, "notify", at("15:47"))
        part = Fetch("wecom forecast-1", "gone", "it answered errcode 93000", at("15:47"))
        journal.fetched(FRIDAY, "notify", part)
        journal.end(FRIDAY, "notify", "failed", at("15:47"), "0 of 1")
        journal.begin(FRIDAY, "report", at("15:50"))
    (state, _, remedy), rows = standing(home)
    notes = {row["step"]: row["note"] for row in rows}
    assert state == "missing"
    assert notes["predict"] == "no forecast: no model"
    assert notes["notify"] == "0 of 1; wecom forecast-1 gone: it answered errcode 93000"
    assert remedy == (
        "tide data collect --date 2026-11-20; tide daily --once predict; tide notify --test shows "
        "which channel fails; then tide daily --once notify"
    )
    assert state_of(home)["report"] == "running"


def test_a_weekend_shows_friday_and_a_month_that_is_done(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    now(monkeypatch, "12:00", SATURDAY)
    for step in sorted((*STEPS, *TASKS), key=lambda step: step.at):  # type: ignore[attr-defined]
        if step.name not in ("train", "collect"):  # type: ignore[attr-defined]
            ran(home, step.name, "19:30")  # type: ignore[attr-defined]
    with Journal(home.journal) as journal:
        journal.begin(datetime.date(2026, 11, 2), "train", at("19:00"))
        journal.end(datetime.date(2026, 11, 2), "train", "complete", at("19:10"))
    (state, detail, remedy), _ = standing(home)
    assert state_of(home)["train"] == "not due"
    assert state_of(home)["collect"] == "missed"
    assert (state, "gone" in remedy) == ("optional", True)
    assert "next: confirm of 2026-11-23 at 09:26" in detail


def test_the_forecast_log_is_proved(home: Home) -> None:
    assert forecasts(home)[0] == "optional"
    with ForecastLog(home.forecasts) as log:
        assert forecasts(home)[0] == "optional"
        log.append(forecast(), made_at=at("15:46"))
        record = log.record(1)
    state, detail, _ = forecasts(home)
    assert state == "ok"
    assert "1 records, 1 count as live forecasts" in detail
    assert record.hash[:16] in detail
    connection = sqlite3.connect(home.forecasts)
    connection.execute("DROP TRIGGER forecasts_no_update")
    connection.execute("UPDATE forecasts SET model = 'better'")
    connection.commit()
    state, detail, remedy = forecasts(home)
    assert (state, "forecast 1 was changed" in detail) == ("missing", True)
    assert "forecasts.db" in remedy


def test_the_channels_that_are_set(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert messages(home)[0] == "optional"
    monkeypatch.setenv("TIDE_NOTIFY_PUSHPLUS_TOKEN", "t")
    assert messages(home)[:2] == ("ok", "pushplus")
    monkeypatch.setenv("TIDE_NOTIFY_TIMEOUT", "never")
    assert messages(home)[0] == "missing"


def test_a_test_message_reaches_every_channel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    assert "no channel is set" in tide(home, "notify", "--test", status=1).stderr
    with Hook(WECOM) as hook:
        monkeypatch.setenv("TIDE_NOTIFY_WECOM_WEBHOOK", f"{hook.url}/send?key=k3y-of-wecom")
        assert document(tide(home, "notify", "--json")) == ["wecom"]
        assert tide(home, "notify", "--test").stdout == "wecom: sent\n"
        assert "测试消息" in hook.messages()[0]
        hook.mode = "error"
        done = tide(home, "notify", "--test", "--json", status=1)
    [outcome] = document(done)  # type: ignore[misc]
    assert outcome["reason"] == "it answered errcode 93000: invalid webhook url"
    assert "k3y" not in done.stdout + done.stderr


def test_the_doctor_shows_the_day(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    ran(home, "collect", "15:36", "partial", "6 sectors")
    findings = {one["name"]: one for one in document(tide(home.root, "doctor", "--json"))}  # type: ignore[attr-defined]
    assert {"the day", "forecast log", "messages"} <= set(findings)
    assert len(findings["the day"]["rows"]) == EVERY
    assert findings["messages"]["rows"] == []
    shown = tide(home.root, "doctor").stdout
    assert "the day" in shown
    assert "recollect" in shown

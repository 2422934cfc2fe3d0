"""What each of the day's tasks does, and that doing it twice comes to the same."""

import datetime
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from console.commands.day import StepName
from data_profile.home import Home
from data_profile.journal import Fetch, Journal
from data_profile.schedule import SHANGHAI, STEPS
from data_profile.tasks import Done, run_task
from predictor import daily
from predictor.daily import KEPT, TASKS, make_forecast
from predictor.forecast_log import ForecastLog
from tests.predictor.notify.servers import FEISHU, WECOM, Hook

REPOSITORY = Path(__file__).resolve().parents[2]
LAST, NEXT = datetime.date(2025, 12, 31), datetime.date(2026, 1, 5)


def evening() -> datetime.datetime:
    return datetime.datetime(2025, 12, 31, 15, 46, tzinfo=SHANGHAI)


def too_late() -> datetime.datetime:
    return datetime.datetime(2026, 1, 5, 9, 20, tzinfo=SHANGHAI)


def auction_time() -> datetime.datetime:
    return datetime.datetime(2026, 1, 5, 9, 28, tzinfo=SHANGHAI)


@pytest.fixture
def wecom(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with Hook(WECOM) as hook:
        monkeypatch.setenv("TIDE_NOTIFY_WECOM_WEBHOOK", f"{hook.url}/send?key=k3y")
        yield hook


@pytest.fixture
def feishu(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with Hook(FEISHU) as hook:
        monkeypatch.setenv("TIDE_NOTIFY_FEISHU_WEBHOOK", f"{hook.url}/hook/k3y")
        yield hook


def entered(home: Home, task: str, done: Done) -> Done:
    """As the journal has it after a run."""
    with Journal(home.journal) as journal:
        journal.begin(LAST, task, evening())
        journal.end(LAST, task, done.state, evening(), done.note)
    return done


def test_the_command_line_knows_every_step() -> None:
    assert set(get_args(StepName)) == {step.name for step in (*STEPS, *TASKS)}
    assert len({step.name for step in (*STEPS, *TASKS)}) == len(STEPS) + len(TASKS)
    known = {step.name for step in (*STEPS, *TASKS)}
    assert all(set(task.after) <= known for task in TASKS)


def test_a_forecast_is_kept_whole_and_shown_in_part(home: Home) -> None:
    forecast, record = make_forecast(home, evening, top=3)
    assert len(forecast.ranking) == 3
    assert all(len(rows) == 3 for rows in forecast.baselines.values())
    assert len(record.document["ranking"]) == min(KEPT, forecast.sectors)
    assert len(record.document["scores"]) >= forecast.sectors
    assert record.live
    _, again = make_forecast(home, too_late, top=5)
    assert (again.id, again.made_at) == (record.id, record.made_at)
    _, past = make_forecast(home, evening, date="2025-12-01")
    assert (past.live, past.id) == (False, 2)


def test_predict_logs_once_and_says_what_it_did(home: Home) -> None:
    done = [daily.predict(home, LAST, evening) for _ in range(2)]
    assert done[0] == done[1] == Done("complete", "forecast 1 for 2026-01-05")
    with ForecastLog(home.forecasts) as log:
        assert len(log.records()) == 1


def test_a_forecast_made_too_late_says_that_it_does_not_count(home: Home, wecom: Hook) -> None:
    assert "too late to count" in daily.predict(home, LAST, too_late).note
    daily.notify(home, LAST, too_late)
    assert "does not count" in wecom.messages()[0]


def test_without_the_day_there_is_no_forecast_and_the_reason_is_told(
    home: Home, wecom: Hook
) -> None:
    with Journal(home.journal) as journal:
        journal.begin(NEXT, "collect", auction_time())
        fetch = Fetch("akshare.limit_up_pool", "failed", "SourceRefused: 403", auction_time())
        journal.fetched(NEXT, "collect", fetch)
    done = daily.predict(home, NEXT, auction_time)
    assert done.state == "failed"
    assert "ends with 2025-12-31 and has nothing of 2026-01-05: akshare.limit_up_pool" in done.note
    with Journal(home.journal) as journal:
        journal.begin(NEXT, "predict", auction_time())
        journal.end(NEXT, "predict", done.state, auction_time(), done.note)
    assert daily.notify(home, NEXT, auction_time).state == "complete"
    assert "No forecast for 2026-01-06" in wecom.messages()[0]
    assert "SourceRefused: 403" in wecom.messages()[0]


def test_without_a_model_or_a_store_there_is_a_reason(home: Home, tmp_path: Path) -> None:
    shutil.rmtree(home.models)
    assert "run `tide train` first" in daily.predict(home, LAST, evening).note
    empty = Home(tmp_path / "empty").create()
    for task in (daily.predict, daily.report, daily.train):
        done = task(empty, LAST, evening)
        assert (done.state, bool(done.note)) == ("failed", True)


def test_no_channel_is_no_failure(home: Home) -> None:
    done = daily.notify(home, LAST, evening)
    assert done == Done("complete", "no channel is set (TIDE_NOTIFY_*)")


def test_a_setting_that_cannot_be_used_is_named(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDE_NOTIFY_EMAIL_PORT", "none")
    done = daily.notify(home, LAST, evening)
    assert (done.state, "TIDE_NOTIFY_EMAIL_PORT" in done.note) == ("failed", True)


def test_only_who_has_not_got_it_gets_it_again(home: Home, wecom: Hook, feishu: Hook) -> None:
    daily.predict(home, LAST, evening)
    wecom.mode = "error"
    done = entered(home, "notify", daily.notify(home, LAST, evening))
    assert (done.state, done.note) == ("partial", "forecast-1 on 1 of 2 channels")
    assert [(part.source, part.outcome) for part in done.parts] == [
        ("wecom forecast-1", "gone"), ("feishu forecast-1", "good"),
    ]  # fmt: skip
    wecom.mode = "ok"
    assert daily.notify(home, LAST, evening).state == "complete"
    assert len(wecom.requests) == 2
    assert len(feishu.requests) == 1
    assert daily.notify(home, LAST, evening).note == "forecast-1 on 2 of 2 channels"
    assert len(wecom.requests) == 2


def test_a_kill_in_the_middle_sends_nothing_twice(home: Home, wecom: Hook, feishu: Hook) -> None:
    daily.predict(home, LAST, evening)
    entered(home, "notify", Done("failed"))
    feishu.mode = "slow"
    code = (
        "import sys; from pathlib import Path; from data_profile.home import Home;"
        "from predictor import daily; from tests.predictor.test_daily import LAST, evening;"
        "daily.notify(Home(Path(sys.argv[1])), LAST, evening)"
    )
    sender = subprocess.Popen([sys.executable, "-c", code, str(home.root)], cwd=REPOSITORY)
    end = time.monotonic() + 120
    while not journaled(home) and time.monotonic() < end:
        time.sleep(0.1)
    os.kill(sender.pid, signal.SIGKILL)
    sender.wait()
    assert journaled(home) == {"wecom forecast-1": "good"}
    feishu.mode = "ok"
    assert daily.notify(home, LAST, evening).note == "forecast-1 on 2 of 2 channels"
    assert len(wecom.requests) == 1


def journaled(home: Home) -> dict[str, str]:
    with Journal(home.journal) as journal:
        record = journal.record(LAST, "notify")
    assert record is not None
    return {fetch.source: fetch.outcome for fetch in record.fetches}


def test_the_message_is_in_the_language_that_is_set(
    home: Home, wecom: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDE_LANG", "zh")
    daily.predict(home, LAST, evening)
    daily.notify(home, LAST, evening)
    [text] = wecom.messages()
    with ForecastLog(home.forecasts) as log:
        record = log.record(1)
    assert f"预测 1，生成于 2025-12-31 15:46，{record.hash[:16]}" in text
    assert record.document["ranking"][0]["name"] in text


def test_without_a_forecast_or_an_auction_nothing_is_ranked_again(home: Home, wecom: Hook) -> None:
    done = daily.rerank(home, NEXT, auction_time)
    assert (done.state, "nothing to re-rank" in done.note) == ("complete", True)
    make_forecast(home, evening)
    done = daily.rerank(home, NEXT, auction_time)
    assert (done.state, "no auction data" in done.note) == ("partial", True)
    assert wecom.requests == []


def test_the_page_is_written_again_to_the_same_place(home: Home) -> None:
    for _ in range(2):
        done = daily.report(home, LAST, evening)
        assert (done.note, done.state) == ("reports/daily-2025-12-31.en.html", "complete")
    assert (home.root / done.note).read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_task_in_earnest_is_a_process_with_a_record(home: Home) -> None:
    [task] = [task for task in TASKS if task.name == "predict"]
    report = run_task(home, LAST, task, now=evening)
    assert (report.state, report.note) == ("complete", "forecast 1 for 2026-01-05")
    with Journal(home.journal) as journal:
        record = journal.record(LAST, "predict")
    assert record is not None
    assert record.state == "complete"

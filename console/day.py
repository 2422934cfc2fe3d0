"""How the current trading day stands: each step with its times, what is missing, what to do."""

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from data_profile.home import Home
    from data_profile.journal import Journal, StepRecord
    from data_profile.schedule import Opening

Standing = tuple[Literal["ok", "optional", "missing"], str, str]
_SERVE = "leave tide daily --serve running (docs/deploy.md)"
_REMEDIES: Mapping[str, str] = {
    "predict": "tide daily --once predict",
    "notify": "tide notify --test shows which channel fails; then tide daily --once notify",
    "rerank": "tide daily --once rerank, until 15:00",
    "report": "tide daily --once report",
    "train": "tide train",
}


def standing(home: "Home") -> tuple[Standing, list[dict[str, str]]]:
    """How the day stands, and one row a step: `step, opens, state, began, ended, note`."""
    from data_profile.errors import DataError
    from data_profile.journal import Journal
    from data_profile.schedule import STEPS, china_now, next_opening, shown_session
    from data_profile.service import due
    from data_profile.tasks import due_task
    from predictor.daily import TASKS

    if not home.journal.exists():
        return ("optional", "no day was run here yet", _SERVE), []
    now = china_now()
    try:
        session = shown_session(now)
        with Journal(home.journal) as journal:
            records = {row.step: row for row in journal.records(first=session, last=session)}
            task = due_task(journal, TASKS, now)
            waiting = {step.name for day, step in due(journal, now) if day == session}
            waiting |= {task[1].name} if task else set()
            every: list[Opening] = [*STEPS, *TASKS]
            steps = sorted(every, key=lambda step: step.at)
            rows = [
                _row(step, session, now, records.get(step.name), step.name in waiting, journal)
                for step in steps
            ]
        after, day = next_opening(now, TASKS)
    except DataError as error:
        return ("missing", str(error), ""), []
    done = sum(row["state"] in ("complete", "not due") for row in rows)
    opened = sum(row["state"] != "waits" for row in rows)
    detail = (
        f"{session:%Y-%m-%d, %A}: {done} of {opened} steps done; "
        f"next: {after.name} of {day} at {after.at:%H:%M} China time"
    )
    return (*_verdict(rows, detail, str(session)),), rows


def _verdict(rows: list[dict[str, str]], detail: str, session: str) -> Standing:
    faults = [row for row in rows if row["state"] in ("partial", "failed", "interrupted")]
    if faults:
        again = f"tide data collect --date {session}"
        todo = dict.fromkeys(_REMEDIES.get(row["step"], again) for row in faults)
        return "missing", detail, "; ".join(todo)
    if any(row["state"] == "due" for row in rows):
        return "missing", detail, f"tide daily, or {_SERVE}"
    if any(row["state"] == "missed" for row in rows):
        return "optional", detail, f"what is missed is gone; {_SERVE}"
    return "ok", detail, ""


def _row(
    step: "Opening",
    session: datetime.date,
    now: datetime.datetime,
    record: "StepRecord | None",
    waiting: bool,
    journal: "Journal",
) -> dict[str, str]:
    from data_profile.tasks import Task, done_this_month

    row = {"step": step.name, "opens": f"{step.at:%H:%M}", "began": "", "ended": "", "note": ""}
    if record is not None:
        running = record.state == "running"
        row |= {
            "state": "interrupted" if running and waiting else record.state,
            "began": _clock(record.began_at),
            "ended": _clock(record.ended_at),
            "note": "; ".join([record.note, *map(_lack, record.missing)]).strip("; "),
        }
    elif now < step.opens(session):
        row |= {"state": "waits"}
    elif isinstance(step, Task) and step.monthly and done_this_month(step, session, journal):
        row |= {"state": "not due", "note": "done for this month"}
    else:
        row |= {"state": "due" if waiting else "missed"}
    return row


def _clock(moment: datetime.datetime | None) -> str:
    from data_profile.schedule import SHANGHAI

    return f"{moment.astimezone(SHANGHAI):%m-%d %H:%M}" if moment else ""


def _lack(part: object) -> str:
    source, outcome, reason = (getattr(part, name) for name in ("source", "outcome", "reason"))
    return f"{source} {outcome}: {reason}"


def forecasts(home: "Home") -> Standing:
    """What the forecast log holds, and whether it is what was written."""
    from predictor.forecast_log import ForecastLog, ForecastLogError

    if not home.forecasts.exists():
        return "optional", "no forecast was made yet", "tide train, then tide predict"
    try:
        with ForecastLog(home.forecasts) as log:
            log.verify()
            made = log.records()
            counted = len(log.counted())
    except ForecastLogError as error:
        return "missing", str(error), "restore forecasts.db from a copy; no figure of it can stand"
    if not made:
        return "optional", "no forecast was made yet", "tide train, then tide predict"
    last = made[-1]
    return (
        "ok",
        f"{len(made)} records, {counted} count as live forecasts; the chain is whole; the last: "
        f"{last.step} for {last.for_session}, made {last.made_at:%Y-%m-%d %H:%M}, {last.hash[:16]}",
        "",
    )


def messages(home: "Home") -> Standing:
    """Which channels are set; none is asked."""
    from predictor.notify import NotifyError, Settings, channels

    try:
        names = [channel.name for channel in channels(Settings.from_environment())]
    except NotifyError as error:
        return "missing", str(error), "correct .env (see .env.example)"
    if not names:
        return "optional", "no channel is set", "set TIDE_NOTIFY_* in .env (see .env.example)"
    return "ok", ", ".join(names), ""

"""The steps of a trading day that work with what was collected, whoever does the work.

This floor knows when a task is due, runs it in a process of its own and writes down what became of
it; what it does is a function that its owner, on a floor above, hands in. Within a session every
collecting step that is due comes before every task, and tasks come in the order of their table.
"""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from data_profile import schedule, sessions
from data_profile.collector import Report, held
from data_profile.fresh import FreshError, run_fresh
from data_profile.home import Home
from data_profile.journal import Fetch, Journal, StepRecord
from data_profile.schedule import SHANGHAI, TURN, ScheduleError

RUNS = 4  # of one task without success, before a person has to look
WAIT = datetime.timedelta(minutes=10)  # before the second run; doubled before each later one
LOOK_BACK = datetime.timedelta(days=14)
QUEUE = 1200.0  # seconds to wait for another step of the same home to end
Clock = Callable[[], datetime.datetime]


@dataclass(frozen=True)
class Done:
    """What a run of a task came to.

    Parameters
    ----------
    state
        complete; partial: some of it is to be tried again; failed: none of it could be done.
    note
        What a person should know, the reason of a failure above all.
    parts
        What became of each of several parts, such as the channels of a message. The work itself
        enters each into the journal as soon as it is done, so that a kill forgets none.
    """

    state: Literal["complete", "partial", "failed"]
    note: str = ""
    parts: tuple[Fetch, ...] = ()


Work = Callable[[Home, datetime.date, Clock], Done]


@dataclass(frozen=True)
class Task:
    """A step of a day that works with what was collected.

    Parameters
    ----------
    name
        What people call it; no collecting step's name.
    at
        When it opens, Asia/Shanghai.
    meaning
        What it is for, in one line.
    work
        Does it; importable by name, since it is called in a process of its own. Doing it twice
        must come to the same.
    after
        Steps whose end makes it due again: while it has not succeeded, or always (`refreshed`).
    refreshed
        See `after`.
    until
        When it is too late; None: at 09:15 of the next session.
    monthly
        Due once a month: on the last session, or on the first one after it that the machine sees.
    minutes
        It may take.
    """

    name: str
    at: datetime.time
    meaning: str
    work: Work
    after: tuple[str, ...] = ()
    refreshed: bool = False
    until: datetime.time | None = None
    monthly: bool = False
    minutes: int = 30

    def opens(self, session: datetime.date) -> datetime.datetime:
        """When it opens for a session."""
        return datetime.datetime.combine(session, self.at, SHANGHAI)

    def ends(self, session: datetime.date) -> datetime.datetime:
        """When it is too late for a session."""
        if self.until is not None:
            return datetime.datetime.combine(session, self.until, SHANGHAI)
        return datetime.datetime.combine(sessions.next_session(session), TURN, SHANGHAI)


def due_task(
    journal: Journal, tasks: Sequence[Task], now: datetime.datetime
) -> tuple[datetime.date, Task] | None:
    """The first task to run now, and its session, the current one.

    One that failed, or did only a part, is due again after 10, 20 and 40 minutes, and whenever a
    step of its `after` has ended since.

    Raises
    ------
    CalendarError
        The calendar does not reach the session after `now`.
    """
    session = schedule.shown_session(now)
    records = {row.step: row for row in journal.records(first=session, last=session)}
    for task in tasks:
        open_now = task.opens(session) <= now < task.ends(session)
        if open_now and _wanted(task, session, records, journal, now):
            return session, task
    return None


def _wanted(
    task: Task,
    session: datetime.date,
    records: dict[str, StepRecord],
    journal: Journal,
    now: datetime.datetime,
) -> bool:
    record = records.get(task.name)
    if record is None:
        return not (task.monthly and done_this_month(task, session, journal))
    if record.ended_at is None:
        return True
    ended = record.ended_at
    newer = any(
        other.ended_at is not None and other.ended_at > ended and other.runs
        for name in task.after
        if (other := records.get(name)) is not None
    )
    if record.state == "complete":
        return newer and task.refreshed
    if newer:
        return True
    hopeless = record.missing and all(part.outcome == "gone" for part in record.missing)
    waited = now >= ended + WAIT * 2 ** max(record.runs - 1, 0)
    return record.runs < RUNS and waited and not hopeless


def done_this_month(task: Task, session: datetime.date, journal: Journal) -> bool:
    """Whether it has succeeded for the month that the next session lies in."""
    month = _month(session)
    first = session - datetime.timedelta(days=45)
    return any(
        row.step == task.name and row.state == "complete" and _month(row.session) == month
        for row in journal.records(first=first, last=session)
    )


def _month(session: datetime.date) -> tuple[int, int]:
    after = sessions.next_session(session)
    return after.year, after.month


def run_task(
    home: Home,
    session: datetime.date,
    task: Task,
    *,
    now: Clock = schedule.china_now,
    patience: float = QUEUE,
) -> Report:
    """Run a task for a session and write down what became of it.

    Parameters
    ----------
    home
        What it reads and writes.
    session
        Date in Asia/Shanghai; a day that is no session is left alone.
    task
        Which.
    now
        The clock; importable by name.
    patience
        Seconds to wait where another step of this home is at work.

    Raises
    ------
    ScheduleError
        It has not opened yet, or it is too late for it.
    CalendarError
        The calendar does not reach the session.
    CollectorError
        Another step was still at work after `patience`.
    """
    if not sessions.is_session(session):
        return Report(session, task.name, "closed", schedule.describe_closed(session))
    schedule.require_open(task, session, now())
    if now() >= task.ends(session):
        raise ScheduleError(
            f"{task.name} of {session} was possible until {task.ends(session):%Y-%m-%d %H:%M}"
        )
    lock = home.root / "collect.lock"
    with (
        held(lock, f"{task.name} of {session}", patience=patience),
        Journal(home.journal) as journal,
    ):
        journal.begin(session, task.name, now())
        try:
            done = run_fresh(task.work, home, session, now, patience=task.minutes * 60)
        except FreshError as error:
            done = Done("failed", str(error))
        journal.end(session, task.name, done.state, now(), done.note)
    return Report(session, task.name, done.state, done.note, done.parts)


def note_missed_tasks(
    journal: Journal,
    tasks: Sequence[Task],
    now: datetime.datetime,
    say: Callable[[str], None],
) -> None:
    """Write down the tasks of the last two weeks that did not run while they could.

    Those that opened before the first task of all was run are no one's fault; a monthly one comes
    again by itself.
    """
    names = {task.name for task in tasks}
    current = schedule.shown_session(now)
    records = journal.records(first=current - LOOK_BACK, last=current)
    began = min((row.began_at for row in records if row.step in names and row.runs), default=None)
    if began is None:
        return
    have = {(row.session, row.step) for row in records}
    for session in sessions.sessions(began.astimezone(SHANGHAI).date(), current):
        for task in tasks:
            known = (session, task.name) in have or task.monthly or task.opens(session) < began
            if known or task.ends(session) > now:
                continue
            note = f"it was due at {task.at:%H:%M}; done later it would not be what it says"
            journal.miss(session, task.name, now, note)
            say(f"{session} {task.name}: missed; {note}")

"""Running the day's steps as they fall due, and catching up those that were missed.

`due` says what is to be run; `run_due` runs it; `Runner` does so in a process of its own, started
from a clock that ticks: `serve` (a plain process) or an event engine (`vnpy_engine.py`).
"""

import datetime
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from data_profile import schedule, sessions
from data_profile.collector import Report, collect, held
from data_profile.errors import DataError
from data_profile.fetching import Sources, end_with_parent
from data_profile.home import Home
from data_profile.journal import Journal, StepRecord
from data_profile.news import Scoring, Sentiment
from data_profile.schedule import Step
from data_profile.tasks import Task, due_task, note_missed_tasks, run_task

LOOK_BACK = 14  # days: as far as Eastmoney's pools reach
RUNS = 4  # of one step, before a person has to look
WAIT = datetime.timedelta(minutes=10)  # before the second run; doubled before each later one
LONGEST = datetime.timedelta(hours=2)  # one run of all that is due
TICK = 20.0  # seconds between two looks at the clock
Clock = Callable[[], datetime.datetime]
Say = Callable[[str], None]


def due(journal: Journal, now: datetime.datetime) -> list[tuple[datetime.date, Step]]:
    """The steps to run now, oldest first.

    A step is due once it has opened, until it is complete or a later step has taken its place; one
    that ended with sources missing is run again after 10, 20 and 40 minutes, while these sources
    can still be had. Sessions before the first recorded one are left to `tide data backfill`.

    Raises
    ------
    CalendarError
        The calendar does not reach `now`.
    """
    current = schedule.shown_session(now)
    began = journal.first_session() or current
    first = max(began, current - datetime.timedelta(days=LOOK_BACK))
    records = {(row.session, row.step): row for row in journal.records(first=first)}
    return [
        (session, step)
        for session in sessions.sessions(min(first, current), current)
        for step in schedule.open_steps(session, now)
        if _wanted(records.get((session, step.name)), now)
    ]


def _wanted(record: StepRecord | None, now: datetime.datetime) -> bool:
    if record is None or record.ended_at is None:
        return True
    if record.state != "partial" or record.runs >= RUNS:
        return False
    if all(fetch.outcome == "gone" for fetch in record.missing):
        return False
    return now >= record.ended_at + WAIT * 2 ** (record.runs - 1)


def run_due(
    home: Home,
    sources: Sources,
    now: Clock,
    say: Say,
    scoring: Scoring = Sentiment,
    tasks: Sequence[Task] = (),
    patience: float = 0.0,
) -> list[Report]:
    """Run all that is due, and note what can no more be run.

    First every collecting step, oldest first; then one task after the other, each chosen anew,
    since the end of one can make another due. Where another process is at work on a step, it is
    waited for, up to `patience` seconds for a collecting step.

    Raises
    ------
    CollectorError
        Another collector is at work in this home folder.
    CalendarError
        The calendar does not reach today; the message says how to extend it.
    StoreError
        A day could not be built.
    """
    with Journal(home.journal) as journal:
        waiting = due(journal, now())
        note_missed(journal, now(), say)
        note_missed_tasks(journal, tasks, now(), say)
    reports = []
    for session, step in waiting:
        report = collect(
            home, session, step.name,
            sources=sources, now=now, scoring=scoring, patience=patience,
        )  # fmt: skip
        reports.append(_told(report, say))
    while (found := _next_task(home, tasks, now())) is not None:
        session, task = found
        reports.append(_told(run_task(home, session, task, now=now), say))
    return reports


def _next_task(
    home: Home, tasks: Sequence[Task], now: datetime.datetime
) -> tuple[datetime.date, Task] | None:
    with Journal(home.journal) as journal:
        return due_task(journal, tasks, now)


def _told(report: Report, say: Say) -> Report:
    for line in report.lines():
        say(line)
    return report


def note_missed(journal: Journal, now: datetime.datetime, say: Say) -> None:
    """Write down the steps that did not run and that a later step has since replaced.

    Those that opened before the first recorded one began are no one's fault.
    """
    began, since = journal.first_session(), journal.began_at()
    if began is None or since is None:
        return
    current = schedule.shown_session(now)
    first = max(began, current - datetime.timedelta(days=LOOK_BACK))
    have = {(row.session, row.step) for row in journal.records(first=first)}
    for session in sessions.sessions(min(first, current), current):
        for step in schedule.STEPS:
            known = (session, step.name) in have or step.opens(session) < since
            if known or not schedule.superseded(step, session, now):
                continue
            note = schedule.describe_missed(step)
            journal.miss(session, step.name, now, note)
            say(f"{session} {step.name}: missed; {note}")


class Runner:
    """Runs what is due in a process of its own, one at a time; `tick` never waits for it.

    Parameters
    ----------
    home
        Its root must be absolute: whoever ticks may have another working directory.
    sources
        What to collect from.
    say
        Told every line worth reading.
    now
        The clock; importable by name, since the process reads it too.
    scoring
        Who scores headlines; importable by name, too.
    tasks
        What a day is made of beside collecting, in order.
    """

    def __init__(
        self,
        home: Home,
        sources: Sources,
        say: Say,
        now: Clock = schedule.china_now,
        scoring: Scoring = Sentiment,
        tasks: Sequence[Task] = (),
    ) -> None:
        if not home.root.is_absolute():
            raise DataError(f"the home folder {home.root} must be an absolute path here")
        self._home, self._sources, self._say, self._now = home, dict(sources), say, now
        self._scoring, self._tasks = scoring, tuple(tasks)
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._began = self._rest_until = now()

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return self._process is not None

    def tick(self) -> None:
        """Hear what the run under way says, or start one if anything is due.

        Raises
        ------
        CalendarError
            The calendar does not reach today: nothing can fall due any more.
        JournalError
            The journal cannot be read.
        """
        if self._process is not None:
            self._attend(self._process)
            return
        if self._now() < self._rest_until:
            return
        with Journal(self._home.journal) as journal:
            now = self._now()
            waiting = due(journal, now) or due_task(journal, self._tasks, now)
        if waiting:
            self._start()

    def close(self) -> None:
        """End a run under way; the next one goes on where it was."""
        if self._process is not None:
            self._process.terminate()
            self._process.join(timeout=5)
            self._finish(self._process)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, there = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_job,
            args=(there, self._home, self._sources, self._now, self._scoring, self._tasks),
            name="day",
        )
        self._began = self._now()
        self._process.start()
        there.close()

    def _attend(self, process: BaseProcess) -> None:
        self._listen()
        if process.is_alive():
            if self._now() - self._began > LONGEST:
                self._say(f"the run took longer than {LONGEST} and is ended")
                process.kill()
            return
        process.join()
        self._listen()
        self._finish(process)

    def _listen(self) -> None:
        """Pass on what the run has said so far."""
        try:
            while self._pipe is not None and self._pipe.poll():
                self._say(self._pipe.recv())
        except (EOFError, OSError):
            return

    def _finish(self, process: BaseProcess) -> None:
        if process.is_alive():
            process.kill()
            process.join()
        if process.exitcode != 0:
            self._rest_until = self._now() + WAIT
            again = f"{self._rest_until:%H:%M}"
            self._say(f"the run ended with status {process.exitcode}; it goes on at {again}")
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None
        process.close()


def _job(
    pipe: Connection,
    home: Home,
    sources: Sources,
    now: Clock,
    scoring: Scoring,
    tasks: Sequence[Task],
) -> None:
    """What the process of a run does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    os.dup2(2, 1)
    try:
        run_due(home, sources, now, pipe.send, scoring, tasks)
    except DataError as error:
        pipe.send(f"error: {error}")
        sys.exit(1)


def serve(
    home: Home,
    sources: Sources,
    stop: threading.Event,
    say: Say,
    now: Clock = schedule.china_now,
    scoring: Scoring = Sentiment,
    tasks: Sequence[Task] = (),
) -> None:
    """Run the day's steps, `tasks` among them, as they fall due, until `stop` is set.

    Raises
    ------
    CalendarError
        The calendar ended; the message says how to extend it.
    CollectorError
        Another collector serves this home folder.
    """
    home = Home(home.root.absolute())
    with held(home.root / "serve.lock", "tide daily --serve"):
        runner = Runner(home, sources, say, now, scoring, tasks)
        try:
            announced = None
            while not stop.is_set():
                runner.tick()
                step, session = schedule.next_opening(now(), tasks)
                if not runner.busy and announced != (step, session):
                    announced = (step, session)
                    say(f"waiting for {step.name} of {session} at {step.at:%H:%M} China time")
                stop.wait(1.0 if runner.busy else TICK)
        finally:
            runner.close()

"""What the collecting commands print, how they are stopped, and how collecting stands."""

import contextlib
import datetime
import signal
import threading
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Literal

from console.display import say, stderr, stdout

if TYPE_CHECKING:
    from data_profile.backfill import Progress, Summary
    from data_profile.collector import Report
    from data_profile.home import Home
    from data_profile.journal import StepRecord

_LINE_EVERY = 50  # answers, where there is no terminal
_RECENT = datetime.timedelta(days=14)
_COLLECT = "tide data collect, or leave tide daily --serve running"


def log(line: str) -> None:
    """One line of a long-running service, with China's time before it."""
    from data_profile.schedule import china_now

    say(f"{china_now():%Y-%m-%d %H:%M:%S} {line}")


@contextlib.contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM sets; Ctrl-C interrupts as everywhere."""
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def backfill_progress() -> "Iterator[Progress]":
    """A bar of questions answered; a line now and then where there is no terminal."""
    from console.progress import bar

    with bar() as shown:
        task = shown.add_task("asking", total=None)

        def progress(done: int, total: int, what: str) -> None:
            line = f"{done} of {total}: {what}"
            shown.update(task, description=line, completed=done, total=total)
            if not stderr.is_terminal and (done % _LINE_EVERY == 0 or done == total):
                say(line)

        yield progress


def tell(reports: "Sequence[Report]", as_json: bool) -> None:
    """End a command with what its steps came to; status 1 where anything that was due is missing.

    Raises
    ------
    typer.Exit
        Something is missing.
    """
    import typer

    from console.commands.options import print_json

    if as_json:
        print_json([report.to_dict() for report in reports])
    if any(report.state in ("partial", "failed") for report in reports):
        raise typer.Exit(1)


def show_backfill(summary: "Summary") -> None:
    """What a backfill came to, what it lacks, and what no backfill can bring back."""
    from data_profile.backfill import CANNOT

    stdout.print(
        f"{summary.done} answers, {summary.empty} without content, {summary.failed} given up, "
        f"{summary.waiting} still to be asked; {summary.sessions} sessions built"
    )
    for reason in summary.reasons:
        stdout.print(f"  {reason}", markup=False)
    if summary.stopped:
        stdout.print(f"stopped: {summary.stopped}", markup=False)
        stdout.print("run tide data backfill again in some hours: it goes on from here")
    elif summary.waiting:
        stdout.print("run tide data backfill again: what failed is asked once more")
    stdout.print("What cannot be had:")
    for line in CANNOT:
        stdout.print(f"  - {line}", markup=False)


def standing(home: "Home") -> tuple[Literal["ok", "optional", "missing"], str, str]:
    """How collecting stands: state, what was seen, what to do."""
    from data_profile.errors import DataError
    from data_profile.journal import Journal
    from data_profile.schedule import STEPS, china_now
    from data_profile.service import due

    if not home.journal.exists():
        return "optional", "nothing was collected here yet", _COLLECT
    now = china_now()
    try:
        with Journal(home.journal) as journal:
            names = {step.name for step in STEPS}
            every = journal.records(first=now.date() - _RECENT)
            records = [record for record in every if record.step in names]
            waiting = due(journal, now)
    except DataError as error:
        return "missing", str(error), ""
    flawed = [record for record in records if record.state != "complete"]
    detail = "; ".join([_latest(records), *map(_flaw, flawed)])
    if waiting:
        steps = ", ".join(f"{session} {step.name}" for session, step in waiting)
        return "missing", detail, f"due now: {steps}: {_COLLECT}"
    failed = {record.session for record in flawed if _retriable(record)}
    if failed:
        again = " and ".join(f"tide data collect --date {day}" for day in sorted(failed))
        return "missing", detail, again
    if flawed:
        return "optional", detail, "what upstreams keep of it: tide data backfill"
    return "ok", detail, ""


def _latest(records: "list[StepRecord]") -> str:
    done = [record for record in records if record.ended_at is not None and record.runs]
    if not done:
        return "no step has ended in the last two weeks"
    last = done[-1]
    return f"last: {last.step} of {last.session}, {last.state}"


def _flaw(record: "StepRecord") -> str:
    sources = ", ".join(f"{fetch.source} {fetch.outcome}" for fetch in record.missing)
    state = "interrupted" if record.state == "running" else record.state
    return f"{record.session} {record.step} {state}" + (f" ({sources})" if sources else "")


def _retriable(record: "StepRecord") -> bool:
    return any(fetch.outcome != "gone" for fetch in record.missing)

"""Tasks that stand in a module, so that their process can import them."""

import datetime
import os
import sys
import time

from data_profile.home import Home
from data_profile.schedule import SHANGHAI
from data_profile.tasks import Clock, Done, Task


def well(home: Home, session: datetime.date, clock: Clock) -> Done:
    """Leaves a line of what it did."""
    with open(home.root / "done", "a") as file:
        file.write(f"{session} {clock():%H:%M} {os.getpid()}\n")
    print("to the log, not to --json")
    return Done("complete", "well")


def badly(home: Home, session: datetime.date, clock: Clock) -> Done:
    """A known error."""
    return Done("failed", "no model")


def faulty(home: Home, session: datetime.date, clock: Clock) -> Done:
    """A fault of ours."""
    raise ZeroDivisionError("a fault")


def crashing(home: Home, session: datetime.date, clock: Clock) -> Done:
    """As a library that crashes."""
    sys.stderr.flush()
    os._exit(7)


def hanging(home: Home, session: datetime.date, clock: Clock) -> Done:
    """For ever."""
    time.sleep(600)
    return Done("complete")


def evening() -> datetime.datetime:
    """Friday at 18:30."""
    return datetime.datetime(2026, 11, 20, 18, 30, tzinfo=SHANGHAI)


FIRST = Task("first", datetime.time(15, 45), "does well", well, after=("collect", "recollect"))
SECOND = Task(
    "second", datetime.time(15, 50), "follows", well, after=("first", "lists"), refreshed=True
)
MORNING = Task("morning", datetime.time(9, 27), "early", well, until=datetime.time(15, 0))
MONTHLY = Task("monthly", datetime.time(18, 0), "once", well, monthly=True)
FAILING = Task("failing", datetime.time(15, 45), "fails", badly)

"""The steps of a trading day, in China time: when each opens, and what it can still collect.

| step | opens | what for |
|---|---|---|
| `confirm` | 09:26 | the opening auction, before the session |
| `collect` | 15:35 | the day's figures, after post-close trading has ended at 15:30 |
| `recollect` | 16:45 | what was revised since: sector flow changes until 16:30; and the rest |
| `lists` | 18:10 | what comes out in the evening: dragon-tiger list, seats |

Nothing here reads a clock: every function is told the time.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from data_profile import sessions
from data_profile.errors import CalendarError, DataError

SHANGHAI = ZoneInfo("Asia/Shanghai")
REVISED = frozenset({"board_flow", "board_main_flow", "board_quotes"})
"""Tables that their upstream still changes after 15:35, and that are therefore asked for again."""

TURN = datetime.time(9, 15)  # the opening auction: from here on snapshots show the new session


class ScheduleError(DataError):
    """No such step, or a step that has not opened yet."""


@dataclass(frozen=True)
class Step:
    """One step of a trading day.

    Parameters
    ----------
    name
        What people call it on the command line.
    at
        When it opens, Asia/Shanghai.
    known_at
        Sources whose `known_at` is one of these are collected in it.
    builds
        Whether the sector-day is built (again) after it.
    meaning
        What it is for, in one line.
    """

    name: str
    at: datetime.time
    known_at: frozenset[str]
    builds: bool
    meaning: str

    def opens(self, session: datetime.date) -> datetime.datetime:
        """When it opens for a session."""
        return datetime.datetime.combine(session, self.at, SHANGHAI)


STEPS: tuple[Step, ...] = (
    Step("confirm", datetime.time(9, 26), frozenset({"09:26"}), False, "the opening auction"),
    Step("collect", datetime.time(15, 35), frozenset({"15:35"}), True, "the day's figures"),
    Step(
        "recollect",
        datetime.time(16, 45),
        frozenset({"15:35", "16:45"}),
        True,
        "the day's figures, final",
    ),
    Step("lists", datetime.time(18, 10), frozenset({"18:10"}), True, "the evening's lists"),
)


class Opening(Protocol):
    """What opens at a time of a session: a collecting step, or a task (`data_profile.tasks`)."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def at(self) -> datetime.time:
        """When it opens, Asia/Shanghai."""

    def opens(self, session: datetime.date) -> datetime.datetime:
        """When it opens for a session."""


_BY_NAME = {step.name: step for step in STEPS}


def step(name: str) -> Step:
    """The step of a name.

    Raises
    ------
    ScheduleError
        There is none.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        raise ScheduleError(f"no step {name!r}; use one of {', '.join(_BY_NAME)}") from None


def china_now() -> datetime.datetime:
    """The time now, in Asia/Shanghai."""
    return datetime.datetime.now(SHANGHAI)


def trading_day(now: datetime.datetime) -> datetime.date:
    """The day whose steps `now` belongs to: it begins at 09:15 and lasts into the next morning.

    Examples
    --------
    >>> trading_day(datetime.datetime(2026, 11, 21, 0, 30, tzinfo=SHANGHAI))
    datetime.date(2026, 11, 20)
    """
    since = datetime.timedelta(hours=TURN.hour, minutes=TURN.minute)
    return (now.astimezone(SHANGHAI) - since).date()


def shown_session(now: datetime.datetime) -> datetime.date:
    """The session that a page without a date shows at `now`: the last that has begun.

    Raises
    ------
    CalendarError
        The calendar does not reach the day.
    """
    day = trading_day(now)
    sessions.is_session(now.astimezone(SHANGHAI).date())  # refuses past the calendar's bound
    return sessions.sessions(day - datetime.timedelta(days=15), day)[-1]


def asked_since(of: Step, source: str, session: datetime.date) -> datetime.datetime:
    """From when on a table that is there already need not be asked for again in a step."""
    first = min((step for step in STEPS if step.known_at <= of.known_at), key=lambda s: s.at)
    return (of if source.split(".")[1] in REVISED else first).opens(session)


def superseded(of: Step, session: datetime.date, now: datetime.datetime) -> bool:
    """Whether a later step collects all of this one's sources and has opened.

    What is collected then is no longer what was known when this step opened: it is missed.
    """
    return any(
        later.at > of.at and of.known_at < later.known_at and later.opens(session) <= now
        for later in STEPS
    )


def open_steps(session: datetime.date, now: datetime.datetime) -> tuple[Step, ...]:
    """The steps of a session that have opened and are not superseded, in order."""
    return tuple(
        step for step in STEPS if step.opens(session) <= now and not superseded(step, session, now)
    )


def next_opening(
    now: datetime.datetime, more: Sequence[Opening] = ()
) -> tuple[Opening, datetime.date]:
    """The next step to open strictly after `now`, and its session; `more` are tasks beside them.

    Raises
    ------
    CalendarError
        The calendar ends before.
    """
    today = now.astimezone(SHANGHAI).date()
    if sessions.is_session(today):
        for step in sorted((*STEPS, *more), key=lambda one: one.at):
            if step.opens(today) > now:
                return step, today
    return STEPS[0], sessions.next_session(today)


def describe_closed(day: datetime.date) -> str:
    """Why nothing happens on a day that is no session, and what comes next."""
    try:
        after = f"; the next is {sessions.next_session(day)}"
    except CalendarError as error:
        after = f"; {error}"
    return f"{day} ({day:%A}) is no trading session in Shanghai: nothing to collect{after}"


def describe_missed(step: Step) -> str:
    """Why a step that a later one has replaced is not run any more."""
    return f"it was due at {step.at:%H:%M}; what was known then can never be had, later steps go on"


def require_open(step: Opening, session: datetime.date, now: datetime.datetime) -> None:
    """Refuse a step that has not opened yet.

    Raises
    ------
    ScheduleError
        It has not; the message says when it does.
    CalendarError
        The calendar does not reach today.
    """
    if now < step.opens(session):
        raise ScheduleError(
            f"{step.name} of {session} opens at {step.at:%H:%M} China time and it is "
            f"{now.astimezone(SHANGHAI):%Y-%m-%d %H:%M}; run it then"
        )
    shown_session(now)

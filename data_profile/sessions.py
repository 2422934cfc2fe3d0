"""Trading sessions of the Shanghai exchange, as dates in Asia/Shanghai.

The packaged calendar of exchange_calendars (XSHG) knows the published holidays and nothing past
them; `sessions.yaml` beside this file corrects and extends it. Past the bound nothing is guessed.
"""

import datetime
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import yaml

from data_profile.errors import CalendarError

OVERRIDES = Path(__file__).with_name("sessions.yaml")
Day = datetime.date | np.datetime64 | str
_KEYS = {"until", "closed", "open"}


@dataclass(frozen=True)
class Calendar:
    """Sessions in order, and the span of days for which they are all that there are.

    Parameters
    ----------
    days
        The sessions, strictly increasing.
    first, last
        The first and last day (session or not) that the calendar vouches for.
    """

    days: tuple[datetime.date, ...]
    first: datetime.date
    last: datetime.date

    def check(self, day: datetime.date) -> datetime.date:
        """Return `day`, or raise CalendarError if the calendar does not reach it."""
        if self.first <= day <= self.last:
            return day
        side = f"ends on {self.last}" if day > self.last else f"begins on {self.first}"
        raise CalendarError(
            f"the trading calendar {side} and cannot say anything about {day}; install a newer "
            f"exchange_calendars, or copy the exchange's announcement into {OVERRIDES.name} "
            f"(`until`, `closed`) in the folder data_profile"
        )


@cache
def calendar() -> Calendar:
    """The packaged calendar with the overrides of `sessions.yaml` applied, read once a process."""
    import exchange_calendars  # slow to import: only where a calendar is asked for

    kind = exchange_calendars.exchange_calendar_xshg.XSHGExchangeCalendar
    packaged = kind(start=kind.bound_min(), end=kind.bound_max())
    days = [stamp.date() for stamp in packaged.sessions]
    return override(days, days[0], kind.bound_max().date(), OVERRIDES)


def override(
    days: Sequence[datetime.date], first: datetime.date, last: datetime.date, path: Path
) -> Calendar:
    """Apply an override file to a packaged calendar.

    Parameters
    ----------
    days
        Packaged sessions, in order.
    first, last
        What the package vouches for.
    path
        YAML with the keys `until` (a date or null), `closed` and `open` (lists of dates).

    Raises
    ------
    CalendarError
        The file cannot be read, or holds anything else.
    """
    until, closed, opened = _read(path)
    end = max(last, until or last)
    every = set(days)
    every |= {
        day
        for day in (last + datetime.timedelta(n) for n in range(1, (end - last).days + 1))
        if day.weekday() < 5
    }
    for name, dates in (("closed", closed), ("open", opened)):
        for day in dates:
            if not first <= day <= end:
                raise CalendarError(
                    f"{path}: {name} names {day}, outside {first}..{end}; set `until` first"
                )
    return Calendar(tuple(sorted((every - closed) | opened)), first, end)


def _read(path: Path) -> tuple[datetime.date | None, set[datetime.date], set[datetime.date]]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CalendarError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict) or set(content) != _KEYS:
        raise CalendarError(f"{path} must hold exactly the keys {', '.join(sorted(_KEYS))}")
    until = content["until"]
    if until is not None and type(until) is not datetime.date:
        raise CalendarError(f"{path}: until must be a date such as 2027-12-31, or null")
    found = []
    for name in ("closed", "open"):
        dates = content[name]
        if not isinstance(dates, list) or any(type(day) is not datetime.date for day in dates):
            raise CalendarError(f"{path}: {name} must be a list of dates such as [2027-01-01]")
        found.append(set(dates))
    both = found[0] & found[1]
    if both:
        raise CalendarError(f"{path}: {min(both)} stands under both closed and open")
    return until, found[0], found[1]


def as_date(day: Day) -> datetime.date:
    """A date from a date, a datetime, a numpy datetime64 or ISO text.

    Raises
    ------
    CalendarError
        It is none of these.
    """
    if isinstance(day, datetime.datetime):
        return day.date()
    if isinstance(day, datetime.date):
        return day
    try:
        value = np.datetime64(str(day), "D").item()
    except (ValueError, TypeError) as error:
        raise CalendarError(f"{day!r} is no date; write it like 2025-12-31") from error
    if not isinstance(value, datetime.date):
        raise CalendarError(f"{day!r} is no date; write it like 2025-12-31")
    return value


def today() -> datetime.date:
    """Today's date in Asia/Shanghai."""
    return datetime.datetime.now(ZoneInfo("Asia/Shanghai")).date()


def is_session(day: Day) -> bool:
    """Whether the exchange trades on `day`.

    Raises
    ------
    CalendarError
        The calendar does not reach `day`.
    """
    known = calendar()
    date = known.check(as_date(day))
    at = bisect_left(known.days, date)
    return at < len(known.days) and known.days[at] == date


def next_session(day: Day) -> datetime.date:
    """The first session strictly after `day`.

    Examples
    --------
    >>> next_session("2025-12-31")
    datetime.date(2026, 1, 5)

    Raises
    ------
    CalendarError
        The calendar does not reach `day`, or ends before the next session.
    """
    known = calendar()
    at = bisect_right(known.days, known.check(as_date(day)))
    if at == len(known.days):
        known.check(known.last + datetime.timedelta(1))
    return known.days[at]


def sessions(start: Day, end: Day) -> tuple[datetime.date, ...]:
    """The sessions from `start` to `end`, both inclusive, in order.

    Raises
    ------
    CalendarError
        The calendar does not reach `start` or `end`.
    """
    known = calendar()
    low = bisect_left(known.days, known.check(as_date(start)))
    high = bisect_right(known.days, known.check(as_date(end)))
    return known.days[low:high]

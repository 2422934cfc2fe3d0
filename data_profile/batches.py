"""What was taken in together, and what that makes of a session."""

import datetime
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo

State = Literal["complete", "partial", "imported"]
STATES: tuple[State, ...] = ("complete", "partial", "imported")
SHANGHAI = ZoneInfo("Asia/Shanghai")

_TIMES = ("observed_at", "first_session", "last_session")


@dataclass(frozen=True)
class Batch:
    """Rows that were taken in together.

    Parameters
    ----------
    number
        Order of arrival, from 1.
    kind
        "file": an imported panel; it hides earlier files on the sessions from its first to its
        last. "day": the rows of one session.
    state
        "complete", "partial": collected. "imported": history.
    source
        Where the rows come from, for people.
    observed_at
        When they were observed (a file: when it was imported); UTC.
    first_session, last_session
        Dates in Asia/Shanghai; the same for a day.
    rows
        How many.
    fields, ignored
        Columns of numbers, columns of text.
    missing
        What a partial day is without, for people.
    file
        Name of the Parquet file that holds them.
    """

    number: int
    kind: Literal["file", "day"]
    state: State
    source: str
    observed_at: datetime.datetime
    first_session: datetime.date
    last_session: datetime.date
    rows: int
    fields: tuple[str, ...]
    ignored: tuple[str, ...]
    missing: tuple[str, ...]
    file: str

    @property
    def collected(self) -> bool:
        """Whether `observed_at` says when the rows were known."""
        return self.state != "imported"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        times = {name: getattr(self, name).isoformat() for name in _TIMES}
        return asdict(self) | times

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Batch":
        """The inverse of `to_dict`; KeyError, TypeError or ValueError if it is none."""
        return cls(
            **{
                **data,
                "observed_at": datetime.datetime.fromisoformat(data["observed_at"]),
                "first_session": datetime.date.fromisoformat(data["first_session"]),
                "last_session": datetime.date.fromisoformat(data["last_session"]),
                **{name: tuple(data[name]) for name in ("fields", "ignored", "missing")},
            }
        )


@dataclass(frozen=True)
class Day:
    """How a session came in.

    Parameters
    ----------
    session
        Date in Asia/Shanghai.
    state
        "complete", "partial": as last observed. "imported": history fetched later.
    missing
        What it is without, for people.
    observed_at
        When it was last observed; UTC.
    observations
        How often it was observed.
    """

    session: datetime.date
    state: State
    missing: tuple[str, ...]
    observed_at: datetime.datetime
    observations: int


def precedence(batch: Batch) -> tuple[Any, ...]:
    """The later one holds: history by arrival, then what was collected by observation."""
    return batch.collected, batch.collected and batch.observed_at, batch.number

"""One forecast of the log: its columns, its hash, and whether it counts."""

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from data_profile.errors import CalendarError
from data_profile.schedule import SHANGHAI, TURN
from data_profile.sessions import next_session
from predictor.errors import PredictorError

OPEN, CLOSE = datetime.time(9, 30), datetime.time(15, 0)
PREDICT = "predict"
CONFIRM = "confirm"
NEEDED = ("as_of", "for_session", "model", "pool_version", "snapshot_id", "scores")


class ForecastLogError(PredictorError):
    """The log cannot be used, is not what was written, or a document is no forecast."""


@dataclass(frozen=True, eq=False)
class Record:
    """One forecast as it was made.

    Parameters
    ----------
    id
        1 is the first of the log.
    made_at
        When it was entered, timezone-aware (Asia/Shanghai).
    step
        "predict", or "confirm" for the order after the opening auction.
    as_of, for_session
        The last session whose data it uses, and the session it is about.
    live
        Made before 09:15 of `for_session`, and after the close of the session just before it.
    model, pool_version, snapshot_id
        What it was made with, and the data it was made from.
    document
        `Forecast.to_dict()`; its `scores` are of all sectors.
    previous, hash
        SHA-256 of the record before and of this one, which covers all of the above.
    """

    id: int
    made_at: datetime.datetime
    step: str
    as_of: datetime.date
    for_session: datetime.date
    live: bool
    model: str
    pool_version: int
    snapshot_id: str
    document: Mapping[str, Any]
    previous: str
    hash: str


def is_live(as_of: datetime.date, for_session: datetime.date, made_at: datetime.datetime) -> bool:
    """Whether a forecast made then could have been acted on: after the close, before 09:15.

    Raises
    ------
    CalendarError
        The calendar does not reach `as_of`.
    """
    opened = datetime.datetime.combine(as_of, CLOSE, SHANGHAI)
    ended = datetime.datetime.combine(for_session, TURN, SHANGHAI)
    return next_session(as_of) == for_session and opened <= made_at < ended


def entry(document: Mapping[str, Any], made_at: datetime.datetime, step: str) -> dict[str, Any]:
    """The columns that a document fills."""
    if made_at.tzinfo is None:
        raise ForecastLogError(f"the time {made_at} has no zone")
    absent = [name for name in NEEDED if name not in document]
    if absent:
        raise ForecastLogError(f"a forecast without {', '.join(absent)} is not kept")
    try:
        text = json.dumps(
            document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
        )
        as_of = datetime.date.fromisoformat(document["as_of"])
        for_session = datetime.date.fromisoformat(document["for_session"])
        live = is_live(as_of, for_session, made_at)
    except (TypeError, ValueError, CalendarError) as error:
        raise ForecastLogError(f"this is no forecast that can be kept: {error}") from error
    return {
        "made_at": made_at.astimezone(SHANGHAI).isoformat(),
        "step": step,
        "as_of": as_of.isoformat(),
        "for_session": for_session.isoformat(),
        "live": int(live),
        "model": str(document["model"]),
        "pool_version": int(document["pool_version"]),
        "snapshot_id": str(document["snapshot_id"]),
        "document": text,
    }


def digest(row: Mapping[str, Any]) -> str:
    """SHA-256 over all columns but the hash, in JSON, by name."""
    covered = {name: value for name, value in row.items() if name != "hash"}
    return hashlib.sha256(
        json.dumps(covered, ensure_ascii=False, sort_keys=True).encode()
    ).hexdigest()


def record(row: Mapping[str, Any]) -> Record:
    """The record that a row of the file holds."""
    return Record(
        **{
            **row,
            "made_at": datetime.datetime.fromisoformat(row["made_at"]),
            "as_of": datetime.date.fromisoformat(row["as_of"]),
            "for_session": datetime.date.fromisoformat(row["for_session"]),
            "live": bool(row["live"]),
            "document": json.loads(row["document"]),
        }
    )

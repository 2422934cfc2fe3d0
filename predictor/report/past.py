"""What the forecast log holds for the page; a home without a log has none, and none is made."""

import datetime
from collections.abc import Mapping
from typing import Any

from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.sessions import next_session
from predictor import forecast_log
from predictor.forecast_log import CONFIRM, PREDICT, ForecastLog, Record


def forecast_after(home: Home, day: datetime.date) -> Record | None:
    """The forecast made after a session: the one that counts, else the last of those too late."""
    return _chosen(home, next_session(day))


def forecast_for(home: Home, day: datetime.date) -> Record | None:
    """The forecast made for a session, chosen in the same way."""
    return _chosen(home, day)


def confirmation_of(home: Home, day: datetime.date) -> Mapping[str, Any] | None:
    """What the opening auction of a session said of its forecast (`predictor.confirm`), if asked.

    The first time it was asked counts.
    """
    if not home.forecasts.exists():
        return None
    with ForecastLog(home.forecasts) as log:
        made = [one for one in log.records(day, day) if one.step == CONFIRM]
    return made[0].document.get("confirmation") if made else None


def track_record(home: Home, panel: Panel) -> Mapping[str, Any] | None:
    """What came of the live forecasts up to the panel's last session; None without a log."""
    if not home.forecasts.exists():
        return None
    with ForecastLog(home.forecasts) as log:
        return forecast_log.track_record(log, panel)


def _chosen(home: Home, session: datetime.date) -> Record | None:
    if not home.forecasts.exists():
        return None
    with ForecastLog(home.forecasts) as log:
        made = [one for one in log.records(session, session) if one.step == PREDICT]
    return next((one for one in made if one.live), made[-1] if made else None)

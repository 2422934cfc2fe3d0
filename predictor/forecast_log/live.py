"""The track record: what came of the forecasts that were made in time, beside what needs no model.

What was said is read from the log, without the sectors that a filter removed, as it was told. The
panel gives what happened, and the baselines of the session before; being as known now, they may
have been corrected since, which can only help them. Nothing that a model computed afterwards is in
it: a replay on history is another table, with another name.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from data_profile.panel import Panel
from factor_pool.evaluation.baselines import PERSISTENCE, SIZE, design
from factor_pool.evaluation.labels import label
from predictor.forecast_log.log import ForecastLog
from predictor.forecast_log.records import CONFIRM, PREDICT, Record
from predictor.holdout import BLOCK, LEVEL, METRICS, Bootstrap, Outcome, daily, difference, table

NOTE = (
    "Live forecasts only: of each session the first that was logged after the close before it and "
    "before 09:15 of its day. What was made later is kept in the log and counts nowhere."
)
_SURGE_METRICS = frozenset({"surge_precision_at_5"})  # ranked by the probability of a wave


def track_record(log: ForecastLog, panel: Panel) -> dict[str, Any]:
    """What came of the live forecasts.

    Parameters
    ----------
    log
        Its live records are read; of each session the first counts.
    panel
        What happened: a session without a row in it is still pending.

    Returns
    -------
    dict
        JSON-able. `kind, note, interval, metrics`: what the figures are; `days, sessions`: the
        forecasts whose session is in the panel; `pending`: sessions of those whose is not;
        `not_counted`: records that were made too late, or second; `models`: id -> days;
        `methods`: model, persistence, size and base_rate -> metric -> mean with interval (None
        where fewer than two days have the metric); `difference_to_persistence`: the model's,
        paired. The last two are None before the first day. Where auctions gave new numbers before
        trading began, `methods` has "auction", too: what stood then, on the other days the
        forecast; `days_with_auction` counts them.

    Raises
    ------
    ForecastLogError
        The log cannot be read.
    """
    made = log.counted()
    row_of = {day: t for t, day in enumerate(panel.sessions.tolist())}
    judged = [r for r in made if row_of.get(r.for_session, 0) > 0 and r.as_of in row_of]
    rows = [row_of[record.for_session] - 1 for record in judged]
    confirmed = log.confirmed()
    after = {r.for_session: confirmed[r.for_session] for r in judged if r.for_session in confirmed}
    result: dict[str, Any] = {
        "kind": "live forecasts",
        "note": NOTE,
        "days": len(judged),
        "sessions": _span(judged),
        "pending": [str(r.for_session) for r in made if r.for_session not in row_of],
        "days_with_auction": len(after),
        "not_counted": sum(one.step in (PREDICT, CONFIRM) for one in log.records())
        - len(made)
        - len(confirmed),
        "models": _days_of_models(judged),
        "interval": f"{LEVEL:.0%}, stationary bootstrap over sessions, mean block {BLOCK}",
        "metrics": METRICS,
        "methods": None,
        "difference_to_persistence": None,
    }
    if not judged:
        return result
    outcome = Outcome(*(label(panel, name)[rows] for name in ("limit_up_count", "limit_up_surge")))
    methods = {
        name: daily(scores, outcome)
        for name, scores in _scores(judged, after, panel, [row_of[r.as_of] for r in judged]).items()
    }
    bootstrap = Bootstrap(len(judged), seed=0)
    result["methods"] = table(methods, bootstrap)
    result["difference_to_persistence"] = difference(
        methods["model"], methods["persistence"], bootstrap
    )
    return result


def _scores(
    judged: Sequence[Record],
    after: Mapping[datetime.date, Record],
    panel: Panel,
    as_of: Sequence[int],
) -> dict[str, Mapping[str, np.ndarray | None]]:
    """Method -> metric -> what it ranks by, float64 (days, S), NaN where it said nothing."""
    methods: dict[str, Mapping[str, np.ndarray | None]] = {"model": _orders(judged, panel)}
    if after:
        stood = [after.get(record.for_session, record) for record in judged]
        methods["auction"] = _orders(stood, panel)
    for name, values in zip(
        ("persistence", "size"), design(panel, (PERSISTENCE, SIZE)), strict=True
    ):
        methods[name] = dict.fromkeys(METRICS, values[list(as_of)])
    methods["base_rate"] = dict.fromkeys(METRICS, None)
    return methods


def _orders(judged: Sequence[Record], panel: Panel) -> Mapping[str, np.ndarray | None]:
    score, surge = (_matrix(judged, name, panel) for name in ("score", "p_surge"))
    return {name: surge if name in _SURGE_METRICS else score for name in METRICS}


def _matrix(judged: Sequence[Record], name: str, panel: Panel) -> np.ndarray:
    """What each forecast said of each sector that it ranked; removed sectors it did not."""
    column = {sector: s for s, sector in enumerate(panel.instruments)}
    result = np.full((len(judged), len(column)), np.nan)
    for t, record in enumerate(judged):
        said = record.document["confirmation"] if record.step == CONFIRM else record.document
        for row in said["scores"]:
            if row["sector_id"] in column and not row.get("removed"):
                result[t, column[row["sector_id"]]] = row[name]
    return result


def _span(judged: Sequence[Record]) -> dict[str, Any] | None:
    if not judged:
        return None
    return {"start": str(judged[0].for_session), "end": str(judged[-1].for_session)}


def _days_of_models(judged: Sequence[Record]) -> dict[str, int]:
    days: dict[str, int] = {}
    for record in judged:
        days[record.model] = days.get(record.model, 0) + 1
    return days

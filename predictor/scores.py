"""What a model said of every sector, session by session: what a backtest judges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from data_profile.panel import Panel
from predictor.errors import PredictorError
from predictor.forecast_log import ForecastLog, Record

Source = Literal["replay", "live"]


@dataclass(frozen=True, eq=False)
class Scores:
    """What was said of S sectors after each of T sessions; float (T, S), NaN where nothing.

    Parameters
    ----------
    source
        "replay" or "live".
    what
        Where they come from, for people: models, windows, when they were made.
    sessions
        datetime64[D] (T,): the as-of sessions, in order.
    sectors
        S ids.
    score
        Orders the sectors by limit-ups.
    p_surge, p_at_least_one
        Calibrated probabilities of a wave, and of at least one limit-up, in the next session.
    removed
        bool (T, S): a filter takes the sector out of the ranking.
    """

    source: Source
    what: str
    sessions: np.ndarray
    sectors: tuple[str, ...]
    score: np.ndarray
    p_surge: np.ndarray
    p_at_least_one: np.ndarray
    removed: np.ndarray

    def on(self, panel: Panel) -> "Scores":
        """The same over a panel's sessions and sectors; what the panel does not have falls away."""
        rows = np.searchsorted(panel.sessions, self.sessions)
        there = rows < len(panel.sessions)
        there[there] &= panel.sessions[rows[there]] == self.sessions[there]
        place = {sector: column for column, sector in enumerate(panel.instruments)}
        from_ = [i for i, one in enumerate(self.sectors) if one in place]
        to = np.array([place[self.sectors[i]] for i in from_], dtype=np.int64)

        def moved(matrix: np.ndarray, empty: float | bool) -> np.ndarray:
            result = np.full(panel.shape, empty)
            result[np.ix_(rows[there], to)] = matrix[there][:, from_]
            return result

        return Scores(
            self.source,
            self.what,
            panel.sessions,
            panel.instruments,
            moved(self.score, np.nan),
            moved(self.p_surge, np.nan),
            moved(self.p_at_least_one, np.nan),
            moved(self.removed, False),
        )


def of_log(log: ForecastLog) -> Scores:
    """The live forecasts of a log that count: of each session the first made in time.

    Raises
    ------
    PredictorError
        The log has none, or cannot be read.
    """
    records = log.counted()
    if not records:
        raise PredictorError(
            "the forecast log has no live forecast yet: each is made by `tide daily` after a close"
        )
    said = [_said(record) for record in records]
    sectors = tuple(sorted({row["sector_id"] for rows in said for row in rows}))
    models = len({record.model for record in records})
    return Scores(
        source="live",
        what=f"{len(records)} forecasts of the log, made in time, by {models} models",
        sessions=np.array([record.as_of for record in records], dtype="datetime64[D]"),
        sectors=sectors,
        score=_matrix(said, sectors, "score"),
        p_surge=_matrix(said, sectors, "p_surge"),
        p_at_least_one=_matrix(said, sectors, "p_at_least_one"),
        removed=_matrix(said, sectors, "removed") == 1,
    )


def _said(record: Record) -> Sequence[Mapping[str, Any]]:
    """A row a sector, the removed ones too where the document has them."""
    return record.document.get("scores") or record.document["ranking"]


def _matrix(
    said: Sequence[Sequence[Mapping[str, Any]]], sectors: Sequence[str], name: str
) -> np.ndarray:
    place = {sector: column for column, sector in enumerate(sectors)}
    result = np.full((len(said), len(sectors)), np.nan)
    for t, rows in enumerate(said):
        for row in rows:
            result[t, place[row["sector_id"]]] = row.get(name, np.nan)
    return result

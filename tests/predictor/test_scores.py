"""Scores of the forecast log: of each session the first made in time, nothing else."""

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_profile.home import Home
from data_profile.schedule import SHANGHAI
from data_profile.sessions import next_session
from predictor.errors import PredictorError
from predictor.forecast import predict
from predictor.forecast_log import ForecastLog
from predictor.scores import of_log
from predictor.training import Trained

DAY = datetime.date(2025, 11, 20)


def document(as_of: datetime.date, score: float, **more: Any) -> dict[str, Any]:
    rows = [
        {"sector_id": "A", "score": score, "p_surge": 0.1, "p_at_least_one": 0.5, "rank": 1},
        {"sector_id": "B", "score": 0.5, "p_surge": 0.2, "p_at_least_one": 0.4, "rank": 2},
    ]
    return {
        "as_of": str(as_of), "for_session": str(next_session(as_of)), "model": "m",
        "pool_version": 0, "snapshot_id": f"s{score}", "ranking": rows, **more,
    }  # fmt: skip


def evening(day: datetime.date, hour: int = 16) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(hour), SHANGHAI)


@pytest.fixture
def log(tmp_path: Path) -> ForecastLog:
    return ForecastLog(tmp_path / "forecasts.db")


def test_the_first_made_in_time_counts(log: ForecastLog) -> None:
    later = next_session(DAY)
    log.append(document(DAY, 1.0), made_at=evening(DAY))
    log.append(document(DAY, 9.0), made_at=evening(DAY, 20))  # had time to think again
    log.append(document(DAY, 8.0), made_at=evening(later), step="confirm")
    log.append(document(later, 2.0), made_at=evening(next_session(later)))  # too late
    found = of_log(log)
    assert found.source == "live"
    assert found.sectors == ("A", "B")
    assert found.sessions.tolist() == [DAY]
    assert found.score.tolist() == [[1.0, 0.5]]
    assert found.p_at_least_one.tolist() == [[0.5, 0.4]]
    assert not found.removed.any()


def test_removed_sectors_keep_their_scores(log: ForecastLog) -> None:
    made = document(DAY, 1.0)
    removed = [{**row, "removed": row["sector_id"] == "A"} for row in made["ranking"]]
    log.append(made | {"scores": removed, "ranking": made["ranking"][1:]}, made_at=evening(DAY))
    found = of_log(log)
    assert found.removed.tolist() == [[True, False]]
    assert found.score[0, 0] == 1.0


def test_a_forecast_as_it_is_made(log: ForecastLog, trained_home: tuple[Home, Trained]) -> None:
    made = predict(trained_home[0]).to_dict()
    log.append(made, made_at=evening(datetime.date.fromisoformat(made["as_of"])))
    found = of_log(log)
    assert len(found.sectors) == len(made["scores"])
    assert np.isfinite(found.score).all()
    assert found.removed.sum() == sum(row["removed"] for row in made["scores"])


def test_an_empty_log_says_what_fills_it(log: ForecastLog) -> None:
    with pytest.raises(PredictorError, match="tide daily"):
        of_log(log)

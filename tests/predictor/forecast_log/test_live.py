"""The track record counts what was said in time, and nothing else."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_profile.panel import Panel
from data_profile.schedule import SHANGHAI
from data_profile.sessions import next_session
from predictor.forecast_log import ForecastLog, track_record

DAYS = 12


@pytest.fixture
def log(tmp_path: Path) -> Iterator[ForecastLog]:
    with ForecastLog(tmp_path / "forecasts.db") as opened:
        yield opened


def said(panel: Panel, as_of: datetime.date, values: np.ndarray, **more: Any) -> dict[str, Any]:
    """A forecast whose scores are `values`."""
    pairs = list(zip(panel.instruments, values.tolist(), strict=True))
    return {
        "as_of": str(as_of),
        "for_session": str(next_session(as_of)),
        "model": "m",
        "pool_version": 0,
        "snapshot_id": "s",
        "scores": [{"sector_id": s, "score": v, "p_surge": v} for s, v in pairs],
        **more,
    }


def after_close(day: datetime.date, days: int = 0) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(16), SHANGHAI) + datetime.timedelta(days)


def tell(log: ForecastLog, panel: Panel, days: int = DAYS, **more: Any) -> None:
    """Forecasts that knew the counts of the next session, each made in time."""
    sessions = panel.sessions.tolist()
    for t in range(len(sessions) - 1 - days, len(sessions) - 1):
        counts = panel.values["limit_up_count"][t + 1]
        log.append(said(panel, sessions[t], counts, **more), made_at=after_close(sessions[t]))


def test_nothing_said_is_no_record(log: ForecastLog, panel: Panel) -> None:
    record = track_record(log, panel)
    assert (record["days"], record["methods"], record["sessions"]) == (0, None, None)


def test_what_came_true_is_told_beside_the_baselines(log: ForecastLog, panel: Panel) -> None:
    tell(log, panel)
    last = panel.sessions[-1].item()
    log.append(said(panel, last, np.ones(len(panel.instruments))), made_at=after_close(last))
    record = track_record(log, panel)
    assert (record["kind"], record["days"], record["not_counted"]) == ("live forecasts", DAYS, 0)
    assert record["sessions"]["end"] == str(last)
    assert record["pending"] == [str(next_session(last))]
    assert record["models"] == {"m": DAYS}
    methods = record["methods"]
    assert set(methods) == {"model", "persistence", "size", "base_rate"}
    assert methods["model"]["rank_ic"]["mean"] == pytest.approx(1)
    persistence = methods["persistence"]["rank_ic"]["mean"]
    assert 0.1 < persistence < 0.9
    top = [
        float((np.sort(panel.values["limit_up_count"][-t])[-5:] >= 1).mean())
        for t in range(1, DAYS + 1)
    ]
    hit = methods["model"]["hit_rate_at_5"]
    assert hit["mean"] == pytest.approx(np.mean(top), abs=1e-5)
    assert hit["low"] <= hit["mean"] <= hit["high"]
    assert record["difference_to_persistence"]["rank_ic"]["mean"] == pytest.approx(
        1 - persistence, abs=1e-5
    )


def test_hindsight_and_second_thoughts_change_nothing(log: ForecastLog, panel: Panel) -> None:
    tell(log, panel)
    before = track_record(log, panel)
    tell(log, panel, snapshot_id="seen later", model="other")  # second, though in time
    for day in panel.sessions[-60:-20].tolist():
        perfect = np.arange(len(panel.instruments), dtype=float)
        log.append(said(panel, day, perfect), made_at=after_close(day, 40))
        log.append(said(panel, day, -perfect), made_at=after_close(day, 1), step="confirm")
    after = track_record(log, panel)
    assert after.pop("not_counted") == DAYS + 80
    before.pop("not_counted")
    assert after == before


def test_what_the_auction_made_of_it_counts_apart_if_it_came_before_the_open(
    log: ForecastLog, panel: Panel
) -> None:
    sessions = panel.sessions.tolist()
    counts = panel.values["limit_up_count"]
    for t in range(len(sessions) - 1 - DAYS, len(sessions) - 1):
        log.append(said(panel, sessions[t], -counts[t + 1]), made_at=after_close(sessions[t]))
    before = track_record(log, panel)
    assert (before["days_with_auction"], "auction" in before["methods"]) == (0, False)
    perfect = [said(panel, sessions[t], counts[t + 1]) for t in range(len(sessions) - 1)]
    for n, (clock, confirmation) in enumerate(
        [
            ("09:27", {"scores": perfect[-1]["scores"]}),
            ("09:31", {"scores": perfect[-2]["scores"]}),
            ("09:27", {"scores": []}),  # by the rule
        ],
        start=1,
    ):
        at = datetime.datetime.combine(sessions[-n], datetime.time.fromisoformat(clock), SHANGHAI)
        evening = said(panel, sessions[-n - 1], -counts[-n])
        log.append({**evening, "confirmation": confirmation}, made_at=at, step="confirm")
    record = track_record(log, panel)
    assert record["days_with_auction"] == 1
    assert record["not_counted"] == before["not_counted"] + 2
    model, auction = (record["methods"][name]["rank_ic"]["mean"] for name in ("model", "auction"))
    assert model == pytest.approx(-1)
    assert auction == pytest.approx(-1 + 2 / DAYS, abs=1e-5)
    for name in ("methods", "difference_to_persistence"):
        unchanged = {k: v for k, v in record[name].items() if k != "auction"}
        assert unchanged == before[name]


def test_one_day_has_a_mean_and_no_interval(log: ForecastLog, panel: Panel) -> None:
    tell(log, panel, days=1)
    record = track_record(log, panel)
    assert record["days"] == 1
    assert record["methods"]["model"]["rank_ic"] is None


def test_sectors_that_came_or_went_are_left_out(log: ForecastLog, panel: Panel) -> None:
    tell(log, panel)
    fewer = Panel(
        panel.sessions,
        (*panel.instruments[:-1], "BK9999"),
        dict(panel.values),
        panel.listed,
    )
    assert track_record(log, fewer)["days"] == DAYS


def test_what_a_filter_removed_was_not_told_and_does_not_count(
    log: ForecastLog, panel: Panel
) -> None:
    for n, (start, flagged) in enumerate(((-3, False), (-2, True))):
        as_of = panel.sessions[start].item()
        made = said(panel, as_of, panel.values["limit_up_count"][start + 1])
        made["scores"] += [{"sector_id": "BK9999", "score": 99.0, "p_surge": 1.0}]
        best = max(made["scores"][:-1], key=lambda row: row["score"])
        best |= {"score": -1.0, "removed": flagged}
        assert log.append(made, made_at=after_close(as_of)) == n + 1
    record = track_record(log, panel)
    assert record["days"] == 2
    assert record["methods"]["model"]["rank_ic"]["high"] == pytest.approx(1)
    assert record["methods"]["model"]["rank_ic"]["low"] < 1

"""The whole predictor at its cut-off: nothing that came later changes a byte of what it says."""

import datetime
import json
import shutil
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from data_profile.home import Home
from data_profile.market import Market
from data_profile.sessions import next_session
from data_profile.store import Store
from predictor.dataset import build, panels
from predictor.errors import PredictorError
from predictor.features import BASE_FEATURES
from predictor.forecast import predict
from tide import app

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(day: datetime.date, clock: str) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time.fromisoformat(clock), SHANGHAI)


def garbage(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same rows with every number replaced."""
    rng = np.random.default_rng(seed)
    wrong = rows.copy()
    for name in rows.columns.drop(["date", "instrument"], errors="ignore"):
        wrong[name] = rng.integers(0, 1_000_000, len(rows)).astype("float64")
    return wrong


def collect(
    home: Home, rows: pd.DataFrame, day: datetime.date, clock: str, of: datetime.date | None = None
) -> None:
    """Rows of session `of`, by default of the day itself, come in on `day` at `clock`."""
    Store(home.store).append(
        rows.drop(columns="date"), session=of or day, observed_at=at(day, clock), state="complete"
    )


def said(home: Home, date: datetime.date) -> str:
    """Standard output of `tide predict --json`, byte for byte."""
    arguments = ["predict", "--json", "--home", str(home.root), "--date", date.isoformat()]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def today(home: Home, market: Market) -> tuple[datetime.date, pd.DataFrame]:
    """The session after the market's last, collected at 15:36, and its rows."""
    last = market.frame["date"].max()
    day = next_session(last.date())
    rows = market.frame[market.frame["date"] == last].assign(date=pd.Timestamp(day))
    collect(home, rows.drop(columns=["lhb_count", "lhb_net_buy"], errors="ignore"), day, "15:36")
    return day, rows


def test_the_evening_and_the_days_after_change_no_byte(
    home: Home, today: tuple[datetime.date, pd.DataFrame]
) -> None:
    day, rows = today
    before = said(home, day)
    collect(home, garbage(rows, 1), day, "16:45")  # corrections, all fields
    assert said(home, day) == before
    evening = rows[["date", "instrument"]].assign(lhb_count=9.0, lhb_net_buy=1e9, new_field=3.0)
    collect(home, evening, day, "18:10")
    assert said(home, day) == before
    day_after = day
    for seed in (2, 3):
        day_after = next_session(day_after)
        later = garbage(rows, seed).assign(date=pd.Timestamp(day_after))
        newcomer = later.tail(1).assign(instrument="ZZZ")
        collect(home, pd.concat([later.iloc[3:], newcomer]), day_after, "15:36")
    assert said(home, day) == before


def test_a_correction_in_time_does_reach_it(
    home: Home, today: tuple[datetime.date, pd.DataFrame]
) -> None:
    day, rows = today
    before = json.loads(said(home, day))
    collect(home, rows.assign(limit_up_count=rows["limit_up_count"] + 5), day, "15:44")
    assert json.loads(said(home, day))["ranking"] != before["ranking"]


def test_what_was_corrected_is_the_outcome_and_no_feature(
    home: Home, today: tuple[datetime.date, pd.DataFrame]
) -> None:
    day, rows = today
    before = build(panels(Store(home.store)), BASE_FEATURES)
    corrected = rows.assign(limit_up_count=rows["limit_up_count"] + 7)
    collect(home, corrected, day, "16:45")
    after = build(panels(Store(home.store)), BASE_FEATURES)
    np.testing.assert_array_equal(after.values, before.values)
    np.testing.assert_array_equal(after.count[-2], before.count[-2] + 7)
    assert before.sectors == after.sectors


def test_a_day_collected_late_is_as_that_night_knew_it_and_said_so(
    home: Home, market: Market
) -> None:
    last = market.frame["date"].max()
    day = next_session(last.date())
    rows = market.frame[market.frame["date"] == last].assign(date=pd.Timestamp(day))
    collect(home, rows, day, "17:30")
    dataset = build(panels(Store(home.store)), BASE_FEATURES)
    assert dataset.present[-1].any()
    before = said(home, day)
    assert "15:45" in before
    collect(home, garbage(rows, 1), next_session(day), "09:00", of=day)
    assert said(home, day) == before


def test_a_day_collected_after_its_night_is_missing(home: Home, market: Market) -> None:
    last = market.frame["date"].max()
    day = next_session(last.date())
    rows = market.frame[market.frame["date"] == last].assign(date=pd.Timestamp(day))
    collect(home, rows, next_session(day), "09:00", of=day)
    dataset = build(panels(Store(home.store)), BASE_FEATURES)
    assert not dataset.present[-1].any()
    assert np.isfinite(dataset.count[-2]).any()
    with pytest.raises(PredictorError, match="15:45"):
        predict(home)


def test_a_store_that_knew_nothing_in_time_says_so(home: Home, market: Market) -> None:
    shutil.rmtree(home.store)
    last = market.frame["date"].max()
    rows = market.frame[market.frame["date"] == last]
    collect(home, rows, next_session(last.date()), "09:00", of=last.date())
    with pytest.raises(PredictorError, match="cut-off"):
        panels(Store(home.store))

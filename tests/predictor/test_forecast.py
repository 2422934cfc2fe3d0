"""Tomorrow's ranking: only the past in it, everything a reader must know beside it."""

import datetime
import json
import shutil
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.market import Market
from data_profile.sessions import next_session
from data_profile.store import Store
from factor_pool.ledger import Ledger
from predictor.errors import PredictorError
from predictor.forecast import Forecast, predict
from predictor.storage import load_current, save
from predictor.training import Trained
from tests.predictor.conftest import accept

Rebuild = Callable[[Home, pd.DataFrame, dict[str, str]], None]


def text(forecast: Forecast, language: str = "en") -> str:
    return json.dumps(forecast.to_dict(language), allow_nan=False)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def forecast(trained_home: tuple[Home, Trained]) -> Forecast:
    return predict(trained_home[0], top=7)


def test_the_document(
    forecast: Forecast, trained_home: tuple[Home, Trained], market: Market
) -> None:
    document = json.loads(text(forecast))
    last = market.frame["date"].max().date()
    assert document["as_of"] == last.isoformat()
    assert document["for_session"] == next_session(last).isoformat()
    assert document["model"] == trained_home[1].id
    assert document["pool_version"] == 2
    assert document["sectors"] == 20
    assert [row["rank"] for row in document["ranking"]] == list(range(1, 8))
    scores = [row["score"] for row in document["ranking"]]
    assert scores == sorted(scores, reverse=True)
    waves = [row["p_surge"] for row in document["waves"]]
    assert waves == sorted(waves, reverse=True)
    for row in document["ranking"] + document["waves"]:
        assert row["name"] == market.names[row["sector_id"]]
        assert row["reasons"]
        assert 0 < row["p_surge"] < 1
        assert row["expected_count"] > 0
    assert document["track_record"]["kind"] == "hold-out replay"
    assert document["notes"] == []


def test_baselines_stand_beside_it(forecast: Forecast, market: Market) -> None:
    frame = market.frame
    counts = frame.pivot(index="date", columns="instrument", values="limit_up_count")
    companies = frame.pivot(index="date", columns="instrument", values="company_count").iloc[-1]
    average = counts.ewm(span=10).mean().iloc[-1]
    for name, series in (("persistence", average), ("size", companies)):
        rows = forecast.to_dict()["baselines"][name]
        assert len(rows) == 7
        expected = series.sort_values(ascending=False).head(7)
        np.testing.assert_allclose([row["value"] for row in rows], expected, rtol=1e-5)
        for row in rows:
            assert row["value"] == pytest.approx(series[row["sector_id"]], rel=1e-5)


def test_it_repeats_byte_for_byte(forecast: Forecast, trained_home: tuple[Home, Trained]) -> None:
    assert text(predict(trained_home[0], top=7), "zh") == text(forecast, "zh")


def test_it_writes_nothing(trained_home: tuple[Home, Trained]) -> None:
    root = trained_home[0].root
    before = {path: path.lstat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    predict(trained_home[0])
    after = {path: path.lstat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    assert {
        p for p in after if before.get(p) != after[p] and not p.name.startswith("ledger")
    } == set()


@pytest.mark.parametrize("back", [1, 45])
def test_garbage_after_the_session_changes_no_byte(
    home: Home, market: Market, rebuild: Rebuild, back: int
) -> None:
    days = np.sort(market.frame["date"].unique())
    as_of = pd.Timestamp(days[-1 - back])
    clean = predict(home, date=as_of.date())
    frame = market.frame.copy()
    later = (frame["date"] > as_of).to_numpy()
    rng = np.random.default_rng(back)
    for name in frame.columns.drop(["date", "instrument"]):
        frame[name] = frame[name].astype("float64")
        frame.loc[later, name] = rng.normal(0, 1e6, later.sum())
    frame = frame[~later | (rng.random(len(frame)) < 0.7)]
    newcomer = frame[later[frame.index]].tail(1).assign(instrument="ZZZ")
    rebuild(home, pd.concat([frame, newcomer]), {**market.names, "ZZZ": "新板块"})
    assert text(predict(home, date=as_of.date())) == text(clean)
    assert clean.as_of == as_of.date()


def test_an_earlier_session_is_marked_as_hindsight(home: Home, market: Market) -> None:
    day = np.sort(market.frame["date"].unique())[-30]
    forecast = predict(home, date=str(np.datetime64(day, "D")))
    assert len(forecast.notes) == 1
    assert forecast.notes[0]["en"].startswith("hindsight")


def test_a_revised_past_is_marked_as_stale(home: Home, market: Market, rebuild: Rebuild) -> None:
    frame = market.frame.copy()
    frame.loc[100, "turnover"] *= 2
    rebuild(home, frame, market.names)
    assert any("stale" in note["en"] for note in predict(home).notes)


def test_newer_sessions_are_counted_and_are_no_revision(
    home: Home, market: Market, rebuild: Rebuild
) -> None:
    last = market.frame["date"].max()
    day = pd.Timestamp(next_session(last.date()))
    newer = market.frame[market.frame["date"] == last].assign(date=day)
    rebuild(home, pd.concat([market.frame, newer]), market.names)
    forecast = predict(home)
    assert forecast.as_of == day.date()
    assert forecast.for_session == next_session(day.date())
    [note] = forecast.notes
    assert note["en"].endswith("since: 1")


def test_a_changed_pool_is_noted(home: Home) -> None:
    accept(home, ["CSRank($close / Ref($close, 20))"], first=3)
    forecast = predict(home)
    assert forecast.pool_version == 2
    assert any("pool has changed" in note["en"] for note in forecast.notes)


def test_a_new_sector_is_ranked_and_named_as_cold(
    home: Home, market: Market, rebuild: Rebuild
) -> None:
    days = np.sort(market.frame["date"].unique())[-4:]
    rows = market.frame[market.frame["date"].isin(days) & (market.frame["instrument"] == "S001")]
    rebuild(home, pd.concat([market.frame, rows.assign(instrument="NEW")]), market.names)
    forecast = predict(home, top=100)
    assert forecast.cold_start == {"NEW": len(rows)}
    [row] = [row for row in forecast.ranking if row.sector_id == "NEW"]
    assert row.name == "NEW"
    assert all(c.kind == "others" for reason in row.reasons for c in reason.unusual)


def test_a_sector_without_a_row_is_named_not_ranked(
    home: Home, market: Market, rebuild: Rebuild
) -> None:
    last = market.frame["date"].max()
    gone = (market.frame["date"] == last) & (market.frame["instrument"] == "S002")
    rebuild(home, market.frame[~gone], market.names)
    forecast = predict(home, top=100)
    assert forecast.absent == ("S002",)
    assert len(forecast.ranking) == forecast.sectors == 19


def test_a_field_the_model_needs_is_missed_by_name(
    home: Home, market: Market, rebuild: Rebuild
) -> None:
    rebuild(home, market.frame.drop(columns=["close"]), market.names)
    with pytest.raises(PredictorError, match=r"close.*tide train"):
        predict(home)


def test_a_field_without_values_yet_is_only_missing(home: Home, market: Market) -> None:
    day = np.sort(market.frame["date"].unique())[40]  # before money flow begins
    forecast = predict(home, date=str(np.datetime64(day, "D")))
    assert len(forecast.ranking) == 10


@pytest.mark.parametrize(
    "date", ["2025-12-27", "1999-01-01", "tomorrow", datetime.date(2030, 1, 1)]
)
def test_a_date_that_is_no_session_is_refused(home: Home, date: object) -> None:
    with pytest.raises(PredictorError, match=r"no session of the store|no date"):
        predict(home, date=date)  # type: ignore[arg-type]


def test_without_a_model_it_says_what_to_do(home: Home) -> None:
    shutil.rmtree(home.models)
    with pytest.raises(PredictorError, match="tide train"):
        predict(home)


def test_a_tampered_model_is_not_used(home: Home) -> None:
    file = home.models / "current" / "rank_0.txt"
    file.write_text(file.read_text().replace("leaf_value=", "leaf_value=9", 1))
    with pytest.raises(PredictorError, match="not what was written"):
        predict(home)


def test_another_model_becomes_the_one_in_use(home: Home) -> None:
    stored = load_current(home.models)
    card = {k: v for k, v in stored.card.items() if k not in ("format", "files")}
    new = save(home.models, stored.model, card | {"seed": 123})
    assert predict(home).model == new


def test_a_home_whose_ledger_is_gone_still_predicts(home: Home) -> None:
    for path in home.root.glob("ledger.db*"):
        path.unlink()
    assert any("pool has changed" in note["en"] for note in predict(home).notes)


def test_names_come_from_the_store(home: Home) -> None:
    names = Store(home.store).names()
    assert {row.name for row in predict(home, top=3).ranking} <= set(names.values())
    with Ledger(home.ledger, readonly=True) as ledger:
        assert len(ledger.members()) == 2

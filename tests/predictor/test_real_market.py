"""The predictor on the real market, whole: what it must reach, with its honest comparison."""

import json
from pathlib import Path

import pytest

from data_profile.home import Home
from data_profile.sources.panel_file import read
from data_profile.store import Store
from predictor.forecast import predict
from predictor.training import train

pytestmark = [pytest.mark.slow, pytest.mark.real_data]


def test_the_real_market(real_data: Path, tmp_path: Path) -> None:
    home = Home(tmp_path).create()
    imported = read(real_data / "sector_day_panel.parquet")
    Store(home.store).build(imported.frame, imported.names, source="panel")
    record = train(home, seed=1).to_dict()["track_record"]
    assert record["after_all_mining"]
    better = record["difference_to_persistence"]["model"]
    assert better["rank_ic"]["low"] > 0
    assert better["surge_precision_at_5"]["mean"] > 0
    for name in ("p_at_least_one", "p_surge"):
        said = record["probabilities"][name]
        assert said["brier"] < said["brier_of_base_rate"]
        assert said["mean_forecast"] == pytest.approx(said["mean_happened"], rel=0.25)
    document = json.loads(json.dumps(predict(home).to_dict("zh"), allow_nan=False))
    assert (document["as_of"], document["for_session"]) == ("2025-12-31", "2026-01-05")
    assert len(document["scores"]) == 70
    # Insurance has five companies.
    assert [(row["name"], row["rule"]) for row in document["removed"]] == [("保险", "thin")]
    assert document["sectors"] == 69
    assert all(len(row["reasons"]) == 3 for row in document["ranking"])

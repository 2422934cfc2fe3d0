"""The walk-forward benchmark at its smallest: its tables, its bars, and what mining may see."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import nights, walk_forward
from data_profile.market import synthetic
from predictor.holdout import MORE_METRICS


@pytest.fixture(scope="module")
def panel_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    market = synthetic(11, sectors=20, sessions=640)
    path = tmp_path_factory.mktemp("market") / "panel.parquet"
    market.frame.assign(sector=market.frame["instrument"].map(market.names)).to_parquet(path)
    return path


def days(path: Path) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(np.unique(pd.read_parquet(path, columns=["date"])["date"]))


def test_the_tables_and_a_run_that_goes_on(
    panel_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    last = days(panel_file)[-2]
    first = (last - pd.DateOffset(months=1)).replace(day=1)
    period = (str(first.date()), str(last.date()))
    monkeypatch.setattr(walk_forward, "PERIODS", (period, period))
    out = tmp_path / "found.json"
    arguments = ["walk_forward", str(panel_file), "--first", period[0], "--last", period[1],
                 "--without", "pool,tra", "--workers", "2", "--work", str(tmp_path / "work"),
                 "--json", str(out)]  # fmt: skip
    monkeypatch.setattr("sys.argv", arguments)
    assert walk_forward.main() == 0
    shown = capsys.readouterr().out
    document = json.loads(out.read_text())
    assert document["kind"] == "walk-forward replay"
    assert document["windows"] == 2
    methods = document["periods"][0]["methods"]
    assert set(methods) == {"ours", "persistence", "size", "random"}
    assert all(set(figures) == set(MORE_METRICS) for figures in methods.values())
    assert methods["ours"]["rank_ic"]["mean"] > methods["random"]["rank_ic"]["mean"] == 0
    assert {bar["metric"] for bar in document["bars"]} == set(walk_forward.BARS)
    for word in ("rank_ic", "persistence", "brier_surge", "reached" if any(
            bar["reached"] for bar in document["bars"]) else "MISSED"):  # fmt: skip
        assert word in shown
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").iterdir()}
    assert walk_forward.main() == 0  # nothing is fitted twice
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "work").iterdir()} == kept
    assert json.loads(out.read_text())["periods"] == document["periods"]


def test_mining_sees_nothing_from_its_january_on(
    panel_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def mined(frame: pd.DataFrame, names: object, **options: object) -> nights.Night:
        seen.append(frame)
        return nights.Night(7, [], [], {}, None, None)  # type: ignore[arg-type]

    monkeypatch.setattr(nights, "mined", mined)
    year = int(days(panel_file)[-1].year)
    found = walk_forward.mine_until((panel_file, year, 50, 1))
    assert seen[0]["date"].max() < pd.Timestamp(f"{year}-01-01")
    assert found["last_session"] < f"{year}-01-01"
    assert found["factors"] == []


def test_a_factor_becomes_a_feature() -> None:
    factor = {"id": "F0001", "expression": "Mean($close, 5)", "hypothesis": "an idea"}
    (feature,) = walk_forward.pool_features({"factors": [factor]})
    assert (feature.name, feature.text, feature.member) == (
        "pool_F0001", "Mean($close, 5)", "F0001",
    )  # fmt: skip

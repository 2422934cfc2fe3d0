"""Re-training over history: every window once, figures beside persistence, nothing of the pool."""

import itertools
import json

import mlflow
import pytest

from data_profile.home import Home
from predictor.errors import PredictorError
from predictor.holdout import METRICS
from predictor.retraining import Retrained, retrain


def rolled(home: Home, said: list[str] | None = None) -> Retrained:
    steps = [] if said is None else said
    return retrain(
        home,
        since="2025-03-01",
        seed=2,
        train_months=6,
        valid_months=2,
        step_months=2,
        progress=lambda what, share: steps.append(f"{what} {share:.2f}"),
    )


def test_history_window_by_window(home: Home) -> None:
    said: list[str] = []
    once = rolled(home, said)
    document = json.loads(json.dumps(once.to_dict(), allow_nan=False))
    assert "no record of forecasts" in document["note"]
    assert document["kind"] == "walk-forward replay"
    tests = [row["test"] for row in document["windows"]]
    assert tests[0]["start"] >= "2025-03-01"
    assert all(one["end"] < other["start"] for one, other in itertools.pairwise(tests))
    assert len(said) == len(tests)
    assert said[-1].endswith("1.00")
    for row in document["windows"]:
        assert row["train"]["end"] < row["valid"]["start"] < row["test"]["start"]
    assert set(document["methods"]) == {"model", "persistence", "size", "random"}
    assert set(document["difference"]) == set(METRICS)

    run = mlflow.MlflowClient(tracking_uri=home.mlflow_uri).get_run(once.mlflow_run_id)
    assert run.data.metrics["replay/model/rank_ic"] == document["windows"][-1]["model"]["rank_ic"]
    kept = {path: path.stat().st_mtime_ns for path in (home.models / "windows").glob("*/*/*")}
    cards = [path.read_text("utf-8") for path in kept if path.name == "model.json"]
    assert cards
    assert not any("pool_F" in card for card in cards)
    again = rolled(home)
    assert again.windows == once.windows
    assert {p: p.stat().st_mtime_ns for p in (home.models / "windows").glob("*/*/*")} == kept


@pytest.mark.parametrize("since", ["2030-01-01", "soon"])
def test_a_wrong_date_is_one_clear_error(home: Home, since: str) -> None:
    with pytest.raises(PredictorError, match=r"no window|is no date"):
        retrain(home, since=since)

"""Training, whole: what it writes, where, and what it says."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pytest

from data_profile.errors import StoreError
from data_profile.files import exclusive
from data_profile.home import Home
from data_profile.market import Market, synthetic
from data_profile.store import Store
from factor_pool import decay
from factor_pool.decay import Check
from factor_pool.errors import EvaluationError
from factor_pool.ledger import Ledger
from predictor.dataset import panels
from predictor.errors import PredictorError
from predictor.holdout import METRICS
from predictor.training import Trained, train
from tests.predictor.conftest import QUICK


def test_figures_stand_beside_their_baselines(trained_home: tuple[Home, Trained]) -> None:
    document = json.loads(json.dumps(trained_home[1].to_dict(), allow_nan=False))
    record = document["track_record"]
    assert list(record["methods"]) == [
        "model", "model_without_pool", "persistence", "size", "base_rate"
    ]  # fmt: skip
    for figures in record["methods"].values():
        assert list(figures) == list(METRICS)
        for interval in figures.values():
            assert interval["low"] <= interval["mean"] <= interval["high"]
    paired = record["difference_to_persistence"]["model"]["rank_ic"]["mean"]
    assert paired == pytest.approx(
        record["methods"]["model"]["rank_ic"]["mean"]
        - record["methods"]["persistence"]["rank_ic"]["mean"],
        abs=1e-5,
    )
    assert record["pool_adds"] is not None
    assert "hold-out" in record["note"]
    assert record["sessions"]["start"] > document["windows"]["valid"]["end"]
    assert record["probabilities"]["p_at_least_one"]["brier"] > 0


def test_the_pool_is_part_of_the_model(trained_home: tuple[Home, Trained]) -> None:
    document = trained_home[1].to_dict()
    assert document["pool"] == {"version": 2, "members": ["F0001", "F0002"]}
    assert document["features"][-2:] == ["pool_F0001", "pool_F0002"]
    assert set(document["missing_features"]) == {"members"}  # no stocks in this home


def test_reading_the_sealed_window_is_logged(trained_home: tuple[Home, Trained]) -> None:
    home, trained = trained_home
    with Ledger(home.ledger, readonly=True) as ledger:
        openings = ledger.openings("sealed")
    assert trained.card["track_record"]["after_all_mining"]
    assert [opening.who for opening in openings] == ["predictor"]
    assert trained.card["track_record"]["sessions"]["start"] in openings[0].why
    assert openings[0].content_hash == panels(Store(home.store)).outcome.snapshot_id


def test_the_run_is_in_mlflow_below_the_home(trained_home: tuple[Home, Trained]) -> None:
    home, trained = trained_home
    client = mlflow.MlflowClient(tracking_uri=home.mlflow_uri)
    run = client.get_run(trained.mlflow_run_id)
    record = trained.card["track_record"]
    assert run.info.status == "FINISHED"
    assert run.data.metrics["model.rank_ic"] == record["methods"]["model"]["rank_ic"]["mean"]
    assert run.data.metrics["persistence.rank_ic"]
    assert run.data.params["pool_members"] == "2"
    assert run.data.tags["model_id"] == trained.id
    assert run.info.artifact_uri.startswith(home.artifacts.as_uri())
    place = f"model/artifacts/{trained.id}"
    files = {Path(item.path).name for item in client.list_artifacts(run.info.run_id, place)}
    assert files == {"model.json", *trained.card["files"]}


def test_the_same_again_is_the_same_model_and_elsewhere_nothing_is_written(
    home: Home,
    trained_home: tuple[Home, Trained],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = tmp_path / "elsewhere"
    here.mkdir()
    monkeypatch.chdir(here)
    steps: list[tuple[str, float]] = []
    again = train(home, seed=5, progress=lambda what, share: steps.append((what, share)))
    assert again.id == trained_home[1].id
    assert not list(here.iterdir())
    shares = [share for _, share in steps]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] < 1


def test_before_any_mining_it_trains_without_a_pool(market: Market, tmp_path: Path) -> None:
    home = Home(tmp_path).create()
    frame = market.frame.drop(columns=["net_inflow", "net_inflow_ratio"])
    Store(home.store).build(frame, market.names, source="test")
    document = train(home, seed=1, **QUICK).to_dict()
    assert document["pool"] == {"version": 0, "members": []}
    assert set(document["missing_features"]) == {"members", "flow_1", "flow_5", "flow_20"}
    assert document["track_record"]["pool_adds"] is None
    assert "model_without_pool" not in document["track_record"]["methods"]


def test_too_short_a_history_is_one_clear_error(tmp_path: Path) -> None:
    home = Home(tmp_path).create()
    market = synthetic(1, sectors=12, sessions=100)
    Store(home.store).build(market.frame, market.names, source="test")
    with pytest.raises(PredictorError, match="100 sessions"):
        train(home, seed=1)
    assert not home.models.exists()


def test_without_a_store_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="tide data import"):
        train(Home(tmp_path).create(), seed=1)


def test_the_pool_is_checked_first_and_what_that_changes_is_published_and_said(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judged(member: str, *rest: object) -> Check:
        status = "retired" if member == "F0002" else "active"
        return Check(member, status, "it broke", None, None, 0, None, 0.1, 0.0, None, None)

    monkeypatch.setattr(decay, "judge", judged)
    document = train(home, seed=5, **QUICK).to_dict()
    assert document["pool_check"] == {
        "checked": 2,
        "changes": [
            {"member": "F0002", "before": "active", "after": "retired", "reason": "it broke"}
        ],
        "trouble": None,
    }
    assert document["pool"]["members"] == ["F0001"]
    client = mlflow.MlflowClient(tracking_uri=home.mlflow_uri)
    pool = client.get_model_version_by_alias("alpha_pool", "production")
    assert pool.tags["factors"] == "1"


def test_a_pool_that_cannot_be_checked_is_no_reason_not_to_train(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*args: object) -> None:
        raise EvaluationError("a field is gone")

    monkeypatch.setattr(decay, "examine", failing)
    document = train(home, seed=5, **QUICK).to_dict()
    assert document["pool_check"]["trouble"] == "a field is gone"
    assert document["pool"]["members"] == ["F0001", "F0002"]


def test_the_window_has_the_months_asked_for(home: Home) -> None:
    document = train(home, seed=5, **QUICK).to_dict()
    windows = document["windows"]
    months = {
        name: (
            np.datetime64(windows[name]["end"], "M") - np.datetime64(windows[name]["start"], "M")
        ).astype(int)
        for name in ("train", "valid", "everything")
    }
    assert months["train"] in (5, 6)
    assert months["valid"] in (1, 2)
    assert months["everything"] == 8
    assert windows["train"]["end"] < windows["valid"]["start"]
    with pytest.raises(PredictorError, match="at least 1"):
        train(home, seed=5, valid_months=0)


def test_what_the_model_listens_to_is_recorded_in_words_of_people(
    trained_home: tuple[Home, Trained],
) -> None:
    home, trained = trained_home
    shares = trained.to_dict()["importance"]
    assert list(shares) == ["rank", "count", "any", "surge"]
    for of in shares.values():
        assert set(of) == set(trained.to_dict()["features"])
        for measure in ("effect", "gain"):
            assert sum(share[measure] for share in of.values()) == pytest.approx(1, abs=1e-3)
        effects = [share["effect"] for share in of.values()]
        assert effects == sorted(effects, reverse=True)
    client = mlflow.MlflowClient(tracking_uri=home.mlflow_uri)
    run = client.get_run(trained.mlflow_run_id)
    first = next(iter(shares["rank"]))
    assert run.data.metrics[f"importance/rank/{first}"] == shares["rank"][first]["effect"]
    path = client.download_artifacts(trained.mlflow_run_id, "importance.csv")
    heading, line, *_ = Path(path).read_text().splitlines()
    assert heading == "order,answers,feature,expression,effect_share,gain_share"
    assert line.startswith(f"rank,the order of the sectors by limit-ups,{first},")


def test_two_trainings_at_once_do_not_mix(home: Home) -> None:
    with (
        exclusive(home.models / ".training"),
        pytest.raises(PredictorError, match="another training"),
    ):
        train(home, seed=5)


def test_mlflow_out_of_reach_leaves_the_model_and_its_role(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////proc/nowhere/mlflow.db")
    with pytest.raises(PredictorError, match=r"is saved in .* its role is settled"):
        train(home, seed=6, promote=True, **QUICK)
    assert json.loads((home.models / "current" / "model.json").read_text())["seed"] == 6

"""The pool in MLflow follows the ledger, whatever died in between."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.market import synthetic
from data_profile.panel import Panel
from factor_pool.errors import PoolError
from factor_pool.expression import evaluate, parse
from factor_pool.ledger import Ledger
from factor_pool.pool import ALIAS, MODEL, Pool
from factor_pool.records import Proposal, Test

TEXTS = ("Mean($one_word_count, 5)", "CSRank($turnover)")


def production(home: Home) -> int:
    """Version of the registered model that is in production."""
    from mlflow import MlflowClient

    return int(MlflowClient(home.mlflow_uri).get_model_version_by_alias(MODEL, ALIAS).version)


def accept(home: Home, *texts: str) -> None:
    """Put factors into the ledger's pool, as a mining run does."""
    with Ledger(home.ledger) as ledger:
        proposals = [Proposal(text, str(parse(text)), "evolve", "an idea") for text in texts]
        iteration = ledger.count()
        attempts = ledger.record(
            "night", iteration, proposals, snapshot="abc", label="limit_up_count", seed=1
        )
        for attempt in attempts:
            figures = {"marginal_rank_ic": 0.05, "coverage": 1.0, "by_year": {"2024": 0.05}}
            ledger.scored([(attempt.id, figures)])
            test = Test(len(ledger.tests()) + 1, attempt.id, "addis", 0.001, 0.01, True)
            ledger.accept(attempt.id, test, sign=1)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def test_an_empty_pool(home: Home) -> None:
    assert Pool(home).rows() == []
    assert Pool(home).publish_pending() == 0
    assert Pool(home).version() == 0


def test_each_member_gets_one_run_and_the_pool_a_version(home: Home) -> None:
    accept(home, *TEXTS)
    assert Pool(home).publish_pending() == 2
    rows = Pool(home).rows()
    assert [row["expression"] for row in rows] == [str(parse(text)) for text in TEXTS]
    assert len({row["mlflow_run_id"] for row in rows}) == 2
    assert production(home) == 1
    assert Pool(home).publish_pending() == 0
    assert production(home) == 1
    accept(home, "Std($close, 10)")
    Pool(home).publish_pending()
    assert production(home) == 2
    assert Pool(home).version() == 3


def test_a_death_between_mlflow_and_ledger_makes_no_second_run(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(home, *TEXTS)

    class Died(Exception):
        pass

    def die(*_: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "published", die)
        with pytest.raises(Died):
            Pool(home).publish_pending()
    assert Pool(home).publish_pending() == 2
    from mlflow import MlflowClient

    client = MlflowClient(home.mlflow_uri)
    experiments = [e.experiment_id for e in client.search_experiments() if e.name == "alpha_pool"]
    runs = client.search_runs(experiments)
    assert len(runs) == 2
    assert {run.info.run_id for run in runs} == {row["mlflow_run_id"] for row in Pool(home).rows()}
    assert all("search.marginal_rank_ic" in run.data.metrics for run in runs)
    said = {"proposer", "session", "snapshot", "seed", "isolation", "code_version"}
    assert all(said <= set(run.data.tags) for run in runs)


def test_the_registered_model_gives_the_factors_values(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(home, *TEXTS)
    Pool(home).publish_pending()
    import mlflow

    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    mlflow.set_tracking_uri(home.mlflow_uri)
    model = mlflow.pyfunc.load_model(f"models:/{MODEL}@{ALIAS}")
    fields = ["one_word_count", "turnover"]
    frame = synthetic(1, sectors=6, sessions=60).frame[["date", "instrument", *fields]]
    frame = frame.astype(dict.fromkeys(fields, float)).reset_index(drop=True)
    got = model.predict(frame)
    panel = Panel.from_frame(frame)
    for name, values in zip(
        ("F0001", "F0002"), evaluate(list(map(parse, TEXTS)), panel), strict=True
    ):
        table = got.pivot(index="date", columns="instrument", values=name)
        np.testing.assert_allclose(table.to_numpy(), values, rtol=1e-6)
    assert isinstance(got, pd.DataFrame)


def test_an_mlflow_that_cannot_be_reached_is_named_and_loses_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(home, *TEXTS)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////proc/nowhere/mlflow.db")
    with pytest.raises(PoolError, match="MLFLOW_TRACKING_URI"):
        Pool(home).publish_pending()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert Pool(home).publish_pending() == 2

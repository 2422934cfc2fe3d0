"""The pool in MLflow follows the ledger, whatever died in between."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.market import synthetic
from data_profile.panel import Panel
from data_profile.store import Store
from factor_pool.errors import PoolError
from factor_pool.expression import evaluate, parse
from factor_pool.ledger import Ledger
from factor_pool.pool import ALIAS, MODEL, Pool
from factor_pool.records import Proposal, Test
from tests.factor_pool.evaluation.markets import market

IDEA = "an idea ![](http://192.0.2.1/x) <b>bold</b>\n# head"
TEXTS = ("Mean($one_word_count, 5)", "CSRank($turnover)")


def production(home: Home) -> int:
    """Version of the registered model that is in production."""
    from mlflow import MlflowClient

    return int(MlflowClient(home.mlflow_uri).get_model_version_by_alias(MODEL, ALIAS).version)


def accept(home: Home, *texts: str, session: str = "night") -> None:
    """Put factors into the ledger's pool, as a mining run does."""
    with Ledger(home.ledger) as ledger:
        proposals = [Proposal(text, str(parse(text)), "evolve", IDEA) for text in texts]
        iteration = ledger.count()
        attempts = ledger.record(
            session, iteration, proposals, snapshot="abc", label="limit_up_count", seed=1
        )
        for attempt in attempts:
            figures = {"marginal_rank_ic": 0.05, "coverage": 1.0, "by_year": {"2024": 0.05}}
            ledger.scored([(attempt.id, figures)])
            test = Test(len(ledger.tests()) + 1, attempt.id, "addis", 0.001, 0.01, True)
            ledger.accept(attempt.id, test, sign=1)


@pytest.fixture(scope="module")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, which take it seconds to make."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def home(tmp_path: Path, empty_mlflow: Path) -> Home:
    made = Home(tmp_path / "home").create()
    shutil.copy(empty_mlflow, made.mlflow_db)
    return made


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
    factors = [run for run in runs if run.data.tags["kind"] == "factor"]
    assert len(runs) == 3  # one of them is the night
    assert {run.info.run_id for run in factors} == {
        row["mlflow_run_id"] for row in Pool(home).rows()
    }
    assert all("search/marginal_rank_ic" in run.data.metrics for run in factors)
    said = {"proposer", "session", "snapshot", "seed", "isolation", "code_version"}
    assert all(said <= set(run.data.tags) for run in factors)


def test_the_registered_model_gives_the_factors_values(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(home, *TEXTS)
    Pool(home).publish_pending()
    import mlflow

    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", home.mlflow_uri)
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


def test_homes_on_one_server_do_not_take_each_others_production(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(home, *TEXTS)
    Pool(home).publish_pending()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", home.mlflow_uri)
    other = Home(tmp_path / "other").create()
    accept(other, "CSRank($close)", session="another night")
    with pytest.raises(PoolError, match="TIDE_POOL_MODEL"):
        Pool(other).publish_pending()
    assert production(home) == 1
    assert all(row["mlflow_run_id"] for row in Pool(other).rows()), "its factors are shown"
    monkeypatch.setenv("TIDE_POOL_MODEL", "other_pool")
    Pool(other).publish_pending()
    monkeypatch.delenv("TIDE_POOL_MODEL")
    Pool(home).publish_pending()
    assert production(home) == 1
    homes = [run.data.tags["home"] for run in runs_of(home, "factor")]
    assert len(homes) == 3
    assert len(set(homes)) == 2


def runs_of(home: Home, kind: str) -> list[Any]:
    """The runs of a kind, oldest first."""
    from mlflow import MlflowClient

    client = MlflowClient(home.mlflow_uri)
    found = client.search_runs(
        [client.get_experiment_by_name("alpha_pool").experiment_id],
        filter_string=f"tags.kind = '{kind}'",
        order_by=["attributes.start_time"],
    )
    return list(found)


def test_retired_factors_leave_production_and_nothing_else(home: Home) -> None:
    accept(home, *TEXTS)
    pool = Pool(home)
    pool.publish_pending()
    member = pool.retire("F0002", " it was size after all ")
    assert member.status == "retired"
    pool.publish_pending()
    assert production(home) == 2
    assert [row["status"] for row in pool.rows()] == ["active", "retired"]
    document = pool.show("F0002")
    assert document["history"][-1]["reason"] == "it was size after all"
    tags = {run.data.tags["factor"]: run.data.tags for run in runs_of(home, "factor")}
    assert (tags["F0001"]["status"], tags["F0002"]["status"]) == ("active", "retired")
    assert tags["F0002"]["status_reason"] == "it was size after all"
    pool.publish_pending()
    assert production(home) == 2


def test_a_pool_without_a_factor_in_use_has_no_production(home: Home) -> None:
    from mlflow.exceptions import MlflowException

    accept(home, TEXTS[0])
    pool = Pool(home)
    pool.publish_pending()
    pool.retire("F0001", "gone")
    pool.publish_pending()
    with pytest.raises(MlflowException, match="production"):
        production(home)


@pytest.mark.parametrize(
    ("member", "why", "said"),
    [("F0001", "  ", "reason"), ("F0009", "x", "F0009"), ("F0002", "x", "retired already")],
)
def test_retiring_says_what_is_wrong(home: Home, member: str, why: str, said: str) -> None:
    accept(home, *TEXTS)
    Pool(home).retire("F0002", "first")
    with pytest.raises(PoolError, match=said):
        Pool(home).retire(member, why)
    assert [row["status"] for row in Pool(home).rows()] == ["active", "retired"]


def test_a_factor_on_watch_stays_in_use(home: Home) -> None:
    accept(home, *TEXTS)
    Pool(home).publish_pending()
    with Ledger(home.ledger) as ledger:
        ledger.set_status("F0001", "watch", "weak of late")
        assert [m.id for m in ledger.members()] == ["F0001", "F0002"]
        assert [m.id for m in ledger.members("active")] == ["F0002"]
    Pool(home).publish_pending()
    assert production(home) == 1
    assert runs_of(home, "factor")[0].data.tags["status"] == "watch"


def test_what_a_newcomer_reads_in_mlflow(home: Home) -> None:
    accept(home, *TEXTS)
    Pool(home).publish_pending()
    (night,) = runs_of(home, "night")
    assert night.data.metrics["attempts"] == 2
    assert night.data.metrics["accepted"] == 2
    assert "F0001, F0002" in night.data.tags["mlflow.note.content"]
    for run in runs_of(home, "factor"):
        assert run.data.tags["mlflow.parentRunId"] == night.info.run_id
        assert set(run.data.metrics) == {
            "search/marginal_rank_ic", "search/coverage", "confirm/p_value", "confirm/level"
        }  # fmt: skip
        assert run.data.params["higher_means"] == "more limit-ups"
        note = run.data.tags["mlflow.note.content"]
        assert run.data.params["expression"] in note
        assert "![](" not in note
        assert "<b>" not in note
        assert "\n# head" not in note
        assert run.data.tags["report"].startswith("not made: there were no market data")


def test_a_night_that_goes_on_is_told_anew(home: Home) -> None:
    accept(home, TEXTS[0])
    Pool(home).publish_pending()
    with Ledger(home.ledger) as ledger:
        bad = Proposal("Mean(", None, "evolve", error="no")
        ledger.record("night", 99, [bad], snapshot="abc", label="limit_up_count", seed=1)
    assert Pool(home).publish_pending() == 0
    (night,) = runs_of(home, "night")
    assert night.data.metrics["attempts"] == 2
    assert night.data.metrics["ended_at/validity"] == 1


def test_the_accepted_factors_run_carries_its_report(home: Home) -> None:
    """Over windows that the test names; the look into confirm is written down."""
    from mlflow import MlflowClient

    panel = market(3, sessions=620)
    Store(home.store).build(panel.to_frame(), {}, source="test.parquet")
    with Ledger(home.ledger) as ledger:
        proposal = Proposal("$signal", "$signal", "llm", "<script>alert(1)</script>")
        [attempt] = ledger.record(
            "night", 0, [proposal], snapshot=panel.snapshot_id, label="limit_up_count", seed=1
        )
        ledger.scored([(attempt.id, {"marginal_rank_ic": 0.3})])
        span = {"start": "2021-02-01", "end": "2021-05-01", "sessions": 90, "added_rank_ic": 0.3}
        ledger.accept(attempt.id, Test(1, attempt.id, "addis", 0.001, 0.01, True, span), sign=1)
    Pool(home).publish_pending()
    (run,) = runs_of(home, "factor")
    artifacts = {a.path for a in MlflowClient(home.mlflow_uri).list_artifacts(run.info.run_id)}
    assert {"report.html", "factor.json"} <= artifacts
    report = Path(Pool(home).show("F0001")["report"])
    page = report.read_text("utf-8")
    assert "2021-02-01" in page
    assert "2021-05-02" not in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    with Ledger(home.ledger) as ledger:
        assert [o.who for o in ledger.openings("confirm")] == ["score report"]
        assert ledger.openings("sealed") == []
    report.unlink()
    with Ledger(home.ledger) as ledger:
        ledger.opened("sealed", "predictor", "its hold-out", content_hash=panel.snapshot_id)
    assert "Sealed: " not in Path(Pool(home).show("F0001")["report"]).read_text("utf-8")
    report.unlink()
    with Ledger(home.ledger) as ledger:
        ledger.opened("sealed", "somebody", "the end of it", content_hash=panel.snapshot_id)
    assert "Sealed: 2021-" in Path(Pool(home).show("F0001")["report"]).read_text("utf-8")


def test_a_night_shows_its_reports_and_its_funnel_accepted_factors_or_not(
    home: Home, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    with Ledger(home.ledger) as ledger:
        bad = [Proposal(f"Mean({n}", None, "evolve", error="no") for n in range(600)]
        ledger.record("empty", 0, bad, snapshot="abc", label="limit_up_count", seed=1)
    page = tmp_path / "empty.html"
    for text in ("first", "second"):  # a night that was resumed writes again
        page.write_text(text)
        Pool(home).publish_night("empty", [page])
    (night,) = runs_of(home, "night")
    client = MlflowClient(home.mlflow_uri)
    course = client.get_metric_history(night.info.run_id, "ended_at/validity")
    assert [(one.step, one.value) for one in course] == [(250, 250), (500, 500), (600, 600)]
    kept = client.download_artifacts(night.info.run_id, "empty.html", str(tmp_path))
    assert Path(kept).read_text() == "second"
    assert len(client.search_runs([night.info.experiment_id])) == 1


def test_a_factor_that_was_not_confirmed_has_a_run_once(home: Home) -> None:
    from factor_pool.records import Test

    with Ledger(home.ledger) as ledger:
        proposal = Proposal("$close", "$close", "llm", "<b>an idea</b>\n# head")
        [attempt] = ledger.record(
            "night", 0, [proposal], snapshot="abc", label="limit_up_count", seed=1
        )
        test = Test(1, attempt.id, "addis", 0.4, 0.002, discovery=False)
        ledger.judged(
            attempt.id, "rejected", figures={"coverage": 1.0}, gate="confirm", reason="no",
            test=test,
        )  # fmt: skip
    for _ in range(2):
        Pool(home).publish_night("night")
    (run,) = runs_of(home, "unconfirmed")
    (night,) = runs_of(home, "night")
    assert run.data.tags["mlflow.parentRunId"] == night.info.run_id
    assert run.data.metrics == {
        "search/coverage": 1,
        "confirm/p_value": 0.4,
        "confirm/level": 0.002,
    }
    assert "<b>" not in run.data.tags["mlflow.note.content"]
    assert night.data.metrics["tested"] == 1

"""Nights whose MLflow stands on a PostgreSQL server, which is stopped in the middle."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_profile.home import Home
from factor_pool import run_card
from factor_pool.ledger import Ledger
from factor_pool.pool import EXPERIMENT, Pool
from factor_pool.registry import model_name
from scenario.loop import MineOptions, mine
from scenario.session import Progress
from tests.postgres import Postgres
from tests.scenario.nights import Here, Silent

OPTIONS = MineOptions(evaluations=300, seed=3, isolation="process", proposer="evolve")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    made = Postgres()
    yield made
    made.close()


@pytest.fixture
def uri(server: Postgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    server.stop()
    server.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    monkeypatch.setenv("TIDE_POOL_MODEL", tmp_path.name)  # every test's home has a pool of its own
    monkeypatch.setattr("scenario.loop.choose", lambda *args: Here())
    monkeypatch.setattr("scenario.loop.backtest_accepted", lambda *args: 0)
    return server.uri


class Outage(Silent):
    """Stops the server at the first acceptance, and starts it when publishing failed."""

    def __init__(self, server: Postgres, seconds: float) -> None:
        super().__init__()
        self.server = server
        self.seconds = seconds
        self.stopped: float | None = None
        self.over = False

    def progress(self, progress: Progress) -> None:
        super().progress(progress)
        if progress.accepted and self.stopped is None:
            self.server.stop()
            self.stopped = time.monotonic()
        elif self.told() and not self.over:
            time.sleep(max(0.0, self.seconds - (time.monotonic() - self.stopped)))
            self.server.start()
            self.over = True

    def told(self) -> bool:
        return any("MLflow's server does not answer" in line for line in self.lines)


def everything_is_there(home: Home) -> None:
    """Whether MLflow shows what the ledger says, once."""
    pool = Pool(home)
    client = pool._client
    experiment = client.get_experiment_by_name(EXPERIMENT)
    with Ledger(home.ledger, readonly=True) as ledger:
        members = ledger.members(status=None)
        assert not ledger.unpublished()
        sessions = {member.session for member in members}
    runs = client.search_runs([experiment.experiment_id], "tags.kind = 'factor'")
    runs = [run for run in runs if run.data.tags["tide.identity"].split("/")[0] in sessions]
    assert sorted(run.info.run_id for run in runs) == sorted(m.mlflow_run_id for m in members)
    for run in runs:
        assert run.info.status == "FINISHED"
        assert "confirm/p_value" in run.data.metrics
        assert client.list_artifacts(run.info.run_id)
    production = client.get_model_version_by_alias(model_name(), "production")
    assert int(production.tags["factors"]) == sum(m.status == "active" for m in members)


@pytest.mark.parametrize("seconds", [0, pytest.param(60, marks=pytest.mark.slow)])
def test_a_server_stopped_in_the_middle_of_a_night_loses_nothing(
    home: Home, server: Postgres, uri: str, seconds: float
) -> None:
    display = Outage(server, seconds)
    summary = mine(home, OPTIONS, display)
    assert display.over, "the night had no acceptance during the outage"
    assert summary.end == "target"
    assert summary.evaluated == 300
    assert summary.accepted > 1
    everything_is_there(home)
    assert "://" not in "".join(line for line in display.lines if "MLflow" in line)


def test_a_server_that_crashes_while_a_factor_is_published(
    home: Home, server: Postgres, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = run_card.factor_metrics

    def crash(*args: object) -> dict[str, float]:
        server.stop(signal.SIGQUIT)
        monkeypatch.setattr(run_card, "factor_metrics", metrics)
        return metrics(*args)

    monkeypatch.setattr(run_card, "factor_metrics", crash)
    display = Silent()
    mine(home, OPTIONS, display)
    assert any("MLflow cannot be written" in line for line in display.lines)
    server.start()
    assert Pool(home).publish_pending() > 0
    everything_is_there(home)
    assert Pool(home).publish_pending() == 0


def test_artifacts_stay_in_the_home(
    home: Home, uri: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("cwd")
    monkeypatch.chdir(elsewhere)
    mine(home, OPTIONS, Silent())
    assert not list(elsewhere.iterdir())


def test_a_start_without_the_server_is_no_obstacle(home: Home, server: Postgres, uri: str) -> None:
    server.stop()
    display = Silent()
    summary = mine(home, MineOptions(evaluations=80, seed=3, proposer="evolve"), display)
    assert summary.accepted > 0
    assert any("does not answer" in line for line in display.lines)
    server.start()
    Pool(home).publish_pending()
    everything_is_there(home)

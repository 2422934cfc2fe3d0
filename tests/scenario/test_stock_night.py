"""A night on single stocks: it finds what is planted, resumes, and stays out of other pools."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import tide
from data_profile.home import Home
from factor_pool.audit import audit
from factor_pool.decay import monitor
from factor_pool.errors import ExportError
from factor_pool.export import export
from factor_pool.ledger import Ledger
from factor_pool.pool import Pool
from factor_pool.records import Judgement
from factor_pool.universe import STOCKS
from factor_pool.unseal import unseal
from predictor.pool import read_pool
from scenario.errors import OptionsError, ScenarioError
from scenario.loop import MineOptions, mine
from tests.scenario.nights import Here, Silent, ledger_of
from tests.stock_market import home_of

OPTIONS = MineOptions(
    evaluations=120, seed=3, isolation="process", proposer="evolve", label=STOCKS.label
)
LIST = ("lhb_institution_net_buy", "lhb_hot_money_net_buy", "lhb_net_buy")


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return home_of(tmp_path_factory.mktemp("stocks")).store


def fresh(market: Path, root: Path) -> Home:
    home = Home(root).of("stock").create()
    home.store.symlink_to(market)
    return home


@pytest.fixture(scope="module")
def mined(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """After a night, with the factors published."""
    home = fresh(market, tmp_path_factory.mktemp("mined") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CHAT_MODEL", raising=False)
        patch.setattr("scenario.loop.backtest_accepted", lambda *args: 0)
        display = Silent()
        summary = mine(home, OPTIONS, display, isolation=Here())
    assert summary.end == "target"
    assert "new, stocks, seed 3, label stock_open_return" in display.lines[0]
    return home


def run(home: Home, *arguments: str, status: int = 0) -> Any:
    done = CliRunner().invoke(tide.app, [*arguments, "--home", str(home.root)])
    assert done.exit_code == status, done.output
    return done


def test_the_planted_factor_is_accepted(mined: Home) -> None:
    members = Pool(mined).members()
    assert members
    assert all(member.label == "stock_open_return" for member in members)
    assert any(name in members[0].expression for name in LIST)


def test_killed_and_resumed_it_is_the_same_night(
    market: Path, mined: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = fresh(market, tmp_path / "home")
    monkeypatch.setattr("scenario.loop.Pool.publish_night", lambda *args: None)
    monkeypatch.setattr("scenario.loop.backtest_accepted", lambda *args: 0)

    class Mortal(Ledger):
        left = 60

        def judge(self, judgements: Iterable[Judgement]) -> None:
            ended = list(judgements)
            super().judge(ended)
            before, Mortal.left = Mortal.left, Mortal.left - len(ended)
            if Mortal.left <= 0 < before:
                raise Killed

    monkeypatch.setattr("scenario.loop.Ledger", Mortal)
    with pytest.raises(Killed):
        mine(home, OPTIONS, Silent(), isolation=Here())
    display = Silent()
    assert mine(home, OPTIONS, display, isolation=Here()).end == "target"
    assert "going on at iteration" in display.lines[0]
    assert ledger_of(home) == ledger_of(mined)


def test_nothing_of_it_is_in_the_pool_of_sectors(mined: Home) -> None:
    sectors = mined.of("sector")
    assert not sectors.ledger.exists()
    assert Pool(sectors).rows() == []
    assert Pool(sectors).version() == 0
    assert read_pool(sectors).members == ()
    assert monitor(sectors) == []
    assert json.loads(run(mined, "pool", "list", "--json").stdout) == []
    for folder in (sectors.sessions, sectors.reports):
        assert not folder.exists() or not list(folder.iterdir())


def test_in_mlflow_it_has_an_experiment_and_a_model_of_its_own(mined: Home) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=mined.mlflow_uri, registry_uri=mined.mlflow_uri)
    assert client.get_experiment_by_name("alpha_pool") is None
    assert client.get_experiment_by_name("alpha_pool_stock") is not None
    assert [one.name for one in client.search_registered_models()] == ["alpha_pool_stock"]
    for member in Pool(mined).members():
        run = client.get_run(str(member.mlflow_run_id))
        assert run.data.params["higher_means"].endswith("return from the next open")
        assert "report" not in run.data.tags  # it was made: nothing to say


def test_the_commands_of_the_pool_take_the_universe(mined: Home, tmp_path: Path) -> None:
    rows = json.loads(run(mined, "pool", "list", "--universe", "stock", "--json").stdout)
    assert [row["id"] for row in rows] == [member.id for member in Pool(mined).members()]
    shown = run(mined, "pool", "show", "F0001", "--universe", "stock", "--json")
    assert json.loads(shown.stdout)["label"] == "stock_open_return"
    for kind in ("json", "csv", "parquet", "python"):
        output = tmp_path / f"pool.{kind}"
        run(mined, "pool", "export", "--universe", "stock", "--format", kind, "-o", str(output))
        assert output.stat().st_size > 0
    assert "a higher return from the next open" in (tmp_path / "pool.python").read_text("utf-8")
    with pytest.raises(ExportError, match="no Qlib tree of single stocks"):
        export(mined, "qlib", tmp_path / "qlib")


def test_one_expression_of_stocks_is_scored(mined: Home) -> None:
    text = "$lhb_institution_net_buy / $turnover"
    done = run(mined, "eval", text, "--universe", "stock", "--json", "--html")
    scored = json.loads(done.stdout)
    assert scored["label"] == "stock_open_return"
    assert scored["baseline"][0] == "ewm20_limit_up"
    assert scored["t_hac"] > 4
    assert list(mined.reports.glob("eval-*.html"))


def test_its_decay_audit_and_sealed_window_are_its_own(mined: Home) -> None:
    assert [check.member for check in monitor(mined)] == [m.id for m in Pool(mined).members()]
    assert audit(mined)["attempts"]["total"] >= 120
    opened = unseal(mined, why="a test")
    assert opened.fresh
    assert opened.members[0]["sealed"]["mean"] > 0
    assert not mined.of("sector").ledger.exists()


def test_too_few_sessions_are_said_in_one_line(tmp_path: Path) -> None:
    home = home_of(tmp_path, stocks=12, length=125).of("stock").create()
    with pytest.raises(ScenarioError) as caught:
        mine(home, OPTIONS, Silent(), isolation=Here())
    said = str(caught.value)
    assert said.startswith("125 sessions of stocks (2025-")
    assert "at least 459 are needed. Get longer bars and run: tide data import FILE" in said
    assert "\n" not in said


def test_the_label_must_be_one_of_stocks(market: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="must be one of stock_open_return, stock_limit_up"):
        mine(fresh(market, tmp_path / "home"), MineOptions(), Silent(), isolation=Here())


@pytest.mark.real_data
def test_the_real_bars_are_too_few_and_it_says_so(real_data: Path, tmp_path: Path) -> None:
    from tests.commands import tide as process

    home = tmp_path / "home"
    for name in ("stock_daily_qfq", "stock_map"):
        process(home, "data", "import", str(real_data / f"{name}.parquet"))
    done = process(home, "mine", "--universe", "stock", "--loops", "1", status=1)
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "126 sessions of stocks (2025-07-01..2025-12-31)" in said

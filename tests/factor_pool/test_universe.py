"""Sectors and stocks: whose data, whose labels, and a home that holds both apart."""

from pathlib import Path

import pytest

from data_profile.errors import StoreError
from data_profile.home import Home
from factor_pool import universe
from factor_pool.evaluation.labels import LABELS
from factor_pool.gates import Availability
from factor_pool.ledger import Ledger
from factor_pool.records import Proposal
from factor_pool.registry import model_name
from tests.dragon import bars, stock_map, store
from tests.stock_market import home_of


def test_every_label_is_of_one_universe() -> None:
    of_both = [name for one in universe.UNIVERSES.values() for name in one.labels]
    assert sorted(of_both) == sorted(LABELS)
    for one in universe.UNIVERSES.values():
        assert one.label in one.labels


def test_what_mining_writes_lies_apart_and_the_market_data_do_not(tmp_path: Path) -> None:
    sectors = Home(tmp_path)
    stocks = sectors.of("stock")
    for name in ("ledger", "sessions", "reports"):
        assert getattr(stocks, name).parent == tmp_path / "stock"
        assert getattr(sectors, name).parent == tmp_path
    assert (stocks.store, stocks.mlflow_db) == (sectors.store, sectors.mlflow_db)
    assert stocks.of("sector") == sectors
    assert universe.of(stocks) is universe.STOCKS


def test_the_models_in_mlflow_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDE_POOL_MODEL", raising=False)
    assert (model_name(), model_name("stock")) == ("alpha_pool", "alpha_pool_stock")
    monkeypatch.setenv("TIDE_POOL_MODEL", "desk")
    assert (model_name(), model_name("stock")) == ("desk", "desk_stock")


def test_stocks_with_all_that_label_and_baseline_need(tmp_path: Path) -> None:
    home = home_of(tmp_path, stocks=3, length=30)
    assert universe.STOCKS.panel(home).shape == (30, 3)
    assert universe.STOCKS.source(home) == "bars.parquet"
    assert not universe.SECTORS.exists(home)


def test_bars_that_do_not_tell_of_limits_are_named(tmp_path: Path) -> None:
    store(tmp_path, bars=bars(), map=stock_map())
    with pytest.raises(StoreError, match=r"has no limit_up, streak.*tide data import FILE"):
        universe.STOCKS.panel(Home(tmp_path))


def test_the_list_is_refused_to_sectors_and_given_to_stocks(tmp_path: Path) -> None:
    proposal = Proposal("Mean($lhb_net_buy, 5)", "Mean($lhb_net_buy, 5)", "evolve")
    with Ledger(tmp_path / "ledger.db") as ledger:
        (attempt,) = ledger.record("s", 0, [proposal], snapshot="x", label="composite", seed=1)
    for one, refused in ((universe.SECTORS, True), (universe.STOCKS, False)):
        profile = one.profile()
        said = Availability(profile.fields, profile.cutoff).objection(attempt, {}, [])
        assert (said is not None) == refused
        assert said is None or "known at 18:10; the forecast is made at 15:45" in said

"""Homes with stocks that tests of this folder share; none of them writes to the stock store."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.sources.stock_files import parse, recognise
from data_profile.sources.table_file import open_table
from data_profile.stocks import StockStore
from predictor.dragon_tiger.scene import Scene, load
from tests.predictor.dragon_tiger.markets import stock_home


class Bar(NamedTuple):
    """A row of the file, and the close of the row before; yuan and hands."""

    open: float
    volume: int
    previous: float


FILES = ("stock_map", "stock_daily_qfq", "lhb_stock", "lhb_seats")


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return stock_home(tmp_path_factory.mktemp("small") / "home")


@pytest.fixture(scope="session")
def small_scene(small_home: Home) -> Scene:
    return load(small_home)


@pytest.fixture(scope="session")
def real_home(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The real stock files, imported."""
    for name in FILES:
        if not (real_data / f"{name}.parquet").exists():
            pytest.skip(f"no {name}.parquet in {real_data}")
    home = Home(tmp_path_factory.mktemp("real") / "home").create()
    store = StockStore(home.stocks)
    for name in FILES:
        table = open_table(real_data / f"{name}.parquet")
        kind = recognise(table)
        assert kind is not None
        taken = parse(table, kind)
        store.take(taken.table, taken.frame, source=taken.source)
    return home


@pytest.fixture(scope="session")
def real_bars(real_data: Path) -> dict[tuple[str, str], Bar]:
    """The bars as they are in the file, of the stocks that were ever listed."""
    listed = set(pd.read_parquet(real_data / "lhb_stock.parquet", columns=["code"])["code"])
    bars = pd.read_parquet(real_data / "stock_daily_qfq.parquet")
    bars = bars[bars["code"].isin(listed)].sort_values(["code", "date"])
    made, before = {}, ("", float("nan"))
    columns = (bars[name].tolist() for name in ("code", "date", "open", "close", "volume_hand"))
    for code, date, opened, close, volume in zip(*columns, strict=True):
        previous = before[1] if before[0] == code else float("nan")
        made[code, str(date)] = Bar(opened, volume, previous)
        before = (code, close)
    return made

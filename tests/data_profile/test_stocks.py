"""The stock store: taken in, derived, switched atomically, and sound after kill -9."""

import datetime
import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_profile.errors import StoreError
from data_profile.stocks import StockStore
from data_profile.verify import stock_checks, verify
from tests import dragon
from tests.dragon import CODES, DAYS, HOT, INSTITUTION, REASON

DAY = DAYS[30]
SEEN = datetime.datetime(2025, 12, 1, 10, 30, tzinfo=datetime.UTC)
LISTED = dragon.listed((DAY, "600001", REASON))
SEATS = dragon.seats(
    (DAY, "600001", "buy", 1, INSTITUTION, 5e7, 0.0), (DAY, "600001", "sell", 1, HOT, 0.0, 2e7)
)


def full(folder: Path) -> StockStore:
    return dragon.store(
        folder, bars=dragon.bars(), map=dragon.stock_map(), list_rows=LISTED, seat_rows=SEATS
    )


def test_an_empty_store_says_what_to_do(tmp_path: Path) -> None:
    stocks = StockStore(tmp_path / "stocks")
    assert not stocks.exists()
    with pytest.raises(StoreError, match="tide data import FILE"):
        stocks.panel()
    made = dragon.store(tmp_path, map=dragon.stock_map())
    with pytest.raises(StoreError, match="no daily bars of stocks"):
        made.panel()
    with pytest.raises(StoreError, match="no table lists of stocks"):
        made.lists()


def test_the_panel_has_bars_and_the_list(tmp_path: Path) -> None:
    stocks = full(tmp_path)
    panel = stocks.panel()
    assert panel.instruments == tuple(sorted(CODES))
    t, s = 30, panel.instruments.index("600001")
    told = {name: float(values[t, s]) for name, values in panel.values.items()}
    assert told["close"] == 10.0
    assert told["volume"] == 1e6
    assert told["turnover"] == 1e7
    assert told["turnover_rate"] == pytest.approx(0.002)
    assert told["float_value"] == 5e9
    assert told["lhb_net_buy"] == 3e7
    assert told["lhb_institution_net_buy"] == 5e7
    assert told["lhb_hot_money_net_buy"] == -2e7
    listed = panel.values["lhb_listed"]
    assert np.isnan(listed[29]).all()  # no list was taken in for that session: unknown
    assert listed[30].tolist() == [0.0, 0.0, 1.0]  # seen, and not on it


def test_tables_come_back(tmp_path: Path) -> None:
    stocks = full(tmp_path)
    assert list(stocks.map())[:5] == ["code", "name", "board", "sector", "sector_id"]
    assert stocks.map()["sector_id"].isna().all()  # no panel of sectors in this home
    assert stocks.lists()["net_buy"].tolist() == [3e7]
    assert stocks.seats()["seat"].tolist() == [INSTITUTION, HOT]
    assert stocks.manifest().tables["bars"].rows == len(CODES) * len(DAYS)


def test_an_import_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    stocks = full(tmp_path)
    other = dragon.listed((DAYS[31], "000002", REASON))
    stocks.take("list_rows", other, source="other.parquet")
    assert set(stocks.lists()["code"]) == {"000002", "600001"}  # whose seats are still there
    assert stocks.manifest().tables["list_rows"].source == "other.parquet"


def evening(code: str = "000002", buy: float = 7e6) -> dict[str, pd.DataFrame]:
    seats = dragon.seats((DAYS[35], code, "buy", 1, INSTITUTION, buy, 0.0)).assign(reason=REASON)
    return {
        "list_rows": dragon.listed((DAYS[35], code, REASON)).drop(columns="session"),
        "seat_rows": seats.drop(columns="session"),
    }


def test_collected_lists_enter_the_same_tables_and_outrank_files(tmp_path: Path) -> None:
    stocks = full(tmp_path)
    session = DAYS[35].date()
    stocks.take_sessions({session: evening()}, observed_at=SEEN)
    assert stocks.lists()["net_buy"].tolist() == [3e7, 7e6]
    stocks.take(
        "seat_rows", pd.concat([SEATS, SEATS.assign(session=DAYS[35], buy=1.0)]), source="f"
    )
    assert stocks.lists()["net_buy"].tolist() == [3e7, 7e6]
    stocks.take_sessions({session: evening(buy=8e6)}, observed_at=SEEN)
    assert stocks.lists()["net_buy"].tolist() == [3e7, 8e6]


def test_the_same_rows_again_change_nothing(tmp_path: Path) -> None:
    stocks = full(tmp_path)
    days = {DAYS[35].date(): evening()}
    first = stocks.take_sessions(days, observed_at=SEEN)
    version = stocks.version
    later = SEEN + datetime.timedelta(hours=1)
    assert stocks.take_sessions(days, observed_at=later) == first
    assert stocks.version == version


def snapshot(previous: float) -> pd.DataFrame:
    return pd.DataFrame(
        {"code": ["600001"], "open": 5.0, "high": 5.5, "low": 5.0, "close": 5.5, "volume": 9e5,
         "turnover": 4.7e6, "turnover_rate": 0.0018, "float_value": 2.7e9,
         "previous_close": previous}
    )  # fmt: skip


@pytest.mark.parametrize(("previous", "before"), [(5.0, 5.0), (10.0, 10.0), (10.01, 10.0)])
def test_history_stays_front_adjusted(tmp_path: Path, previous: float, before: float) -> None:
    """A stock that goes ex-rights has its past scaled to the previous close of its new bar."""
    stocks = dragon.store(tmp_path, bars=dragon.bars(days=DAYS[:10]), map=dragon.stock_map())
    stocks.take_sessions({DAYS[10].date(): {"bars": snapshot(previous)}}, observed_at=SEEN)
    panel = stocks.panel()
    s = panel.instruments.index("600001")
    assert panel.values["close"][9:, s].tolist() == [before, 5.5]
    assert panel.values["close"][9, 0] == 10.0  # another stock
    assert panel.values["volume"][9, s] == 1e6
    assert "previous_close" not in panel.fields


def test_collecting_may_begin_without_any_file(tmp_path: Path) -> None:
    stocks = StockStore(tmp_path / "stocks")
    stocks.take_sessions({DAYS[0].date(): {"bars": snapshot(5.0)}}, observed_at=SEEN)
    panel = stocks.panel()
    assert panel.values["close"].tolist() == [[5.5]]
    assert "previous_close" not in panel.fields
    assert np.allclose(panel.values["turnover_rate"], 0.0018)  # as told, not derived


def test_verify_finds_a_changed_byte(tmp_path: Path) -> None:
    stocks = full(tmp_path)
    report = verify(stocks.folder.parent)
    assert report.ok
    assert [check.name for check in report.checks] == ["stocks", "stock panel"]
    path = stocks.version / "seats.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    files, panel = stock_checks(stocks)
    assert not files.ok
    assert "seats.parquet is not what was written" in files.problems[0]
    assert panel.ok


def test_a_damaged_manifest_is_named_and_not_built_upon(tmp_path: Path) -> None:
    stocks = full(tmp_path)
    path = stocks.version / "manifest.json"
    path.write_text(path.read_text().replace('"stocks": 3', '"stocks": 4'))
    with pytest.raises(StoreError, match="is not what was written"):
        stocks.take("map", dragon.stock_map(), source="again")


CALLS = ("fsync", "replace", "link", "mkdir", "symlink", "unlink")


def victim(folder: Path, at: int) -> None:
    """Take in other seats, and die at the n-th touch of the disk."""
    seen = 0

    def counted(call):
        def touch(*args, **kwargs):
            nonlocal seen
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return touch

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))
    StockStore(folder).take("seat_rows", SEATS.assign(buy=9e7), source="again")


def test_killed_at_any_touch_of_the_disk(tmp_path: Path) -> None:
    stocks = full(tmp_path)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.data_profile.test_stocks"])
    died = 0
    for at in range(1, 400, 3):
        process = context.Process(target=victim, args=(stocks.folder, at))
        process.start()
        process.join()
        assert all(check.ok for check in stock_checks(stocks))
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        died += 1
        assert stocks.lists()["net_buy"].tolist() in ([3e7], [1.6e8])  # before, or after
    assert died >= 5
    assert not (stocks.folder / ".building").exists()
    assert len([p for p in stocks.folder.iterdir() if p.name.startswith("v")]) == 2

"""The list as fields of sectors: at import, and as the build of a day takes it."""

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_profile.day import tables_of, take_stocks
from data_profile.home import Home
from data_profile.list_fields import FIELDS, by_sector, by_stock, feed
from data_profile.news import Sentiment
from data_profile.profile import STOCK_FIELDS, Profile
from data_profile.sectors import Sectors
from data_profile.sources.base import Observation
from data_profile.store import Store
from tests import dragon
from tests.dragon import DAYS, HOT, INSTITUTION, LONG, OTHER, REASON

DAY = DAYS[30]
SESSION = DAY.date()
SEEN = datetime.datetime(2025, 12, 1, 10, 15, tzinfo=datetime.UTC)
LISTED = dragon.listed(
    (DAY, "600001", REASON), (DAY, "600001", "换手率达20%的证券"), (DAY, "000002", LONG),
    (DAYS[31], "300003", REASON),
)  # fmt: skip
SEATS = dragon.seats(
    (DAY, "600001", "buy", 1, INSTITUTION, 5e7, 0.0), (DAY, "600001", "buy", 2, HOT, 3e7, 1e7),
    (DAY, "600001", "sell", 1, HOT, 3e7, 1e7), (DAY, "600001", "sell", 2, OTHER, 0.0, 2e7),
    (DAY, "000002", "buy", 1, HOT, 4e6, 0.0),
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Sectors 煤炭 (600001, 300003), 半导体 (000002) and 银行 (none), and the stocks."""
    home = Home(tmp_path).create()
    names = {"C1": "煤炭", "C2": "半导体", "C3": "银行"}
    ids = Sectors(home.store / "sectors").adopt(names, DAYS[0].date())
    rows = [(day, code, 1000.0, 1e9, 10.0, 1.0) for day in DAYS[:40] for code in ids.values()]
    columns = ["date", "instrument", "close", "turnover", "company_count", "limit_up_count"]
    Store(home.store).build(pd.DataFrame(rows, columns=columns), names, source="panel")
    return home


def stocks(home: Home):
    return dragon.store(
        home.root, map=dragon.stock_map(), list_rows=LISTED, seat_rows=SEATS, bars=dragon.bars()
    )


def test_each_stock_adds_its_list_of_the_day_once(home: Home) -> None:
    rows = by_stock(stocks(home)).set_index(["session", "code"]).drop(columns="name")
    assert rows.loc[(DAY, "600001")].tolist() == [5e7, 5e7, 2e7]
    assert rows.loc[(DAY, "000002")].tolist() == [4e6, 0.0, 4e6]  # several days: all there is
    assert rows.loc[(DAYS[31], "300003")].isna().all()  # its seats are not there


def test_sectors_sum_them_up_and_do_not_guess(home: Home) -> None:
    made = stocks(home)
    rows = by_sector(by_stock(made), made.map()).set_index(["session", "instrument"])
    assert rows.loc[(DAY, "C1"), list(FIELDS)].tolist() == [1.0, 5e7, 5e7, 2e7]
    assert rows.loc[(DAY, "C2"), list(FIELDS)].tolist() == [1.0, 4e6, 0.0, 4e6]
    unknown = rows.loc[(DAYS[31], "C1"), list(FIELDS)]
    assert unknown.iloc[0] == 1.0
    assert unknown.iloc[1:].isna().all()
    assert rows.loc[(DAYS[31], "C2"), list(FIELDS)].tolist() == [0.0] * 4


def test_an_import_feeds_the_sectors_whichever_comes_first(home: Home) -> None:
    assert feed(home) == 0  # no stocks yet
    stocks(home)
    assert feed(home) == 2
    panel = Store(home.store).panel()
    at = {name: values[30, 0] for name, values in panel.values.items()}
    assert [float(at[name]) for name in FIELDS] == [1.0, 5e7, 5e7, 2e7]
    assert np.isnan(panel.values["lhb_count"][29]).all()
    known = Store(home.store).panel(cutoff="15:45")
    assert not set(FIELDS) & set(known.fields)  # the evening's list is not known by then
    before = Store(home.store).manifest()
    made = stocks(home)  # the same files again: another version, the same list
    made.take("limit_events", dragon.bars().head(0), source="events")
    assert feed(home) == 0
    assert Store(home.store).manifest() == before


def test_every_field_is_explained_and_known_in_the_evening() -> None:
    for table in (Profile.load(), Profile.load(STOCK_FIELDS)):
        told = {name: field.known_at for name, field in table.fields.items() if "lhb_" in name}
        assert len(told) == 4
        assert set(told.values()) == {"18:10"}


def told(source: str, frame: pd.DataFrame) -> Observation:
    key = ("code", "reason", "side", "rank") if "side" in frame else ("code", "reason")
    return Observation(source, SESSION, SEEN, True, frame, key)


def day_of(*names: str) -> list[Observation]:
    tables = {
        "akshare.lhb_stocks": LISTED[LISTED["session"] == DAY].drop(columns="session")
        .assign(net_buy=1.0),
        "eastmoney.lhb_seats": SEATS.drop(columns="session")
        .assign(reason=[REASON] * 4 + [LONG], net_buy=SEATS["buy"] - SEATS["sell"]),
    }  # fmt: skip
    return [told(name, tables[name]) for name in names]


def test_the_build_of_a_day_takes_the_lists_into_the_same_tables(home: Home) -> None:
    observations = day_of("akshare.lhb_stocks", "eastmoney.lhb_seats")
    taken = take_stocks(home, {SESSION: observations}, SEEN)
    assert taken.lists()["net_buy"].tolist() == [4e6, 5e7]
    tables = tables_of(observations, Sentiment(home.cache), SESSION, taken)
    listed = tables["lhb_stocks"].set_index("code")
    assert listed.loc["600001", ["institution_net_buy", "hot_money_net_buy"]].tolist() == [5e7, 2e7]


def test_without_seats_their_columns_are_missing(home: Home) -> None:
    observations = day_of("akshare.lhb_stocks")
    taken = take_stocks(home, {SESSION: observations}, SEEN)
    table = tables_of(observations, Sentiment(home.cache), SESSION, taken)["lhb_stocks"]
    assert sorted(table) == ["code", "name", "net_buy"]


def test_a_day_as_of_the_afternoon_does_not_know_its_evening(home: Home) -> None:
    """The stock store has the list already; a build from the afternoon's tables must not see it."""
    taken = take_stocks(home, {SESSION: day_of("akshare.lhb_stocks")}, SEEN)
    assert "lhb_stocks" not in tables_of([], Sentiment(home.cache), SESSION, taken)

"""From the dragon-tiger list to fields: what each stock adds, and the sums of its sector.

A stock counts once a session: by its list of the day, or by the one over several days where that is
all there is. What institutions and hot money bought is unknown, not zero, where a listed stock's
seats are not there.
"""

import datetime

import numpy as np
import pandas as pd

from data_profile import money
from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.seat_types import HotMoneyTest, typed
from data_profile.seats import Seats
from data_profile.stocks import StockStore
from data_profile.store import Store

FIELDS = ("lhb_count", "lhb_net_buy", "lhb_institution_net_buy", "lhb_hot_money_net_buy")
_SOURCE = "dragon-tiger list"


def by_stock(stocks: StockStore, *, since: datetime.date | None = None) -> pd.DataFrame:
    """What each listed stock adds to its sectors.

    Parameters
    ----------
    stocks
        Needs a list; without seats their columns are missing.
    since
        First session; the seats' past before it is looked at all the same.

    Returns
    -------
    DataFrame
        session, code, name, net_buy, institution_net_buy, hot_money_net_buy (yuan); one row a
        session and stock.

    Raises
    ------
    StoreError, SeatError
        The list cannot be read, or a seat's name or the decisions about names cannot be taken.
    """
    lists = stocks.lists()
    if since is not None:
        lists = lists[lists["session"] >= pd.Timestamp(since)]
    return money.by_stock(lists, typed_seats(stocks, since=since))


def typed_seats(stocks: StockStore, *, since: datetime.date | None = None) -> pd.DataFrame:
    """Every seat of every list with who it is and what kind of money (`seat_types.typed`).

    Parameters
    ----------
    since
        First session of interest: earlier rows come along as far as their past matters to it.

    Raises
    ------
    StoreError, SeatError
        As `by_stock`.
    """
    seats = stocks.seats()
    if since is not None:
        seats = seats[seats["session"] >= _looked_back(seats["session"], pd.Timestamp(since))]
    ids = Seats(stocks.folder / "seats").unify(seats["seat"].unique())
    return typed(seats.reset_index(drop=True), ids)


def _looked_back(sessions: pd.Series, first: pd.Timestamp) -> pd.Timestamp:
    """The first session that matters for what seats were on `first`."""
    test = HotMoneyTest()
    earlier = np.sort(sessions[sessions < first].unique())
    back = test.window + test.leaves_within + 1
    return pd.Timestamp(earlier[-back]) if len(earlier) >= back else sessions.min()


def by_sector(listed: pd.DataFrame, stocks: pd.DataFrame) -> pd.DataFrame:
    """The sector fields of every session with a list.

    Parameters
    ----------
    listed
        As `by_stock`.
    stocks
        As `StockStore.map`: the sectors are of the day it was made, applied backwards.

    Returns
    -------
    DataFrame
        session, instrument, `FIELDS`: every sector of the map on every session; 0 where none of its
        stocks was listed, missing where one was and the amount is unknown.
    """
    sector = stocks.dropna(subset="sector_id").set_index("code")["sector_id"]
    rows = listed.assign(instrument=listed["code"].map(sector), count=1.0)
    rows = rows.dropna(subset="instrument")
    given = ["count", "net_buy", "institution_net_buy", "hot_money_net_buy"]
    key = ["session", "instrument"]
    unknown = rows[given].isna().groupby([rows[name] for name in key]).any()
    values = rows.groupby(key)[given].sum().mask(unknown)
    every = pd.MultiIndex.from_product(
        [np.sort(listed["session"].unique()), np.sort(sector.unique())],
        names=["session", "instrument"],
    )
    # A sector without a listed stock has no row: zero. One with an unknown amount stays missing.
    values = values.reindex(every, fill_value=0.0)
    return values.set_axis(list(FIELDS), axis=1).reset_index()


def feed(home: Home) -> int:
    """Put the imported list's sector fields into the sector store, on the sessions it has.

    Sessions that were collected keep what was collected. Doing it again changes nothing.

    Returns
    -------
    int
        Sessions whose fields it changed; 0 while sectors, list, seats or map are missing.

    Raises
    ------
    StoreError, SeatError
        One of the stores cannot be read or written.
    """
    store, stocks = Store(home.store), StockStore(home.stocks)
    if not store.exists() or not all(map(stocks.has, ("list_rows", "seat_rows", "map"))):
        return 0
    panel = store.panel()
    rows = by_sector(by_stock(stocks), stocks.map())
    rows = rows[rows["instrument"].isin(panel.instruments)]
    collected = {day.session for day in store.days() if day.state != "imported"}
    days = [
        (of_day.drop(columns="session").reset_index(drop=True), session)
        for session, of_day in rows.groupby(rows["session"].dt.date)
        if session not in collected and _says_more(of_day, panel)
    ]
    if days:
        seen = stocks.manifest().created_at
        store.extend(days, observed_at=seen, names={}, source=_SOURCE)
    return len(days)


def _says_more(of_day: pd.DataFrame, panel: Panel) -> bool:
    """Whether rows of one session, which the panel has, tell another value than it holds."""
    day = of_day["session"].iloc[0].to_datetime64().astype("datetime64[D]")
    t = int(np.searchsorted(panel.sessions, day))
    if t == len(panel.sessions) or panel.sessions[t] != day:
        return False
    s = pd.Index(panel.instruments).get_indexer(pd.Index(of_day["instrument"]))
    for name in FIELDS:
        given = of_day[name].to_numpy(np.float32)
        held = panel.values[name][t, s] if name in panel.values else np.full(len(s), np.nan)
        if (np.isfinite(given) & (given != held)).any():
            return True
    return False

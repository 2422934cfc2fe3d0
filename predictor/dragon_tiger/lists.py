"""The list as the strategy sees it: A shares on a list of the day, with the money of each kind.

A list over several days says what was bought over all of them, so it is kept apart and enters no
factor of a day. Everything of a session is known at 18:10 of it, long after its close: the first
price that it can be traded at is the open of the next session.
"""

import datetime

import numpy as np
import pandas as pd

from data_profile.dragon_list import DAY
from data_profile.seat_types import TYPES, typed
from data_profile.seats import Seats
from data_profile.sessions import next_session
from data_profile.stocks import StockStore


def tradable_at(session: datetime.date) -> datetime.date:
    """The session at whose open what a session's list says can first be traded.

    Raises
    ------
    CalendarError
        The calendar does not reach it.

    Examples
    --------
    >>> tradable_at(datetime.date(2025, 12, 31))
    datetime.date(2026, 1, 5)
    """
    return next_session(session)


def seats_of(stocks: StockStore, *, end: object = None) -> pd.DataFrame:
    """Every seat of every list until `end`, with who it is and what kind of money.

    Parameters
    ----------
    end
        Last session; None for all.

    Returns
    -------
    DataFrame
        As `StockStore.seats`, with `seat_id` and `type` as of each row's own session.

    Raises
    ------
    StoreError, SeatError
        There are no seats, or a name or the decisions about names cannot be taken.
    """
    seats = until(stocks.seats(), end)
    ids = Seats(stocks.folder / "seats").unify(seats["seat"].unique())
    return typed(seats, ids)


def until(rows: pd.DataFrame, end: object) -> pd.DataFrame:
    """The rows whose session is not after `end`; all where it is None."""
    if end is None:
        return rows
    return rows[rows["session"] <= pd.Timestamp(end)].reset_index(drop=True)  # type: ignore[arg-type]


def day_lists(stocks: StockStore, seats: pd.DataFrame, *, end: object = None) -> pd.DataFrame:
    """The stocks on a list of the day, with what each kind of money bought and sold.

    Parameters
    ----------
    seats
        As `seats_of` gives them.

    Returns
    -------
    DataFrame
        Index (session, code), sorted; the columns of `StockStore.lists` and, for each type of
        seat, `buy_institution`, `sell_institution`... in yuan: 0 where the seats are known and
        none is of the type, missing where the seats are not known.
    """
    lists = until(stocks.lists(), end)
    lists = lists[lists["span"] == DAY].set_index(["session", "code"]).sort_index()
    day = seats[seats["span"] == DAY]
    for side in ("buy", "sell"):
        wide = day.pivot_table(
            index=["session", "code"], columns="type", values=side, aggfunc="sum", observed=False
        )
        wide = wide.reindex(columns=list(TYPES)).fillna(0.0).reindex(lists.index)
        lists[[f"{side}_{name}" for name in TYPES]] = wide.to_numpy(np.float64)
    return lists

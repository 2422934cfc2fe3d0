"""What kind of money a seat is: institution, northbound, hot money or other.

Institutions (机构专用) and Stock Connect say it in their name. A branch is hot money (游资) if it
stands in the table of seats that the market knows as such, or by what it did before: it is often on
the list, puts its money of a day into few stocks, and is soon seen to sell what it bought. All of
that is measured on sessions BEFORE the one it is used for; the first sessions of a store know only
the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from data_profile.dragon_list import DAY
from data_profile.seat_names import SeatError, parse

HOT_MONEY = Path(__file__).with_name("seat_hot_money.yaml")
TYPES = ("institution", "northbound", "hot_money", "other")
_BRANCHES = ("branch", "company")  # a broker's head office trades for itself and its programs


@dataclass(frozen=True)
class HotMoneyTest:
    """When a branch behaves as hot money.

    Parameters
    ----------
    window
        Sessions that are looked back on.
    often
        Least number of stock-days on the list within them.
    stocks_a_day
        Most stocks on a day that it is there, on average: a hub of thousands of clients, or of
        programs, is in ten.
    top_share
        Least share of a day's disclosed buying that goes into one stock, on average.
    leaves_within
        Sessions within which a bought stock counts as left if the seat is then seen to sell it net.
    leaves
        Least share of its buys that it is seen to leave so fast; many exits are never disclosed,
        so it is a lower bound.
    buys
        Least number of buys that this share is measured on.
    """

    window: int = 60
    often: int = 10
    stocks_a_day: float = 3.0
    top_share: float = 0.6
    leaves_within: int = 3
    leaves: float = 0.15
    buys: int = 5


def known_hot_money() -> Mapping[str, tuple[str, int]]:
    """Seat id -> the name it goes by, and the year since which the market knows it.

    Raises
    ------
    SeatError
        The table names a seat twice.
    """
    return dict(_known())


@cache
def _known() -> tuple[tuple[str, tuple[str, int]], ...]:
    found: dict[str, tuple[str, int]] = {}
    for row in yaml.safe_load(HOT_MONEY.read_text("utf-8")):
        seat = parse(row["seat"]).key
        if seat in found:
            raise SeatError(f"{HOT_MONEY.name}: {seat} stands twice")
        found[seat] = (str(row["known_as"]), int(row["since"]))
    return tuple(found.items())


def typed(
    seats: pd.DataFrame, ids: Mapping[str, str], test: HotMoneyTest | None = None
) -> pd.DataFrame:
    """The seats with who they are and what kind of money.

    Parameters
    ----------
    seats
        As `StockStore.seats`.
    ids
        Printed name -> seat id (`Seats.unify`).
    test
        The data-driven test; the default one where None.

    Returns
    -------
    DataFrame
        The same rows with `seat_id` and `type` (one of `TYPES`), each as of its own session.
    """
    branches = {name: parse(name) for name in seats["seat"].unique()}
    kind = seats["seat"].map({name: branch.kind for name, branch in branches.items()})
    branch = kind.isin(_BRANCHES)
    made = seats.assign(seat_id=seats["seat"].map(ids), type=kind.where(~branch, "other"))
    made.loc[~made["type"].isin(TYPES), "type"] = "other"
    behaving = behaves(made[branch], test).reindex(made.index, fill_value=False)
    # A seat's id may be fuller than the spelling of the table (a district), its names may not.
    year = {seat: year for seat, (_, year) in _known()}
    since = {name: year.get(branch.key, np.inf) for name, branch in branches.items()}
    since |= {name: min(since[name], year.get(ids[name], np.inf)) for name in branches}
    first = made["seat_id"].map(pd.Series(since).groupby(pd.Series(dict(ids))).min())
    known = first <= made["session"].dt.year
    made.loc[branch & (known | behaving), "type"] = "hot_money"
    return made


def behaves(seats: pd.DataFrame, test: HotMoneyTest | None = None) -> pd.Series:
    """Whether each row's seat passes the test on the sessions before the row's own.

    Parameters
    ----------
    seats
        Rows of branches with `session`, `code`, `span`, `seat_id`, `buy`, `net_buy`.
    """
    test = test or HotMoneyTest()
    rows = seats[seats["span"] == DAY]
    sessions = np.sort(seats["session"].unique())
    names = np.sort(seats["seat_id"].unique())
    if not len(rows):
        return pd.Series(False, index=seats.index)
    held = rows.groupby(["seat_id", "code", "session"], as_index=False)[["buy", "net_buy"]].sum()
    held["t"] = np.searchsorted(sessions, held["session"])
    held["s"] = np.searchsorted(names, held["seat_id"])
    shape = (len(sessions), len(names))
    passed = _passed(held, shape, test)
    at = np.searchsorted(sessions, seats["session"]), np.searchsorted(names, seats["seat_id"])
    return pd.Series(passed[at], index=seats.index)


def _passed(held: pd.DataFrame, shape: tuple[int, int], test: HotMoneyTest) -> np.ndarray:
    """Bool (sessions, seats): the test on the sessions before each."""
    days = held.groupby(["t", "s"]).agg(
        stocks=("code", "size"), top=("buy", "max"), bought=("buy", "sum")
    )
    t, s = (days.index.get_level_values(level).to_numpy() for level in ("t", "s"))
    buying = (days["bought"] > 0).to_numpy()
    share = np.where(buying, days["top"] / days["bought"].where(buying, 1.0), 0.0)
    exits = left_within(held, test.leaves_within, shape[0])
    seen, active, buys, shares = (
        _before(shape, t, s, v, test.window)
        for v in (days["stocks"].to_numpy(float), np.ones(len(days)), buying.astype(float), share)
    )
    # A buy is judged when its time to be left is over, never earlier.
    matured = exits["t"].to_numpy() + test.leaves_within
    judged, left = (
        _before(shape, matured, exits["s"].to_numpy(), v, test.window)
        for v in (np.ones(len(exits)), exits["left"].to_numpy(float))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = (
            (seen >= test.often)
            & (seen / active <= test.stocks_a_day)
            & (shares / buys >= test.top_share)
            & (judged >= test.buys)
            & (left / judged >= test.leaves)
        )
    return found


def left_within(held: pd.DataFrame, within: int, sessions: int) -> pd.DataFrame:
    """The buys whose time to be left is over by the last session, and whether they were left.

    Parameters
    ----------
    held
        Rows s (seat), code, t (number of the session), net_buy; one a seat, stock and session.
    within
        Sessions after the buy.
    sessions
        How many there are.

    Returns
    -------
    DataFrame
        Columns s, code, t, left (bool) and after (sessions until the first net sale, missing
        where none was seen in time).
    """
    buys = held[(held["net_buy"] > 0) & (held["t"] + within < sessions)]
    sales = held.loc[held["net_buy"] < 0, ["s", "code", "t"]].rename(columns={"t": "sold"})
    pairs = buys[["s", "code", "t"]].merge(sales, on=["s", "code"])
    pairs["after"] = pairs["sold"] - pairs["t"]
    pairs = pairs[(pairs["after"] > 0) & (pairs["after"] <= within)]
    first = pairs.groupby(["s", "code", "t"])["after"].min()
    made = buys[["s", "code", "t"]].join(first, on=["s", "code", "t"])
    return made.assign(left=made["after"].notna())


def _before(
    shape: tuple[int, int], t: np.ndarray, s: np.ndarray, values: np.ndarray, window: int
) -> np.ndarray:
    """Sum of values over the `window` sessions before each session, float64 of `shape`."""
    grid = np.zeros((shape[0] + 1, shape[1]))
    inside = t < shape[0]
    np.add.at(grid, (t[inside] + 1, s[inside]), values[inside])
    total = np.cumsum(grid, axis=0)[:-1]  # row t: everything before session t
    total[window:] -= total[:-window].copy() if shape[0] > window else 0.0
    return total

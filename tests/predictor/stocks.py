"""A few stocks with known histories, in the stock store or as collected tables."""

import datetime
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from data_profile.home import Home
from data_profile.raw import Raw
from data_profile.schedule import SHANGHAI
from data_profile.sectors import Sectors
from data_profile.sessions import sessions
from data_profile.sources.base import Observation
from data_profile.stocks import StockStore

DAYS: tuple[datetime.date, ...] = sessions("2025-10-09", "2025-11-20")
SECTOR = "半导体"
UP = "up"  # closed at the limit that session


def closes(moves: Sequence[float | str], start: float = 10.0, limit: float = 0.1) -> np.ndarray:
    """Prices in whole ticks of a stock's last moves, unchanged before them."""
    prices = [start] * (len(DAYS) - len(moves))
    for move in moves:
        step = limit if move == UP else float(move)
        prices.append(np.floor(prices[-1] * (1 + step) * 100 + 0.5 + 1e-9) / 100)
    return np.array(prices)


def bars(stocks: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Quotes as collected: one row a stock and session."""
    frames = []
    for code, close in stocks.items():
        before = np.r_[close[0], close[:-1]]
        frames.append(
            pd.DataFrame(
                {
                    "date": pd.to_datetime(list(DAYS)),
                    "code": code,
                    "name": f"股{code}",
                    "open": before,
                    "high": np.maximum(before, close),
                    "low": np.minimum(before, close),
                    "close": close,
                    "previous_close": before,
                    "volume": 1e6,
                    "ret": close / before - 1,
                    "turnover": 1e6 * close,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def fill_store(home: Home, rows: pd.DataFrame, names: Mapping[str, str] | None = None) -> str:
    """Put bars into the stock store, all of one sector; returns the sector's id."""
    ids = Sectors(home.store / "sectors").adopt({"C01": SECTOR}, DAYS[0], kind="industry")
    store = StockStore(home.store / "stocks")
    kept = ["code", "open", "high", "low", "close", "volume"]
    store.take(
        "bars", rows[kept].assign(session=rows["date"].astype("datetime64[s]")), source="bars"
    )
    codes = list(rows["code"].unique())
    store.take(
        "map",
        pd.DataFrame(
            {
                "code": codes,
                "name": [(names or {}).get(code, f"股{code}") for code in codes],
                "board": "MAIN",
                "sector": SECTOR,
                "list_date": pd.Timestamp("2010-01-04"),
                "float_shares": 1e9,
                "total_shares": 1e9,
            }
        ),
        source="map",
    )
    return ids["C01"]


def put(
    home: Home,
    source: str,
    session: datetime.date,
    frame: pd.DataFrame,
    key: Sequence[str] = ("code",),
    at: datetime.time = datetime.time(15, 36),
    quarantined: Sequence[str] | None = None,
) -> None:
    """A table in the raw zone."""
    observed = datetime.datetime.combine(session, at, SHANGHAI)
    told = Observation(source, session, observed, True, frame.reset_index(drop=True), tuple(key))
    Raw(home.store / "raw").put(told, quarantined)


def fill_tables(home: Home, rows: pd.DataFrame, at: datetime.time = datetime.time(15, 36)) -> str:
    """The same as tables of each day, with a list of members; returns the sector's id."""
    sectors = Sectors(home.store / "sectors")
    ids = sectors.adopt({"C01": SECTOR}, DAYS[0], kind="industry")
    for stamp, day in rows.groupby("date"):
        put(home, "akshare.stocks", stamp.date(), day.drop(columns="date"), at=at)
    members = pd.DataFrame({"board": SECTOR, "code": rows["code"].unique(), "kind": "industry"})
    put(home, "akshare.board_members.industry", DAYS[-5], members, ("board", "code"), at)
    return ids["C01"]

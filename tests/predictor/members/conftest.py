"""A small market with stocks below its sectors, some of them lively."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_profile.home import Home
from data_profile.market import Market
from data_profile.sectors import Sectors
from data_profile.stocks import StockStore
from data_profile.store import Store

STOCKS = 120
SESSIONS = 200  # more than two quarters


def stock_map(market: Market) -> pd.DataFrame:
    sectors = sorted(market.names)
    return pd.DataFrame(
        {
            "code": [f"600{n:03d}" if n % 3 else f"300{n:03d}" for n in range(STOCKS)],
            "name": [f"股{n}" for n in range(STOCKS)],
            "board": ["MAIN" if n % 3 else "GEM" for n in range(STOCKS)],
            "sector": [market.names[sectors[n % len(sectors)]] for n in range(STOCKS)],
            "list_date": pd.Timestamp("2015-01-05"),
            "float_shares": 1e8,
            "total_shares": 1e8,
        }
    )


def limit_events(market: Market, seed: int = 1) -> pd.DataFrame:
    """The last stocks of the map go on and on, the first never; every session has some."""
    rng = np.random.default_rng(seed)
    codes = stock_map(market)["code"]
    days = pd.DatetimeIndex(sorted(market.frame["date"].unique()))[-SESSIONS:]
    frames = []
    streak = np.zeros(STOCKS, dtype=int)
    for day in days:
        up = rng.random(STOCKS) < np.linspace(0, 0.25, STOCKS)
        up[-1] = True
        streak = np.where(up, streak + 1, 0)
        broken = ~up & (rng.random(STOCKS) < 0.02)
        at = np.flatnonzero(up | broken)
        frames.append(
            pd.DataFrame(
                {
                    "session": day,
                    "code": codes[at].to_numpy(),
                    "open": 10.0,
                    "high": 11.0,
                    "low": 9.9,
                    "close": np.where(up[at], 11.0, 10.5),
                    "ret": np.where(up[at], 0.1, 0.05),
                    "volume": rng.integers(1e5, 1e6, len(at)).astype(float),
                    "limit_up": up[at].astype(float),
                    "limit_down": 0.0,
                    "touched_limit_up": 1.0,
                    "broken": broken[at].astype(float),
                    "one_word": 0.0,
                    "streak": streak[at].astype(float),
                }
            )
        )
    return pd.concat(frames, ignore_index=True).astype({"session": "datetime64[s]"})


def fill(home: Home, market: Market, events: pd.DataFrame) -> None:
    """Sectors, and the stocks below them."""
    Store(home.store).build(market.frame, market.names, source="synthetic-3")
    first = market.frame["date"].min().date()
    Sectors(home.store / "sectors").adopt(dict(market.names), first, kind="industry")
    take(home, market, events)


def take(home: Home, market: Market, events: pd.DataFrame) -> None:
    """The stocks alone."""
    stocks = StockStore(home.stocks)
    stocks.take("map", stock_map(market), source="map")
    stocks.take("limit_events", events, source="events")


@pytest.fixture
def filled(tmp_path: Path, market: Market) -> Home:
    home = Home(tmp_path / "home").create()
    fill(home, market, limit_events(market))
    return home

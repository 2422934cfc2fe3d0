"""Small stock markets with a dragon-tiger list: as arrays, and as a whole home folder."""

import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from data_profile.home import Home
from data_profile.sessions import sessions
from data_profile.stocks import StockStore
from predictor.dragon_tiger.execution import Market
from predictor.dragon_tiger.listing import Decisions

DAYS = sessions("2025-07-01", "2025-12-31")


def flat_market(count: int, stocks: int, price: float = 10.0) -> Market:
    """Every price the same, nothing barred, no limits; arrays may be written to."""
    shape = (count, stocks)
    prices = {n: np.full(shape, price) for n in ("open", "high", "low", "close")}
    return Market(
        sessions=np.array(DAYS[:count], dtype="datetime64[D]"),
        codes=tuple(f"{600000 + i}" for i in range(stocks)),
        **prices,
        volume=np.full(shape, 1e7),
        turnover=np.full(shape, 1e8),
        upper=np.full(shape, np.nan),
        lower=np.full(shape, np.nan),
        no_buy=np.zeros(shape, dtype=np.int8),
        no_sell=np.zeros(shape, dtype=np.int8),
        least_lots=np.ones(stocks, dtype=np.int64),
        stamp_duty=np.full(count, 0.0005),
    )


def wanting(market: Market, *wishes: tuple[int, int]) -> Decisions:
    """Decisions that want nothing but (session, stock) pairs, each the best of its list."""
    shape = market.open.shape
    above, buy = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    for t, i in wishes:
        above[t, i], buy[t, i] = 0.0, True
    return Decisions(np.where(buy, 1.0, np.nan), above, buy, np.full(shape, np.nan))


def stock_home(folder: Path, *, days: int = 60, stocks: int = 60, seed: int = 5) -> Home:
    """A home with bars, a map, and a list of 30 stocks on each of the last days."""
    home = Home(folder).create()
    dates = list(DAYS[:days])
    rng = np.random.default_rng(seed)
    codes = [f"{600100 + i}" for i in range(stocks)]
    store = StockStore(home.stocks)
    store.take(
        "map",
        pd.DataFrame(
            {
                "code": codes, "name": [f"股{i}" for i in range(stocks)], "board": "MAIN",
                "sector": "银行", "list_date": pd.Timestamp("2010-01-04"),
                "float_shares": 1e9, "total_shares": 1e9,
            }
        ),
        source="map",
    )  # fmt: skip
    store.take("bars", _bars(dates, codes, rng), source="bars")
    lists, seats = _lists(dates[12:], codes, rng)
    store.take("list_rows", lists, source="lists")
    store.take("seat_rows", seats, source="seats")
    return home


def _bars(dates: list[datetime.date], codes: list[str], rng: np.random.Generator) -> pd.DataFrame:
    close = 10 * np.cumprod(1 + rng.normal(0, 0.02, (len(dates), len(codes))), axis=0)
    before = np.vstack([close[:1], close[:-1]])
    opened = before * (1 + rng.normal(0, 0.01, close.shape))
    bars = {
        "open": opened,
        "high": np.maximum(opened, close) * 1.005,
        "low": np.minimum(opened, close) * 0.995,
        "close": close,
    }
    frame = pd.DataFrame({name: matrix.round(2).ravel() for name, matrix in bars.items()})
    frame.insert(0, "session", np.repeat(pd.to_datetime(pd.Series(dates)).to_numpy(), len(codes)))
    frame.insert(1, "code", np.tile(codes, len(dates)))
    frame["volume"] = rng.lognormal(17, 0.6, len(frame)).round()
    return frame


def _lists(
    dates: list[datetime.date], codes: list[str], rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    lists, seats = [], []
    for date in dates:
        for code in rng.choice(codes, 30, replace=False):
            key = {"session": pd.Timestamp(date), "code": code}
            reason = "日涨幅偏离值达7%的证券"
            lists.append({**key, "reason": reason, "name": f"股{int(code) - 600100}"})
            for side in ("buy", "sell"):
                for rank in (1, 2, 3):
                    seat = "机构专用" if rng.random() < 0.5 else f"某证券营业部{rng.integers(9)}"
                    large, small = rng.lognormal(16, 1), rng.lognormal(12, 1)
                    buy, sell = (large, small) if side == "buy" else (small, large)
                    seats.append(
                        {**key, "side": side, "rank": rank, "seat": seat, "buy": buy, "sell": sell}
                    )
    return pd.DataFrame(lists), pd.DataFrame(seats)

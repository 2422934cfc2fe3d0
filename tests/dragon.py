"""A small market with a dragon-tiger list, whose every number can be worked out by hand."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from data_profile.sessions import sessions
from data_profile.stocks import StockStore

DAYS = [pd.Timestamp(day) for day in sessions("2025-09-01", "2025-11-28")]
CODES = ("600001", "000002", "300003")
REASON = "日涨幅偏离值达7%的证券"
LONG = "连续三个交易日内涨幅偏离值累计达20%的证券"
INSTITUTION, NORTH = "机构专用", "沪股通专用"
HOT = "国盛证券有限责任公司宁波桑田路证券营业部"
OTHER = "某某证券股份有限公司某某路证券营业部"


def bars(codes: Sequence[str] = CODES, days: Sequence[pd.Timestamp] = tuple(DAYS)) -> pd.DataFrame:
    """Flat prices of 10 yuan, a million shares a day."""
    rows = [(day, code, 10.0, 10.0, 10.0, 10.0, 1e6) for code in codes for day in days]
    names = ["session", "code", "open", "high", "low", "close", "volume"]
    return pd.DataFrame(rows, columns=names)


def stock_map(codes: Sequence[str] = CODES) -> pd.DataFrame:
    return pd.DataFrame(
        {"code": codes, "name": ["甲", "乙", "丙"][: len(codes)], "board": "MAIN",
         "sector": ["煤炭", "半导体", "煤炭"][: len(codes)],
         "list_date": pd.Timestamp("2010-01-04"), "float_shares": 5e8, "total_shares": 1e9}
    )  # fmt: skip


def listed(*rows: tuple[pd.Timestamp, str, str | None]) -> pd.DataFrame:
    """(session, code, reason)."""
    return pd.DataFrame(rows, columns=["session", "code", "reason"]).assign(name="甲")


def seats(*rows: tuple) -> pd.DataFrame:
    """(session, code, side, rank, seat, buy, sell); amounts in yuan."""
    names = ["session", "code", "side", "rank", "seat", "buy", "sell"]
    return pd.DataFrame(rows, columns=names)


def store(folder: Path, **tables: pd.DataFrame) -> StockStore:
    """A stock store with the tables given, by the names of `stocks.TAKEN`."""
    made = StockStore(folder / "store" / "stocks")
    for name, frame in tables.items():
        made.take(name, frame, source=f"{name}.parquet")
    return made

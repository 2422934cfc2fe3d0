"""The call auction of the morning: where yesterday's limit-ups are about to open."""

import datetime
from collections.abc import Sequence
from typing import ClassVar

import pandas as pd

from data_profile.sessions import sessions
from data_profile.sources.akshare_calls import akshare_function
from data_profile.sources.akshare_pools import LimitUpPool
from data_profile.sources.answers import Answer
from data_profile.sources.base import SourceEmpty
from data_profile.sources.table_source import TableSource
from data_profile.sources.tables import Column
from data_profile.sources.transport import Transport

_MATCHED = "09:25"  # the auction's price is final


class Auction(TableSource):
    """盘前分时: price, gap and trade of the 09:15-09:25 auction, one row a stock.

    It takes as many requests as stocks, and time is short before 09:30: it is asked where the
    opening quotes of the whole market could not be had.

    Parameters
    ----------
    codes
        Stocks to ask for, one request each. Default: the previous session's limit-ups, at most
        100, the highest streaks first.
    transport
        Where requests go; default: the one that all sources of this process share.
    """

    name, interface = "akshare.auction", "stock_zh_a_hist_pre_min_em"
    known_at = "09:26"
    instead_of = "akshare.opening_quotes"
    key = ("code",)
    most = 100
    columns: ClassVar = {
        "code": Column("code", "code"),
        "收盘": Column("price"),
        "成交量": Column("volume", scale=100),
        "成交额": Column("turnover"),
    }

    def __init__(
        self, codes: Sequence[str] | None = None, transport: Transport | None = None
    ) -> None:
        super().__init__(transport)
        self._codes = codes

    def _ask(self, session: datetime.date) -> pd.DataFrame:
        rows = []
        for code in self._codes if self._codes is not None else self._yesterday(session):
            table = akshare_function(self.interface)(
                symbol=code, start_time="09:15:00", end_time=f"{_MATCHED}:59"
            )
            if table.empty:
                continue
            if str(table["时间"].iloc[-1])[11:16] < _MATCHED:
                raise SourceEmpty(f"{self.name}: the auction of {session} is not over")
            last = table.iloc[-1]
            rows.append({"code": code, "收盘": last["收盘"], "成交量": table["成交量"].sum(),
                         "成交额": table["成交额"].sum()})  # fmt: skip
        return pd.DataFrame(rows)

    def complete(
        self, frame: pd.DataFrame, answers: Sequence[Answer], session: datetime.date
    ) -> pd.DataFrame:
        """The previous close, which akshare drops, and the gap to it as a ratio."""
        before = {}
        for answer in answers:
            data = answer.payload.get("data") if isinstance(answer.payload, dict) else None
            if isinstance(data, dict) and "preClose" in data:
                before[str(data.get("code"))] = data["preClose"]
        close = pd.to_numeric(frame["code"].map(before), errors="coerce").astype("float64")
        return frame.assign(previous_close=close, gap=frame["price"] / close - 1)

    def _yesterday(self, session: datetime.date) -> list[str]:
        day = sessions(session - datetime.timedelta(20), session - datetime.timedelta(1))[-1]
        pool = self._listed(LimitUpPool(self.transport), day)
        return LimitUpPool.tallest(pool, self.most)

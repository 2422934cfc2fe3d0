"""Every stock of the market as it stands: breadth, prices to compute limit-ups from, openings."""

import datetime
from typing import ClassVar

import pandas as pd

from data_profile.sources.akshare_calls import akshare_function
from data_profile.sources.table_source import TableSource
from data_profile.sources.tables import PERCENT, Column


class Stocks(TableSource):
    """沪深京 A 股: one row a stock, suspended ones without prices. Some 60 requests.

    The list carries no date; as a snapshot it is stamped by us, and refused by `quality.check`
    where every number is that of another session. `name` begins with ST or *ST where special
    treatment halves the limit, which the pools leave out.
    """

    name, interface = "akshare.stocks", "stock_zh_a_spot_em"
    known_at = "15:35"
    key = ("code",)
    dated = False
    snapshot = True
    label = "代码"
    columns: ClassVar = {
        "代码": Column("code", "code", raw="f12"),
        "名称": Column("name", "text", raw="f14"),
        "最新价": Column("close", raw="f2"),
        "涨跌幅": Column("ret", scale=PERCENT, raw="f3"),
        "涨跌额": Column("change_points", raw="f4"),
        "今开": Column("open", raw="f17"),
        "最高": Column("high", raw="f15"),
        "最低": Column("low", raw="f16"),
        "昨收": Column("previous_close", raw="f18"),
        "成交量": Column("volume", scale=100, raw="f5"),  # of 100 shares
        "成交额": Column("turnover", raw="f6"),
        "换手率": Column("turnover_rate", scale=PERCENT, raw="f8"),
        "总市值": Column("market_value", raw="f20"),
        "流通市值": Column("float_value", raw="f21"),
    }

    def _ask(self, session: datetime.date) -> pd.DataFrame:
        table: pd.DataFrame = akshare_function(self.interface)()
        return table

    def tidy(self, table: pd.DataFrame) -> pd.DataFrame:
        """One row a stock; the later one where the list moved while it was read."""
        return super().tidy(table).drop_duplicates("code", keep="last", ignore_index=True)


class OpeningQuotes(Stocks):
    """The same list between the opening auction and the first trade: what every stock opens at.

    A table of its own, so that no reader takes the morning's prices for the day's. A stock that
    found no buyer in the auction has no volume yet, and mostly no opening price.
    """

    name = "akshare.opening_quotes"
    known_at = "09:26"

"""The dragon-tiger list (龙虎榜): stocks, and what institutions did.

It comes out in the evening: known at 18:10. What akshare shows of the days after (上榜后1日...) is
the FUTURE of the session and never passes here. A stock stands once for each reason it is listed
for: add up over `reason` and you count twice.
"""

import datetime
from collections.abc import Sequence
from typing import ClassVar

import pandas as pd

from data_profile.sources.akshare_calls import akshare_function
from data_profile.sources.answers import Answer
from data_profile.sources.base import SourceStale
from data_profile.sources.table_source import TableSource
from data_profile.sources.tables import PERCENT, YI, Column


class _Listed(TableSource):
    known_at = "18:10"
    key = ("code", "reason")

    def _ask(self, session: datetime.date) -> pd.DataFrame:
        day = session.strftime("%Y%m%d")
        table: pd.DataFrame = akshare_function(self.interface)(start_date=day, end_date=day)
        return table

    def complete(
        self, frame: pd.DataFrame, answers: Sequence[Answer], session: datetime.date
    ) -> pd.DataFrame:
        """Nothing more, but no row of another session."""
        others = set(frame["day"].dt.date) - {session}
        if others:
            raise SourceStale(f"{self.name}: asked for {session}, has rows of {min(others)}")
        return frame.drop(columns="day")


class LhbStocks(_Listed):
    """龙虎榜详情: listed stocks, bought and sold by the seats that are shown."""

    name, interface = "akshare.lhb_stocks", "stock_lhb_detail_em"
    columns: ClassVar = {
        "上榜日": Column("day", "date"),
        "代码": Column("code", "code"),
        "名称": Column("name", "text"),
        "上榜原因": Column("reason", "text"),
        "解读": Column("reading", "text"),
        "收盘价": Column("close"),
        "涨跌幅": Column("ret", scale=PERCENT),
        "龙虎榜净买额": Column("net_buy"),
        "龙虎榜买入额": Column("buy"),
        "龙虎榜卖出额": Column("sell"),
        "龙虎榜成交额": Column("listed_turnover"),
        "市场总成交额": Column("turnover"),
        "换手率": Column("turnover_rate", scale=PERCENT),
        "流通市值": Column("float_value"),
    }


class LhbInstitutions(_Listed):
    """机构买卖每日统计: what seats marked 机构专用 did in each listed stock."""

    name, interface = "akshare.lhb_institutions", "stock_lhb_jgmmtj_em"
    label = "代码"
    columns: ClassVar = {
        "上榜日期": Column("day", "date", raw="TRADE_DATE"),
        "代码": Column("code", "code", raw="SECURITY_CODE"),
        "名称": Column("name", "text", raw="SECURITY_NAME_ABBR"),
        "上榜原因": Column("reason", "text", raw="EXPLANATION"),
        "收盘价": Column("close", raw="CLOSE_PRICE"),
        "涨跌幅": Column("ret", scale=PERCENT, raw="CHANGE_RATE"),
        "买方机构数": Column("buyers", raw="BUY_TIMES"),
        "卖方机构数": Column("sellers", raw="SELL_TIMES"),
        "机构买入总额": Column("buy", raw="BUY_AMT"),
        "机构卖出总额": Column("sell", raw="SELL_AMT"),
        "机构买入净额": Column("net_buy", raw="NET_BUY_AMT"),
        "市场总成交额": Column("turnover", raw="ACCUM_AMOUNT"),
        "换手率": Column("turnover_rate", scale=PERCENT, raw="TURNOVERRATE"),
        "流通市值": Column("float_value", scale=YI, raw="FREECAP"),
    }

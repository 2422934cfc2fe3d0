"""The dragon-tiger list (龙虎榜): stocks, what institutions did, and every seat.

It comes out in the evening: known at 18:10. What akshare shows of the days after (上榜后1日...) is
the FUTURE of the session and never passes here. A stock stands once for each reason it is listed
for, with the same seats again: add up over `reason` and you count twice.
"""

import datetime
from collections.abc import Sequence
from typing import ClassVar

import pandas as pd
import requests

from data_profile.sources.akshare_source import AkshareSource, akshare_function
from data_profile.sources.answers import Answer
from data_profile.sources.base import SourceStale
from data_profile.sources.tables import PERCENT, YI, Column

_SEATS_URL = "https://datacenter-web.eastmoney.com/api/data/v1/get"
_PAGE = 500


class _Listed(AkshareSource):
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
        "涨跌幅": Column("change", scale=PERCENT),
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
        "涨跌幅": Column("change", scale=PERCENT, raw="CHANGE_RATE"),
        "买方机构数": Column("buyers", raw="BUY_TIMES"),
        "卖方机构数": Column("sellers", raw="SELL_TIMES"),
        "机构买入总额": Column("buy", raw="BUY_AMT"),
        "机构卖出总额": Column("sell", raw="SELL_AMT"),
        "机构买入净额": Column("net_buy", raw="NET_BUY_AMT"),
        "市场总成交额": Column("turnover", raw="ACCUM_AMOUNT"),
        "换手率": Column("turnover_rate", scale=PERCENT, raw="TURNOVERRATE"),
        "流通市值": Column("float_value", scale=YI, raw="FREECAP"),
    }


class LhbSeats(AkshareSource):
    """营业部: the five seats that bought and the five that sold most of each listed stock.

    akshare asks for one stock and side at a time: some 160 requests an evening, which is what
    upstreams ban for. The same report by date alone takes a few, and its columns have names, so
    this one is asked for here, through the same door.
    """

    name, interface = "akshare.lhb_seats", "stock_lhb_stock_detail_em"
    known_at = "18:10"
    key = ("code", "reason", "side", "rank")
    columns: ClassVar = {
        "SECURITY_CODE": Column("code", "code"),
        "EXPLANATION": Column("reason", "text"),
        "side": Column("side", "text"),
        "OPERATEDEPT_NAME": Column("seat", "text"),
        "BUY": Column("buy"),
        "SELL": Column("sell"),
        "NET": Column("net_buy"),
    }

    def _ask(self, session: datetime.date) -> pd.DataFrame:
        rows = [row for side in ("BUY", "SELL") for row in self._side(session, side)]
        return pd.DataFrame(rows)

    def tidy(self, table: pd.DataFrame) -> pd.DataFrame:
        """With `rank`: 1 is the largest of its stock, reason and side.

        Seats cannot name a row: 机构专用 stands several times on one side, once an institution.
        """
        frame = super().tidy(table)
        amount = frame["buy"].where(frame["side"] == "buy", frame["sell"])
        frame = frame.assign(amount=amount).sort_values(
            ["code", "reason", "side", "amount", "seat", "net_buy"],
            ascending=[True, True, True, False, True, False],
            ignore_index=True,
        )
        rank = frame.groupby(["code", "reason", "side"]).cumcount() + 1
        return frame.drop(columns="amount").assign(rank=rank.astype("float64"))

    def _side(self, session: datetime.date, side: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        pages = page = 1
        while page <= pages:
            query = {
                "reportName": f"RPT_BILLBOARD_DAILYDETAILS{side}", "columns": "ALL",
                "filter": f"(TRADE_DATE='{session}')", "pageNumber": str(page),
                "pageSize": str(_PAGE), "sortColumns": "SECURITY_CODE", "sortTypes": "1",
                "source": "WEB", "client": "WEB",
            }  # fmt: skip
            result = requests.get(_SEATS_URL, params=query).json()["result"]
            found += [{**row, "side": side.lower()} for row in result["data"]]
            pages, page = int(result["pages"]), page + 1
        return found

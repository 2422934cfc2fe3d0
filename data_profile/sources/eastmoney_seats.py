"""The seats of the dragon-tiger list, by session.

akshare (`stock_lhb_stock_detail_em`) asks for one stock and side at a time: some 160 requests an
evening, which is what upstreams ban for, and it labels by position. The same report by date alone
takes a few requests, and its columns have names; so it is asked for here, through the same door.
"""

import datetime
from typing import ClassVar

import pandas as pd
import requests

from data_profile.sources.base import SourceMalformed
from data_profile.sources.table_source import TableSource
from data_profile.sources.tables import Column

_URL = "https://datacenter-web.eastmoney.com/api/data/v1/get"
_PAGE = 500
_PAGES = 40  # a day has a few


class LhbSeats(TableSource):
    """营业部: the five seats that bought and the five that sold most of each listed stock.

    A stock that is listed for several reasons has its seats once for each.
    """

    name, interface = "eastmoney.lhb_seats", "RPT_BILLBOARD_DAILYDETAILS"
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
            result = requests.get(_URL, params=query).json()["result"]
            found += [{**row, "side": side.lower()} for row in result["data"]]
            pages, page = int(result["pages"]), page + 1
            if pages > _PAGES:
                raise SourceMalformed(f"{self.name}: {pages} pages cannot be a day's seats")
        return found

"""What one Eastmoney board did on every day that the upstream still has: for the backfill.

One request a board, so these are no part of `SOURCES`: who backfills makes one for each board. An
observation of `session` has all days up to and with `session`.
"""

import datetime
from typing import Any, ClassVar

import pandas as pd

from data_profile.sources.akshare_calls import akshare_function
from data_profile.sources.akshare_flow import by_size
from data_profile.sources.table_source import TableSource
from data_profile.sources.tables import PERCENT, Column
from data_profile.sources.transport import Transport

QUOTES = {
    "日期": Column("date", "date"),
    "开盘": Column("open"),
    "收盘": Column("close"),
    "最高": Column("high"),
    "最低": Column("low"),
    "涨跌幅": Column("ret", scale=PERCENT),
    "涨跌额": Column("change_points"),
    "成交量": Column("volume", scale=100),  # of 100 shares
    "成交额": Column("turnover"),
    "振幅": Column("amplitude", scale=PERCENT),
    "换手率": Column("turnover_rate", scale=PERCENT),
}


class _History(TableSource):
    """Days of one board.

    Parameters
    ----------
    board
        Its name, as the list of boards spells it.
    kind
        "industry" or "concept".
    code
        Its code ("BK0477"); given, quotes cost one request, else the list of boards is asked too.
    transport
        Where requests go; default: the one that all sources of this process share.
    """

    known_at = "15:35"
    key = ("board", "date")
    dated = False  # many days in one answer; the rows carry their dates

    def __init__(
        self, board: str, kind: str, code: str | None = None, transport: Transport | None = None
    ) -> None:
        super().__init__(transport)
        self.board, self.kind, self.code = board, kind, code
        self.name = f"{self.name}.{kind}"
        self.interface = self.interface.format({"industry": "industry", "concept": "concept"}[kind])

    def tidy(self, table: pd.DataFrame) -> pd.DataFrame:
        return super().tidy(table).assign(board=self.board, kind=self.kind)

    def _until(self, table: pd.DataFrame, session: datetime.date) -> pd.DataFrame:
        days = pd.to_datetime(table["日期"])
        return table[days <= pd.Timestamp(session)]


class BoardQuotesHistory(_History):
    """Open, high, low, close and turnover of a board, as far back as it exists."""

    name = "akshare.board_quotes_history"
    interface = "stock_board_{}_hist_em"
    columns: ClassVar = QUOTES

    def _ask(self, session: datetime.date) -> pd.DataFrame:
        period = "日k" if self.kind == "industry" else "daily"
        table = akshare_function(self.interface)(
            symbol=self.code or self.board, period=period, start_date="19900101",
            end_date=session.strftime("%Y%m%d"), adjust="",
        )  # fmt: skip
        return self._until(table, session)


class BoardMainFlowHistory(_History):
    """About 121 days of a board's flow by size of order.

    akshare finds the board's code by its name in a list that it asks for once a process.
    """

    name = "akshare.board_main_flow_history"
    interface = "stock_{}_fund_flow_hist"
    columns: ClassVar = {"日期": Column("date", "date"), **by_size("", raw=False)}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.interface = self.interface.replace("industry", "sector")

    def _ask(self, session: datetime.date) -> pd.DataFrame:
        return self._until(akshare_function(self.interface)(symbol=self.board), session)

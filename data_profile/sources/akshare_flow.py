"""Money flow of boards: THS (in, out, net) and Eastmoney (net by size of order).

The two number their boards differently and measure differently: `board_flow` counts every trade
as in or out, `board_main_flow` only tells who placed it. Neither replaces the other.
"""

import datetime
from collections.abc import Sequence
from typing import ClassVar

import pandas as pd

from data_profile.sources.akshare_calls import akshare_function
from data_profile.sources.answers import Answer
from data_profile.sources.table_source import TableSource
from data_profile.sources.tables import PERCENT, YI, Column

_SIZES = (  # of orders: akshare's name, ours, raw names of the net and its share of the turnover
    ("主力", "main", "f62", "f184"),
    ("超大单", "super_large", "f66", "f69"),
    ("大单", "large", "f72", "f75"),
    ("中单", "medium", "f78", "f81"),
    ("小单", "small", "f84", "f87"),
)


def by_size(prefix: str, raw: bool) -> dict[str, Column]:
    """Columns of the net by size of order, whose names akshare begins with `prefix`."""
    made = {}
    for theirs, ours, net, share in _SIZES:
        made[f"{prefix}{theirs}净流入-净额"] = Column(f"{ours}_net", raw=net if raw else None)
        made[f"{prefix}{theirs}净流入-净占比"] = Column(
            f"{ours}_net_ratio", scale=PERCENT, raw=share if raw else None
        )
    return made


class _BoardFlow(TableSource):
    """Flow of THS boards. Its pages carry no date: a snapshot, stamped by us."""

    known_at = "15:35"
    key = ("board",)
    dated = False
    snapshot = True
    kind: ClassVar[str]
    columns: ClassVar = {
        "行业": Column("board", "text"),
        "行业指数": Column("close"),
        "行业-涨跌幅": Column("ret", scale=PERCENT),
        "流入资金": Column("inflow", scale=YI),
        "流出资金": Column("outflow", scale=YI),
        "净额": Column("net_inflow", scale=YI),
        "公司家数": Column("company_count"),
        "领涨股": Column("leader", "text"),
        "领涨股-涨跌幅": Column("leader_ret", scale=PERCENT),
        "当前价": Column("leader_price"),
    }

    def _ask(self, session: datetime.date) -> pd.DataFrame:
        table: pd.DataFrame = akshare_function(self.interface)(symbol="即时")
        return table

    def tidy(self, table: pd.DataFrame) -> pd.DataFrame:
        return super().tidy(table).assign(kind=self.kind)


class BoardFlowIndustry(_BoardFlow):
    """行业资金流 of THS."""

    name, interface = "akshare.board_flow.industry", "stock_fund_flow_industry"
    kind = "industry"


class BoardFlowConcept(_BoardFlow):
    """概念资金流 of THS."""

    name, interface = "akshare.board_flow.concept", "stock_fund_flow_concept"
    kind = "concept"


class _BoardMainFlow(TableSource):
    """Today's flow of Eastmoney boards by size of order."""

    known_at = "15:35"
    interface = "stock_sector_fund_flow_rank"
    key = ("board",)
    snapshot = True
    label = "名称"
    kind: ClassVar[str]
    sector_type: ClassVar[str]
    columns: ClassVar = {
        "名称": Column("board", "text", raw="f14"),
        "今日涨跌幅": Column("ret", scale=PERCENT, raw="f3"),
        **by_size("今日", raw=True),
        "今日主力净流入最大股": Column("leader", "text", raw="f204"),
    }

    def _ask(self, session: datetime.date) -> pd.DataFrame:
        table: pd.DataFrame = akshare_function(self.interface)(
            indicator="今日", sector_type=self.sector_type
        )
        return table

    def tidy(self, table: pd.DataFrame) -> pd.DataFrame:
        frame = super().tidy(table).assign(kind=self.kind)
        return frame.drop_duplicates("board", keep="last", ignore_index=True)

    def complete(
        self, frame: pd.DataFrame, answers: Sequence[Answer], session: datetime.date
    ) -> pd.DataFrame:
        """The board's code, which akshare drops."""
        codes = {row.get("f14"): row.get("f12") for answer in answers for row in answer.rows}
        return frame.assign(board_code=frame["board"].map(codes))


class BoardMainFlowIndustry(_BoardMainFlow):
    """行业资金流 of Eastmoney."""

    name = "akshare.board_main_flow.industry"
    kind, sector_type = "industry", "行业资金流"


class BoardMainFlowConcept(_BoardMainFlow):
    """概念资金流 of Eastmoney."""

    name = "akshare.board_main_flow.concept"
    kind, sector_type = "concept", "概念资金流"

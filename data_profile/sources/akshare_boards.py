"""Eastmoney's boards: what they are and did today, and who belongs to them.

Industry boards mix three levels since 2026-02 (半导体 beside its parts), so their counts must not
be added up.
"""

import datetime
import re
from collections.abc import Sequence
from typing import ClassVar

import pandas as pd

from data_profile.sources.akshare_calls import akshare_function, forget
from data_profile.sources.answers import Answer
from data_profile.sources.base import SourceMalformed
from data_profile.sources.table_source import TableSource
from data_profile.sources.tables import PERCENT, Column, tidy
from data_profile.sources.transport import Transport

_MORE = {  # in every answer, dropped by akshare
    "open": "f17",
    "high": "f15",
    "low": "f16",
    "previous_close": "f18",
    "turnover": "f6",  # of industries only: concepts are not asked for it
}
BOARDS_A_SESSION = 40  # of which members are asked for, one request or more each


class _BoardQuotes(TableSource):
    """One row a board: points, change, market value, rising and falling members."""

    known_at = "15:35"
    key = ("board_code",)
    snapshot = True
    label = "板块代码"
    kind: ClassVar[str]
    columns: ClassVar = {
        "板块名称": Column("board", "text", raw="f14"),
        "板块代码": Column("board_code", "text", raw="f12"),
        "最新价": Column("close", raw="f2"),
        "涨跌额": Column("change_points", raw="f4"),
        "涨跌幅": Column("ret", scale=PERCENT, raw="f3"),
        "总市值": Column("market_value", raw="f20"),
        "换手率": Column("turnover_rate", scale=PERCENT, raw="f8"),
        "上涨家数": Column("up_count", raw="f104"),
        "下跌家数": Column("down_count", raw="f105"),
        "领涨股票": Column("leader", "text", raw="f128"),
        "领涨股票-涨跌幅": Column("leader_ret", scale=PERCENT, raw="f136"),
    }

    def _ask(self, session: datetime.date) -> pd.DataFrame:
        forget(f"stock.stock_board_{self.kind}_em")  # in a long-lived process it is yesterday's
        table: pd.DataFrame = akshare_function(self.interface)()
        return table

    def tidy(self, table: pd.DataFrame) -> pd.DataFrame:
        frame = super().tidy(table).assign(kind=self.kind)
        return frame.drop_duplicates("board_code", keep="last", ignore_index=True)

    def complete(
        self, frame: pd.DataFrame, answers: Sequence[Answer], session: datetime.date
    ) -> pd.DataFrame:
        """Open, high, low, previous close in points and turnover in yuan."""
        raw = {str(row.get("f12")): row for answer in answers for row in answer.rows}
        for name, field in _MORE.items():
            cells = [raw.get(code, {}).get(field) for code in frame["board_code"]]
            values = pd.to_numeric(pd.Series(cells, dtype=object), errors="coerce")
            frame = frame.assign(**{name: values.astype("float64")})
        return frame


class BoardQuotesIndustry(_BoardQuotes):
    """行业板块."""

    name, interface = "akshare.board_quotes.industry", "stock_board_industry_name_em"
    kind = "industry"


class BoardQuotesConcept(_BoardQuotes):
    """概念板块."""

    name, interface = "akshare.board_quotes.concept", "stock_board_concept_name_em"
    kind = "concept"


class _BoardMembers(TableSource):
    """Who belongs to a board NOW; the upstream has no history, so keep every copy.

    Parameters
    ----------
    boards
        (code, name) of the boards to ask for. Default: a part of all boards that moves on from
        session to session, BOARDS_A_SESSION of them, because each costs a request.
    transport
        Where requests go; default: the one that all sources of this process share.
    """

    known_at = "18:10"  # that run has requests to spare
    key = ("board_code", "code")
    dated = False
    snapshot = True
    label = "代码"
    kind: ClassVar[str]
    quotes: ClassVar[type[_BoardQuotes]]
    columns: ClassVar = {
        "代码": Column("code", "code", raw="f12"),
        "名称": Column("name", "text", raw="f14"),
    }

    def __init__(
        self,
        boards: Sequence[tuple[str, str]] | None = None,
        transport: Transport | None = None,
    ) -> None:
        super().__init__(transport)
        self._boards = boards

    def _ask(self, session: datetime.date) -> pd.DataFrame:
        tables = []
        for code, name in self._boards or self._turn(session):
            if not re.fullmatch(r"BK[0-9]{4,6}", code):
                raise SourceMalformed(f"{self.name}: {code[:20]!r} is no code of a board")
            table = akshare_function(self.interface)(symbol=code)
            tables.append(table.assign(board_code=code, board=name))
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    def tidy(self, table: pd.DataFrame) -> pd.DataFrame:
        boards = {name: Column(name, "text") for name in ("board_code", "board")}
        return tidy(self.name, table, {**boards, **self.columns}).assign(kind=self.kind)

    def _turn(self, session: datetime.date) -> list[tuple[str, str]]:
        """The boards whose turn it is."""
        listed = self._listed(self.quotes(self.transport), session).sort_values("board_code")
        turns = -(-len(listed) // BOARDS_A_SESSION)
        mine = listed.iloc[session.toordinal() % turns :: turns]
        return list(zip(mine["board_code"], mine["board"], strict=True))


class BoardMembersIndustry(_BoardMembers):
    """行业板块成份."""

    name, interface = "akshare.board_members.industry", "stock_board_industry_cons_em"
    kind, quotes = "industry", BoardQuotesIndustry


class BoardMembersConcept(_BoardMembers):
    """概念板块成份."""

    name, interface = "akshare.board_members.concept", "stock_board_concept_cons_em"
    kind, quotes = "concept", BoardQuotesConcept

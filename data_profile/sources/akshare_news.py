"""Headlines, ten at most for each stock or board that is asked for."""

import datetime
from collections.abc import Sequence
from typing import ClassVar

import pandas as pd

from data_profile.sources.akshare_calls import akshare_function
from data_profile.sources.akshare_pools import LimitUpPool
from data_profile.sources.answers import SHANGHAI
from data_profile.sources.table_source import TableSource
from data_profile.sources.tables import Column
from data_profile.sources.transport import Transport


class News(TableSource):
    """个股新闻: what the search of Eastmoney finds now.

    `time` is when a headline was published (Asia/Shanghai); one published after the cut-off of a
    prediction was not known to it, whoever uses the table selects by `time`.

    Parameters
    ----------
    subjects
        Codes of stocks (six digits) or names of boards, one request each. Default: the stocks
        that are sealed at their limit, at most 60, the highest streaks first.
    transport
        Where requests go; default: the one that all sources of this process share.
    """

    name, interface = "akshare.news", "stock_news_em"
    known_at = "15:35"
    key = ("subject", "time", "headline")
    dated = False
    most = 60
    columns: ClassVar = {
        "关键词": Column("subject", "text"),
        "新闻标题": Column("headline", "text"),
        "发布时间": Column("time", "text"),
        "文章来源": Column("publisher", "text"),
    }

    def __init__(
        self, subjects: Sequence[str] | None = None, transport: Transport | None = None
    ) -> None:
        super().__init__(transport)
        self._subjects = subjects

    def _ask(self, session: datetime.date) -> pd.DataFrame:
        subjects = self._subjects if self._subjects is not None else self._sealed(session)
        tables = [akshare_function(self.interface)(symbol=subject) for subject in subjects]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    def tidy(self, table: pd.DataFrame) -> pd.DataFrame:
        """With `code` for a subject that is a stock, `board` for one that is a board."""
        frame = super().tidy(table)
        subject = frame["subject"]
        stock = subject.str.fullmatch("[0-9]{6}").fillna(False).astype(bool)
        times = pd.to_datetime(frame["time"], format="%Y-%m-%d %H:%M:%S").dt.tz_localize(SHANGHAI)
        return frame.assign(
            time=times, code=subject.where(stock, None), board=subject.where(~stock, None)
        ).drop_duplicates(list(self.key), ignore_index=True)

    def _sealed(self, session: datetime.date) -> list[str]:
        pool = self._listed(LimitUpPool(self.transport), session)
        return LimitUpPool.tallest(pool, self.most)

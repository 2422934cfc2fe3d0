"""THS: the second, independent source of the limit-up pool.

Dated (it repeats the date it answers for), with history from 2025-09-18, and it says why a stock
rose. Its selection leaves out Beijing and ST stocks.
"""

import datetime
import re
from collections.abc import Sequence
from typing import Any, ClassVar

import pandas as pd
import requests

from data_profile.sources.answers import SHANGHAI, Answer
from data_profile.sources.base import SourceEmpty, SourceMalformed
from data_profile.sources.table_source import TableSource
from data_profile.sources.tables import PERCENT, Column

FIRST = datetime.date(2025, 9, 18)
_URL = "https://data.10jqka.com.cn/dataapi/limit_up/limit_up_pool"
_FIELDS = "199112,10,9001,330323,330324,330325,9002,330329,133971,133970,1968584,3475914,9003,9004"
_PAGE = 200
_MOST = 6_000  # there are no more stocks
_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"


class ThsLimitUpPool(TableSource):
    """涨停池 of THS, with the columns of akshare.limit_up_pool that it has, and `reason`."""

    name, interface = "ths.limit_up_pool", "limit_up_pool"
    known_at = "15:35"
    key = ("code",)
    may_be_empty = True
    columns: ClassVar = {
        "code": Column("code", "code"),
        "name": Column("name", "text"),
        "latest": Column("close"),
        "change_rate": Column("ret", scale=PERCENT),
        "currency_value": Column("float_value"),
        "turnover_rate": Column("turnover_rate", scale=PERCENT),
        "order_amount": Column("sealing_value"),
        "first": Column("first_time", "clock"),
        "last": Column("last_time", "clock"),
        "open_num": Column("breaks"),
        "streak": Column("streak"),
        "high_days": Column("record", "text"),
        "limit_up_type": Column("board_type", "text"),
        "reason_type": Column("reason", "text"),
    }

    def _ask(self, session: datetime.date) -> pd.DataFrame:
        if session < FIRST:
            raise SourceEmpty(f"{self.name}: history begins {FIRST}, not on {session}")
        rows: list[dict[str, Any]] = []
        total, page = 1, 1
        while len(rows) < total:
            query = {
                "page": str(page), "limit": str(_PAGE), "field": _FIELDS, "filter": "HS,GEM2STAR",
                "order_field": "330324", "order_type": "0", "date": session.strftime("%Y%m%d"),
            }  # fmt: skip
            headers = {"User-Agent": _AGENT, "Referer": "https://data.10jqka.com.cn/"}
            data = requests.get(_URL, params=query, headers=headers).json()["data"]
            total, page = int(data["page"]["total"]), page + 1
            if total > _MOST:
                raise SourceMalformed(f"{self.name}: {total} rows cannot be a day's limit-ups")
            if not data["info"] and len(rows) < total:
                raise SourceMalformed(f"{self.name}: {len(rows)} rows of {total}, then none")
            rows += data["info"]
        return pd.DataFrame([{**row, **_derived(row)} for row in rows])

    def complete(
        self, frame: pd.DataFrame, answers: Sequence[Answer], session: datetime.date
    ) -> pd.DataFrame:
        """It leaves the number of breaks out where there was none."""
        return frame.assign(breaks=frame["breaks"].fillna(0.0))


def _derived(row: dict[str, Any]) -> dict[str, object]:
    """Times of the day, and the streak: "首板" 1, "3天3板" 3; "4天2板" was interrupted."""
    times = {name: _clock(row.get(f"{name}_limit_up_time")) for name in ("first", "last")}
    text = str(row.get("high_days") or "")
    match = re.fullmatch(r"(\d{1,3})天(\d{1,3})板", text)
    streak = 1.0 if text == "首板" else None
    if match and match[1] == match[2]:
        streak = float(match[1])
    return {**times, "streak": streak}


def _clock(seconds: object) -> str | None:
    try:
        return datetime.datetime.fromtimestamp(int(str(seconds)), SHANGHAI).strftime("%H%M%S")
    except (ValueError, OverflowError, OSError):
        return None

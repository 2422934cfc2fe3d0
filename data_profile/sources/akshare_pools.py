"""The pools of stocks at their limits: sealed, broken, limit-down, strong, and yesterday's.

Names are shown as the upstream writes them; it cuts `industry` to four characters ("非金属材" is
非金属材料). Pools leave out ST stocks. Some of the broken pool closed at the limit after all.
"""

import datetime
from typing import ClassVar

import pandas as pd

from data_profile.sources.akshare_calls import akshare_function
from data_profile.sources.base import SourceEmpty
from data_profile.sources.table_source import TableSource
from data_profile.sources.tables import PERCENT, Column

_KEPT = datetime.timedelta(30)  # akshare refuses to ask for older broken and limit-down pools
_STOCK = {
    "代码": Column("code", "code", raw="c"),
    "名称": Column("name", "text", raw="n"),
    "所属行业": Column("industry", "text", raw="hybk"),
    "涨跌幅": Column("ret", scale=PERCENT, raw="zdp"),
    "最新价": Column("close", raw="p", raw_scale=1e-3),
    "成交额": Column("turnover", raw="amount"),
    "流通市值": Column("float_value", raw="ltsz"),
    "总市值": Column("market_value", raw="tshare"),
    "换手率": Column("turnover_rate", scale=PERCENT, raw="hs"),
}
_RECORD = {"涨停统计": Column("record", "text")}  # "8/4": four limit-ups in eight sessions
_LIMIT_PRICE = {"涨停价": Column("limit_price", raw="ztp", raw_scale=1e-3)}
_SPEED = {"涨速": Column("speed", scale=PERCENT, raw="zs")}
_AMPLITUDE = {"振幅": Column("amplitude", scale=PERCENT, raw="zf")}


class _Pool(TableSource):
    known_at = "15:35"
    key = ("code",)
    label = "代码"
    may_be_empty = True

    def _ask(self, session: datetime.date) -> pd.DataFrame:
        table: pd.DataFrame = akshare_function(self.interface)(date=session.strftime("%Y%m%d"))
        return table


class _RecentPool(_Pool):
    """A pool of which akshare asks for the last 30 days only."""

    def _ask(self, session: datetime.date) -> pd.DataFrame:
        if self.transport.clock.now().date() - session > _KEPT:
            raise SourceEmpty(f"{self.name}: the upstream keeps 30 days, {session} is older")
        return super()._ask(session)


class LimitUpPool(_Pool):
    """涨停股池: stocks that closed sealed at their upper limit."""

    name = "akshare.limit_up_pool"
    interface = "stock_zt_pool_em"
    columns: ClassVar = _STOCK | _RECORD | {
        "封板资金": Column("sealing_value", raw="fund"),
        "首次封板时间": Column("first_time", "clock", raw="fbt"),
        "最后封板时间": Column("last_time", "clock", raw="lbt"),
        "炸板次数": Column("breaks", raw="zbc"),
        "连板数": Column("streak", raw="lbc"),
    }  # fmt: skip

    @staticmethod
    def tallest(pool: pd.DataFrame, most: int) -> list[str]:
        """Codes of a pool, the highest streaks first, `most` at most."""
        order = pool.sort_values(["streak", "code"], ascending=[False, True])
        return list(order["code"].head(most))


class LimitUpPrevious(_Pool):
    """昨日涨停股池: how the previous session's limit-ups did."""

    name = "akshare.limit_up_previous"
    interface = "stock_zt_pool_previous_em"
    columns: ClassVar = _STOCK | _RECORD | _LIMIT_PRICE | _SPEED | _AMPLITUDE | {
        "昨日封板时间": Column("sealed_time", "clock", raw="yfbt"),
        "昨日连板数": Column("streak", raw="ylbc"),
    }  # fmt: skip


class StrongPool(_Pool):
    """强势股池: 60-day highs and repeated limit-ups."""

    name = "akshare.strong_pool"
    interface = "stock_zt_pool_strong_em"
    columns: ClassVar = _STOCK | _RECORD | _LIMIT_PRICE | _SPEED | {
        "是否新高": Column("new_high", "text"),
        "量比": Column("volume_ratio", raw="lb"),
        "入选理由": Column("reason", "text"),
    }  # fmt: skip


class BrokenPool(_RecentPool):
    """炸板股池: stocks that touched their upper limit and are not sealed."""

    name = "akshare.broken_pool"
    interface = "stock_zt_pool_zbgc_em"
    columns: ClassVar = _STOCK | _RECORD | _LIMIT_PRICE | _SPEED | _AMPLITUDE | {
        "首次封板时间": Column("first_time", "clock", raw="fbt"),
        "炸板次数": Column("breaks", raw="zbc"),
    }  # fmt: skip


class LimitDownPool(_RecentPool):
    """跌停股池: stocks at their lower limit."""

    name = "akshare.limit_down_pool"
    interface = "stock_zt_pool_dtgc_em"
    columns: ClassVar = _STOCK | {
        "动态市盈率": Column("price_earnings", raw="pe"),
        "封单资金": Column("sealing_value", raw="fund"),
        "最后封板时间": Column("last_time", "clock", raw="lbt"),
        "板上成交额": Column("turnover_at_limit", raw="fba"),
        "连续跌停": Column("streak", raw="days"),
        "开板次数": Column("breaks", raw="oc"),
    }  # fmt: skip

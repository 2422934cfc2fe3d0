"""From the tables of one day to one row a sector.

Tables of boards (quotes, flows) name their sector; tables of stocks (pools, lists) reach it
through the members of the day, and a pool's stock that no industry lists through the industry the
pool itself names. A stock counts in each of its sectors.

A number is missing wherever its table is; a count is zero only if its pool was seen, the sector's
members are known, and none is in the pool. A rate of nothing (no limit-up yesterday, none touched
today) is missing too. Nothing is filled.
"""

import datetime
from collections.abc import Mapping

import numpy as np
import pandas as pd

from data_profile.day_tables import DayTables, Resolve
from data_profile.news import by_sector
from data_profile.price_limits import PriceLimitError, board_of

LADDER = 5  # heights 2, 3, 4, and 5 or more; height 1 is limit_up_first_board
PROMOTION = 4  # from heights 1, 2, 3, and 4 or more
_AUCTION = "092500"
_QUOTES = ("open", "high", "low", "close", "ret", "turnover",
           "company_count", "up_count", "down_count")  # fmt: skip
_FLOWS = {  # column of a flow table -> field
    "inflow": "ths_inflow",
    "outflow": "ths_outflow",
    "net_inflow": "ths_net",
    "main_net": "net_inflow",
    "super_large_net": "super_large_net",
    "large_net": "large_net",
    "medium_net": "medium_net",
    "small_net": "small_net",
}
_COUNTS = ("limit_up_count", "limit_up_first_board", "limit_up_multi_board", "max_streak",
           "one_word_count", "limit_up_20pct_count", "limit_up_st", "sealing_value",
           *(f"ladder_{height}" for height in range(2, LADDER + 1)),
           "broken_limit_count", "limit_down_count")  # fmt: skip
_RATES = ("sealing_rate", "limit_up_premium", "promotion_rate",
          *(f"promotion_rate_{height}" for height in range(1, PROMOTION + 1)))  # fmt: skip
_LISTS = {  # column of the list's table -> field
    "count": "lhb_count",
    "net_buy": "lhb_net_buy",
    "institution_net_buy": "lhb_institution_net_buy",
    "hot_money_net_buy": "lhb_hot_money_net_buy",
}
FIELDS: tuple[str, ...] = (
    *_QUOTES, "breadth", "market_breadth", *_FLOWS.values(), "net_inflow_ratio", *_COUNTS,
    *_RATES, *_LISTS.values(), "news_sentiment", "news_count",
)  # fmt: skip
"""Columns of `sector_day` after date and instrument, always all of them.

`northbound_net_buy` follows where its table is given: nothing publishes it since 2024-08.
"""


def sector_day(
    session: datetime.date,
    tables: Mapping[str, pd.DataFrame],
    members: pd.DataFrame,
    resolve: Resolve,
) -> pd.DataFrame:
    """One row a sector from the tables of a session.

    Parameters
    ----------
    session
        The session that all tables speak of.
    tables
        By the names in `day_tables.NEEDED`; amounts in yuan, rates as ratios. What is not there
        was not seen; other tables are not used. Columns that are used where they exist:

        - `board_quotes` (board, kind, open, high, low, close, ret, turnover, company_count,
          up_count, down_count)
        - `board_flow`, `board_main_flow` (board, kind, inflow, outflow, net_inflow, main_net,
          super_large_net, large_net, medium_net, small_net, company_count): a table may hold the
          rows of several upstreams; a figure that two boards of one sector give is left out.
        - `stocks` (code, ret, turnover): every stock traded, for breadth without board quotes.
        - `limit_up_pool` (code, name, industry, streak, first_time, breaks, one_word,
          sealing_value, st), `limit_up_previous` (code, name, industry, streak: yesterday's
          height, ret: today's return), `broken_pool` and `limit_down_pool` (code, name,
          industry). Rows with `st` true count in `limit_up_st` only.
        - `lhb_stocks` (code, name, net_buy, institution_net_buy, hot_money_net_buy): a row a stock
          (`list_fields.by_stock`).
        - `northbound` (board, kind, net_buy).
        - `news` (board and kind, or code; score in [-1, 1]).
    members
        Columns board, code and optionally kind (industry where absent): who belonged to which
        board that session. May be empty: then stocks reach industries by the pool's own word.
    resolve
        Gives each board its sector, as of the session.

    Returns
    -------
    DataFrame
        Columns date, instrument, then `FIELDS` (float64); by instrument. Independent of the order
        of rows, and of rows that stand twice.

    Raises
    ------
    AggregateError
        A table lacks a needed column, has a code of other than six digits, or says two things of
        one stock.
    """
    day = DayTables.of(tables, members, resolve)
    columns: dict[str, pd.Series] = {}
    for make in (_stocks, _boards, _pools, _yesterday, _lists, _news):
        columns |= make(day)  # what a board says of itself counts before the sum of its members
    columns |= _derived(columns)
    fields = [*FIELDS, *(name for name in columns if name == "northbound_net_buy")]
    frame = pd.DataFrame(columns, index=pd.Index(day.sectors, dtype=object)).reindex(columns=fields)
    frame = frame.astype(np.float64).rename_axis("instrument").reset_index()
    frame.insert(0, "date", pd.Timestamp(session))
    return frame


def _boards(day: DayTables) -> dict[str, pd.Series]:
    """Quotes, breadth and flows."""
    quotes = day.board_values("board_quotes", _QUOTES)
    columns = {str(name): quotes[name] for name in quotes}
    for table in ("board_flow", "board_main_flow"):
        flows = day.board_values(table, (*_FLOWS, "company_count"))
        for name in map(str, flows):
            columns.setdefault(_FLOWS.get(name, name), flows[name])
    if "northbound" in day.tables:
        columns["northbound_net_buy"] = day.board_values("northbound", ["net_buy"])["net_buy"]
    return columns


def _stocks(day: DayTables) -> dict[str, pd.Series]:
    """Breadth and turnover summed up over the members, and the breadth of the whole market."""
    stocks = day.tables.get("stocks")
    if stocks is None:
        return {}
    rising, falling = stocks["ret"] > 0, stocks["ret"] < 0
    rows = day.place(stocks.assign(up_count=rising, down_count=falling, company_count=1.0))
    names = ("up_count", "down_count", "company_count", "turnover")
    columns = _totals(day, rows, names)
    if known := int(stocks["ret"].notna().sum()):
        share = (int(rising.sum()) - int(falling.sum())) / known
        columns["market_breadth"] = pd.Series(share, index=day.sectors)
    return columns


def _pools(day: DayTables) -> dict[str, pd.Series]:
    """Limit-ups, broken limits and limit-downs of the session."""
    columns: dict[str, pd.Series] = {}
    if (pool := day.tables.get("limit_up_pool")) is not None:
        rows = day.place(_marks(pool))
        columns = _totals(day, rows, _COUNTS)
        tallest = rows.groupby("sector")["height"].agg(lambda heights: heights.max(skipna=False))
        columns["max_streak"] = day.counted(tallest, rows)
    for table, name in (
        ("broken_pool", "broken_limit_count"),
        ("limit_down_pool", "limit_down_count"),
    ):
        if (pool := day.tables.get(table)) is not None:
            columns[name] = day.counted(day.place(_ordinary(pool)).groupby("sector").size(), pool)
    return columns


def _totals(day: DayTables, rows: pd.DataFrame, names: tuple[str, ...]) -> dict[str, pd.Series]:
    """Sums by sector of the columns that there are; unknown as soon as one number in it is."""
    there = [name for name in names if name in rows]
    unknown = rows[there].isna().groupby(rows["sector"]).any()
    totals = rows.groupby("sector")[there].sum().astype(np.float64).mask(unknown)
    return {name: day.counted(totals[name], rows) for name in there}


def _marks(pool: pd.DataFrame) -> pd.DataFrame:
    """What each limit-up adds to the counts of its sectors; a stock under ST to one only."""
    special = _special(pool)
    height = pool["streak"].astype(np.float64).where(~special, 0.0)
    marks = pool.assign(height=height, limit_up_count=(~special).astype(float))
    reached = {
        "limit_up_first_board": height == 1,
        "limit_up_multi_board": height >= 2,
        **{f"ladder_{step}": height == step for step in range(2, LADDER)},
        f"ladder_{LADDER}": height >= LADDER,
    }
    for name, there in reached.items():
        marks[name] = there.astype(float).where(height.notna())
    growth = np.array([_is_growth(code) for code in pool["code"]], dtype=bool)
    marks["limit_up_20pct_count"] = (growth & ~special).astype(float)
    if (one_word := _one_word(pool)) is not None:
        marks["one_word_count"] = (one_word & ~special).astype(float)
    if "sealing_value" in pool:
        marks["sealing_value"] = pool["sealing_value"].where(~special, 0.0)
    if "st" in pool:  # otherwise the pool holds none, which is not to say that there is none
        marks["limit_up_st"] = special.astype(float)
    return marks


def _special(pool: pd.DataFrame) -> pd.Series:
    """Rows of stocks under special treatment, which the counts leave apart."""
    if "st" not in pool:
        return pd.Series(False, index=pool.index)
    return pool["st"].astype(bool)


def _ordinary(pool: pd.DataFrame) -> pd.DataFrame:
    return pool[~_special(pool)]


def _is_growth(code: str) -> bool:
    """Whether the stock's limit is 20 or 30 percent."""
    try:
        return board_of(code) != "main"
    except PriceLimitError:
        return False


def _one_word(pool: pd.DataFrame) -> pd.Series | None:
    """Sealed in the opening auction and never opened; None where the pool does not tell."""
    if "one_word" in pool:
        return pool["one_word"].astype(bool)
    if not {"first_time", "breaks"} <= set(pool):
        return None
    clock = pool["first_time"].astype(str).str.replace(":", "").str.zfill(6)
    return (clock <= _AUCTION) & (pool["breaks"] == 0)


def _yesterday(day: DayTables) -> dict[str, pd.Series]:
    """What became of yesterday's limit-ups: promotion by height, and their return today."""
    pool = day.tables.get("limit_up_previous")
    if pool is None:
        return {}
    rows = day.place(_ordinary(pool))
    columns = {}
    if "ret" in rows:
        columns["limit_up_premium"] = rows.groupby("sector")["ret"].mean()
    if (today := day.tables.get("limit_up_pool")) is not None:
        made = rows.assign(made=rows["code"].isin(today["code"]).astype(float))
        columns["promotion_rate"] = made.groupby("sector")["made"].mean()
        for height in range(1, PROMOTION + 1):
            top = height == PROMOTION
            at = made["streak"] >= height if top else made["streak"] == height
            columns[f"promotion_rate_{height}"] = made[at].groupby("sector")["made"].mean()
    return columns


def _lists(day: DayTables) -> dict[str, pd.Series]:
    """The dragon-tiger list: stocks, and what each kind of seat bought of them."""
    listed = day.tables.get("lhb_stocks")
    if listed is None:
        return {}
    rows = day.place(listed.assign(count=1.0))
    totals = _totals(day, rows, tuple(_LISTS))
    return {_LISTS[name]: total for name, total in totals.items()}


def _news(day: DayTables) -> dict[str, pd.Series]:
    """Mean score and number of headlines by sector."""
    news = day.tables.get("news")
    if news is None:
        return {}
    if "key" not in news:
        news = news.assign(key=np.arange(len(news)))
    parts = []
    if "board" in news:
        parts.append(news.assign(sector=day.of_boards(news)).dropna(subset="sector"))
    if "code" in news:
        parts.append(day.place(news[news["code"].notna()]))
    summed = by_sector(pd.concat(parts))
    return {
        "news_sentiment": summed["news_sentiment"],
        "news_count": summed["news_count"].reindex(day.sectors, fill_value=0.0),
    }


def _derived(columns: dict[str, pd.Series]) -> dict[str, pd.Series]:
    """Ratios of what was put together."""
    made: dict[str, pd.Series] = {}
    if {"super_large_net", "large_net"} <= set(columns) and "net_inflow" not in columns:
        made["net_inflow"] = columns["super_large_net"] + columns["large_net"]
    both = columns | made
    if {"net_inflow", "turnover"} <= set(both):
        made["net_inflow_ratio"] = _ratio(both["net_inflow"], both["turnover"])
    if {"up_count", "down_count", "company_count"} <= set(both):
        made["breadth"] = _ratio(both["up_count"] - both["down_count"], both["company_count"])
    if {"limit_up_count", "broken_limit_count"} <= set(both):
        sealed = both["limit_up_count"]
        made["sealing_rate"] = _ratio(sealed, sealed + both["broken_limit_count"])
    return made


def _ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    """Missing where there is nothing to divide by."""
    return part / whole.where(whole > 0)

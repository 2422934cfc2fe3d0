"""The dragon-tiger list (龙虎榜) as facts: each stock, each seat and each yuan counted once.

The exchanges list a stock once for each reason, and print its seats anew for each. All reasons of
a single day show the same seats; a reason over several days (连续三个交易日…) shows what was bought
and sold over all of them. So a stock's entries are told apart by their span: one of the day, and
one over several days. A seat that is among the five largest buyers and among the five largest
sellers stands on both sides; it is one row here, with both its ranks.

The list comes out in the evening: a row is known at 18:10 of its session, and the first price that
it can be traded at is the next session's open.
"""

import pandas as pd

from data_profile.price_limits import is_share

KNOWN_AT = "18:10"
DAY, SEVERAL, UNKNOWN = "day", "several", "unknown"
SUMMARIES = ("机构", "中小投资者", "其他自然人", "自然人")
"""What the exchanges print in place of seats for abnormal stretches: sums by class of investor."""
_SEVERAL = "连续|累计|异常期间"
_SIDES = ("buy", "sell")
_LIST_COLUMNS = [
    "session", "code", "span", "name", "reasons", "close", "ret", "volume", "turnover",
    "turnover_rate", "float_value", "buy", "sell", "net_buy", "seats",
]  # fmt: skip
_SEAT_COLUMNS = [
    "session", "code", "span", "seat", "buy_rank", "sell_rank", "buy", "sell", "net_buy",
]  # fmt: skip
_ROW = ["session", "code"]
NO_SEATS = pd.DataFrame(
    {"session": pd.Series(dtype="datetime64[s]")}
    | {name: pd.Series(dtype=object) for name in ("code", "reason", "side", "seat")}
    | {name: pd.Series(dtype=float) for name in ("rank", "buy", "sell")}
)
"""Seats as disclosed, before any were."""


def span_of(reasons: pd.Series) -> pd.Series:
    """What each reason reaches over: the day, several days or, without a reason, unknown.

    Examples
    --------
    >>> told = ["日价格涨幅偏离值达到9.49%", "连续三个交易日内涨幅偏离值累计达20%的证券", None]
    >>> span_of(pd.Series(told, dtype=object)).tolist()
    ['day', 'several', 'unknown']
    """
    spans = pd.Series(DAY, index=reasons.index)
    spans = spans.mask(reasons.fillna("").str.contains(_SEVERAL), SEVERAL)
    return spans.mask(reasons.isna(), UNKNOWN)


def facts(list_rows: pd.DataFrame, seat_rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lists and seats, each counted once.

    Parameters
    ----------
    list_rows
        As disclosed, a row a stock and reason: session, code, reason; optionally name, close, ret
        (ratio), volume (shares), turnover (yuan), turnover_rate (ratio), float_value and net_buy
        (yuan; used only where the seats are not there).
    seat_rows
        As disclosed, in the printed order: session, code, side ("buy" or "sell"), rank (1..5),
        seat, buy and sell (yuan; nothing where a source prints none for that side), and reason
        or, where none is printed, nothing. Rows without a seat's name are left out.

    Returns
    -------
    lists : DataFrame
        One row a session, stock and span: session, code, span, name, reasons (joined by "; "),
        close, ret, volume, turnover, turnover_rate, float_value, buy, sell and net_buy (yuan, of
        the seats shown, each once), seats (how many). Bonds and other paper than A shares are
        left out.
    seats : DataFrame
        One row a session, stock, span and seat: session, code, span, seat (as printed), buy_rank
        and sell_rank (1..5, missing where not among that side's five), buy, sell, net_buy (yuan).
    """
    lists = _shares(list_rows)
    seats = _shares(seat_rows.dropna(subset=["seat", "side", "rank"]))
    seats = seats.fillna({"buy": 0.0, "sell": 0.0})
    lists = lists.assign(span=span_of(lists["reason"]))
    seats = _once(_with_span(seats[~seats["seat"].isin(SUMMARIES)], lists))
    entries = _entries(lists, seats)
    return entries, seats[_SEAT_COLUMNS].reset_index(drop=True)


def _shares(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of A shares: convertible bonds, funds and B shares are no stocks of this list."""
    known = {code: is_share(code) for code in rows["code"].unique()}
    return rows[rows["code"].map(known).astype(bool)].reset_index(drop=True)


def _with_span(seats: pd.DataFrame, lists: pd.DataFrame) -> pd.DataFrame:
    """Each printed row with the span of its entry, repeated entries of a span left out.

    Where the reason is printed it tells the span. Where it is not, a stock's rows begin anew at
    rank 1 for each reason; the first block belongs to the reason that the list names, blocks that
    are the same repeat it, and of different blocks the one with the larger sums covers more days.
    """
    begins = seats["rank"] == 1
    block = begins.groupby([seats[name] for name in (*_ROW, "side")]).cumsum().clip(lower=1)
    seats = seats.assign(block=block)
    if "reason" in seats:
        printed = seats["reason"].notna()
        told = seats[printed].assign(span=span_of(seats.loc[printed, "reason"]))
        told = told.assign(block=told["reason"])
        untold = seats[~printed]
    else:
        told, untold = seats.iloc[:0].assign(span=""), seats
    parts = [_first_blocks(part) for part in (told, _judged(untold, lists)) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else told


def _judged(seats: pd.DataFrame, lists: pd.DataFrame) -> pd.DataFrame:
    """The span of each block of a stock whose printed rows do not name their reason."""
    key = [*_ROW, "block"]
    sums = (seats["buy"] + seats["sell"]).groupby([seats[k] for k in key]).sum().round(-2)
    blocks = sums.rename("sum").reset_index()
    named = lists.drop_duplicates(_ROW).set_index(_ROW)["span"].rename("named")
    blocks = blocks.join(named, on=_ROW)
    first = blocks.groupby(_ROW)["sum"].transform("first")
    smallest = blocks.groupby(_ROW)["sum"].transform("min")
    span = blocks["named"].fillna(UNKNOWN)
    # Larger than the day's own: several days. Smaller than several days': the day.
    span = span.mask((blocks["sum"] > first) & (span == DAY), SEVERAL)
    span = span.mask((blocks["sum"] < first) & (blocks["sum"] == smallest) & (span == SEVERAL), DAY)
    return seats.merge(blocks.assign(span=span)[[*key, "span"]], on=key)


def _first_blocks(seats: pd.DataFrame) -> pd.DataFrame:
    """Of the blocks of one span the first: the others repeat it, or reach over yet more days."""
    first = seats.groupby([*_ROW, "span"], sort=False)["block"].transform("first")
    return seats[seats["block"] == first]


def _once(seats: pd.DataFrame) -> pd.DataFrame:
    """A seat on both sides of an entry as one row.

    Several institutions may stand on one side under the same name: each is told by its amounts,
    and the n-th of the same amounts on one side is the n-th on the other.
    """
    who = [*_ROW, "span", "seat", "buy", "sell"]
    seats = seats.assign(nth=seats.groupby([*who, "side"]).cumcount())
    ranks = [seats["rank"].where(seats["side"] == side).rename(f"{side}_rank") for side in _SIDES]
    table = pd.concat([seats[[*who, "nth"]], *ranks], axis=1)
    made = table.groupby([*who, "nth"], sort=False, as_index=False).min()
    made["net_buy"] = made["buy"] - made["sell"]
    order = ["session", "code", "span", "buy_rank", "sell_rank", "seat"]
    return made.sort_values(order, ignore_index=True)


def _entries(lists: pd.DataFrame, seats: pd.DataFrame) -> pd.DataFrame:
    """One row a stock and span, with the sums of its seats."""
    key = [*_ROW, "span"]
    named = lists.reindex(columns=[*lists.columns, *(c for c in _LIST_COLUMNS if c not in lists)])
    made = named.groupby(key, as_index=False).first()
    reasons = named.groupby(key)["reason"].agg(lambda told: "; ".join(sorted(set(told.dropna()))))
    made["reasons"] = reasons.to_numpy()
    sums = seats.groupby(key).agg(
        seat_buy=("buy", "sum"), seat_sell=("sell", "sum"), seat_count=("seat", "size")
    )
    # Seats may tell of an entry whose own row is not there: the same stock's other span is.
    made = made.set_index(key).join(sums, how="outer").reset_index()
    same = made[[*_ROW, "name"]].dropna().drop_duplicates(_ROW).set_index(_ROW)["name"]
    made["name"] = made["name"].fillna(made[_ROW].join(same, on=_ROW)["name"])
    made["buy"], made["sell"] = made["seat_buy"], made["seat_sell"]
    made["net_buy"] = (made["buy"] - made["sell"]).fillna(made["net_buy"])
    made["seats"] = made["seat_count"].fillna(0.0)
    return made[_LIST_COLUMNS].sort_values(key, ignore_index=True)

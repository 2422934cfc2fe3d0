"""The dense panel of stocks, derived from the tables of the stock store.

Prices are front-adjusted as the files give them, so `turnover` and `float_value`, where no file has
them, are approximations: volume times the mean of the day's four prices, and close times the float
of the map, whose share counts are recent ones applied backwards.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from data_profile.panel import Panel, fill_span

_NOT_FIELDS = ["source", "observed_at"]
_MONEY = {  # column of the list -> field
    "net_buy": "lhb_net_buy",
    "institution_net_buy": "lhb_institution_net_buy",
    "hot_money_net_buy": "lhb_hot_money_net_buy",
}


def build(tables: Mapping[str, pd.DataFrame], listed: pd.DataFrame | None) -> Panel | None:
    """The panel of the tables there are; None without bars.

    Parameters
    ----------
    tables
        `bars`, and `map` where there is one.
    listed
        What the list says of each stock (`dragon_list.by_stock`); None without a list.
    """
    if "bars" not in tables:
        return None
    panel = _dense(_with_derived(tables["bars"], tables.get("map")))
    return panel if listed is None else _with_list(panel, listed)


def _dense(bars: pd.DataFrame) -> Panel:
    """The rows as matrices; each (session, code) once, which the store sees to.

    `Panel.from_frame` checks rows of any origin; years of the whole market are millions of them.
    """
    row, days = pd.factorize(bars["session"], sort=True)
    column, codes = pd.factorize(bars["code"], sort=True)
    shape = (len(days), len(codes))
    cell = row * shape[1] + column
    listed = np.zeros(shape, dtype=bool)
    listed.ravel()[cell] = True
    values = {}
    for name in bars.columns.drop(["session", "code", *_NOT_FIELDS], errors="ignore"):
        matrix = np.full(shape, np.nan, dtype=np.float32)
        matrix.ravel()[cell] = bars[name].to_numpy(dtype=np.float64)
        values[str(name)] = matrix
    sessions = days.to_numpy().astype("datetime64[D]")
    return Panel(sessions, tuple(map(str, codes)), values, fill_span(listed))


def _with_derived(frame: pd.DataFrame, stocks: pd.DataFrame | None) -> pd.DataFrame:
    made = {}
    mean = frame[["open", "high", "low", "close"]].mean(axis=1)
    made["turnover"] = _or_else(frame, "turnover", frame["volume"] * mean)
    if stocks is not None and "float_shares" in stocks:
        shares = frame["code"].map(stocks.set_index("code")["float_shares"])
        shares = shares.where(shares > 0).astype(np.float64)
        made["turnover_rate"] = _or_else(frame, "turnover_rate", frame["volume"] / shares)
        made["float_value"] = _or_else(frame, "float_value", frame["close"] * shares)
    return frame.assign(**made)


def _or_else(frame: pd.DataFrame, name: str, derived: pd.Series) -> pd.Series:
    """What a file gives, and where it gives nothing what is derived."""
    return frame[name].fillna(derived) if name in frame else derived


def _with_list(panel: Panel, listed: pd.DataFrame) -> Panel:
    """With the list's fields: missing on sessions without a list, 0 for a stock not on it."""
    days = listed["session"].to_numpy().astype("datetime64[D]")
    row = np.searchsorted(panel.sessions, days)
    column = pd.Index(panel.instruments).get_indexer(pd.Index(listed["code"]))
    inside = (row < len(panel.sessions)) & (column >= 0)
    inside[inside] &= panel.sessions[row[inside]] == days[inside]
    told = np.isin(panel.sessions, days)[:, None] & panel.listed
    values = dict(panel.values)
    for name, given in {"lhb_listed": np.ones(len(listed)), **listed[list(_MONEY)]}.items():
        matrix = np.where(told, np.float32(0), np.float32(np.nan))
        matrix[row[inside], column[inside]] = np.asarray(given, dtype=np.float32)[inside]
        values[_MONEY.get(name, name)] = np.where(panel.listed, matrix, np.float32(np.nan))
    return Panel(panel.sessions, panel.instruments, values, panel.listed, panel.ignored)

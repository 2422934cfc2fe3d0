"""The dense panel of stocks, derived from the tables of the stock store.

Prices are front-adjusted as the files give them, so `turnover` and `float_value`, where no file has
them, are approximations: volume times the mean of the day's four prices, and close times the float
of the map, whose share counts are recent ones applied backwards.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from data_profile.panel import Panel

_NOT_FIELDS = ["source", "observed_at"]


def build(tables: Mapping[str, pd.DataFrame]) -> Panel | None:
    """The panel of the tables there are; None without bars."""
    if "bars" not in tables:
        return None
    bars = tables["bars"].drop(columns=_NOT_FIELDS, errors="ignore")
    frame = bars.rename(columns={"session": "date", "code": "instrument"})
    frame = _with_derived(frame, tables.get("map"))
    panel = Panel.from_frame(frame)
    if "lists" in tables:
        panel = _with_list(panel, tables["lists"])
    return panel


def _with_derived(frame: pd.DataFrame, stocks: pd.DataFrame | None) -> pd.DataFrame:
    made = {}
    mean = frame[["open", "high", "low", "close"]].mean(axis=1)
    made["turnover"] = _or_else(frame, "turnover", frame["volume"] * mean)
    if stocks is not None and "float_shares" in stocks:
        shares = frame["instrument"].map(stocks.set_index("code")["float_shares"])
        shares = shares.where(shares > 0).astype(np.float64)
        made["turnover_rate"] = _or_else(frame, "turnover_rate", frame["volume"] / shares)
        made["float_value"] = _or_else(frame, "float_value", frame["close"] * shares)
    return frame.assign(**made)


def _or_else(frame: pd.DataFrame, name: str, derived: pd.Series) -> pd.Series:
    """What a file gives, and where it gives nothing what is derived."""
    return frame[name].fillna(derived) if name in frame else derived


def _with_list(panel: Panel, lists: pd.DataFrame) -> Panel:
    """With the list's fields: missing on sessions without a list, 0 for a stock not on it."""
    collected = np.isin(panel.sessions, lists["session"].to_numpy().astype("datetime64[D]"))
    base = np.where(collected[:, None] & panel.listed, np.float32(0), np.float32(np.nan))
    day = lists.sort_values("span").drop_duplicates(["session", "code"])  # day before several
    row = np.searchsorted(panel.sessions, day["session"].to_numpy().astype("datetime64[D]"))
    place = {code: at for at, code in enumerate(panel.instruments)}
    column = day["code"].map(place).to_numpy(np.float64, na_value=np.nan)
    inside = np.isfinite(column) & (row < len(panel.sessions))
    inside[inside] &= panel.sessions[row[inside]] == day["session"].to_numpy()[inside].astype(
        "datetime64[D]"
    )
    at = (row[inside], column[inside].astype(np.int64))
    values = dict(panel.values)
    for name, given in (("lhb_listed", np.ones(len(day))), ("lhb_net_buy", day["net_buy"])):
        matrix = base.copy()
        matrix[at] = np.asarray(given, dtype=np.float32)[inside]
        values[name] = np.ascontiguousarray(np.where(panel.listed, matrix, np.float32(np.nan)))
    return Panel(panel.sessions, panel.instruments, values, panel.listed, panel.ignored)

"""The eight factors of the dragon-tiger strategy, for each stock on a list of the day.

====  ==========================  =======  =====================================================
 F1   net buy                     yuan     disclosed buys less disclosed sells, each seat once
 F2   institutional share         ratio    buys of institutions / disclosed buys
 F3   hot-money share             ratio    buys of hot-money seats / disclosed buys
 F4   turnover change             ratio    turnover rate / its mean over the 20 sessions before - 1
 F5   deviation from the market   ratio    the stock's return less the mean return of all stocks
 F6   news sentiment              -        in [-1, 1]; 0 (neutral), and marked, without news
 F7   main inflow / float value   ratio    main-force net inflow of the day / float market value
 F8   large-order share           ratio    turnover in large orders / turnover
====  ==========================  =======  =====================================================

A factor is missing (NaN) where one of its inputs is: F1 to F3 where a stock's seats are not known,
F2 and F3 where nothing was bought, F4 with fewer than 5 sessions of turnover before, F5 without a
previous close. It is absent, and named with the reason, where the data have no such field at all.
All of it is known at 18:10 of the session and can be traded at the next session's open.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_profile.panel import Panel
from data_profile.stocks import StockStore
from predictor.dragon_tiger.lists import day_lists, seats_of

FACTORS = ("F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8")
MEAN_SESSIONS = 20
LEAST_SESSIONS = 5
WINSOR = 3.0
"""Scores are cut at this many standard deviations."""
_NEEDS = {  # factor -> fields of the stock panel that it is made from
    "F4": ("turnover_rate",),
    "F5": ("close",),
    "F7": ("main_net_inflow", "float_value"),
    "F8": ("large_order_turnover", "turnover"),
}
_WHY = {
    "F4": "the stock panel has no turnover_rate: import daily bars and the map of stocks",
    "F5": "the stock panel has no close: import daily bars",
    "F7": "no source of the stock store has main-force flow by stock (main_net_inflow)",
    "F8": "no source of the stock store has turnover by size of order (large_order_turnover)",
}


@dataclass(frozen=True)
class Factors:
    """The factors of every stock on a list of the day.

    Parameters
    ----------
    raw
        Index (session datetime64, code), sorted; columns among F1..F8 in their own units (F1 in
        yuan, the others ratios). The strategy's thresholds speak of these.
    scores
        The same, standardised across the stocks of the same day: z-scores of values cut at
        `WINSOR` standard deviations; NaN where the value is missing, 0 where all are the same.
    absent
        Factor -> why it cannot be had.
    neutral
        Same index; True where F6 is neutral because there was no news.
    """

    raw: pd.DataFrame
    scores: pd.DataFrame
    absent: Mapping[str, str]
    neutral: pd.Series


def compute(
    stocks: StockStore, *, end: object = None, sentiment: pd.Series | None = None
) -> Factors:
    """The factors of all sessions with a list, each from what was known that evening.

    Parameters
    ----------
    stocks
        Needs lists and seats; daily bars and the map for F4, F5, F7 and F8.
    end
        Last session; nothing after it is read. None for all.
    sentiment
        News sentiment in [-1, 1] by (session, code), as known at 18:10; None where there is none.

    Raises
    ------
    StoreError
        There are no lists or no seats.
    SeatError
        A seat's name cannot be taken.
    """
    seats = seats_of(stocks, end=end)
    lists = day_lists(stocks, seats, end=end)
    raw = pd.DataFrame(index=lists.index)
    bought = lists["buy"].where(lists["buy"] > 0)
    raw["F1"] = lists["buy"] - lists["sell"]
    raw["F2"] = lists["buy_institution"] / bought
    raw["F3"] = lists["buy_hot_money"] / bought
    panel = stocks.panel().between(None, end) if stocks.has("bars") else None
    absent = {}
    for name, fields in _NEEDS.items():
        if panel is None or not set(fields) <= set(panel.fields):
            absent[name] = _WHY[name]
        else:
            raw[name] = _at(panel, _PANEL_FACTORS[name](panel), lists.index)
    if sentiment is None:
        news = pd.Series(np.nan, index=raw.index)
    else:
        news = sentiment.reindex(raw.index).astype(np.float64).clip(-1.0, 1.0)
    raw["F6"] = news.fillna(0.0)
    raw = raw[[name for name in FACTORS if name in raw]]
    return Factors(raw, standardise(raw), absent, news.isna().rename("neutral"))


def standardise(raw: pd.DataFrame) -> pd.DataFrame:
    """z-scores across the stocks of each session, of values cut at `WINSOR` deviations.

    Parameters
    ----------
    raw
        Index (session, code), sorted.
    """
    values = raw.to_numpy(np.float64)
    begins = np.flatnonzero(~raw.index.get_level_values(0).duplicated())
    days = np.split(values, begins[1:])
    scores = np.concatenate([_z_scores(day) for day in days]) if len(values) else values
    return pd.DataFrame(scores, raw.index, raw.columns)


def _z_scores(day: np.ndarray) -> np.ndarray:
    """Columns of one session, cut and standardised; sums see no other session's rounding."""
    center, spread = _moments(day)
    cut = np.clip(day, center - WINSOR * spread, center + WINSOR * spread)
    center, spread = _moments(cut)
    level = spread <= 1e-12 * np.abs(center)
    scores = (cut - center) / np.where(level, 1.0, spread)
    return np.where(level & np.isfinite(cut), 0.0, scores)


def _moments(day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column's values; 0 where it has none."""
    known = np.isfinite(day)
    count = np.maximum(known.sum(axis=0), 1)
    center = np.where(known, day, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(known, (day - center) ** 2, 0.0).sum(axis=0) / count)
    return center, spread


def _turnover_change(panel: Panel) -> np.ndarray:
    """Turnover rate over its mean of the sessions before, less 1; (T, S)."""
    rate = pd.DataFrame(panel.values["turnover_rate"].astype(np.float64))
    mean = rate.shift(1).rolling(MEAN_SESSIONS, min_periods=LEAST_SESSIONS).mean()
    return (rate / mean.where(mean > 0) - 1.0).to_numpy()


def _deviation(panel: Panel) -> np.ndarray:
    """Return less the equal-weight mean return of all stocks that traded; (T, S)."""
    close = pd.DataFrame(panel.values["close"].astype(np.float64))
    ret = close / close.ffill().shift(1) - 1.0
    return ret.sub(ret.mean(axis=1), axis=0).to_numpy()


def _inflow_to_float(panel: Panel) -> np.ndarray:
    return _ratio(panel, "main_net_inflow", "float_value")


def _large_orders(panel: Panel) -> np.ndarray:
    return _ratio(panel, "large_order_turnover", "turnover")


def _ratio(panel: Panel, part: str, whole: str) -> np.ndarray:
    below = panel.values[whole].astype(np.float64)
    made: np.ndarray = panel.values[part].astype(np.float64) / np.where(below > 0, below, np.nan)
    return made


_PANEL_FACTORS = {
    "F4": _turnover_change,
    "F5": _deviation,
    "F7": _inflow_to_float,
    "F8": _large_orders,
}


def _at(panel: Panel, matrix: np.ndarray, index: pd.Index) -> np.ndarray:
    """The matrix's values of (session, code) pairs; NaN where the panel has no such cell."""
    days = index.get_level_values(0).to_numpy().astype("datetime64[D]")
    row = np.searchsorted(panel.sessions, days)
    column = pd.Index(panel.instruments).get_indexer(index.get_level_values(1))
    inside = (row < len(panel.sessions)) & (column >= 0)
    inside[inside] &= panel.sessions[row[inside]] == days[inside]
    found = np.full(len(index), np.nan)
    found[inside] = matrix[row[inside], column[inside]]
    return found

"""What the opening auction says of a sector: the gap of its stocks, and how many open at the limit.

The call auction ends at 09:25; its prices are known before trading begins at 09:30. A stock that
opens at its upper limit is likely to close there, and a sector that opens far above the others has
more limit-ups than its evening forecast knew of.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from data_profile.panel import Panel
from predictor.members.events import NIGHT, judge, read

TERMS = ("gap above the average sector", "opened at the limit")


@dataclass(frozen=True, eq=False)
class Auction:
    """The auction that follows each of T sessions, by sector.

    Parameters
    ----------
    gap
        float64 (T, S): price of the auction over the previous close, less 1, mean of the stocks.
        NaN unknown.
    sealed
        float64 (T, S): stocks whose auction price is their upper limit. NaN unknown.
    """

    gap: np.ndarray
    sealed: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Bool (T, S): both are."""
        return np.isfinite(self.gap) & np.isfinite(self.sealed)

    def rows(self, rows: slice) -> "Auction":
        """Some of the sessions."""
        return Auction(self.gap[rows], self.sealed[rows])

    def terms(self, present: np.ndarray) -> np.ndarray:
        """What a forecast is brought up to date by (`TERMS`), float64 (T, S, 2).

        Inverse hyperbolic sine of the gap in per cent and logarithm of 1 + the number of stocks:
        so that a day of extremes does not count for more than it says. The average is over the
        sectors of `present`, bool (T, S), that are known; NaN where unknown. How high the whole
        market opens is no term: a quarter has too few sessions to learn it from.
        """
        known = present & self.known
        many = np.maximum(known.sum(axis=1, keepdims=True), 1)
        average = np.where(known, self.gap, 0.0).sum(axis=1, keepdims=True) / many
        columns = np.arcsinh(100 * (self.gap - average)), np.log1p(self.sealed)
        return np.where(known[..., None], np.stack(columns, axis=-1), np.nan)


def history(store: Path, outcome: Panel) -> Auction | None:
    """The auctions of a panel's sessions, as their opening prices tell them afterwards.

    Row t is the auction of session t + 1, so the last row is unknown. A sector's gap is that of
    its index; which stocks opened at the limit, their limit events say.

    Parameters
    ----------
    store
        `Home.store`, of which the stock store and the raw zone are read.
    outcome
        All that is known now.

    Returns
    -------
    Auction
        None where the store has no opening prices of sectors, or no stocks of them.

    Raises
    ------
    data_profile.errors.StoreError, PredictorError
        As `predictor.members.events.read`.
    """
    stocks = read(store, outcome, NIGHT)
    if stocks is None or not {"open", "close"} <= set(outcome.values):
        return None
    gap, sealed = np.full(outcome.shape, np.nan), np.full(outcome.shape, np.nan)
    opened, closed = (outcome.values[name].astype(np.float64) for name in ("open", "close"))
    with np.errstate(divide="ignore", invalid="ignore"):
        gap[:-1] = np.where(closed[:-1] > 0, opened[1:] / closed[:-1] - 1, np.nan)
    for t, day in enumerate(stocks.days[1:]):
        if day is not None:
            at_limit = (day.column("touched_limit_up") > 0) & (
                day.column("open") >= day.column("high")
            )
            sealed[t] = np.bincount(stocks.sector[day.stock[at_limit]], minlength=gap.shape[1])
    return Auction(gap, sealed)


def observed(
    quotes: pd.DataFrame, stocks: pd.DataFrame, sectors: Sequence[str], session: datetime.date
) -> Auction:
    """An auction from the quotes of the morning, (1, S).

    Parameters
    ----------
    quotes
        A row a stock: code, name, open, previous_close (yuan), volume. Stocks without a price or a
        volume took no part.
    stocks
        The map of stocks: code, sector_id, name.
    sectors
        The S ids.
    session
        Of the auction.

    Raises
    ------
    PredictorError
        The quotes contradict each other.
    """
    rows = quotes.merge(stocks[["code", "sector_id"]], on="code").dropna(subset="sector_id")
    rows = rows[(rows["open"] > 0) & (rows["previous_close"] > 0) & (rows["volume"] > 0)]
    matched = rows.assign(high=rows["open"], low=rows["open"], close=rows["open"])
    judged = judge(matched, dict(zip(stocks["code"], stocks["name"], strict=True)), session)
    place = pd.Index(sectors).get_indexer(pd.Index(matched["sector_id"]))
    inside = place >= 0
    many = np.bincount(place[inside], minlength=len(sectors))
    gaps = (matched["open"] / matched["previous_close"] - 1).to_numpy(np.float64)
    total = np.bincount(place[inside], gaps[inside], len(sectors))
    at_limit = judged["limit_up"].to_numpy(bool) & (judged["status"] == "normal").to_numpy()
    sealed = np.bincount(place[inside & at_limit], minlength=len(sectors)).astype(np.float64)
    known = many > 0
    return Auction(
        np.where(known, total / np.maximum(many, 1), np.nan)[None],
        np.where(known, sealed, np.nan)[None],
    )

"""What the strategy works on: the list, its factors and the prices, as known on one evening."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_profile.home import Home
from data_profile.stocks import StockStore
from predictor.dragon_tiger.execution import Market, market
from predictor.dragon_tiger.factors import compute
from predictor.dragon_tiger.listing import Listing
from predictor.errors import PredictorError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Scene:
    """All that is known at 18:10 of its last session.

    Parameters
    ----------
    market
        The stocks that were ever listed and have prices, over the sessions with a list.
    listing
        Their stock-days on the list.
    absent
        Factor -> why it cannot be had.
    raw
        `Factors.raw`: each listed stock-day's factors in their own units.
    equal_weight
        float64 (T,), mean change of the close over all stocks with one in both sessions.
    stocks
        How many stocks have prices at all.
    unpriced
        Codes of the list without prices; they are in no order.
    names
        Code -> name, the last that the list gave.
    snapshot_id
        Of the stock panel up to its last session.
    """

    market: Market
    listing: Listing
    absent: Mapping[str, str]
    raw: "pd.DataFrame"
    equal_weight: np.ndarray
    stocks: int
    unpriced: tuple[str, ...]
    names: Mapping[str, str]
    snapshot_id: str

    @property
    def last(self) -> datetime.date:
        """The session whose list is the last known."""
        day: datetime.date = self.market.sessions[-1].item()
        return day


def load(home: Home, *, end: datetime.date | None = None) -> Scene:
    """Read the stock store as it was known at 18:10 of a session.

    Parameters
    ----------
    home
        With stock bars, the map and the dragon-tiger list.
    end
        Nothing later is read; None for the last session with both a list and prices.

    Raises
    ------
    data_profile.errors.StoreError
        A table is missing.
    PredictorError
        No list or no prices on `end`, or the two share nothing.
    """
    import pandas as pd

    store = StockStore(home.stocks)
    whole, lists = store.panel(), store.lists()
    listed = np.unique(lists["session"].to_numpy().astype("datetime64[D]"))
    both = np.intersect1d(listed, whole.sessions)
    last = both[-1] if end is None and len(both) else np.datetime64(end or "NaT", "D")
    if last not in both:
        reach = f"{both[0]}..{both[-1]}" if len(both) else "no session"
        raise PredictorError(
            f"no dragon-tiger list with prices on {end}; both are there for {reach}"
        )
    panel = whole.between(None, last)
    lists = lists[lists["session"] <= pd.Timestamp(last)]
    factors = compute(store, end=last.item())
    absent = dict(factors.absent)
    if factors.neutral.all():
        absent["F6"] = "no news by stock is known on any session: neutral everywhere"
    codes = sorted(set(lists["code"]))
    priced = tuple(code for code in codes if code in set(panel.instruments))
    stocks = store.map()
    traded = market(panel, stocks, lists, codes=priced).since(both[0])
    named = lists[lists["name"].notna()].drop_duplicates("code", keep="last")
    return Scene(
        market=traded,
        listing=Listing.of(factors, absent, traded.sessions, priced),
        absent=dict(sorted(absent.items())),
        raw=factors.raw,
        equal_weight=_equal_weight(panel.values["close"])[-len(traded.sessions) :],
        stocks=len(panel.instruments),
        unpriced=tuple(sorted(set(codes) - set(priced))),
        names=dict(zip(named["code"], named["name"], strict=True)),
        snapshot_id=panel.snapshot_id,
    )


def _equal_weight(close: np.ndarray) -> np.ndarray:
    """Mean change of the close over the stocks that have one in both sessions; else 0."""
    change = np.full(close.shape, np.nan)
    change[1:] = close[1:] / close[:-1].astype(np.float64) - 1
    known = np.isfinite(change)
    return np.where(known, change, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)

"""Daily bars that go on front-adjusted from what a file gave to what is collected each day."""

import numpy as np
import pandas as pd

PREVIOUS = "previous_close"
COLUMNS = ("code", "open", "high", "low", "close", "volume", "turnover", "turnover_rate",
           "float_value", PREVIOUS)  # fmt: skip
_PRICES = ["open", "high", "low", "close"]
_ROUNDED = 0.002  # of a price below which two closes are the same but for rounding


def of_snapshot(stocks: pd.DataFrame) -> pd.DataFrame | None:
    """The bars in a day's list of every stock; None where the list has no prices.

    Parameters
    ----------
    stocks
        Table `stocks` of a session (`sources.akshare_stocks`): yuan, shares, ratios.
    """
    if not set(COLUMNS) <= set(stocks.columns):
        return None
    traded = stocks[(stocks["volume"] > 0) & (stocks[_PRICES] > 0).all(axis=1)]
    return traded[list(COLUMNS)].sort_values("code", ignore_index=True)


def continued(held: pd.DataFrame, day: pd.DataFrame) -> pd.DataFrame:
    """Earlier bars, scaled where the newest day's bar says that its stock went ex-rights.

    Parameters
    ----------
    held
        Bars without that day; prices front-adjusted to their last session.
    day
        Bars of one session with `previous_close`, the exchange's own (ex-rights) one. A day that is
        not the newest changes nothing.
    """
    if PREVIOUS not in day or not len(held) or (held["session"] > day["session"].iloc[0]).any():
        return held
    newest = held.groupby("code", sort=False)["session"].idxmax()
    last = held.loc[newest].set_index("code")["close"]
    ratio = (day.set_index("code")[PREVIOUS] / last).reindex(last.index)
    moved = ratio[((ratio - 1.0).abs() > _ROUNDED) & (ratio > 0) & np.isfinite(ratio)]
    if moved.empty:
        return held
    scale = held["code"].map(moved).fillna(1.0).astype(np.float64)
    return held.assign(**{name: held[name] * scale for name in _PRICES})

"""What a seat's own past says: how often its buys paid, and how long it holds.

Everything is as of the evening of a session, from what had happened by the session BEFORE it: a buy
counts once its outcome is known, never earlier. Only disclosed days are seen, so a holding time is
that of exits which were disclosed.
"""

import numpy as np
import pandas as pd

from data_profile.dragon_list import DAY
from data_profile.panel import Panel

HORIZON = 3
"""Sessions after the entry at whose close a buy is judged."""
EXIT_WITHIN = 10
"""Sessions within which a net sale is taken for the end of a buy."""


def seat_history(seats: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """The history of every seat as of each session on which it is on a list of the day.

    Parameters
    ----------
    seats
        As `lists.seats_of`. Institutions and Stock Connect share one name each, so their rows tell
        of the kind, not of one investor.
    panel
        Stocks' `open` and `close` by session.

    Returns
    -------
    DataFrame
        Index (session datetime64, seat_id), sorted. Columns `buys`: buys whose outcome was known
        before the session; `hit_rate`: share of them after which the stock's close `HORIZON`
        sessions after the entry was above the entry, the open of the session after the list;
        `holding`: mean sessions from a buy to the first disclosed net sale within `EXIT_WITHIN`
        sessions; `exits`: how many of these. Rates are missing where there is nothing to average.
    """
    held = _held(seats, panel)
    bought = held[held["net_buy"] > 0]
    outcome = _outcomes(bought, panel)
    exits = _exits(held, bought)
    known = pd.concat([outcome, exits], ignore_index=True)
    asked = held[["seat_id", "t"]].drop_duplicates()
    sums = _before(asked, known)
    made = pd.DataFrame(
        {
            "session": panel.sessions[sums["t"].to_numpy()].astype("datetime64[s]"),
            "seat_id": sums["seat_id"],
            "buys": sums["judged"],
            "hit_rate": sums["hit"] / sums["judged"].where(sums["judged"] > 0),
            "holding": sums["held"] / sums["left"].where(sums["left"] > 0),
            "exits": sums["left"],
        }
    )
    return made.set_index(["session", "seat_id"]).sort_index()


def _held(seats: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Net buying by seat, stock and session of the lists of the day; t, s: panel positions."""
    rows = seats[seats["span"] == DAY]
    held = rows.groupby(["seat_id", "code", "session"], as_index=False)["net_buy"].sum()
    days = held["session"].to_numpy().astype("datetime64[D]")
    t = np.searchsorted(panel.sessions, days)
    s = pd.Index(panel.instruments).get_indexer(pd.Index(held["code"]))
    inside = (t < len(panel.sessions)) & (s >= 0)
    inside[inside] &= panel.sessions[t[inside]] == days[inside]
    return held.assign(t=t, s=s)[inside].reset_index(drop=True)


def _outcomes(bought: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Each buy whose outcome is in the panel: when it became known, and whether it paid."""
    rows = bought[bought["t"] + 1 + HORIZON < len(panel.sessions)]
    t, s = rows["t"].to_numpy(), rows["s"].to_numpy()
    entry = panel.values["open"][t + 1, s].astype(np.float64)
    later = panel.values["close"][t + 1 + HORIZON, s].astype(np.float64)
    traded = np.isfinite(entry) & np.isfinite(later)
    made = pd.DataFrame(
        {
            "seat_id": rows["seat_id"].to_numpy(),
            "t": t + 1 + HORIZON,
            "judged": 1.0,
            "hit": (later > entry).astype(float),
            "left": 0.0,
            "held": 0.0,
        }
    )
    return made[traded]


def _exits(held: pd.DataFrame, bought: pd.DataFrame) -> pd.DataFrame:
    """The first disclosed net sale after each buy: when it was, and how long it took."""
    sold = held.loc[held["net_buy"] < 0, ["seat_id", "code", "t"]].rename(columns={"t": "sold"})
    pairs = bought[["seat_id", "code", "t"]].merge(sold, on=["seat_id", "code"])
    pairs = pairs[(pairs["sold"] > pairs["t"]) & (pairs["sold"] <= pairs["t"] + EXIT_WITHIN)]
    first = pairs.groupby(["seat_id", "code", "t"], as_index=False)["sold"].min()
    return pd.DataFrame(
        {
            "seat_id": first["seat_id"],
            "t": first["sold"],
            "judged": 0.0,
            "hit": 0.0,
            "left": 1.0,
            "held": (first["sold"] - first["t"]).astype(float),
        }
    )


def _before(asked: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Sums of what was known of each seat strictly before each session asked about."""
    names = ["judged", "hit", "left", "held"]
    told = known.groupby(["seat_id", "t"], as_index=False)[names].sum().sort_values("t")
    told[names] = told.groupby("seat_id")[names].cumsum()
    told = told.astype({"seat_id": asked["seat_id"].dtype, "t": asked["t"].dtype})  # if empty
    made = pd.merge_asof(
        asked.sort_values("t"), told, on="t", by="seat_id", allow_exact_matches=False
    )
    return made.fillna(dict.fromkeys(names, 0.0))

"""A small market of stocks whose one truth is planted: what institutions bought goes on rising."""

from pathlib import Path

import numpy as np
import pandas as pd

from data_profile.home import Home
from data_profile.sessions import sessions
from tests.dragon import HOT, INSTITUTION, OTHER, REASON, store

STOCKS, SESSIONS = 60, 700
EFFECT = 0.012
"""Of the log price from the next open to the open after it, where institutions bought."""


def tables(stocks: int = STOCKS, length: int = SESSIONS, seed: int = 1) -> dict[str, pd.DataFrame]:
    """The tables of `StockStore.take`: bars, map, and a list on which every fifth stock stands."""
    rng = np.random.default_rng(seed)
    days = np.array(sessions("2022-01-04", "2025-12-31")[-length:], dtype="datetime64[ns]")
    codes = np.array([f"{600001 + k}" for k in range(stocks)])
    shape = (length, stocks)
    listed = rng.random(shape) < 0.2
    bought = np.where(rng.random(shape) < 0.5, 1.0, -1.0)
    moves = rng.normal(0, 0.02, shape)
    moves[1:] += EFFECT * (listed * bought)[:-1]
    opens = 10 * np.exp(np.vstack([np.zeros(stocks), np.cumsum(moves, axis=0)[:-1]]))
    close = opens * np.exp(0.6 * moves + rng.normal(0, 0.008, shape))
    up, down = close / opens > 1.03, close / opens < 0.97
    streak = np.zeros(shape)
    for t in range(length):
        streak[t] = np.where(up[t], (streak[t - 1] if t else 0) + 1, 0)
    row, column = (x.ravel() for x in np.indices(shape))
    bars = pd.DataFrame({"session": days[row], "code": codes[column]})
    values = {
        "open": opens, "close": close,
        "high": np.maximum(opens, close) * 1.01, "low": np.minimum(opens, close) * 0.99,
        "volume": np.exp(rng.normal(14, 0.5, shape)),
        "limit_up": up, "limit_down": down, "streak": streak,
    }  # fmt: skip
    bars = bars.assign(**{name: x.ravel().astype(float) for name, x in values.items()})
    names = pd.DataFrame(
        {"code": codes, "name": [f"股{k}" for k in range(stocks)], "board": "MAIN",
         "sector": "煤炭", "list_date": pd.Timestamp("2010-01-04"),
         "float_shares": np.exp(rng.normal(20, 0.5, stocks)), "total_shares": 1e10}
    )  # fmt: skip
    at = np.flatnonzero(listed.ravel())
    rows = pd.DataFrame({"session": days[row[at]], "code": codes[column[at]], "reason": REASON})
    amount = np.exp(rng.normal(17, 0.3, len(at)))
    buys = bought.ravel()[at] > 0
    sides = [
        rows.assign(
            side="buy", rank=1, seat=np.where(buys, INSTITUTION, HOT), buy=amount, sell=0.0
        ),
        rows.assign(
            side="sell", rank=1, seat=np.where(buys, OTHER, INSTITUTION), buy=0.0, sell=amount
        ),
    ]
    return {
        "bars": bars,
        "map": names,
        "list_rows": rows.assign(name="甲"),
        "seat_rows": pd.concat(sides, ignore_index=True),
    }


def home_of(root: Path, **size: int) -> Home:
    """A home with such stocks and without any sector."""
    home = Home(root).create()
    store(root, **tables(**size))
    return home

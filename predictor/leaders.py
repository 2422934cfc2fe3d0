"""How yesterday's limit-ups come out of the opening auction, and a rule that re-ranks by it.

The rule is for a morning of which only these stocks are known. A sector's gap is the mean, over its
limit-ups of the session before, of auction price over previous close, less 1; a sector without one
takes the median of the others. Its strength is the expected count that belongs to its place in the
forecast, times 1 + 10 x gap (0 at least): that yesterday's limit-ups open 3% higher counts for 30%
more limit-ups. The top sectors are put in the order of strength, so where all gaps are equal
nothing moves, and no sector enters that the forecast left out.

docs/backtest.md has what this rule did on half a year of real opening prices.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_profile.day import resolver
from data_profile.day_tables import DayTables
from data_profile.home import Home
from data_profile.members import Members
from data_profile.raw import Raw
from data_profile.sectors import Sectors
from data_profile.stocks import StockStore

if TYPE_CHECKING:
    import pandas as pd

WEIGHT = 10.0


@dataclass(frozen=True)
class Leaders:
    """How the limit-ups of the session before came out of a sector's auction.

    Parameters
    ----------
    stocks
        How many of them have an auction price.
    higher
        How many lie above their previous close.
    gap
        Mean of price over previous close, less 1.
    """

    stocks: int
    higher: int
    gap: float


def leaders(
    home: Home, raw: Raw, auction: "pd.DataFrame", as_of: datetime.date
) -> dict[str, Leaders]:
    """Sector id -> how its limit-ups of session `as_of` came out of the auction's table.

    Raises
    ------
    data_profile.errors.StoreError
        The raw zone is damaged.
    """
    rows = auction.dropna(subset="gap").merge(_sectors_of(home, raw, as_of), on="code")
    return {
        str(sector): Leaders(len(gaps), int((gaps > 0).sum()), float(gaps.mean()))
        for sector, gaps in rows.groupby("sector")["gap"]
    }


def limit_ups(raw: Raw, session: datetime.date) -> "pd.DataFrame | None":
    """The last good pool of a session's limit-ups; None where there is none."""
    pools = [
        entry
        for entry in raw.observations(session=session)
        if entry.source.split(".")[1] == "limit_up_pool" and not entry.quarantined
    ]
    return raw.get(pools[-1].id).frame if pools else None


def _sectors_of(home: Home, raw: Raw, as_of: datetime.date) -> "pd.DataFrame":
    """(code, sector) of the limit-ups of a session: by the boards' members, by the industry that
    the pool itself names, else by the map of the stock store.
    """  # noqa: D205
    import pandas as pd

    pool = limit_ups(raw, as_of)
    stocks = StockStore(home.store / "stocks")
    parts = []
    if pool is not None:
        resolve = resolver(Sectors(home.store / "sectors"), [], as_of)
        day = DayTables.of({"limit_up_pool": pool}, Members(raw).of(as_of).table, resolve)
        parts.append(day.place(pool)[["code", "sector"]])
    if stocks.has("map"):
        known = stocks.map().dropna(subset="sector_id")[["code", "sector_id"]]
        placed = set(parts[0]["code"]) if parts else set()
        rest = known[~known["code"].isin(placed)]
        parts.append(rest.rename(columns={"sector_id": "sector"}))
    return pd.concat(parts) if parts else pd.DataFrame({"code": [], "sector": []}, dtype=object)


def strengths(expected: Sequence[tuple[str, float]], found: Mapping[str, Leaders]) -> list[float]:
    """The module's rule: the strength of each sector.

    Parameters
    ----------
    expected
        (sector id, expected count) of the top sectors, by place.
    found
        Sector id -> how its limit-ups of the session before came out of the auction.
    """
    known = [found[sector].gap for sector, _ in expected if sector in found]
    usual = float(np.median(known)) if known else 0.0
    dealt = sorted((count for _, count in expected), reverse=True)
    return [
        count * max(0.0, 1 + WEIGHT * (found[sector].gap if sector in found else usual))
        for (sector, _), count in zip(expected, dealt, strict=True)
    ]

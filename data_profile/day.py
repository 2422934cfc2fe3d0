"""The sector-day of one session, built from what the raw zone holds of it.

Every table is taken from its latest good observation; where two upstreams give the same table, the
one that stands first in the list of sources. Members are those of the session, or the last that
were seen before it, never later ones. Building twice from the same observations gives the same day.
"""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

from data_profile import aggregate
from data_profile.day_tables import NEEDED, unplaced
from data_profile.home import Home
from data_profile.raw import Raw
from data_profile.sectors import Sectors
from data_profile.sources.base import Observation
from data_profile.store import Store

MEMBERS = "board_members"


@dataclass(frozen=True)
class Built:
    """A day as it entered the store.

    Parameters
    ----------
    session
        Date in Asia/Shanghai.
    observed_at
        When the last of its tables was fetched: from then on the day was known so.
    state
        complete: every expected table is in it; partial: some are not.
    missing
        Names of the expected tables that are not in it.
    sectors
        How many rows.
    doubtful
        Boards that wait on the review list, or that no sector was found for.
    """

    session: datetime.date
    observed_at: datetime.datetime
    state: Literal["complete", "partial"]
    missing: tuple[str, ...]
    sectors: int
    doubtful: tuple[str, ...]

    def note(self) -> str:
        """One line for a person."""
        parts = [f"{self.sectors} sectors"]
        if self.missing:
            parts.append(f"without {', '.join(self.missing)}")
        if self.doubtful:
            parts.append(f"{len(self.doubtful)} boards in doubt: tide data sectors review")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self) | {
            "session": self.session.isoformat(),
            "observed_at": self.observed_at.isoformat(),
        }


def build(home: Home, session: datetime.date, expected: Sequence[str]) -> Built | None:
    """Build the day of a session and put it into the store.

    Parameters
    ----------
    home
        Raw zone, sectors and store stand below it.
    session
        Date in Asia/Shanghai.
    expected
        Names of the sources that should be in by now, in the order of preference.

    Returns
    -------
    Built
        None where no table of the session is good: the store is left as it was.

    Raises
    ------
    SectorError, AggregateError, StoreError
        The day cannot be built; the store is as it was.
    """
    raw = Raw(home.store / "raw")
    found = _latest(raw, session, expected)
    members = _members(raw, session)
    ...

"""A day as a machine sees it: a clock that tests set, upstreams and channels on 127.0.0.1.

The clock lives in a file, since every step reads it in a process of its own.
"""

import datetime
import os
import shutil
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from data_profile.collector import Report
from data_profile.fetching import Sources
from data_profile.home import Home
from data_profile.journal import Journal, StepRecord
from data_profile.market import synthetic
from data_profile.schedule import SHANGHAI
from data_profile.sectors import Sectors
from data_profile.service import run_due
from data_profile.sessions import sessions
from data_profile.sources.base import Source
from data_profile.store import Store
from predictor.daily import TASKS
from predictor.training import train
from tests.data_profile.replayed import replayed
from tests.replay.bodies import CONCEPTS, INDUSTRIES
from tests.replay.server import Upstream

THURSDAY, FRIDAY = datetime.date(2026, 11, 19), datetime.date(2026, 11, 20)
SATURDAY, MONDAY = datetime.date(2026, 11, 21), datetime.date(2026, 11, 23)
CLOCK = "TIDE_TEST_CLOCK"
QUOTES, POOL = "akshare.board_quotes.industry", "akshare.limit_up_pool"
NAMES = (POOL, "akshare.broken_pool", QUOTES, "akshare.board_flow.industry", "akshare.auction",
         "akshare.lhb_stocks")  # fmt: skip


def clock() -> datetime.datetime:
    """The time that the test has set, and what has passed since."""
    moment, since = Path(os.environ[CLOCK]).read_text().split()
    passed = datetime.timedelta(seconds=time.monotonic() - float(since))
    return datetime.datetime.fromisoformat(moment) + passed


def source(name: str, url: str) -> Source:
    return replayed(name, url, clock())


def upstream_sources(url: str, names: Sequence[str] = NAMES) -> Sources:
    return {name: partial(source, name, url) for name in names}


def trained_home(root: Path) -> Home:
    """A store that ends on Thursday, of the boards that the replay server knows, and a model."""
    home = Home(root).create()
    names = [*INDUSTRIES, *CONCEPTS]
    market = synthetic(3, sectors=len(names), sessions=620)
    days = np.unique(market.frame["date"])
    now = sessions(THURSDAY - datetime.timedelta(days=1500), THURSDAY)[-len(days) :]
    frame = market.frame.assign(
        date=market.frame["date"].map(dict(zip(days, np.array(now, "datetime64[ns]"), strict=True)))
    )
    ids = dict(zip(market.names, names, strict=True))
    master = Sectors(home.store / "sectors")
    known: dict[str, str] = {}
    for kind, boards in (("industry", INDUSTRIES), ("concept", CONCEPTS)):
        part = {old: name for old, name in ids.items() if name in boards}
        known |= master.adopt(part, now[0], kind=kind)
    frame["instrument"] = frame["instrument"].map(known)
    Store(home.store).build(frame, {known[old]: name for old, name in ids.items()}, source="test")
    train(home, seed=5)
    return home


class Machine:
    """One home folder, its clock and its upstreams."""

    def __init__(self, home: Home, place: Path, upstream: Upstream) -> None:
        self.home, self.upstream, self.said = home, upstream, list[str]()
        self._clock = place / "clock"
        os.environ[CLOCK] = str(self._clock)

    def set(self, day: datetime.date, at: str) -> None:
        """Set the clock; it goes on from there."""
        moment = datetime.datetime.combine(day, datetime.time.fromisoformat(at), SHANGHAI)
        self._clock.write_text(f"{moment.isoformat()} {time.monotonic()}")

    def wake(self, day: datetime.date, at: str) -> list[Report]:
        """What the machine does at a time of a day: all that is due."""
        self.set(day, at)
        return run_due(
            self.home, upstream_sources(self.upstream.url), clock, self.said.append, tasks=TASKS
        )

    def records(self, day: datetime.date) -> dict[str, StepRecord]:
        with Journal(self.home.journal) as journal:
            return {row.step: row for row in journal.records(first=day, last=day)}


def copied(template: Home, root: Path) -> Home:
    shutil.copytree(template.root, root, symlinks=True)
    return Home(root)

"""A collector that is killed at its n-th touch of the disk; the module is its own program.

Every call that changes what a crash leaves behind (fsync, rename, link, removal, folder, and each
SQL statement) counts twice: just before and just after. At the n-th, the process gets SIGKILL.
"""

import datetime
import json
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from data_profile import collector, fetching
from data_profile.errors import SourceError
from data_profile.fetching import Answer, Job, Sources
from data_profile.home import Home
from data_profile.schedule import SHANGHAI
from tests.data_profile.fake_sources import Fake

CALLS = ("fsync", "replace", "rename", "unlink", "mkdir", "rmdir", "symlink")
CODES = ["600100", "600101"]


class Quotes(Fake):
    """Two boards."""

    name = "fake.board_quotes.industry"

    def table(self, session: datetime.date) -> pd.DataFrame:
        day = float(session.day)
        names = ["半导体", "银行"]
        level = [1000.0 + day, 2000.0 + day]
        return pd.DataFrame(
            {"board": names, "kind": "industry", "close": level, "open": level,
             "high": level, "low": level, "turnover": 1e9 + day}
        )  # fmt: skip


class Pool(Fake):
    """Two limit-ups."""

    name = "fake.limit_up_pool"
    key = ("code",)

    def table(self, session: datetime.date) -> pd.DataFrame:
        return pd.DataFrame(
            {"code": CODES, "name": ["甲", "乙"], "industry": ["半导体", "银行"],
             "streak": [1.0 + session.day % 3, 1.0], "breaks": 0.0}
        )  # fmt: skip


class Members(Fake):
    """Who belongs where."""

    name = "fake.board_members.industry"
    key = ("board", "code")

    def table(self, session: datetime.date) -> pd.DataFrame:
        return pd.DataFrame({"board": ["半导体", "银行"], "code": CODES, "kind": "industry"})


SOURCES: Sources = {kind.name: kind for kind in (Quotes, Pool, Members)}


def evening() -> datetime.datetime:
    """Friday at 18:30: the confirmation, the second collection and the lists are due."""
    return datetime.datetime(2026, 11, 20, 18, 30, tzinfo=SHANGHAI)


def fetch_here(jobs: Sequence[Job], scratch: Path, **_: Any) -> Iterator[tuple[str, Answer]]:
    """The sources asked in this very process: the fetching one keeps nothing that could be lost."""
    for job in jobs:
        try:
            yield job.name, job.make().fetch(job.session)
        except SourceError as error:
            yield job.name, error


def run(home: Path, session: datetime.date, told: Path | None = None) -> None:
    """Collect a session at 15:36 as a fixed clock shows it; `told` gets the report."""
    moment = datetime.datetime.combine(session, datetime.time(15, 36), SHANGHAI)
    collector.fetch = fetch_here  # type: ignore[attr-defined]
    try:
        report = collector.collect(
            Home(home).create(), session, "collect", sources=SOURCES, now=lambda: moment
        )
    finally:
        collector.fetch = fetching.fetch  # type: ignore[attr-defined]
    if told is not None:
        told.write_text(json.dumps(report.to_dict()))


class Switch:
    """Counts touches of the disk; kills this process at one of them.

    Parameters
    ----------
    at
        Which, from 1; 0 never.
    """

    def __init__(self, at: int) -> None:
        self.at = at
        self.seen: list[str] = []
        self._lock = threading.Lock()

    def touch(self, label: str) -> None:
        with self._lock:
            self.seen.append(label)
            if len(self.seen) == self.at:
                os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        for name in CALLS:
            setattr(os, name, self._counted(name, getattr(os, name)))
        connect = sqlite3.connect

        def traced(*args: Any, **kwargs: Any) -> sqlite3.Connection:
            connection = connect(*args, **kwargs)
            connection.set_trace_callback(lambda text: self.touch(f"sql {text.split()[0]}"))
            return connection

        sqlite3.connect = traced  # type: ignore[assignment]

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            target = Path(str(args[-1])).name if name != "fsync" else ""
            self.touch(f"before {name} {target}")
            found = call(*args, **kwargs)
            self.touch(f"after {name} {target}")
            return found

        return counted


def victim(home: Path, session: datetime.date, at: int, told: Path) -> None:
    """Run until the switch kills; without a kill, `told` gets every touch, one a line."""
    switch = Switch(at)
    switch.install()
    run(home, session)
    told.write_text("\n".join(switch.seen))

"""What a source is, what it hands over, and how it fails.

A source answers with an `Observation`: a table in our names and units AND what the table claims to
be: whose it is, which session it speaks of, when it was fetched, and whether the upstream itself
said so. Whatever goes wrong is one of a few `SourceError`s, so that who collects knows whether to
try again, to stop asking, or to go on without the table.
"""

import datetime
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from data_profile.errors import SourceError

_NAME = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


class SourceUnreachable(SourceError):
    """No answer: time-out, reset or server fault, after the retries. Worth trying again later."""


class SourceRefused(SourceError):
    """The upstream turned us away (403, captcha, ban). Asking again makes it worse."""


class SourceSpent(SourceRefused):
    """The run has used up its own cap on requests, kept so that the upstream does not ban us."""


class SourceEmpty(SourceError):
    """The upstream has nothing for that session."""


class SourceStale(SourceError):
    """The answer speaks of another session than the one asked for."""


class SourceMalformed(SourceError):
    """The answer is cut off, or its columns or types are not those we know."""


@dataclass(frozen=True)
class Observation:
    """A table and what it claims to be.

    Parameters
    ----------
    source
        Name in `sources.SOURCES`, such as "akshare.limit_up_pool" ([a-z0-9_.]+). The part after
        the first dot is the name of the table, see `table`.
    session
        The session the upstream itself speaks of, where `dated`; else the one asked for.
    observed_at
        When it was fetched; timezone-aware.
    dated
        True: the answer itself carried its date. False: a snapshot stamped by us.
    frame
        Tidy: our column names and units (yuan, ratio, count, points), one row per key. It may
        have no rows: the upstream says that there was nothing that session.
    key
        Columns that together name a row.

    Raises
    ------
    SourceError
        `observed_at` has no time zone, the name is none, or the key does not name each row once.
    """

    source: str
    session: datetime.date
    observed_at: datetime.datetime
    dated: bool
    frame: pd.DataFrame
    key: tuple[str, ...]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.source):
            raise SourceError(f"{self.source!r} is no name of a source; it is like 'akshare.news'")
        if self.observed_at.tzinfo is None:
            raise SourceError(f"{self.source}: observed_at {self.observed_at} has no time zone")
        missing = [name for name in self.key if name not in self.frame.columns]
        if not self.key or missing:
            raise SourceMalformed(f"{self.source}: key {missing or '()'} stands in no column")
        again = self.frame.duplicated(list(self.key))
        if again.any():
            row = self.frame.loc[again, list(self.key)].iloc[0].tolist()
            raise SourceMalformed(f"{self.source}: two rows for {self.key} = {row}")

    @property
    def table(self) -> str:
        """Name of the table: "board_flow" of "akshare.board_flow.industry".

        Two sources of one table ("akshare.limit_up_pool", "ths.limit_up_pool") have columns of
        the same names, meanings and units.
        """
        return self.source.split(".")[1]


class Source(ABC):
    """One table of one upstream.

    Attributes
    ----------
    name
        Its name in `sources.SOURCES`.
    known_at
        Time of the session (Asia/Shanghai) from which its content is out: "15:35", "16:45",
        "18:10", or "09:26" for what the morning auction shows.
    key
        Columns that name a row.
    interface
        The upstream's own name for it.
    snapshot
        Whether the upstream only ever answers for now: an earlier session cannot be had.
    instead_of
        Name of the source that makes this one needless: it is asked only where that one failed.
    """

    name: str
    known_at: str
    key: tuple[str, ...]
    interface: str
    snapshot: ClassVar[bool] = False
    instead_of: ClassVar[str | None] = None

    @abstractmethod
    def fetch(self, session: datetime.date) -> Observation:
        """Ask the upstream for `session`.

        Raises
        ------
        SourceUnreachable, SourceRefused, SourceEmpty, SourceStale, SourceMalformed
            Each message names the source and what went wrong.
        """

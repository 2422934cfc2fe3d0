"""The real sources and the real parsers, asking the local server of tests/replay."""

import datetime
from collections.abc import Callable
from functools import cache, partial

from data_profile.backfill import FLOW, QUOTES
from data_profile.fetching import Sources
from data_profile.sources import SOURCES
from data_profile.sources.akshare_history import BoardMainFlowHistory, BoardQuotesHistory
from data_profile.sources.base import Source
from data_profile.sources.transport import Clock, Limits, Transport

LIMITS = Limits(timeout=5.0, deadline=20.0, attempts=2, backoff=0.0, interval=0.0, requests=5000)


class Fixed(Clock):
    """The same moment for ever."""

    def __init__(self, moment: datetime.datetime) -> None:
        self.moment = moment

    def now(self) -> datetime.datetime:
        return self.moment


def replayed(name: str, url: str, moment: datetime.datetime) -> Source:
    return SOURCES[name](transport=Transport(LIMITS, base_url=url, clock=Fixed(moment)))


def sources(url: str, moment: datetime.datetime, *names: str) -> Sources:
    """Sources (all, if none is named) that ask `url` at a moment."""
    return {name: partial(replayed, name, url, moment) for name in names or SOURCES}


def replayed_history(
    made: type[Source],
    url: str,
    moment: datetime.datetime,
    limits: Limits,
    board: str,
    kind: str,
    code: str,
) -> Source:
    return made(board, kind, code, transport=_shared(url, moment, limits))  # type: ignore[call-arg]


@cache
def _shared(url: str, moment: datetime.datetime, limits: Limits) -> Transport:
    """One a process, as it is in earnest: the cap on requests counts over all boards."""
    return Transport(limits, base_url=url, clock=Fixed(moment))


def histories(
    url: str, moment: datetime.datetime, limits: Limits = LIMITS
) -> dict[str, Callable[..., Source]]:
    return {
        QUOTES: partial(replayed_history, BoardQuotesHistory, url, moment, limits),
        FLOW: partial(replayed_history, BoardMainFlowHistory, url, moment, limits),
    }

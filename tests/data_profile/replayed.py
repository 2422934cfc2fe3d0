"""The real sources and the real parsers, asking the local server of tests/replay."""

import datetime
from functools import partial

from data_profile.fetching import Sources
from data_profile.sources import SOURCES
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

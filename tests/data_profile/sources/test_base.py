"""Observations refuse to be what they cannot; every source says what it is."""

import datetime

import pandas as pd
import pytest

from data_profile.errors import SourceError
from data_profile.sources import SOURCES
from data_profile.sources.base import Observation, SourceMalformed

DAY = datetime.date(2026, 11, 20)
NOW = datetime.datetime(2026, 11, 20, 15, 40, tzinfo=datetime.UTC)
FRAME = pd.DataFrame({"code": ["000001", "000002"], "close": [1.0, 2.0]})


def test_observation_says_its_table() -> None:
    for name, table in (("akshare.news", "news"), ("akshare.board_flow.industry", "board_flow")):
        assert Observation(name, DAY, NOW, True, FRAME, ("code",)).table == table


@pytest.mark.parametrize(
    ("name", "at", "key"),
    [
        ("news", NOW, ("code",)),
        ("../../etc", NOW, ("code",)),
        ("Akshare.News", NOW, ("code",)),
        ("akshare.news", NOW.replace(tzinfo=None), ("code",)),
        ("akshare.news", NOW, ()),
        ("akshare.news", NOW, ("board",)),
    ],
)
def test_observation_refuses_what_it_cannot_be(
    name: str, at: datetime.datetime, key: tuple[str, ...]
) -> None:
    with pytest.raises(SourceError):
        Observation(name, DAY, at, True, FRAME, key)


def test_key_names_each_row_once() -> None:
    twice = pd.concat([FRAME, FRAME])
    with pytest.raises(SourceMalformed, match="000001"):
        Observation("akshare.news", DAY, NOW, True, twice, ("code",))


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_says_what_it_is(name: str) -> None:
    source = SOURCES[name]()
    assert source.name == name
    assert source.known_at in ("15:35", "16:45", "18:10", "09:26")
    assert source.key
    assert source.interface
    assert (source.known_at == "18:10") is any(part in name for part in (".lhb_", "_members"))

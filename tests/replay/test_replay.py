"""Every source against every way an upstream was seen to fail: right, or a typed error."""

import contextlib
import dataclasses
import datetime

import pandas as pd
import pytest

from data_profile.quality import check
from data_profile.sources.base import (
    Observation,
    SourceEmpty,
    SourceMalformed,
    SourceRefused,
    SourceStale,
    SourceUnreachable,
)
from data_profile.sources.transport import Transport
from tests.replay.conftest import ASKED, LIMITS, MADE, SESSION
from tests.replay.server import Upstream

POOLS = [name for name in MADE if name.endswith(("_pool", "_previous"))]
LISTS = ("akshare.stocks", "akshare.opening_quotes")
SNAPSHOTS = [n for n in MADE if n in LISTS or ("board_" in n and "history" not in n)]
UNDATED = [
    n for n in MADE if n in LISTS or "news" in n
    or any(part in n for part in ("board_flow", "members", "history"))
]  # fmt: skip
FAILURES = {
    "null": (SourceEmpty, "nothing|empty page"),
    "403": (SourceRefused, "403"),
    "captcha": (SourceRefused, "captcha"),
    "redirect": (SourceRefused, "192.0.2.1"),
    "reset": (SourceUnreachable, "connection failed"),
    "slow": (SourceUnreachable, "no answer within 0.3 s"),
    "error": (SourceUnreachable, "500"),
    "truncated": (SourceMalformed, "cut off"),
    "cut": (SourceMalformed, "cut off"),
    "huge": (SourceMalformed, "larger than 200000 bytes"),
}


def fetch(name: str, transport: Transport, session: datetime.date = SESSION) -> Observation:
    return MADE[name](transport).fetch(session)


@pytest.mark.parametrize("name", MADE)
def test_ok_is_taken_and_good(name: str, transport: Transport) -> None:
    seen = fetch(name, transport)
    assert (seen.source, seen.session) == (name, SESSION)
    assert seen.observed_at == transport.clock.now()
    assert seen.dated is (name not in UNDATED)
    assert len(seen.frame)
    assert all(column.isascii() for column in seen.frame)  # none passes that is not ours
    assert check(seen).reasons == ()


@pytest.mark.parametrize("mode", FAILURES)
@pytest.mark.parametrize("name", MADE)
def test_failure_is_typed_and_names_the_source(
    name: str, mode: str, transport: Transport, upstream: Upstream
) -> None:
    upstream.mode = mode
    kind, words = FAILURES[mode]
    if mode == "slow":
        limits = dataclasses.replace(LIMITS, timeout=0.3)
        transport = Transport(limits, base_url=upstream.url, clock=transport.clock)
    with pytest.raises(kind, match=words) as caught:
        fetch(name, transport)
    assert type(caught.value) is kind
    assert name in str(caught.value)
    retried = mode in ("reset", "slow", "error", "truncated")
    assert len(upstream.requests) == (LIMITS.attempts if retried else 1)


@pytest.mark.parametrize("name", MADE)
def test_no_rows(name: str, transport: Transport, upstream: Upstream) -> None:
    upstream.mode = "empty"
    if name in POOLS:  # dated, and says that there was none
        seen = fetch(name, transport)
        assert seen.dated
        assert seen.frame.empty
        assert set(seen.frame) >= {"code", "close"}
    else:
        with pytest.raises(SourceEmpty, match=name):
            fetch(name, transport)


@pytest.mark.parametrize("mode", ["extra", "reordered"])
@pytest.mark.parametrize("name", MADE)
def test_changed_fields_never_enter(
    name: str, mode: str, transport: Transport, upstream: Upstream
) -> None:
    good = fetch(name, transport)
    upstream.mode = mode
    with contextlib.suppress(SourceMalformed):
        seen = fetch(name, transport)
        if check(seen, good).good:  # then it was read by name, and nothing moved
            pd.testing.assert_frame_equal(seen.frame, good.frame)


@pytest.mark.parametrize("name", MADE)
def test_any_two_fields_swapped_never_enter(
    name: str, transport: Transport, upstream: Upstream
) -> None:
    """The sharper form of a reordering: every pair of neighbours in turn."""
    good = fetch(name, transport)
    upstream.mode = "reordered"
    unnoticed = []
    for at in range(41 if "quotes." in name else 20):
        upstream.swap = (at, at + 1)
        try:
            seen = fetch(name, Transport(LIMITS, base_url=upstream.url, clock=transport.clock))
        except (SourceMalformed, SourceStale, SourceEmpty):
            continue
        if check(seen, good).good and not seen.frame.equals(good.frame):
            unnoticed.append((at, at + 1))
    assert unnoticed == []


@pytest.mark.parametrize("name", [name for name in MADE if name not in UNDATED])
def test_another_session_is_refused(name: str, transport: Transport, upstream: Upstream) -> None:
    upstream.mode = "stale"
    with pytest.raises(SourceStale, match=rf"{name}.*2026-11-13"):
        fetch(name, transport)


@pytest.mark.parametrize("name", [n for n in MADE if "board_flow." in n or n in LISTS])
def test_undated_snapshot_of_another_session_is_noticed(
    name: str, transport: Transport, upstream: Upstream
) -> None:
    """Its pages carry no date: only that nothing moved gives it away."""
    good = fetch(name, transport)
    before = SESSION - datetime.timedelta(1)
    previous = Observation(name, before, good.observed_at, False, good.frame, good.key)
    verdict = check(fetch(name, transport), previous)
    assert not verdict.good
    assert "2026-11-19" in verdict.reasons[0]
    upstream.session = SESSION - datetime.timedelta(7)
    assert check(fetch(name, transport), previous).good


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_snapshot_cannot_be_had_of_another_day(name: str, transport: Transport) -> None:
    for day in (SESSION - datetime.timedelta(1), SESSION + datetime.timedelta(3)):
        with pytest.raises(SourceStale, match=name):
            fetch(name, transport, day)
    assert transport.requests == 0


@pytest.mark.parametrize("name", ASKED)
def test_what_to_ask_for_is_found_when_not_given(
    name: str, transport: Transport, upstream: Upstream
) -> None:
    from data_profile.sources import SOURCES

    seen = SOURCES[name](transport=transport).fetch(SESSION)
    assert len(seen.frame) >= 6
    assert check(seen).good
    upstream.mode = "403"
    with pytest.raises(SourceRefused, match=f"{name}, when listing"):
        SOURCES[name](transport=transport).fetch(SESSION)

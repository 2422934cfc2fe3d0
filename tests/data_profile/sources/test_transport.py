"""The door that every request of a source goes through."""

import datetime
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import requests

from data_profile.errors import SourceError
from data_profile.sources import SOURCES
from data_profile.sources.answers import Answer
from data_profile.sources.base import (
    SourceMalformed,
    SourceRefused,
    SourceSpent,
    SourceStale,
    SourceUnreachable,
)
from data_profile.sources.pace import Limits
from data_profile.sources.transport import Transport
from tests.conftest import REPOSITORY
from tests.replay.conftest import LIMITS, SESSION, FixedClock
from tests.replay.server import Upstream

URL = "https://push2ex.eastmoney.com/getTopicZTPool"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream(SESSION) as server:
        yield server


def ask(transport: Transport, url: str = URL, session: datetime.date | None = SESSION) -> object:
    with transport.fetching("some.source", session):
        return requests.get(url, params={"date": "20261120"}).json()


def test_request_goes_to_the_local_server_and_names_the_host(upstream: Upstream) -> None:
    transport = Transport(LIMITS, base_url=upstream.url, clock=FixedClock())
    assert ask(transport)["data"]["qdate"] == 20261120
    assert upstream.requests == [("push2ex.eastmoney.com", "/getTopicZTPool", {"date": "20261120"})]


def test_requests_of_others_are_not_touched(upstream: Upstream) -> None:
    transport = Transport(LIMITS, base_url=upstream.url, clock=FixedClock())
    ask(transport)
    upstream.mode = "403"
    answer = requests.get(upstream.url + "/getTopicZTPool", timeout=5)
    assert answer.status_code == 403
    assert transport.requests == 1


def test_tries_again_with_growing_jittered_pauses(upstream: Upstream) -> None:
    limits = Limits(timeout=5, attempts=4, backoff=2, interval=0)
    waits = []
    for _ in range(2):
        clock = FixedClock()
        upstream.flaky = 3
        ask(Transport(limits, base_url=upstream.url, clock=clock, rng=random.Random(5)))
        waits.append(clock.waited)
    assert waits[0] == waits[1]
    assert len(waits[0]) == 3
    for wait, pause in zip(waits[0], (2, 4, 8), strict=True):
        assert 0.5 * pause <= wait <= 1.5 * pause


def test_gives_up_after_its_attempts(upstream: Upstream) -> None:
    upstream.flaky = 99
    transport = Transport(LIMITS, base_url=upstream.url, clock=FixedClock())
    with pytest.raises(SourceUnreachable, match=r"some\.source.*2 times"):
        ask(transport)
    assert transport.requests == 2


def test_a_refusal_is_not_tried_again(upstream: Upstream) -> None:
    upstream.mode = "403"
    transport = Transport(LIMITS, base_url=upstream.url, clock=FixedClock())
    with pytest.raises(SourceRefused):
        ask(transport)
    assert transport.requests == 1


def test_paces_requests(upstream: Upstream) -> None:
    clock = FixedClock()
    transport = Transport(Limits(interval=0.8), base_url=upstream.url, clock=clock)
    for _ in range(4):
        ask(transport)
    assert clock.waited == pytest.approx([0.8] * 3)


def test_cap_is_shared_by_all_that_is_asked_in_a_run(upstream: Upstream) -> None:
    transport = Transport(Limits(requests=3), base_url=upstream.url, clock=FixedClock())
    for _ in range(3):
        ask(transport)
    with pytest.raises(SourceSpent, match="3 requests") as caught:
        ask(transport)
    assert isinstance(caught.value, SourceRefused)
    assert len(upstream.requests) == 3


def test_retries_count_against_the_cap(upstream: Upstream) -> None:
    upstream.flaky = 99
    limits = Limits(requests=3, attempts=10)
    transport = Transport(limits, base_url=upstream.url, clock=FixedClock())
    with pytest.raises(SourceSpent):
        ask(transport)
    assert len(upstream.requests) == 3


def _many_pages(path: str, body: dict) -> dict:
    return {**body, "result": {**body["result"], "pages": 10**9}}


def _many_boards(path: str, body: dict) -> dict:
    return {**body, "data": {**body["data"], "total": 10**9}}


def _many_stocks(path: str, body: dict) -> dict:
    return {**body, "data": {**body["data"], "page": {"total": 10**9}}}


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        ("eastmoney.lhb_seats", _many_pages),
        ("akshare.lhb_stocks", _many_pages),
        ("akshare.board_main_flow.industry", _many_boards),
        ("ths.limit_up_pool", _many_stocks),
    ],
)
def test_lying_page_count_cannot_ask_without_end(
    name: str, lie: Callable[[str, dict], dict], upstream: Upstream
) -> None:
    upstream.edit = lie
    limits = Limits(requests=20, interval=0)
    transport = Transport(limits, base_url=upstream.url, clock=FixedClock())
    with pytest.raises((SourceSpent, SourceMalformed), match=name):
        SOURCES[name](transport=transport).fetch(SESSION)
    assert len(upstream.requests) <= 20


def test_foreign_hosts_are_not_asked(upstream: Upstream) -> None:
    transport = Transport(LIMITS, base_url=upstream.url, clock=FixedClock())
    for url in ("http://192.0.2.1/x", "http://eastmoney.com.example.invalid/x", "http://[::1]/"):
        with pytest.raises(SourceRefused, match="no host of this source"):
            ask(transport, url)
    assert upstream.requests == []


def test_records_what_it_takes(upstream: Upstream) -> None:
    kept: list[Answer] = []
    transport = Transport(LIMITS, base_url=upstream.url, clock=FixedClock(), record=kept.append)
    ask(transport)
    upstream.mode = "captcha"
    with pytest.raises(SourceRefused):
        ask(transport)
    assert [answer.says() for answer in kept] == [SESSION]
    assert b"qdate" in kept[0].body


def test_date_of_the_answer_is_checked(upstream: Upstream) -> None:
    upstream.mode = "stale"
    transport = Transport(LIMITS, base_url=upstream.url, clock=FixedClock())
    with pytest.raises(SourceStale, match="asked for 2026-11-20, the answer is of 2026-11-13"):
        ask(transport)
    assert ask(transport, session=None)["data"]["qdate"] == 20261113


def test_nesting_without_end_is_malformed(upstream: Upstream) -> None:
    upstream.mode = "huge"
    transport = Transport(Limits(interval=0), base_url=upstream.url, clock=FixedClock())
    with pytest.raises(SourceMalformed, match="no JSON"):
        ask(transport)


def test_answer_that_never_ends_is_given_up(upstream: Upstream) -> None:
    """Byte by byte, each in time; the whole has a deadline too."""
    upstream.mode = "trickle"
    limits = Limits(timeout=20, deadline=0.2, attempts=1)
    with pytest.raises(SourceUnreachable, match=r"no whole answer within 0\.2 s"):
        ask(Transport(limits, base_url=upstream.url))


def test_size_is_that_of_the_unpacked_answer(upstream: Upstream) -> None:
    upstream.mode = "packed"
    transport = Transport(LIMITS, base_url=upstream.url, clock=FixedClock())
    with pytest.raises(SourceMalformed, match="larger than 200000 bytes"):
        ask(transport)
    upstream.mode = "unpackable"
    with pytest.raises(SourceMalformed, match="cannot be unpacked"):
        ask(transport)


@pytest.mark.parametrize(
    "url", ["http://example.com", "http://10.0.0.1:80", "https://127.0.0.1", "file:///etc", "x"]
)
def test_only_this_machine_may_stand_in(url: str) -> None:
    with pytest.raises(SourceError, match=r"127\.0\.0\.1"):
        Transport(base_url=url)


def test_limits_from_the_environment() -> None:
    chosen = Limits.from_environment({"TIDE_SOURCE_REQUESTS": "7", "TIDE_SOURCE_TIMEOUT": "1.5"})
    assert (chosen.requests, chosen.timeout, chosen.attempts) == (7, 1.5, Limits().attempts)
    for variable, text in (("REQUESTS", "many"), ("TIMEOUT", "0"), ("SIZE", "-1"),
                           ("DEADLINE", "nan"), ("INTERVAL", "inf")):  # fmt: skip
        with pytest.raises(SourceError):
            Limits.from_environment({f"TIDE_SOURCE_{variable}": text})


def test_child_process_is_sent_to_the_server_by_its_environment(upstream: Upstream) -> None:
    code = (
        "import datetime; from data_profile.sources import SOURCES;"
        "seen = SOURCES['akshare.limit_up_pool']().fetch(datetime.date(2026, 11, 20));"
        "print(len(seen.frame), seen.dated)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=REPOSITORY, env={**os.environ, "TIDE_SOURCE_URL": upstream.url},
    )  # fmt: skip
    assert done.stdout.split() == ["6", "True"]

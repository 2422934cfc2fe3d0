"""The one door through which every request of a source goes.

akshare asks without time-outs, without pauses and as often as it likes, and its parsers cannot
tell a ban from a holiday. While `Transport.fetching` is open, every request that this context
makes through `requests` (or through curl_cffi, which akshare uses for news) passes here instead:
paced, counted against the run's cap, bounded in time and size, tried again where that helps, and
looked at before the parser sees it. What goes wrong leaves as one of the `SourceError`s, which
akshare does not catch. Requests of other parts of the program are not touched.
"""

import contextlib
import datetime
import functools
import io
import ipaddress
import os
import random
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from data_profile.errors import SourceError
from data_profile.sources.answers import Answer
from data_profile.sources.base import (
    SourceEmpty,
    SourceMalformed,
    SourceRefused,
    SourceSpent,
    SourceStale,
    SourceUnreachable,
)
from data_profile.sources.pace import Clock, Limits

HOSTS = ("eastmoney.com", "10jqka.com.cn")
ORIGINAL = "X-Original-Host"  # tells a local server which host was meant
_REFUSALS = {401, 403, 407, 418, 429, 451}
_PASSED_ON = {301, 302, 303, 307, 308}


class Transport:
    """Requests of one run: paced, counted, bounded, judged.

    Not for use by several threads at once: a run asks one thing after the other.

    Parameters
    ----------
    limits
        How hard to ask.
    base_url
        For tests: where all requests go instead, "http://127.0.0.1:PORT". The header
        X-Original-Host names the host that was meant.
    record
        Called with every answer that was taken, before it is parsed.
    clock, rng
        Time and the jitter of the back-off.

    Raises
    ------
    SourceError
        `base_url` is not on this machine.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        base_url: str | None = None,
        record: Callable[[Answer], None] | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.clock = clock or Clock()
        self.requests = 0
        """Requests made so far in this run."""
        self._base_url = _loopback(base_url) if base_url else None
        self._record = record
        self._rng = rng or random.Random()
        self._last = float("-inf")

    @contextlib.contextmanager
    def fetching(self, source: str, session: datetime.date | None) -> Iterator[list[Answer]]:
        """Let the requests of this context pass here while the block runs.

        Parameters
        ----------
        source
            Who asks; every error names it.
        session
            The session every answer that says its date must speak of; None takes any.

        Yields
        ------
        The answers taken so far, in order.
        """
        _open_door()
        exchange = _Exchange(self, source, session, [])
        token = _exchange.set(exchange)
        try:
            yield exchange.answers
        finally:
            _exchange.reset(token)

    def pace(self, source: str) -> None:
        """Count one request and wait until it may be made.

        Raises
        ------
        SourceSpent
            The run has made all the requests it may.
        """
        if self.requests >= self.limits.requests:
            raise SourceSpent(
                f"{source}: this run has made its {self.limits.requests} requests; the rest waits "
                "for the next run (TIDE_SOURCE_REQUESTS sets the cap, bans come at about 200)"
            )
        wait = self._last + self.limits.interval - self.clock.monotonic()
        if wait > 0:
            self.clock.sleep(wait)
        self._last = self.clock.monotonic()
        self.requests += 1

    def back_off(self, attempt: int) -> None:
        """Wait after failed attempt number `attempt`, counted from 0."""
        self.clock.sleep(self.limits.backoff * 2**attempt * (0.5 + self._rng.random()))

    def host(self, request: requests.PreparedRequest) -> str:
        """The host that a request is meant for."""
        url = str(request.url)
        if self._base_url is not None and url.startswith(self._base_url + "/"):
            return str(request.headers.get(ORIGINAL, ""))  # a redirect within the local server
        return (urlsplit(url).hostname or "").lower()

    def target(self, request: requests.PreparedRequest, kept: dict[str, Any]) -> None:
        """Send a request to the local server, where one is set, and through no proxy."""
        if self._base_url is not None:
            request.headers[ORIGINAL] = self.host(request)
            parts = urlsplit(str(request.url))
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            request.url = self._base_url + path
            kept["proxies"] = None

    def taken(self, answer: Answer) -> None:
        """Record an answer."""
        if self._record is not None:
            self._record(answer)


@functools.cache
def shared() -> Transport:
    """The transport of this process: all sources share its pace and its cap.

    TIDE_SOURCE_URL sends everything to a local server, for tests; Limits has the other variables.
    """
    base_url = os.environ.get("TIDE_SOURCE_URL", "").strip() or None
    return Transport(Limits.from_environment(), base_url=base_url)


def _loopback(url: str) -> str:
    parts = urlsplit(url)
    try:
        here = ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        here = False
    if parts.scheme != "http" or not here:
        raise SourceError(f"{url!r} cannot stand in for the upstreams: use http://127.0.0.1:PORT")
    return f"http://{parts.netloc}"


@dataclass(frozen=True)
class _Exchange:
    """The requests of one fetch."""

    transport: Transport
    source: str
    session: datetime.date | None
    answers: list[Answer]

    def send(
        self, adapter: HTTPAdapter, request: requests.PreparedRequest, kept: dict[str, Any]
    ) -> requests.Response:
        """One request with its retries; the answer is whole, judged and kept."""
        limits = self.transport.limits
        asked = str(request.url)
        self._check_host(request)
        self.transport.target(request, kept)
        for attempt in range(limits.attempts):
            self.transport.pace(self.source)
            try:
                response, body = self._once(adapter, request, kept)
                break
            except (SourceUnreachable, _CutOff) as error:
                if attempt + 1 < limits.attempts:
                    self.transport.back_off(attempt)
                    continue
                tried = f"{error}, {limits.attempts} times"
                kind = SourceMalformed if isinstance(error, _CutOff) else SourceUnreachable
                raise kind(f"{self.source}: {tried}; try again later") from error
        if response.status_code not in _PASSED_ON:
            answer = Answer(asked, response.status_code, body)
            self._judge(answer)
            self.transport.taken(answer)
            self.answers.append(answer)
        return response

    def _check_host(self, request: requests.PreparedRequest) -> None:
        host = self.transport.host(request)
        if not any(host == known or host.endswith("." + known) for known in HOSTS):
            raise SourceRefused(
                f"{self.source}: sent on to {host!r}, which is no host of this source; "
                "it may ask for a captcha: open its site in a browser, or wait some hours"
            )

    def _once(
        self, adapter: HTTPAdapter, request: requests.PreparedRequest, kept: dict[str, Any]
    ) -> tuple[requests.Response, bytes]:
        limits, clock = self.transport.limits, self.transport.clock
        try:
            response = _send(
                adapter, request, **{**kept, "stream": True, "timeout": limits.timeout}
            )
            with contextlib.closing(response):
                body = self._body(response, clock.monotonic() + limits.deadline)
        except urllib3.exceptions.DecodeError as error:
            raise _CutOff("the answer cannot be unpacked") from error
        except urllib3.exceptions.ProtocolError as error:
            raise _CutOff("the answer was cut off") from error
        except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise SourceUnreachable(f"no answer within {limits.timeout:g} s") from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise SourceUnreachable(f"connection failed ({type(error).__name__})") from error
        if response.status_code >= 500:
            raise SourceUnreachable(f"the server answered {response.status_code}")
        return self._rebuilt(adapter, request, response, body), body

    def _body(self, response: requests.Response, give_up: float) -> bytes:
        """The whole body, unpacked; each part as it arrives, so that none can be waited for."""
        limits, body = self.transport.limits, bytearray()
        while part := response.raw.read1(65_536, decode_content=True):
            body += part
            if len(body) > limits.size:
                raise SourceMalformed(
                    f"{self.source}: the answer is larger than {limits.size} bytes"
                )
            if self.transport.clock.monotonic() > give_up:
                raise SourceUnreachable(f"no whole answer within {limits.deadline:g} s")
        return bytes(body)

    def _rebuilt(
        self,
        adapter: HTTPAdapter,
        request: requests.PreparedRequest,
        response: requests.Response,
        body: bytes,
    ) -> requests.Response:
        """The same response with its body already there and unpacked."""
        kept = {
            name: value
            for name, value in response.headers.items()
            if name.lower() not in ("content-encoding", "content-length", "transfer-encoding")
        }
        raw = urllib3.HTTPResponse(
            io.BytesIO(body), kept, response.status_code, preload_content=False
        )
        return adapter.build_response(request, raw)

    def _judge(self, answer: Answer) -> None:
        """Refuse what is no data of the session that was asked for."""
        if answer.status in _REFUSALS:
            raise SourceRefused(
                f"{self.source}: refused with status {answer.status}; asking again makes it worse, "
                "wait some hours"
            )
        if answer.status != 200:
            raise SourceMalformed(
                f"{self.source}: status {answer.status}; the address may have changed: "
                "look for a newer akshare"
            )
        head = answer.body[:2_000].lstrip().lower()
        if answer.page:
            self._judge_page(answer)
            return
        if head.startswith(b"<"):
            raise SourceRefused(
                f"{self.source}: a web page came where data was due, most likely a captcha; "
                "open the site in a browser, or wait some hours"
            )
        try:
            nothing, day = answer.nothing, answer.says()
        except ValueError as error:
            raise SourceMalformed(f"{self.source}: the answer is cut off or no JSON") from error
        if nothing:
            asked = f" for {self.session}" if self.session else ""
            raise SourceEmpty(f"{self.source}: the upstream has nothing{asked}")
        if self.session and day and day != self.session:
            raise SourceStale(
                f"{self.source}: asked for {self.session}, the answer is of {day}; "
                "not used, or one day would stand twice"
            )

    def _judge_page(self, answer: Answer) -> None:
        body = answer.body.lower()
        if b"<table" not in body:
            if not body.strip():
                raise SourceEmpty(f"{self.source}: an empty page")
            raise SourceRefused(
                f"{self.source}: a page without a table came, most likely a captcha; "
                "open the site in a browser, or wait some hours"
            )
        if b"</table>" not in body or b"page_info" not in body:
            raise SourceMalformed(f"{self.source}: the page is cut off")


class _CutOff(Exception):
    """A connection ended before its answer did."""


_exchange: ContextVar[_Exchange | None] = ContextVar("exchange", default=None)
_send = HTTPAdapter.send


def _sent(
    self: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **kwargs: Any
) -> requests.Response:
    exchange = _exchange.get()
    if exchange is None:
        return _send(self, request, *args, **kwargs)
    return exchange.send(self, request, kwargs)  # a Session names all that it passes


@functools.cache
def _open_door() -> None:
    """Put the door in front of requests and curl_cffi; outside `fetching` nothing changes."""
    from curl_cffi.requests import Session

    request: Any = Session.request

    def requested(self: object, method: Any, url: str, *args: Any, **kwargs: Any) -> object:
        if _exchange.get() is None:
            return request(self, method, url, *args, **kwargs)
        headers = {
            name: value
            for name, value in (kwargs.get("headers") or {}).items()
            if name.lower() != "accept-encoding"  # it may name packings that requests lacks
        }
        return requests.request(method, url, params=kwargs.get("params"), headers=headers)

    Session.request = requested  # type: ignore[method-assign, assignment]
    HTTPAdapter.send = _sent  # type: ignore[method-assign]

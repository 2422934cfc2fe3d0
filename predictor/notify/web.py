"""Posting JSON to a channel: bounded in time and size, no redirect, no secret in an error."""

import json
import time
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
import urllib3

from predictor.notify.base import Channel, Limited, Message, Refused, Unreachable

LONGEST = 65_536  # bytes of an answer
_LOCAL = ("127.0.0.1", "::1", "localhost")


class WebChannel(Channel):
    """A channel that takes JSON by POST and says in its answer's body what it made of it.

    Parameters
    ----------
    url
        Where to; holds the channel's key, so it is a secret itself.
    timeout
        Seconds for the whole answer.
    """

    code = "code"
    """Name of the number in the body that tells success."""
    text = "msg"
    """Name of the words beside it."""
    success = 0
    obeys_tags = True
    busy: frozenset[int] = frozenset()
    """Codes that mean: their side is in trouble."""
    limited: frozenset[int] = frozenset()
    """Codes that mean: too many messages."""

    def __init__(self, url: str, *, timeout: float) -> None:
        self._url, self._timeout = url.strip(), timeout
        path, _, query = self._url.partition("?")
        last = path.rsplit("/", 1)[-1]
        self.secrets = (self._url, last, *(value for _, value in parse_qsl(query)))

    @abstractmethod
    def payload(self, message: Message) -> Mapping[str, Any]:
        """The JSON that carries a message."""

    def address(self) -> str:
        """Where to post now; a channel that signs its address overrides this."""
        return self._url

    def deliver(self, message: Message) -> None:
        """Post, and read from the body what became of it.

        Raises
        ------
        Unreachable, Limited, Refused
            See `Channel.deliver`.
        """
        answer = post(self.address(), self.payload(message), self._timeout)
        code, said = answer.get(self.code), str(answer.get(self.text, ""))[:200]
        if code == self.success and not isinstance(code, bool):
            return
        what = f"it answered {self.code} {code!r}: {said}"
        if code in self.busy:
            raise Unreachable(what)
        if code in self.limited:
            raise Limited(what)
        raise Refused(what)


def post(url: str, payload: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """Post JSON and return the JSON object that is answered.

    Raises
    ------
    Unreachable
        No whole answer in time, or status 5xx.
    Limited
        Status 429.
    Refused
        The address is none, it is not encrypted, or the answer is another status or no JSON object.
    """
    host = _host(url)
    body = json.dumps(payload, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8"}
    try:
        with requests.post(
            url, body, headers=headers, timeout=timeout, allow_redirects=False, stream=True
        ) as answer:
            content = _read(answer, time.monotonic() + timeout)
    except (requests.Timeout, urllib3.exceptions.TimeoutError):
        raise Unreachable(f"{host} gave no answer within {timeout:g} s") from None
    except requests.exceptions.InvalidURL:
        raise Refused("its address is no web address; copy it again") from None
    except (
        requests.RequestException,
        urllib3.exceptions.HTTPError,
    ) as error:  # its text may hold the whole address
        raise Unreachable(f"{host} cannot be reached ({type(error).__name__})") from None
    if answer.status_code >= 500:
        raise Unreachable(f"{host} answered with status {answer.status_code}")
    if answer.status_code == 429:
        raise Limited(f"{host} takes no more messages for now (status 429)")
    if answer.status_code != 200:
        raise Refused(f"{host} answered with status {answer.status_code}; check the address")
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused(f"{host} answered something that is not the channel's; check the address")
    return found


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https"):
        raise Refused("its address is no web address (https://...); copy it again")
    if parts.scheme == "http" and host not in _LOCAL:
        raise Refused("its address must begin with https://: it holds a key")
    return host


def _read(answer: requests.Response, until: float) -> bytes:
    content = b""
    while len(content) <= LONGEST and (part := answer.raw.read1(4096, decode_content=True)):
        content += part
        if time.monotonic() > until:
            raise requests.Timeout
    return content

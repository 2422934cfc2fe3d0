"""Group robots: WeCom, DingTalk, Feishu. Each is set by the webhook that its app shows."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus, urlsplit

from predictor.notify.base import Message, Rule
from predictor.notify.web import WebChannel

Clock = Callable[[], float]


class WeCom(WebChannel):
    """A WeCom (企业微信) group robot.

    Its rule, as published: Markdown of at most 4,096 bytes, 20 messages a minute.
    """

    name = "wecom"
    escapes = False
    rule = Rule(4096 - 400, title=100, parts=4, interval=3.0)
    code, text = "errcode", "errmsg"
    busy = frozenset({-1})
    limited = frozenset({45009, 45033})

    def payload(self, message: Message) -> Mapping[str, Any]:
        """Markdown with the title as its first line."""
        content = f"**{message.title}**\n{message.markdown}"
        return {"msgtype": "markdown", "markdown": {"content": content}}


class DingTalk(WebChannel):
    """A DingTalk (钉钉) group robot, signed if a secret is set.

    Its rule, as published: 20 messages a minute, else ten minutes of silence; 20,000 bytes.

    Parameters
    ----------
    url, timeout
        See `WebChannel`.
    secret
        "SEC...", shown where the robot's security is set to signing; "" for none.
    clock
        Seconds since 1970.
    """

    name = "dingtalk"
    escapes = False
    rule = Rule(18_000, title=64, parts=4, interval=3.0)
    code, text = "errcode", "errmsg"
    busy = frozenset({-1})
    limited = frozenset({130101, 130102, 410100, 90018, 90030})

    def __init__(
        self, url: str, secret: str = "", *, timeout: float, clock: Clock = time.time
    ) -> None:
        super().__init__(url, timeout=timeout)
        self._secret, self._clock = secret.strip(), clock
        self.secrets += (self._secret,)

    def address(self) -> str:
        """The webhook with its time and signature, URL-encoded once."""
        if not self._secret:
            return self._url
        stamp = str(round(self._clock() * 1000))
        sign = _sign(self._secret.encode(), f"{stamp}\n{self._secret}".encode())
        joint = "&" if urlsplit(self._url).query else "?"
        return f"{self._url}{joint}timestamp={stamp}&sign={quote_plus(sign)}"

    def payload(self, message: Message) -> Mapping[str, Any]:
        """Markdown; the title is what a notification shows, and the first line."""
        content = f"### {message.title}\n{message.markdown}"
        return {"msgtype": "markdown", "markdown": {"title": message.title, "text": content}}


class Feishu(WebChannel):
    """A Feishu (飞书) group robot, signed if a secret is set.

    Its rule, as published: 5 messages a second and 100 a minute; a request of at most 20 KB.

    Parameters
    ----------
    url, secret, timeout, clock
        As for DingTalk; here the secret is that of "签名校验".
    """

    name = "feishu"
    escapes = False
    rule = Rule(9_000, title=100, parts=4, interval=0.7)
    limited = frozenset({9499, 11232, 99991400})

    def __init__(
        self, url: str, secret: str = "", *, timeout: float, clock: Clock = time.time
    ) -> None:
        super().__init__(url, timeout=timeout)
        self._secret, self._clock = secret.strip(), clock
        self.secrets += (self._secret,)

    def payload(self, message: Message) -> Mapping[str, Any]:
        """A card with the Markdown in it."""
        body: dict[str, Any] = {
            "msg_type": "interactive",
            "card": {
                "header": {"title": {"tag": "plain_text", "content": message.title}},
                "elements": [{"tag": "markdown", "content": message.markdown}],
            },
        }
        if self._secret:
            stamp = str(int(self._clock()))
            body |= {"timestamp": stamp, "sign": _sign(f"{stamp}\n{self._secret}".encode(), b"")}
        return body


def _sign(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()

"""Services that pass a message on to WeChat: ServerChan (Server酱) and PushPlus."""

import re
from collections.abc import Mapping
from typing import Any

from predictor.notify.base import Message, Refused, Rule
from predictor.notify.web import WebChannel

_TURBO = "https://sctapi.ftqq.com"
_KEY = re.compile(r"[A-Za-z0-9_-]+")
_OF_USER = re.compile(r"sctp(\d+)t")


class ServerChan(WebChannel):
    """ServerChan (Server酱): Turbo, or the third version, whose keys name their user.

    Its rule, as published: a title of 32 characters, a text of 32 KB, five messages a day without
    a subscription; so a long text is shortened, never split.

    Parameters
    ----------
    key
        The SendKey.
    url
        Base of the service; "" for its own.
    timeout
        See `WebChannel`.
    """

    name = "serverchan"
    rule = Rule(32_000, title=32)
    text = "message"
    limited = frozenset({40001})

    def __init__(self, key: str, url: str = "", *, timeout: float) -> None:
        key = key.strip()
        user = _OF_USER.match(key)
        base = url.strip() or (f"https://{user[1]}.push.ft07.com/send" if user else _TURBO)
        super().__init__(f"{base.rstrip('/')}/{key}.send", timeout=timeout)
        self._key = key
        self.secrets += (key,)

    def address(self) -> str:
        """The key's own address.

        Raises
        ------
        Refused
            The key is none, and would make another address of it.
        """
        if not _KEY.fullmatch(self._key):
            raise Refused("TIDE_NOTIFY_SERVERCHAN_KEY is no SendKey")
        return super().address()

    def payload(self, message: Message) -> Mapping[str, Any]:
        """Title and Markdown."""
        return {"title": message.title, "desp": message.markdown}


class PushPlus(WebChannel):
    """PushPlus (推送加).

    Its rule, as published: a title of 100 characters, a text of 20,000; whoever goes on after code
    900 is locked out for days, so such an answer is not tried again by itself.

    Parameters
    ----------
    token
        Of the user or the message.
    topic
        The group to send to; "" for oneself.
    url
        Base of the service.
    timeout
        See `WebChannel`.
    """

    name = "pushplus"
    rule = Rule(20_000, unit="characters", title=100)
    success = 200
    busy = frozenset({500})

    def __init__(self, token: str, topic: str, url: str, *, timeout: float) -> None:
        super().__init__(f"{url.strip().rstrip('/')}/send", timeout=timeout)
        self._token, self._topic = token.strip(), topic.strip()
        self.secrets = (self._token,)

    def payload(self, message: Message) -> Mapping[str, Any]:
        """Token, title and Markdown."""
        body = {
            "token": self._token,
            "title": message.title,
            "content": message.markdown,
            "template": "markdown",
        }
        return body | ({"topic": self._topic} if self._topic else {})

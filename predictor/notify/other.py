"""Every other channel, through apprise: Telegram, Slack, Discord, ntfy, Gotify, ..."""

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

from predictor.notify.base import Channel, Message, Refused, Rule, Unreachable

_ALONE = threading.Lock()  # apprise has one log for all


class Apprise(Channel):
    """One address in apprise's own notation, such as "tgram://TOKEN/CHAT".

    What apprise takes for success counts as such: unlike the channels of this program it does not
    look into the answer's body.

    Parameters
    ----------
    url
        The address; holds the channel's key, so it is a secret.
    """

    def __init__(self, url: str) -> None:
        import apprise

        scheme = url.partition("://")[0].strip()
        self.name = f"apprise-{scheme[:20] if scheme.isalnum() else 'address'}"
        self.secrets = (url, url.partition("://")[2])
        with _words():
            self._plugin: Any = apprise.Apprise.instantiate(url)
        if self._plugin is None:
            self.rule = Rule(1000)
        else:
            self.rule = Rule(
                self._plugin.body_maxlen,
                unit="characters",
                title=max(self._plugin.title_maxlen, 40),
                parts=4,
                interval=max(1.0, float(self._plugin.request_rate_per_sec)),
            )

    def deliver(self, message: Message) -> None:
        """Hand it to apprise.

        Raises
        ------
        Refused
            apprise does not understand the address.
        Unreachable
            apprise could not send it; its own words are in the message.
        """
        import apprise

        if self._plugin is None:
            raise Refused("apprise does not understand this address of TIDE_NOTIFY_APPRISE_URLS")
        hub = apprise.Apprise()
        hub.add(self._plugin)
        with _words() as said:
            done = hub.notify(
                body=message.markdown,
                title=message.title,
                body_format=apprise.NotifyFormat.MARKDOWN,
            )
        if not done:
            raise Unreachable(
                "apprise could not send it: " + ("; ".join(said) or "no reason given")
            )


@contextlib.contextmanager
def _words() -> Iterator[list[str]]:
    """What apprise says meanwhile, which else would go to standard error with all that it holds."""
    said: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, ear = logging.getLogger("apprise"), Ear(logging.WARNING)
    with _ALONE:
        kept = logger.propagate
        logger.addHandler(ear)
        logger.propagate = False
        try:
            yield said
        finally:
            logger.removeHandler(ear)
            logger.propagate = kept

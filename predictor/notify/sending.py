"""Sending one message to all channels at once: parts, pauses, retries, and what became of each."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from data_profile.redaction import redact
from predictor.notify.base import Channel, Message, NotifyError, Unreachable

ATTEMPTS = 3
BACKOFF = 2.0  # seconds before the second attempt, doubled before the third
Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Outcome:
    """What became of a message on one channel.

    Parameters
    ----------
    channel
        Its name.
    sent
        Whether the whole message was taken.
    parts
        Of how many messages it consists there.
    attempts
        Requests made, over all parts.
    reason
        Why it was not sent; empty if it was. Holds no secret.
    again
        Whether a later try may help without anybody changing a setting.
    """

    channel: str
    sent: bool
    parts: int
    attempts: int
    reason: str = ""
    again: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def send(
    message: Message,
    channels: Sequence[Channel],
    *,
    attempts: int = ATTEMPTS,
    sleep: Sleep = time.sleep,
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Send a message to every channel, to all at once.

    Parameters
    ----------
    message
        What to tell.
    channels
        To whom.
    attempts
        How often each part is tried where trying again at once may help.
    sleep
        Waits the given seconds.
    told
        Called in this thread with each outcome, in the order of `channels`.

    Returns
    -------
    list of Outcome
        In the order of `channels`. Nothing is raised for a channel that fails.
    """
    if not channels:
        return []
    outcomes = []
    with ThreadPoolExecutor(len(channels), thread_name_prefix="notify") as pool:
        for outcome in pool.map(lambda one: _send_one(message, one, attempts, sleep), channels):
            told(outcome)
            outcomes.append(outcome)
    return outcomes


def _send_one(message: Message, channel: Channel, attempts: int, sleep: Sleep) -> Outcome:
    parts = channel.fitted(message)
    made = 0
    for at, part in enumerate(parts):
        if at:
            sleep(channel.rule.interval)
        for attempt in range(attempts):
            made += 1
            try:
                channel.deliver(part)
                break
            except NotifyError as error:
                last = attempt == attempts - 1
                if last or not isinstance(error, Unreachable):
                    done = f"after {at} of {len(parts)} parts: " if at else ""
                    reason = redact(f"{done}{error}", also=channel.secrets)
                    again = error.again != "never"
                    return Outcome(channel.name, False, len(parts), made, reason, again)
                sleep(max(BACKOFF * 2**attempt, channel.rule.interval))
    return Outcome(channel.name, True, len(parts), made)

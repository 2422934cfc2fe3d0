"""How hard upstreams are asked, and the time by which that is measured."""

import datetime
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields

from data_profile.errors import SourceError
from data_profile.sources.answers import SHANGHAI


@dataclass(frozen=True)
class Limits:
    """How hard an upstream is asked.

    Each has a variable of the environment: `timeout` is TIDE_SOURCE_TIMEOUT, and so on.

    Parameters
    ----------
    timeout
        Seconds to wait for a connection, and for the next part of an answer.
    deadline
        Seconds for one whole answer.
    attempts
        How often one request is made at most.
    backoff
        Seconds before the second attempt, doubled for each one after; 0.5 to 1.5 times that.
    interval
        Seconds between two requests.
    requests
        Requests a run may make; upstreams ban an address after about 200.
    size
        Bytes of one answer, unpacked.
    """

    timeout: float = 20.0
    deadline: float = 60.0
    attempts: int = 4
    backoff: float = 2.0
    interval: float = 0.8
    requests: int = 190
    size: int = 16_000_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name in ("backoff", "interval") else 1e-3
            if not least <= value < float("inf"):
                raise SourceError(f"limit {field.name} of the sources is {value}; it must be > 0")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Limits":
        """The limits with what TIDE_SOURCE_* sets.

        Raises
        ------
        SourceError
            A variable holds no number, or one out of range.
        """
        chosen = {}
        for field in fields(cls):
            variable = f"TIDE_SOURCE_{field.name.upper()}"
            text = environment.get(variable, "").strip()
            if text:
                try:
                    chosen[field.name] = (int if field.type is int else float)(text)
                except ValueError as error:
                    raise SourceError(f"{variable} is {text!r}, no number") from error
        return cls(**chosen)  # type: ignore[arg-type]


class Clock:
    """The time, and waiting; a test gives another."""

    def now(self) -> datetime.datetime:
        """The time in Asia/Shanghai."""
        return datetime.datetime.now(SHANGHAI)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

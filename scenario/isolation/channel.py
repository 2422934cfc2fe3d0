"""The line to one worker: whole lines with a deadline, and why it went dead."""

import time
from abc import ABC, abstractmethod

from scenario.isolation.base import Failure


class Lost(Exception):
    """A worker is gone, or as good as gone.

    Parameters
    ----------
    message
        What happened.
    failure
        Set if the worker's job brought it down; None if the job is innocent.
    """

    def __init__(self, message: str, failure: Failure | None = None) -> None:
        super().__init__(message)
        self.failure = failure


class Channel(ABC):
    """One worker as its host sees it. Not for two threads at once, but for `kill`."""

    def __init__(self) -> None:
        self._held = bytearray()

    def send(self, line: bytes) -> None:
        """Write one line.

        Raises
        ------
        Lost
            The worker does not take it.
        """
        try:
            self._write(line + b"\n")
        except OSError:
            raise self._obituary() from None

    def receive(self, seconds: float, size: int) -> bytes | None:
        """Read one line without its end; None if it is not there within `seconds`.

        Raises
        ------
        Lost
            The worker ended, or said more than `size` bytes.
        """
        deadline = time.monotonic() + seconds
        searched = 0
        while (end := self._held.find(b"\n", searched)) < 0:
            searched = len(self._held)
            if searched > size:
                raise Lost("a worker broke the protocol: a line without end")
            left = deadline - time.monotonic()
            chunk = self._read(left) if left > 0 else None
            if chunk is None:
                return None
            if not chunk:
                raise self._obituary()
            self._held += chunk
        line = bytes(self._held[:end])
        del self._held[: end + 1]
        return line

    @abstractmethod
    def kill(self) -> None:
        """End the worker at once; harmless if it has ended. A thread that reads sees the end."""

    @abstractmethod
    def close(self) -> None:
        """End the worker and give back the line's files; no thread may use it any more."""

    @abstractmethod
    def _write(self, data: bytes) -> None:
        """Write all of it; OSError if the worker is gone."""

    @abstractmethod
    def _read(self, seconds: float) -> bytes | None:
        """Some bytes; b"" at the end; None if none came in time."""

    @abstractmethod
    def _obituary(self) -> Lost:
        """Called once the line is dead: what the worker died of."""

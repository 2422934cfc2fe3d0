"""What the collecting commands print, and how they are stopped."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from console.display import say
from data_profile.schedule import china_now


def log(line: str) -> None:
    """One line of a long-running service, with China's time before it."""
    say(f"{china_now():%Y-%m-%d %H:%M:%S} {line}")


@contextlib.contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM sets; Ctrl-C interrupts as everywhere."""
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)

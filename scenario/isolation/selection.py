"""Which sandbox a run gets."""

from collections.abc import Callable
from typing import Literal

from data_profile.home import Home
from scenario.errors import IsolationError
from scenario.isolation.base import Isolation


def choose(
    mode: Literal["auto", "docker", "process"],
    workers: int,
    home: Home,
    say: Callable[[str], None],
) -> Isolation:
    """The sandbox of a run, not yet started."""
    from scenario.isolation.process import ProcessIsolation

    if mode == "docker":
        raise IsolationError("containers are not available yet: use --isolation process")
    say("isolation: process (separate processes on this machine)")
    return ProcessIsolation(workers, home.cache / "kernels")

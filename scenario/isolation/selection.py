"""Which sandbox a run gets."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from scenario.errors import IsolationError
from scenario.isolation.base import Isolation

if TYPE_CHECKING:
    from data_profile.home import Home


def choose(
    mode: Literal["auto", "docker", "process"],
    workers: int,
    home: "Home",
    say: Callable[[str], None],
) -> Isolation:
    """The sandbox of a run, not yet started.

    Parameters
    ----------
    mode
        `docker` insists on containers, `process` on separate processes; `auto` takes containers
        where an engine answers and has, or can build, the evaluator's image.
    workers
        How many jobs run at the same time.
    home
        Its cache keeps compiled kernels and downloaded wheels.
    say
        Gets progress while an image is built, and one line that tells which sandbox and why.

    Raises
    ------
    IsolationError
        `docker` cannot be had; the message tells why and what to do.
    """
    if mode == "process":
        return _processes(workers, home, say, "as asked")
    try:
        isolation = _containers(workers, home, say)
    except IsolationError as error:
        if mode == "docker":
            raise
        return _processes(workers, home, say, getattr(error, "fault", str(error)))
    say(f"isolation: docker ({workers} workers, image {isolation.identity[:19]})")
    return isolation


def _containers(workers: int, home: "Home", say: Callable[[str], None]) -> Isolation:
    from scenario.isolation import engine, image
    from scenario.isolation.docker import DockerIsolation

    client = engine.connect()
    return DockerIsolation(workers, client, image.ensure_image(client, home, say))


def _processes(workers: int, home: "Home", say: Callable[[str], None], reason: str) -> Isolation:
    from scenario.isolation.process import ProcessIsolation

    isolation = ProcessIsolation(workers, home.cache / "kernels")
    first = "" if isolation.compiled else "; compiles its kernels first, once"
    say(f"isolation: process ({reason}); {workers} separate processes, no container{first}")
    return isolation

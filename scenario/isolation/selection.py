"""Which sandbox a run gets."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from scenario.errors import IsolationError
from scenario.isolation.base import Isolation, Limits, Runner

if TYPE_CHECKING:
    from data_profile.home import Home


def choose(
    mode: Literal["auto", "docker", "process"],
    workers: int,
    home: "Home",
    say: Callable[[str], None],
    cluster: str | None = None,
    *,
    limits: Limits | None = None,
    runner: Runner | None = None,
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
    cluster
        Address of a Dask scheduler. `mode` is then what each of its nodes takes for its own
        workers, and their number is the node's number of threads.
    limits, runner
        As in `WorkerPool`.

    Raises
    ------
    IsolationError
        `docker` or a cluster cannot be had; the message tells why and what to do.
    """
    if cluster is not None:
        return _nodes(cluster, mode, say, limits, runner)
    if mode == "process":
        return _processes(workers, home, say, "as asked", limits, runner)
    try:
        isolation = _containers(workers, home, say, limits, runner)
    except IsolationError as error:
        if mode == "docker":
            raise
        reason = getattr(error, "fault", str(error))
        return _processes(workers, home, say, reason, limits, runner)
    say(f"isolation: docker ({workers} workers, image {isolation.identity[:19]})")
    return isolation


def _nodes(
    address: str,
    mode: Literal["auto", "docker", "process"],
    say: Callable[[str], None],
    limits: Limits | None,
    runner: Runner | None,
) -> Isolation:
    try:
        from scenario.isolation.cluster import ClusterIsolation
    except ModuleNotFoundError as error:
        raise IsolationError(
            f"--cluster needs Dask, which is not installed here ({error.name} is missing): "
            "pip install 'limit-up-tide[cluster]'"
        ) from error
    return ClusterIsolation(address, mode, limits, runner, say=say)


def _containers(
    workers: int,
    home: "Home",
    say: Callable[[str], None],
    limits: Limits | None,
    runner: Runner | None,
) -> Isolation:
    from scenario.isolation import engine, image
    from scenario.isolation.docker import DockerIsolation

    client = engine.connect()
    recipe = image.RECIPES[(runner or Runner()).image]
    identity = image.ensure_image(client, home, say, recipe)
    return DockerIsolation(workers, client, identity, limits, runner)


def _processes(
    workers: int,
    home: "Home",
    say: Callable[[str], None],
    reason: str,
    limits: Limits | None,
    runner: Runner | None,
) -> Isolation:
    from scenario.isolation.process import ProcessIsolation

    isolation = ProcessIsolation(workers, home.cache / "kernels", limits, runner)
    first = "" if isolation.compiled else "; compiles its kernels first, once"
    say(f"isolation: process ({reason}); {workers} separate processes, no container{first}")
    return isolation

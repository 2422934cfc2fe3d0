"""The container engine: reaching it, naming its faults, and clearing what dead owners left."""

import errno
import os
import platform
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import docker
import requests
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, ImageNotFound

from scenario.errors import IsolationError

#: What the SDK raises: its own tree, and that of the HTTP library below it.
ENGINE_ERRORS = (DockerException, requests.RequestException, OSError)

OWNER = "limit-up-tide.owner"
SANDBOX = "limit-up-tide.sandbox"


class EngineError(IsolationError):
    """The container engine cannot serve.

    Parameters
    ----------
    fault
        What is wrong.
    remedy
        What the user can do about it.
    """

    def __init__(self, fault: str, remedy: str) -> None:
        super().__init__(f"{fault}: {remedy}, or use --isolation process")
        self.fault = fault
        self.remedy = remedy


def connect(seconds: float = 10.0) -> docker.DockerClient:
    """A client of the engine that DOCKER_HOST, or the Docker context in use, names.

    Parameters
    ----------
    seconds
        How long to wait for its first answer; later requests may take a minute.

    Raises
    ------
    EngineError
        No engine there, no permission to talk to it, or it does not answer.
    """
    try:
        client = docker.from_env(timeout=seconds)
    except (*ENGINE_ERRORS, ValueError) as error:  # ValueError: DOCKER_HOST is no address
        raise explain(error) from error
    client.api.timeout = 60
    return client


def address() -> str:
    """Where the engine is looked for."""
    try:
        context = ContextAPI.kwargs_from_context().get("base_url")
    except (*ENGINE_ERRORS, ValueError):  # an unreadable ~/.docker
        context = None
    return os.environ.get("DOCKER_HOST") or context or "unix:///var/run/docker.sock"


def explain(error: BaseException) -> EngineError:
    """The engine's fault in words that say what to do."""
    low = str(error).lower()
    codes = {cause.errno for cause in _causes(error) if isinstance(cause, OSError)}
    where = f"the Docker engine at {address()}"
    if errno.ENOSPC in codes or "no space left" in low:
        return EngineError(f"the disk of {where} is full", "free some with `docker system prune`")
    if {errno.EACCES, errno.EPERM} & codes or "permission denied" in low:
        return EngineError(
            f"no permission to talk to {where}",
            "add this user to its group (`sudo usermod -aG docker $USER`, then log in again)",
        )
    if errno.ENOMEM in codes or "cannot allocate memory" in low or "out of memory" in low:
        return EngineError(f"{where} is out of memory", "use fewer workers")
    if isinstance(error, ImageNotFound):
        return EngineError("the evaluator's image is missing", "run `tide doctor --build-image`")
    if "bind source path does not exist" in low or "mounts denied" in low:
        return EngineError(
            f"{where} cannot see the home folder",
            "share it with the engine (Docker Desktop: Settings, Resources, File sharing)",
        )
    if isinstance(error, APIError):
        words = " ".join(str(error.explanation or error).split())[:300]
        return EngineError(f"{where} refused: {words}", "see `docker info`")
    unreachable = {errno.ENOENT, errno.ECONNREFUSED} & codes
    if unreachable or isinstance(error, DockerException | ValueError):  # before any answer
        return EngineError(f"no Docker engine at {address()}", "start Docker or set DOCKER_HOST")
    return EngineError(
        f"{where} stopped answering ({type(error).__name__})",
        "restart it and run the same command again",
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what it was raised from, and what its arguments carry (urllib3 nests them)."""
    waiting, seen = [error], set()
    while waiting:
        here = waiting.pop()
        if here is None or id(here) in seen:
            continue
        seen.add(id(here))
        yield here
        waiting += [here.__cause__, here.__context__]
        waiting += [part for part in here.args if isinstance(part, BaseException)]


def owner() -> str:
    """Name this process so that no other is meant, even after a reboot or a reused id."""
    return f"{_machine()} {os.getpid()} {_born(os.getpid())}"


def sweep(client: docker.DockerClient, living: Collection[str]) -> int:
    """Remove the containers that nobody on this machine will remove; return how many.

    Parameters
    ----------
    client
        Of the engine.
    living
        Ids of this process's sandboxes that are in use. A container of another one of its was left
        when the engine went away under it; one of another process goes if that is dead.

    Raises
    ------
    IsolationError
        The engine does not answer.
    """
    removed = 0
    try:
        for found in client.api.containers(all=True, filters={"label": OWNER}):
            labels = found["Labels"]
            if labels[OWNER] == owner():
                left = labels.get(SANDBOX, "") not in living
            else:
                left = _dead(labels[OWNER])
            if left:
                remove(client, found["Id"])
                removed += 1
    except ENGINE_ERRORS as error:
        raise explain(error) from error
    return removed


def remove(client: docker.DockerClient, container: str) -> None:
    """Kill and remove a container; harmless if that has happened."""
    try:
        client.api.remove_container(container, force=True, v=True)
    except APIError as error:
        if error.status_code not in (404, 409):  # gone, or going
            raise


def _dead(label: str) -> bool:
    try:
        machine, pid, born = label.split(" ")
        host, boot, namespace = machine.split("/")
        number = int(pid)
    except ValueError:
        return False  # not written by this version: nothing is known of its owner
    here = _machine().split("/")
    if host != here[0]:
        return False  # another machine's, at an engine that both use
    if boot != here[1]:
        return True  # from before this machine's last start
    if namespace != here[2]:
        return False  # in another process namespace the id means nothing here
    return _born(number) != born


def _machine() -> str:
    """Host, boot and process namespace."""
    host = platform.node().replace("/", "_").replace(" ", "_")
    if sys.platform != "linux":
        return f"{host}/-/-"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{host}/{boot}/{os.stat('/proc/self/ns/pid').st_ino}"


def _born(pid: int) -> str:
    """When a process started, in the kernel's ticks; empty if there is none."""
    if sys.platform != "linux":
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return ""
        except PermissionError:
            pass
        return "alive"
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]

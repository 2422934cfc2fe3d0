"""All sandboxes, started the same way on the same small panels."""

import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from data_profile.panel import Panel
from scenario.errors import IsolationError
from scenario.isolation.base import Isolation, Limits, Runner

if TYPE_CHECKING:
    from tests.scenario.isolation.nodes import Cluster

QUICK = Limits(seconds=2, memory=256 << 20)


@dataclass(frozen=True)
class Engine:
    """A container engine that answers, and its image of today's sources."""

    client: object
    image: str

    def containers(self, owner: str | None = None) -> list[str]:
        """Ids of this project's containers, in any state; of one owner if given."""
        from scenario.isolation import engine

        found = self.client.api.containers(all=True, filters={"label": engine.OWNER})
        return [c["Id"] for c in found if owner is None or c["Labels"][engine.OWNER] == owner]


@pytest.fixture(scope="session")
def engine() -> Engine:
    from scenario.isolation import engine as engines
    from scenario.isolation import image

    try:
        client = engines.connect()
        found = image.find_image(client)
    except IsolationError as error:
        pytest.skip(str(error))
    if found is None:
        pytest.skip("the evaluator's image is not built: run `tide doctor --build-image`")
    return Engine(client, found)


@pytest.fixture(scope="session")
def panels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Saved panels `search` (30 x 5, sum of close 150) and `confirm` (40 x 5, sum 400)."""
    folder = tmp_path_factory.mktemp("panels")
    made = {}
    for window, (sessions, value) in {"search": (30, 1.0), "confirm": (40, 2.0)}.items():
        shape = (sessions, 5)
        days = np.datetime64("2025-01-01") + np.arange(sessions)
        close = np.full(shape, value, np.float32)
        panel = Panel(days, tuple("abcde"), {"close": close}, np.ones(shape, bool))
        panel.save(folder / window)
        made[window] = folder / window
    return made


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    folder = tmp_path_factory.mktemp("runner")
    shutil.copy(Path(__file__).with_name("hostile_runner.py"), folder)
    folder.chmod(0o755)  # a container's user is nobody here
    return Runner("hostile_runner:run", folder)


@dataclass(frozen=True)
class Provider:
    """One kind of sandbox: how it is made, and how an outsider kills its workers."""

    name: str
    make: Callable[..., Isolation]
    kill_workers: Callable[[Isolation], None]


@pytest.fixture(
    scope="module",
    params=["process", pytest.param("docker", marks=pytest.mark.docker), "cluster"],
)
def provider(request: pytest.FixtureRequest, runner: Runner) -> Provider:
    if request.param == "cluster":
        return _cluster_provider(request.getfixturevalue("cluster"), runner)
    if request.param == "process":
        from scenario.isolation.process import ProcessIsolation

        kernels: Path = request.getfixturevalue("kernels")

        def make(workers: int = 1, limits: Limits = QUICK, runner: Runner = runner) -> Isolation:
            return ProcessIsolation(workers, kernels, limits, runner)

        return Provider("process", make, _kill_processes)

    from scenario.isolation.docker import DockerIsolation

    engine: Engine = request.getfixturevalue("engine")

    def make(workers: int = 1, limits: Limits = QUICK, runner: Runner = runner) -> Isolation:
        return DockerIsolation(workers, engine.client, engine.image, limits, runner)

    def kill(isolation: Isolation) -> None:
        import docker

        from scenario.isolation import engine as engines

        for container in engine.containers(engines.owner()):
            # It may have ended, or not yet have begun, between the listing and the kill.
            try:
                engine.client.api.kill(container)
            except docker.errors.APIError as error:
                if error.status_code not in (404, 409):
                    raise

    return Provider("docker", make, kill)


@pytest.fixture(scope="session")
def cluster(kernels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Cluster"]:
    """Two nodes of one process worker each, on this machine."""
    pytest.importorskip("distributed", reason="the extra [cluster] is not installed")
    from tests.scenario.isolation.nodes import Cluster

    with Cluster(tmp_path_factory.mktemp("cluster"), kernels=kernels) as made:
        yield made


def _cluster_provider(cluster: "Cluster", runner: Runner) -> Provider:
    from scenario.isolation.cluster import ClusterIsolation

    def make(workers: int = 1, limits: Limits = QUICK, runner: Runner = runner) -> Isolation:
        return ClusterIsolation(cluster.address, "process", limits, runner)

    def kill(isolation: Isolation) -> None:
        for one in cluster.nodes:
            _kill_workers_of(one.pid)

    return Provider("cluster", make, kill)


@pytest.fixture(scope="module")
def sandbox(provider: Provider, panels: dict[str, Path]) -> Iterator[Isolation]:
    """Two workers with the hostile runner and short limits."""
    with provider.make(workers=2) as isolation:
        isolation.start(panels)
        yield isolation


def children(pid: int) -> list[int]:
    """Process ids of a process's children (Linux)."""
    return [
        int(word)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for word in (task / "children").read_text().split()
    ]


def _kill_processes(isolation: Isolation) -> None:
    _kill_workers_of(os.getpid())


def _kill_workers_of(owner: int) -> None:
    # A worker may end by itself between the listing and the kill.
    for pid in children(owner):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if b"scenario.isolation.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)

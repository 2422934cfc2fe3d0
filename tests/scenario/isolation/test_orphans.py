"""Nothing outlives its owner by more than a moment."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scenario.isolation.base import Runner
from tests.scenario.isolation.conftest import Engine, children

if TYPE_CHECKING:
    from tests.scenario.isolation.nodes import Cluster

CLIENT = Path(__file__).with_name("client.py")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def kill_client(
    panels: dict[str, Path], runner: Runner, tmp_path: Path
) -> Callable[[str, str], tuple[str, list[int]]]:
    """Start a client of one kind, kill it at its work; its owner label and its descendants."""

    def kill(kind: str, job: str) -> tuple[str, list[int]]:
        arguments = [kind, str(panels["search"]), str(runner.folder), str(tmp_path), job]
        client = subprocess.Popen(
            [sys.executable, "-m", "tests.scenario.isolation.client", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert client.stdout is not None
        owner = client.stdout.readline().strip()
        assert owner, "the client did not start"
        time.sleep(1 if job == "busy" else 0)
        below = descendants(client.pid)
        client.send_signal(signal.SIGKILL)
        client.communicate()
        return owner, below

    return kill


def descendants(pid: int) -> list[int]:
    below = children(pid)
    return below + [grandchild for child in below for grandchild in descendants(child)]


def gone_within(seconds: float, left: Callable[[], object]) -> bool:
    deadline = time.monotonic() + seconds
    while left():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("job", ["idle", "busy"])
def test_no_process_outlives_a_killed_client(
    kill_client: Callable[[str, str], tuple[str, list[int]]], job: str
) -> None:
    _, workers = kill_client("process", job)
    assert len(workers) == (4 if job == "busy" else 2)
    assert gone_within(5, lambda: [pid for pid in workers if Path(f"/proc/{pid}").exists()])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("job", ["idle", "busy"])
def test_no_worker_of_a_node_outlives_a_killed_client(
    cluster: "Cluster", kill_client: Callable[[str, str], tuple[str, list[int]]], job: str
) -> None:
    kill_client(cluster.address, job)
    assert gone_within(5, lambda: [pid for one in cluster.nodes for pid in descendants(one.pid)])


@pytest.mark.docker
@pytest.mark.parametrize("job", ["idle", "busy"])
def test_no_container_outlives_a_killed_client(
    engine: Engine, kill_client: Callable[[str, str], tuple[str, list[int]]], job: str
) -> None:
    owner, _ = kill_client("docker", job)
    assert gone_within(5, lambda: engine.containers(owner))


@pytest.mark.docker
def test_a_start_removes_what_this_process_lost_and_spares_what_it_uses(
    engine: Engine, panels: dict[str, Path], runner: Runner
) -> None:
    """A sandbox that is closed while its engine is away cannot remove its containers."""
    from scenario.isolation import engine as engines
    from scenario.isolation.docker import DockerIsolation

    labels = {engines.OWNER: engines.owner(), engines.SANDBOX: "closed when its engine was away"}
    lost = engine.client.api.create_container(engine.image, labels=labels, use_config_proxy=False)
    with DockerIsolation(1, engine.client, engine.image, runner=runner) as one:
        one.start(panels)
        assert lost["Id"] not in engine.containers()
        with DockerIsolation(1, engine.client, engine.image, runner=runner) as other:
            other.start(panels)
            assert one.run([{"do": "echo", "say": 1}])[0]["said"] == 1
        assert one.run([{"do": "echo", "say": 2}])[0]["said"] == 2


@pytest.mark.docker
def test_a_start_sweeps_what_dead_owners_left_and_nothing_else(
    engine: Engine, panels: dict[str, Path], runner: Runner
) -> None:
    from scenario.isolation import engine as engines
    from scenario.isolation.docker import DockerIsolation

    with subprocess.Popen(["sleep", "60"]) as living:
        machine, pid, born = engines.owner().split(" ")
        other = Path(f"/proc/{living.pid}/stat").read_text().rpartition(")")[2].split()[19]
        owners = {
            f"{machine} {living.pid} {other}": True,
            f"{machine} {living.pid} {int(other) - 1}": False,  # the id was used again
            f"{machine} {2**22 + 1} {born}": False,
            f"elsewhere/x/1 {pid} {born}": True,  # another machine at the same engine
            f"{machine.split('/')[0]}/before-the-last-boot/1 {pid} {born}": False,
            "something that a later version writes": True,
        }
        made = {
            owner: engine.client.api.create_container(
                engine.image, labels={engines.OWNER: owner}, use_config_proxy=False
            )["Id"]
            for owner in owners
        }
        try:
            with DockerIsolation(1, engine.client, engine.image, runner=runner) as isolation:
                isolation.start(panels)
                left = engine.containers()
            assert {owner: made[owner] in left for owner in owners} == owners
        finally:
            living.kill()
            for container in made.values():
                engines.remove(engine.client, container)

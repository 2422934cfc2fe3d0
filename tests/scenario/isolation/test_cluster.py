"""What only a cluster can suffer: nodes that go, come, lie or do not fit."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_profile.panel import Panel
from scenario.errors import IsolationError
from scenario.isolation.base import Isolation, Limits, Runner
from tests.scenario.isolation.conftest import QUICK, children

pytest.importorskip("distributed", reason="the extra [cluster] is not installed")

from scenario.isolation import node
from scenario.isolation.cluster import ClusterIsolation
from tests.scenario.isolation.nodes import Cluster

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

NAPS = [{"do": "nap", "seconds": 1, "say": number} for number in range(6)]


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster of one test, whose nodes may be killed."""
    with Cluster(tmp_path) as made:
        yield made


def joined(cluster: Cluster, runner: Runner, **options: object) -> tuple[Isolation, list[str]]:
    said: list[str] = []
    limits = Limits(seconds=20, memory=QUICK.memory)
    made = ClusterIsolation(cluster.address, "process", limits, runner, say=said.append, **options)
    return made, said


def sandbox_workers(cluster: Cluster) -> list[int]:
    """Process ids of what the nodes run, jobs included."""
    below = [pid for one in cluster.nodes if one.poll() is None for pid in children(one.pid)]
    return below + [pid for worker in below for pid in children(worker)]


def test_a_node_killed_in_the_middle_costs_no_job(
    mortal: Cluster, panels: dict[str, Path], runner: Runner
) -> None:
    isolation, said = joined(mortal, runner)
    with isolation:
        isolation.start(panels)
        assert isolation.workers == 2
        threading.Timer(0.5, mortal.nodes[0].kill).start()
        assert [result["said"] for result in isolation.run(NAPS)] == list(range(6))
        assert isolation.run([{"do": "sum"}]) == [{"search": 150.0, "confirm": 400.0}]
        assert isolation.workers == 1
    assert any("was lost" in line for line in said)


def test_when_all_nodes_are_lost_the_next_that_joins_goes_on(
    mortal: Cluster, panels: dict[str, Path], runner: Runner
) -> None:
    isolation, _ = joined(mortal, runner)
    with isolation:
        isolation.start(panels)

        def replace() -> None:
            for one in list(mortal.nodes):
                one.kill()
            mortal.join()

        threading.Timer(0.5, replace).start()
        assert [result["said"] for result in isolation.run(NAPS)] == list(range(6))


def test_when_no_node_comes_back_it_is_told_with_the_remedy(
    mortal: Cluster, panels: dict[str, Path], runner: Runner
) -> None:
    isolation, _ = joined(mortal, runner, patience=1.0)
    with isolation:
        isolation.start(panels)
        for one in mortal.nodes:
            one.kill()
        with pytest.raises(IsolationError, match=r"dask worker tcp://127\.0\.0\.1"):
            isolation.run(NAPS)


def test_a_scheduler_that_dies_is_told_with_the_remedy(
    mortal: Cluster, panels: dict[str, Path], runner: Runner
) -> None:
    isolation, _ = joined(mortal, runner, patience=1.0)
    with isolation:
        isolation.start(panels)
        threading.Timer(0.5, mortal.scheduler.kill).start()
        with pytest.raises(IsolationError, match="cluster: "):
            isolation.run(NAPS)


def test_a_node_that_joins_later_is_used(
    mortal: Cluster, panels: dict[str, Path], runner: Runner
) -> None:
    isolation, _ = joined(mortal, runner)
    with isolation:
        isolation.start(panels)
        mortal.join()
        mortal.await_nodes(3)
        isolation.run([])
        assert isolation.workers == 2  # seen at the next job
        isolation.run([{"do": "echo"}])
        assert isolation.workers == 3


def test_without_a_scheduler_it_says_so(panels: dict[str, Path], runner: Runner) -> None:
    with pytest.raises(IsolationError, match="cannot be reached"):
        ClusterIsolation("tcp://127.0.0.1:9", "process", QUICK, runner).start(panels)


def test_a_node_of_another_version_is_left_out(
    cluster: Cluster, panels: dict[str, Path], runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "fingerprint", lambda: "another")
    isolation, said = joined(cluster, runner)
    with pytest.raises(IsolationError, match="no node can be used"):
        isolation.start(panels)
    assert all("version of this project" in line for line in said)


def test_a_panel_is_sent_once(cluster: Cluster, panels: dict[str, Path], runner: Runner) -> None:
    def kept() -> dict[Path, int]:
        found = cluster.folder.glob("node-*/cache/panels/*/panel.json")
        return {path: path.stat().st_ino for path in found}

    for _ in range(2):
        isolation, _ = joined(cluster, runner)
        with isolation:
            isolation.start(panels)
            first = kept()
    assert kept() == first
    assert len(first) == 4  # two panels on two nodes
    assert not list(cluster.folder.glob("node-*/cache/panels/.*"))


def test_a_panel_that_is_not_what_its_id_says_is_refused(
    cluster: Cluster, panels: dict[str, Path], runner: Runner, tmp_path: Path
) -> None:
    Panel.open(panels["search"]).save(tmp_path / "forged")
    header = json.loads((tmp_path / "forged" / "panel.json").read_text())
    header["snapshot_id"] = "0" * 64
    (tmp_path / "forged" / "panel.json").write_text(json.dumps(header))
    isolation, _ = joined(cluster, runner)
    with pytest.raises(IsolationError, match="another content"):
        isolation.start({"search": tmp_path / "forged"})
    assert not list(cluster.folder.glob(f"node-*/cache/panels/{'0' * 64}"))


@pytest.mark.parametrize(
    ("snapshot", "name"), [("../x", "panel.json"), ("a" * 64, "../x"), ("a" * 64, "x.py")]
)
def test_no_panel_is_written_beside_its_place(cluster: Cluster, snapshot: str, name: str) -> None:
    from distributed import Client

    with Client(cluster.address, set_as_default=False) as client:
        answers = client.run(node.receive, snapshot, name, b"x", on_error="return")
    assert [type(answer) for answer in answers.values()] == [IsolationError] * 2


def test_two_runs_share_a_cluster(
    cluster: Cluster, panels: dict[str, Path], runner: Runner
) -> None:
    one, _ = joined(cluster, runner)
    other, _ = joined(cluster, runner)
    with one, other:
        one.start(panels)
        other.start({"search": panels["confirm"]})
        one.close()
        assert other.run([{"do": "sum"}] * 2) == [{"search": 400.0}] * 2


def test_nothing_is_left_on_the_nodes_after_close(
    cluster: Cluster, panels: dict[str, Path], runner: Runner
) -> None:
    isolation, _ = joined(cluster, runner)
    isolation.start(panels)
    assert len(sandbox_workers(cluster)) == 2
    isolation.close()
    deadline = time.monotonic() + 5
    while sandbox_workers(cluster):
        assert time.monotonic() < deadline
        time.sleep(0.1)

"""A night on two nodes, one of which is killed in the middle, finds what one machine finds."""

from pathlib import Path

import pytest

from data_profile.home import Home
from scenario.errors import OptionsError
from scenario.loop import MineOptions, mine
from scenario.session import Progress
from tests.scenario.nights import Silent, home_with, ledger_of

pytest.importorskip("distributed", reason="the extra [cluster] is not installed")

from tests.scenario.isolation.nodes import Cluster


class Watching(Silent):
    """Kills a node when the second iteration begins."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self.cluster = cluster

    def progress(self, progress: Progress) -> None:
        super().progress(progress)
        if progress.iterations == 1:
            self.cluster.nodes[0].kill()


def figures(home: Home) -> dict[str, list[object]]:
    """The ledger without the name of what evaluated."""
    ledger = ledger_of(home)
    for row in ledger["attempts"]:
        for part in row:
            if isinstance(part, dict):
                part.pop("isolation", None)
    return ledger


def test_a_node_lost_in_the_middle_changes_nothing_of_the_pool(
    home: Home, store: Path, kernels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenario.loop.Pool.publish_pending", lambda pool: 0)
    monkeypatch.setattr("scenario.loop.backtest_accepted", lambda *args: 0)
    options = {"evaluations": 80, "seed": 3, "isolation": "process"}
    alone = home_with(store, tmp_path / "alone", kernels)
    mine(alone, MineOptions(**options), Silent())
    (tmp_path / "nodes").mkdir()
    with Cluster(tmp_path / "nodes", kernels=kernels) as cluster:
        display = Watching(cluster)
        summary = mine(home, MineOptions(**options, cluster=cluster.address), display)
    assert any("(2 nodes, 2 workers: process)" in line for line in display.lines)
    assert any("was lost" in line for line in display.lines)
    assert summary.accepted > 0
    assert figures(home) == figures(alone)


@pytest.mark.parametrize(
    "address", ["", "scheduler:8786", "http://h:1", "tcp://h", "tcp://u:p@h:1", "tcp://h:1/x"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(OptionsError, match="tcp://HOST:PORT"):
        MineOptions(cluster=address)

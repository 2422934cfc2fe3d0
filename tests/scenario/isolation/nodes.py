"""A Dask cluster of this machine: a scheduler and nodes, each a process of its own."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import REPOSITORY

# Dask looks a hundred times a second at what a node does; three percent of a core for each.
_ENVIRONMENT = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
_HERE = ("--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0")


class Cluster:
    """Starts on `with`, and is gone afterwards.

    Parameters
    ----------
    folder
        For logs and each node's home.
    nodes, threads
        How many nodes at the start, and how many workers each of them has.
    kernels
        Compiled kernels that all nodes share; else each compiles its own.
    """

    def __init__(
        self, folder: Path, nodes: int = 2, threads: int = 1, kernels: Path | None = None
    ) -> None:
        self.folder = folder
        self.kernels = kernels
        self.threads = threads
        self.nodes: list[subprocess.Popen[bytes]] = []
        at = folder / "scheduler.address"
        self.scheduler = self._start(
            "scheduler", *_HERE, "--port", "0", "--scheduler-file", str(at)
        )
        deadline = time.monotonic() + 60
        while not at.exists():
            assert self.scheduler.poll() is None, (folder / "scheduler-0.log").read_text()
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.05)
        self.address = ""
        while not self.address:
            with contextlib.suppress(ValueError):  # not written to the end
                self.address = str(json.loads(at.read_text())["address"])
        for _ in range(nodes):
            self.join()
        self.await_nodes(nodes)

    def join(self, **environment: str) -> "subprocess.Popen[bytes]":
        """Start one more node."""
        number = len(self.nodes)
        home = self.folder / f"node-{number}"
        (home / "cache").mkdir(parents=True)
        if self.kernels is not None:
            (home / "cache" / "kernels").symlink_to(self.kernels)
        arguments = [*_HERE, "--no-nanny", "--name", home.name]
        arguments += ["--nthreads", str(self.threads), "--local-directory", str(home / "dask")]
        environment["TIDE_HOME"] = str(home)
        node = self._start("worker", self.address, *arguments, number=number, **environment)
        self.nodes.append(node)
        return node

    def await_nodes(self, count: int) -> None:
        from distributed import Client

        with Client(self.address, timeout=20, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)

    def close(self) -> None:
        for process in [*self.nodes, self.scheduler]:
            process.kill()  # a node's workers end with it
            process.wait()

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _start(
        self, kind: str, *arguments: str, number: int = 0, **environment: str
    ) -> "subprocess.Popen[bytes]":
        path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
        with open(self.folder / f"{kind}-{number}.log", "wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", kind, *arguments],
                cwd=REPOSITORY,
                env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": path, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

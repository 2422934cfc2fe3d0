"""A Dask cluster of this machine: a scheduler and nodes, each a process of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import REPOSITORY


class Cluster:
    """Starts on `with`, and is gone afterwards.

    Parameters
    ----------
    folder
        For logs and each node's home.
    nodes, threads
        How many nodes at the start, and how many workers each of them has.
    """

    def __init__(self, folder: Path, nodes: int = 2, threads: int = 1) -> None:
        self.folder = folder
        self.threads = threads
        self.nodes: list[subprocess.Popen[bytes]] = []
        at = folder / "scheduler.address"
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0",
                                     "--no-dashboard", "--scheduler-file", str(at))  # fmt: skip
        deadline = time.monotonic() + 60
        while not at.exists():
            assert self.scheduler.poll() is None, (folder / "scheduler.log").read_text()
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.05)
        import json

        while True:
            try:
                self.address = str(json.loads(at.read_text())["address"])
                break
            except ValueError:  # not written to the end
                time.sleep(0.05)
        for _ in range(nodes):
            self.join()
        self.await_nodes(nodes)

    def join(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start one more node."""
        number = len(self.nodes)
        home = self.folder / f"node-{number}"
        kernels = environment.pop("kernels", None)
        (home / "cache").mkdir(parents=True)
        if kernels or self.kernels:
            (home / "cache" / "kernels").symlink_to(kernels or self.kernels)
        node = self._start(
            "worker", self.address, "--host", "127.0.0.1", "--no-dashboard", "--no-nanny",
            "--nthreads", str(self.threads), "--name", f"node-{number}",
            "--local-directory", str(home / "dask"),
            TIDE_HOME=str(home), number=f"-{number}", **environment,
        )  # fmt: skip
        self.nodes.append(node)
        return node

    kernels: Path | None = None

    def await_nodes(self, count: int) -> None:
        from distributed import Client

        with Client(self.address, timeout=20, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)

    def close(self) -> None:
        for process in [*self.nodes, self.scheduler]:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in [*self.nodes, self.scheduler]:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _start(self, kind: str, *arguments: str, number: str = "", **environment: str):
        with open(self.folder / f"{kind}{number}.log", "wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", kind, *arguments],
                cwd=REPOSITORY,
                env={**os.environ, "PYTHONPATH": self._path(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @staticmethod
    def _path() -> str:
        return os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])

"""Evaluations a second on a Dask cluster of 1, 2 and 4 nodes, and on this machine without one.

    python -m benchmarks.cluster [--nodes 1 2 4] [--instruments 500] [--jobs 64] [--batch 32]

Every node is a process of this machine with one worker process, so that the figures show what the
cluster itself costs; more nodes than free cores cannot be faster.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.isolation import jobs
from data_profile.home import Home
from data_profile.market import synthetic
from data_profile.panel import Panel
from scenario.isolation import Isolation, choose


def rate(isolation: Isolation, panel: Path, work: list[dict[str, object]], batch: int) -> float:
    """Expressions a second, the best of three rounds; the first batch of all is not measured."""
    best = 0.0
    with isolation:
        isolation.start({"search": panel})
        isolation.run(work[: isolation.workers])
        for _ in range(3):
            began = time.perf_counter()
            results = isolation.run(work)
            assert all(isinstance(result, dict) for result in results)
            best = max(best, len(work) * batch / (time.perf_counter() - began))
    return best


def cluster(folder: Path, kernels: Path, count: int) -> tuple[list[subprocess.Popen[bytes]], str]:
    """Start a scheduler and its nodes; the processes and the address."""
    from distributed import Client

    here = ["--host", "127.0.0.1", "--no-dashboard"]
    base = [sys.executable, "-m", "dask"]
    port = 18786 + count
    address = f"tcp://127.0.0.1:{port}"
    started = [subprocess.Popen([*base, "scheduler", *here, "--port", str(port)],
                                stderr=subprocess.DEVNULL)]  # fmt: skip
    for number in range(count):
        home = folder / f"{count}-{number}"
        (home / "cache").mkdir(parents=True)
        (home / "cache" / "kernels").symlink_to(kernels)
        command = [*base, "worker", address, *here, "--no-nanny", "--nthreads", "1"]
        command += ["--local-directory", str(home / "dask")]
        environment = {**os.environ, "TIDE_HOME": str(home)}
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
    with Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)
    return started, address


def main() -> None:
    """Measure with each number of nodes and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--instruments", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    chosen = parser.parse_args()
    panel = Panel.from_frame(synthetic(1, sectors=chosen.instruments, sessions=1500).frame)
    work = jobs(panel, chosen.batch, chosen.jobs)
    load = os.getloadavg()[0]
    print(f"{panel.shape[1]} x {panel.shape[0]}, {chosen.jobs} jobs of {chosen.batch} expressions, "
          f"load before {load:.1f} on {os.cpu_count()} cores")  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder, home = Path(name), Home(Path(os.environ.get("TIDE_HOME", "runs"))).create()
        panel.save(folder / "panel")
        for count in chosen.nodes:
            alone = choose("process", count, home, lambda line: None)
            here = rate(alone, folder / "panel", work, chosen.batch)
            started, address = cluster(folder, home.cache / "kernels", count)
            try:
                nodes = choose("process", 1, home, lambda line: None, address)
                there = rate(nodes, folder / "panel", work, chosen.batch)
            finally:
                for process in reversed(started):
                    process.kill()
                    process.wait()
            print(f"{count} workers: {here:.0f} a second on one machine, {there:.0f} on as many "
                  f"nodes ({there / here:.2f}); load {os.getloadavg()[0]:.1f}")  # fmt: skip


if __name__ == "__main__":
    main()

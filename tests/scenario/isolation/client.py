"""A client that the tests kill: starts a sandbox, says so, and keeps it busy."""

import sys
from pathlib import Path

from scenario.isolation import engine, image
from scenario.isolation.base import Isolation, Limits, Runner
from scenario.isolation.docker import DockerIsolation
from scenario.isolation.process import ProcessIsolation


def main(kind: str, panel: str, runner: str, kernels: str, job: str) -> None:
    limits, chosen = (
        Limits(seconds=300, memory=256 << 20),
        Runner("hostile_runner:run", Path(runner)),
    )
    isolation: Isolation
    if kind == "docker":
        client = engine.connect()
        isolation = DockerIsolation(2, client, image.find_image(client) or "", limits, chosen)
    elif kind.startswith("tcp:"):
        from scenario.isolation.cluster import ClusterIsolation

        isolation = ClusterIsolation(kind, "process", limits, chosen)
    else:
        isolation = ProcessIsolation(2, Path(kernels), limits, chosen)
    isolation.start({"search": Path(panel)})
    print(engine.owner(), flush=True)
    if job == "busy":
        isolation.run([{"do": "nap", "seconds": 200}] * 2)
    else:
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])

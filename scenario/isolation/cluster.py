"""Workers on other machines: every node of a Dask cluster runs a sandbox of its own.

Dask carries jobs to nodes and gives those of a lost node to another. Each node opens containers or
processes exactly as one machine does, and jobs run in those. What travels is JSON text and the
bytes of panels. Dask itself uses pickle between its members, so that whoever reaches the scheduler
can run code on every node: a cluster belongs on a private network or behind TLS, see docs/scale.md.
"""

import contextlib
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from distributed import Client, Future, wait
from distributed.scheduler import KilledWorker

from data_profile.panel import Panel
from scenario.errors import IsolationError
from scenario.isolation import node, replies
from scenario.isolation.base import Failure, Isolation, Limits, Runner
from scenario.isolation.pool import as_json, judge, saved

_CONNECT_SECONDS = 10.0
_LOOK_SECONDS = 1.0
_PART = 8 << 20  # bytes of a panel in one message

# What a scheduler or node that is gone raises; RuntimeError: a client that lost its event loop.
_CLUSTER_ERRORS = (OSError, TimeoutError, CancelledError, KilledWorker, RuntimeError)


@dataclass(frozen=True)
class _Node:
    """A node whose sandbox is open.

    Parameters
    ----------
    threads
        How many jobs it runs at the same time.
    identity
        What runs them.
    lease
        While this is held, its sandbox stays open.
    """

    threads: int
    identity: str
    lease: Future


class ClusterIsolation(Isolation):
    """The nodes of a Dask cluster, each with its own local workers.

    A node that is lost gives its jobs back; one that joins is used from the next `run` on. Which
    node served a job has no influence on its result: only nodes with the same code and the same
    versions of the engine's packages are used.

    Parameters
    ----------
    address
        Of the scheduler: `tcp://host:port`, or `tls://host:port` with Dask's TLS settings.
    mode
        What each node takes for its workers: `docker`, `process`, or `auto`.
    limits, runner
        As in `WorkerPool`. A runner's folder must exist on every node.
    say
        Gets a line when nodes are found, refused or lost.
    patience
        Seconds to wait for a node when there is none left.
    """

    name = "cluster"

    def __init__(
        self,
        address: str,
        mode: Literal["auto", "docker", "process"] = "auto",
        limits: Limits | None = None,
        runner: Runner | None = None,
        *,
        say: Callable[[str], None] = lambda line: None,
        patience: float = 60.0,
    ) -> None:
        self.limits = limits or Limits()
        self.runner = runner or Runner()
        self._address = address
        self._mode = mode
        self._say = say
        self._patience = patience
        self._token = ""
        self._client: Client | None = None
        self._panels: dict[str, tuple[str, Path]] = {}  # window -> snapshot id, folder
        self._nodes: dict[str, _Node] = {}
        self._refused: dict[str, str] = {}  # address -> why
        self._identities: set[str] = set()
        self._changing = threading.RLock()  # held where nodes are admitted or dropped

    @property
    def identity(self) -> str:
        """What ran the jobs on the nodes."""
        return f"cluster: {', '.join(sorted(self._identities)) or 'not started'}"

    @property
    def workers(self) -> int:  # type: ignore[override]
        """Jobs that run at the same time, on all nodes together."""
        with self._changing:
            return sum(one.threads for one in self._nodes.values()) or 1

    def start(self, panels: Mapping[str, Path]) -> None:
        """Open a sandbox on every node; see `Isolation.start`."""
        self.close()
        folders = saved(panels)
        self._panels = {
            window: (Panel.open(folder).snapshot_id, folder) for window, folder in folders.items()
        }
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is said here
        with self._cluster_errors():
            self._client = Client(self._address, timeout=_CONNECT_SECONDS, set_as_default=False)
        self._token = uuid.uuid4().hex
        self._identities.clear()
        with self._closed_on_error(), self._cluster_errors():
            self._admit()
            if not self._nodes:
                raise self._no_node()
        self._say(
            f"isolation: cluster {self._address} ({len(self._nodes)} nodes, {self.workers} "
            f"workers: {', '.join(sorted(self._identities))[:60]})"
        )

    def run(self, jobs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | Failure]:
        """Run all jobs, results in their order; see `Isolation.run`."""
        texts = [as_json(job) for job in jobs]
        results: dict[int, dict[str, Any] | Failure] = {}
        faults = dict.fromkeys(range(len(texts)), 0)
        reason = "a node's sandbox was closed again and again"
        with self._closed_on_error(), self._cluster_errors():
            self._open_client()
            while waiting := [place for place in faults if place not in results]:
                with self._changing:
                    self._admit()
                    self._await_node()
                for place, answer in self._serve({place: texts[place] for place in waiting}):
                    if isinstance(answer, str):
                        faults[place] += 1
                        reason = answer or reason
                        if faults[place] >= self.limits.attempts:
                            raise IsolationError(f"cluster: {reason}")
                    else:
                        results[place] = answer
        return [results[place] for place in faults]

    def self_check(self) -> dict[str, bool]:
        """Probe from within a worker of every node; what holds, holds on all of them."""
        with self._closed_on_error(), self._cluster_errors():
            client = self._open_client()
            asked = {
                client.submit(
                    node.self_check,
                    self._token,
                    workers=[at],
                    allow_other_workers=False,
                    pure=False,
                ): at
                for at in self._nodes
            }
            self._wait(list(asked), lambda: set(asked.values()) <= set(client.nthreads()))
            found: dict[str, bool] = {}
            for future, at in asked.items():
                if future.status != "finished":
                    raise IsolationError(f"cluster: node {at} was lost during the self-check")
                said = replies.parse(future.result())
                if "fault" in said:
                    raise IsolationError(f"cluster: node {at}: {said['fault']}")
                for name, holds in said["reply"].items():
                    found[name] = found.get(name, True) and bool(holds)
        return found

    def close(self) -> None:
        """Close every node's sandbox, and leave the cluster."""
        client, self._client = self._client, None
        nodes, self._nodes = self._nodes, {}
        self._refused.clear()
        if client is None:
            return
        with contextlib.suppress(*_CLUSTER_ERRORS):
            if client.status == "running":
                client.run(node.close, self._token, workers=list(nodes), on_error="ignore")
        with contextlib.suppress(*_CLUSTER_ERRORS):
            client.close(timeout=5)  # leases go with it

    def _open_client(self) -> Client:
        if self._client is None:
            raise IsolationError("the sandbox is not started: call start(panels) first")
        return self._client

    # --- nodes ------------------------------------------------------------------------------

    def _admit(self) -> None:
        """Drop the nodes that are gone, and open a sandbox on those that are new."""
        client = self._open_client()
        present = client.nthreads()
        for at in [at for at in self._nodes if at not in present]:
            self._drop(at, "was lost; its jobs go to the others")
        fresh = [at for at in present if at not in self._nodes and at not in self._refused]
        fitting = self._send_panels(self._fitting(fresh)) if fresh else []
        leases = {at: self._lease(at, present[at]) for at in fitting}
        self._wait(list(leases.values()), lambda: _pending(leases) <= set(client.nthreads()))
        for at, lease in leases.items():
            if lease.status != "finished":
                continue  # lost at once; if it comes back, it is new
            said = json.loads(lease.result())
            if "fault" in said:
                self._refuse(at, said["fault"])
                continue
            self._nodes[at] = _Node(present[at], said["identity"], lease)
            self._identities.add(said["identity"])

    def _fitting(self, fresh: list[str]) -> dict[str, list[str]]:
        """Of new nodes those that run the same code: address -> snapshots it has not."""
        wanted = json.dumps(sorted({snapshot for snapshot, _ in self._panels.values()}))
        said = self._open_client().run(node.describe, wanted, workers=fresh, on_error="return")
        own, fitting = node.fingerprint(), {}
        for at, answer in said.items():
            if isinstance(answer, Exception):
                self._refuse(at, f"it cannot run this project ({type(answer).__name__}: {answer})")
            elif (found := json.loads(answer))["fingerprint"] != own:
                self._refuse(at, "its version of this project, Python, numpy or numba is another")
            else:
                fitting[at] = found["missing"]
        return fitting

    def _send_panels(self, nodes: Mapping[str, list[str]]) -> list[str]:
        """Send every panel once to the nodes that have it not; the nodes that have all."""
        client, good = self._open_client(), list(nodes)
        for snapshot, folder in dict(self._panels.values()).items():
            lacking = [at for at in good if snapshot in nodes[at]]
            if not lacking:
                continue
            for path in sorted(folder.iterdir()):
                for part in _parts(path):
                    client.run(
                        node.receive, snapshot, path.name, part, workers=lacking, on_error="ignore"
                    )
            kept = client.run(node.keep, snapshot, workers=lacking, on_error="return")
            for at in lacking:
                if problem := kept.get(at, "it was lost while it got the panels"):
                    self._refuse(at, str(problem))
                    good.remove(at)
        return good

    def _lease(self, at: str, threads: int) -> Future:
        folder = self.runner.folder
        wanted = {
            "mode": self._mode,
            "workers": threads,
            "limits": asdict(self.limits),
            "runner": {
                "target": self.runner.target,
                "folder": None if folder is None else str(folder.resolve()),
            },
            "panels": {window: snapshot for window, (snapshot, _) in self._panels.items()},
        }
        return self._open_client().submit(
            node.start,
            self._token,
            json.dumps(wanted),
            workers=[at],
            allow_other_workers=False,
            pure=False,
        )

    def _await_node(self) -> None:
        """Wait for a node where there is none: its supervisor may be starting it again."""
        deadline = time.monotonic() + self._patience
        while not self._nodes:
            if time.monotonic() > deadline:
                raise self._no_node()
            time.sleep(_LOOK_SECONDS)
            self._admit()

    def _refuse(self, at: str, why: str) -> None:
        self._refused[at] = why
        self._say(f"cluster: node {at} is left out: {why}")

    def _drop(self, at: str, why: str) -> None:
        with self._changing:
            if self._nodes.pop(at, None) is not None:
                self._say(f"cluster: node {at} {why}")

    def _no_node(self) -> IsolationError:
        if self._refused:
            at, why = next(iter(self._refused.items()))
            return IsolationError(f"cluster: no node can be used; {at}: {why}")
        return IsolationError(
            f"cluster: no node at {self._address}: start `dask worker {self._address}` on each "
            "machine that is to evaluate, then run the same command again"
        )

    # --- jobs -------------------------------------------------------------------------------

    def _serve(
        self, texts: Mapping[int, str]
    ) -> Iterator[tuple[int, dict[str, Any] | Failure | str]]:
        """Give jobs to the nodes; result or fault of each that came to an end."""
        client, nodes = self._open_client(), list(self._nodes)
        futures = [
            client.submit(
                node.run, self._token, text, workers=nodes, allow_other_workers=False, pure=False
            )
            for text in texts.values()
        ]
        self._wait(futures, lambda: not set(nodes).isdisjoint(client.nthreads()))
        finished = [future for future in futures if future.status == "finished"]
        keys, said = {future.key for future in finished}, iter(client.gather(finished))
        for place, future in zip(texts, futures, strict=True):
            if future.key in keys:
                yield place, self._understand(next(said))
            elif future.status == "error":
                yield place, f"a job was lost with its node, several times ({future.exception()})"
            # Else every node was lost; the job waits for the next.
        client.cancel([future for future in futures if future.status == "pending"])

    def _understand(self, said: str) -> dict[str, Any] | Failure | str:
        try:
            answer = replies.parse(said)
        except replies.InvalidReply as error:
            return f"a node broke the protocol: {error}"
        if isinstance(fault := answer.get("fault"), str):
            self._drop(str(answer.get("node")), f"has to be opened again: {fault[:200]}")
            return fault
        return judge(answer)

    def _wait(self, futures: list[Future], hope: Callable[[], bool]) -> None:
        """Wait until all have ended, or there is no hope."""
        client = self._open_client()
        while futures:
            with contextlib.suppress(TimeoutError), client.as_current():
                wait(futures, timeout=_LOOK_SECONDS)
                return
            if self._client is None:
                raise IsolationError("the sandbox was closed")
            if not hope():
                return

    @contextlib.contextmanager
    def _cluster_errors(self) -> Iterator[None]:
        """Name the cluster, and the remedy, in whatever Dask raises."""
        try:
            yield
        except _CLUSTER_ERRORS as error:
            raise IsolationError(
                f"cluster: the scheduler at {self._address} cannot be reached or went away "
                f"({type(error).__name__}): start it, then run the same command again"
            ) from error

    @contextlib.contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise


def _pending(leases: Mapping[str, Future]) -> set[str]:
    return {at for at, lease in leases.items() if lease.status == "pending"}


def _parts(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while part := file.read(_PART):
            yield part

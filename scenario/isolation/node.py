"""What a node of a cluster does for a run: keep its panels, and a sandbox of local workers.

These functions run inside a Dask worker, at the wish of `cluster.ClusterIsolation`. What they take
and give is text and bytes, never an object of ours, so that nothing of a job is ever unpickled.

A sandbox lives as long as the result of the task that opened it: Dask drops that when the client
that asked for it goes, however it goes, and a watch closes the sandbox then.
"""

import asyncio
import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import re
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_profile.errors import PanelError
from data_profile.home import Home
from data_profile.panel import Panel
from scenario.errors import IsolationError
from scenario.isolation import sources
from scenario.isolation.base import Failure, Isolation, Limits, Runner
from scenario.isolation.selection import choose

if TYPE_CHECKING:
    from distributed import Worker

_WATCH_SECONDS = 0.5
_SNAPSHOT = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"[a-z0-9_]{1,64}\.(npy|json)")
_DECIDE = ("numpy", "numba", "llvmlite")  # packages on which the last bit of a figure depends

_log = logging.getLogger("distributed.worker")
_sandboxes: dict[str, Isolation] = {}
_changing = threading.Lock()


def fingerprint() -> str:
    """Digest of all that decides what a job answers: this project's modules, and the engine's."""
    versions = [platform.python_version(), platform.machine()]
    versions += [importlib.metadata.version(name) for name in _DECIDE]
    return hashlib.sha256(" ".join([*versions, sources.digest()]).encode()).hexdigest()


async def describe(snapshots: str, *, dask_worker: "Worker") -> str:
    """Say what this node is, and which panels it has not.

    Parameters
    ----------
    snapshots
        JSON list of snapshot ids.
    """

    def look() -> str:
        home = _home(dask_worker)
        wanted = {one: _folder(home, one) for one in json.loads(snapshots)}
        missing = [one for one, folder in wanted.items() if not folder.exists()]
        for one in wanted.keys() - set(missing):
            os.utime(wanted[one])  # in use: `tide doctor --clean` leaves it
        return json.dumps({"fingerprint": fingerprint(), "missing": missing})

    return await asyncio.to_thread(look)


async def receive(snapshot: str, name: str, part: bytes, *, dask_worker: "Worker") -> None:
    """Append a part to a file of a panel that is on its way."""
    if not _FILE.fullmatch(name):
        raise IsolationError("a panel's file of a name that no panel has")
    aside = _aside(dask_worker, snapshot)

    def append() -> None:
        aside.mkdir(parents=True, exist_ok=True)
        with open(aside / name, "ab") as file:
            file.write(part)

    await asyncio.to_thread(append)


async def keep(snapshot: str, *, dask_worker: "Worker") -> str:
    """Take a panel that has arrived, if its content is what its id says; else what is wrong."""
    aside, target = _aside(dask_worker, snapshot), _folder(_home(dask_worker), snapshot)

    def check() -> str:
        try:
            panel = Panel.open(aside)
            panel.__dict__.pop("snapshot_id")  # what the header claims: computed instead
            if panel.snapshot_id != snapshot:
                return "a panel arrived with another content"
            if not target.exists():
                aside.rename(target)
        except (PanelError, OSError) as error:
            return f"a panel did not arrive: {error}"
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return ""

    return await asyncio.to_thread(check)


def start(token: str, wanted: str) -> str:
    """Open this node's sandbox; a Dask task, whose result is the sandbox's lease.

    Parameters
    ----------
    token
        Names the sandbox.
    wanted
        JSON: `mode`, `workers`, `limits`, `runner`, `panels` (window -> snapshot id).

    Returns
    -------
    str
        JSON: `identity`, or `fault`.
    """
    from distributed import get_worker

    worker, request = get_worker(), json.loads(wanted)
    _close(token)
    home = _home(worker)
    folder = request["runner"]["folder"]
    runner = Runner(request["runner"]["target"], None if folder is None else Path(folder))
    try:
        sandbox = choose(
            request["mode"],
            request["workers"],
            home,
            _log.info,
            limits=Limits(**request["limits"]),
            runner=runner,
        )
        panels = {window: _folder(home, one) for window, one in request["panels"].items()}
        sandbox.start(panels)
    except (IsolationError, OSError) as error:
        return json.dumps({"fault": str(error)[:1000]})
    with _changing:
        _sandboxes[token] = sandbox
    watched = (worker, worker.get_current_task(), token, sandbox)
    threading.Thread(target=_watch, args=watched, daemon=True).start()
    return json.dumps({"identity": sandbox.identity})


def run(token: str, job: str) -> str:
    """Run one job in this node's sandbox; a Dask task.

    Returns
    -------
    str
        JSON: `reply`, `failure`, or, if the sandbox and not the job failed, the `node` and its
        `fault`, empty if the sandbox had been closed before.
    """
    return _answer(token, lambda sandbox: _plain(sandbox.run([json.loads(job)])[0]))


def self_check(token: str) -> str:
    """Probe this node's sandbox; a Dask task. Answers as `run` does."""
    return _answer(token, lambda sandbox: {"reply": sandbox.self_check()})


async def close(token: str) -> None:
    """Close this node's sandbox, and wait for it."""
    await asyncio.to_thread(_close, token)


def _answer(token: str, ask: Callable[[Isolation], dict[str, Any]]) -> str:
    from distributed import get_worker

    sandbox, fault = _sandboxes.get(token), ""
    if sandbox is not None:
        try:
            return json.dumps(ask(sandbox))
        except (IsolationError, OSError) as error:
            fault = str(error)[:1000]
            _close(token, sandbox)
    return json.dumps({"node": get_worker().address, "fault": fault})


def _plain(result: Mapping[str, Any] | Failure) -> dict[str, Any]:
    if isinstance(result, Failure):
        return {"failure": list(asdict(result).values())}
    return {"reply": result}


def _close(token: str, only: Isolation | None = None) -> None:
    """Close the sandbox of this name; if it is `only`, where that is given."""
    with _changing:
        if only is not None and _sandboxes.get(token) is not only:
            return
        sandbox = _sandboxes.pop(token, None)
    if sandbox is not None:
        sandbox.close()


def _watch(worker: "Worker", lease: str, token: str, sandbox: Isolation) -> None:
    """Close the sandbox when its lease is dropped."""
    while _sandboxes.get(token) is sandbox:
        if lease not in worker.state.tasks:
            _close(token, sandbox)
        time.sleep(_WATCH_SECONDS)


def _home(worker: "Worker") -> Home:
    """`TIDE_HOME` of this node; without one, what Dask clears when the worker ends."""
    root = os.environ.get("TIDE_HOME") or worker.local_directory
    home = Home(Path(root).absolute()).create()
    (home.cache / "panels").mkdir(exist_ok=True)
    return home


def _folder(home: Home, snapshot: str) -> Path:
    if not _SNAPSHOT.fullmatch(snapshot):
        raise IsolationError("no snapshot id")
    return home.cache / "panels" / snapshot


def _aside(worker: "Worker", snapshot: str) -> Path:
    """Where a panel stands until it is complete; of this node alone."""
    target = _folder(_home(worker), snapshot)
    return target.with_name(f".{snapshot}.{worker.id.rpartition('-')[2]}.{os.getpid()}")
